"""Who may add a clip to the showcase, and what others are told."""

import pytest

from bot.domain.errors import NotAllowed
from bot.domain.showcase.post import (
    CreatorPreferences,
    PostingPolicy,
    ShowcaseSettings,
    authorize_showcasing,
)
from bot.i18n.catalogs import translate
from bot.ui.error_messages import describe_error
from tests.unit.words.examples import CLIP

SETTINGS = ShowcaseSettings(10, channel_id=80)


@pytest.mark.parametrize(
    ("actor_id", "key"),
    [
        (CLIP.user_id, "not_allowed.showcase_you_blocked"),
        (CLIP.user_id + 1, "not_allowed.showcase_blocked"),
    ],
)
def test_blocked_creator_is_addressed_as_you(actor_id: int, key: str) -> None:
    """[people-M25]"""
    blocked = CreatorPreferences(10, CLIP.user_id, blocked=True)
    with pytest.raises(NotAllowed) as refused:
        authorize_showcasing(
            CLIP,
            SETTINGS,
            blocked,
            actor_id=actor_id,
            is_moderator=True,
            policy=PostingPolicy.MEMBER,
        )
    assert describe_error(refused.value) == translate(key)

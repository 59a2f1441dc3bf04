"""A status shows a picture only if everybody in its channel could see it before."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.jobs.job import Origin, UserInstallReply
from bot.domain.jobs.request import InputImage
from bot.domain.jobs.status_picture import find_seen_picture, was_posted_in
from tests.unit.words.examples import NOW, ORIGIN, a_clip, a_plan

FIRST_FRAME = InputImage("inputs/frame.png", "image/png", 1280, 720, "0" * 64)
REFERENCE = InputImage("inputs/reference.png", "image/png", 640, 480, "1" * 64)
USER_INSTALL = UserInstallReply(message_id=1, editable_until=NOW + timedelta(minutes=10))


def an_origin(**changes: Any) -> Origin:
    return replace(ORIGIN, **changes)


@pytest.mark.parametrize(
    ("origin", "is_seen"),
    [
        (an_origin(), False),  # a command's attachment is seen by the bot only
        (an_origin(request_message_id=77), True),
        (an_origin(guild_id=None), True),  # direct messages
        (an_origin(guild_id=None, user_install_reply=USER_INSTALL), False),
        (an_origin(request_message_id=77, user_install_reply=USER_INSTALL), False),
    ],
)
def test_a_picture_is_shown_where_it_was_seen(origin: Origin, is_seen: bool) -> None:
    for plan, picture in (
        (a_plan(image=FIRST_FRAME), FIRST_FRAME),
        (a_plan(references=(REFERENCE, FIRST_FRAME)), REFERENCE),
        (a_plan(), None),
    ):
        assert find_seen_picture(plan, origin) == (picture if is_seen else None)


@pytest.mark.parametrize(
    ("clip", "origin", "was_seen"),
    [
        ({}, {}, True),
        ({"channel_id": 21}, {}, False),  # as a reply in a showcase, or a link to a private channel
        ({"message_id": None}, {}, False),  # never posted
        ({"age_restricted": True}, {}, False),
        ({"age_restricted": True}, {"age_restricted": True}, True),
        ({}, {"user_install_reply": USER_INSTALL}, False),
    ],
)
def test_a_clip_is_shown_where_it_was_posted(
    clip: dict[str, Any], origin: dict[str, Any], was_seen: bool
) -> None:
    assert was_posted_in(a_clip(**clip), an_origin(**origin)) is was_seen

"""An offer names everything that it changes or leaves out."""

import pytest

from bot.domain.errors import RuleBroken
from bot.domain.jobs.offer_changes import DroppedInput, OfferChange, find_offer_changes
from bot.domain.jobs.plan_resolution import resolve_plan
from bot.domain.jobs.request import VideoRequest
from bot.i18n.catalogs import has_message
from bot.i18n.translations import list_languages
from bot.ui.offer_text import format_offer_changes
from tests.unit.rules.examples import LANDSCAPE, PORTRAIT, asked, offer

PICTURES = (LANDSCAPE, PORTRAIT, LANDSCAPE)


@pytest.mark.parametrize(
    ("request_", "changes"),
    [
        (
            asked(last_frame=LANDSCAPE),
            [OfferChange(DroppedInput.LAST_FRAME_BECOMES_IMAGE)],
        ),
        (
            asked(references=PICTURES[:1], image=LANDSCAPE),
            [OfferChange(DroppedInput.IMAGE)],
        ),
        (
            asked(references=PICTURES[:2], image=LANDSCAPE, last_frame=PORTRAIT),
            [OfferChange(DroppedInput.IMAGE), OfferChange(DroppedInput.LAST_FRAME)],
        ),
        (
            asked(references=(*PICTURES, PORTRAIT)),
            [OfferChange(DroppedInput.SOME_REFERENCES, 3)],
        ),
    ],
)
def test_the_nearest_request_names_what_it_drops(
    request_: VideoRequest, changes: list[OfferChange]
) -> None:
    """[people-M17]"""
    with pytest.raises(RuleBroken) as broken:
        resolve_plan(request_, offer())
    nearest = broken.value.nearest
    assert nearest is not None
    assert list(find_offer_changes(request_, nearest)) == changes
    for language in list_languages():
        assert format_offer_changes(changes, language)


def test_every_change_has_a_text_and_none_is_no_sentence() -> None:
    assert all(has_message(f"offer.{dropped}") for dropped in DroppedInput)
    full = asked(image=LANDSCAPE, last_frame=LANDSCAPE, negative_prompt="fog", seed=1)
    assert list(find_offer_changes(full, full)) == []
    assert format_offer_changes([], "en") == ""
    bare = full.evolve(negative_prompt=None, seed=None)
    dropped = [change.dropped for change in find_offer_changes(full, bare)]
    assert dropped == [DroppedInput.NEGATIVE_PROMPT, DroppedInput.SEED]

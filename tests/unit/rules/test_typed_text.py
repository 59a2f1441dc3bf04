"""Typed text is cleaned, and text that nobody can see counts as blank."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import RuleBroken
from bot.domain.jobs.plan_resolution import resolve_plan
from bot.domain.jobs.request import VideoRequest
from bot.domain.jobs.violations import RuleContext
from bot.domain.typed_text import clean_typed_text, has_visible_text
from tests.unit.rules.examples import GEMINI, NOW

CONTEXT = RuleContext(GEMINI, NOW)

BLANKS = [
    "\u200b",
    "\u3164",
    "\u2800",
    "\u00ad",
    "\U000e0041",
    "\u00a0",
    "\ufe0f",
    "\u115f",
    "\ufeff",
]


@given(st.text(st.characters(codec=None)))
def test_cleaned_text_can_be_stored_and_sent(text: str) -> None:
    """[discord-D08]"""
    cleaned = clean_typed_text(text)
    cleaned.encode()
    assert "\0" not in cleaned
    assert clean_typed_text(cleaned) == cleaned
    controls = {c for c in cleaned if unicodedata.category(c) == "Cc"}
    assert controls <= {"\n", "\t"}


def test_what_scripts_and_emoji_are_made_of_stays() -> None:
    for text in ("👨‍👩‍👧 ❤️", "می‌خواهم", "שלום\u200f!", "a\nb\tc", "ﷺ", "é", "한국어"):
        assert clean_typed_text(text) == text
    assert clean_typed_text("a\r\nb\rc\0\x1b[0m\ufffe") == "a\nb\nc[0m"


@pytest.mark.parametrize("blank", BLANKS)
def test_a_prompt_that_nobody_can_see_is_empty(blank: str) -> None:
    """[discord-D18]"""
    assert not has_visible_text(blank * 3)
    assert has_visible_text(f"{blank}x{blank}")
    with pytest.raises(RuleBroken) as broken:
        resolve_plan(VideoRequest(prompt=f"{blank} {blank}"), CONTEXT)
    assert broken.value.rule == "prompt_empty"


def test_an_unknown_model_is_named_briefly() -> None:
    """A message can have 2,000 characters. [discord-D17]"""
    with pytest.raises(RuleBroken) as broken:
        resolve_plan(VideoRequest(prompt="a fox", model="m" * 5990), CONTEXT)
    assert broken.value.rule == "model_unavailable"
    assert len(str(broken.value.values["model"])) <= 40

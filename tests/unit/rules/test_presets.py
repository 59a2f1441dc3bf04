"""Presets add words to the prompt; these words count, and presets can be read back from it."""

from itertools import product

import pytest

from bot.domain.errors import PromptTooLong, RuleBroken
from bot.domain.jobs.plan_resolution import resolve_plan
from bot.domain.jobs.presets import (
    CameraPreset,
    StylePreset,
    append_presets,
    split_presets,
)
from bot.domain.jobs.prompt import count_tokens
from bot.i18n.catalogs import has_message
from tests.unit.rules.examples import FAST_31, asked, offer


def test_the_words_stand_in_the_plans_prompt_and_count_as_tokens() -> None:
    prompt = append_presets("A red fox", StylePreset.NOIR, CameraPreset.DOLLY_IN)
    style, camera = StylePreset.NOIR.words, CameraPreset.DOLLY_IN.words
    assert prompt == f"A red fox. Style: {style}. Camera: {camera}."
    assert resolve_plan(asked(prompt=prompt), offer(FAST_31)).prompt == prompt
    assert count_tokens(prompt) > count_tokens("A red fox") + 12


def test_a_prompt_that_presets_make_too_long_is_refused() -> None:
    full = "a " * 1024
    assert resolve_plan(asked(prompt=full), offer(FAST_31)).prompt == full.strip()
    with pytest.raises(PromptTooLong):
        resolve_plan(asked(prompt=append_presets(full, StylePreset.NOIR)), offer(FAST_31))


def test_what_a_form_could_not_hold_is_refused() -> None:
    assert len(append_presets("a" * 3900, StylePreset.PIXEL)) <= 4000
    prompt = append_presets("a" * 3990, StylePreset.PIXEL)
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(asked(prompt=prompt), offer(FAST_31))
    assert (refused.value.rule, refused.value.parameter) == ("presets_too_long", "prompt")


def test_without_presets_nothing_is_touched() -> None:
    assert append_presets("  A red fox ") == "  A red fox "
    assert append_presets(" ", StylePreset.NOIR) == " "  # an empty prompt stays one, and is refused


@pytest.mark.parametrize(
    "typed", ["A red fox", "Was it a fox?", "狐が走る。", 'She says "hi"', "fox…"]
)
def test_added_presets_are_found_again(typed: str) -> None:
    for style, camera in product([None, *StylePreset], [None, *CameraPreset]):
        body, added = split_presets(append_presets(typed, style, camera))
        assert body.rstrip(".") == typed.rstrip("."), (style, camera)
        words = [preset.words for preset in (style, camera) if preset]
        assert all(each in added for each in words), (style, camera)
        assert bool(added) is bool(words), (style, camera)


def test_what_a_person_wrote_is_not_taken_for_a_preset() -> None:
    for prompt in ("A fox. Style: whatever I like.", "Style: noir", "A fox. Camera:"):
        assert split_presets(prompt) == (prompt, "")


def test_every_preset_has_english_words_a_name_and_a_place_in_the_menu() -> None:
    for kind in (StylePreset, CameraPreset):
        words = [preset.words for preset in kind]
        assert len(kind) <= 25
        assert len(set(words)) == len(words)
        assert all(each and each.isascii() and len(each) < 60 for each in words)
    assert all(has_message(f"choice.style.{each}") for each in StylePreset)
    assert all(has_message(f"choice.camera.{each}") for each in CameraPreset)

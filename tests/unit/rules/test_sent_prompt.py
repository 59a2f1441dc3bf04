"""Gemini Omni receives the member's words unchanged, between the bot's role tags."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.billing.money import Micros
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    Resolution,
    VideoPlan,
)
from bot.domain.jobs.sent_prompt import (
    AdditionKind,
    compose_sent_prompt,
    describe_additions,
    strip_role_tags,
)
from bot.domain.jobs.source_access import SourceAccess
from tests.unit.rules.examples import LANDSCAPE, clip

ONE_SHOT = "One continuous shot, without any cuts."


def plan(mode: GenerationMode = GenerationMode.TEXT, **changes: Any) -> VideoPlan:
    inputs: dict[GenerationMode, dict[str, Any]] = {
        GenerationMode.IMAGE: {"image": LANDSCAPE},
        GenerationMode.FRAMES: {"image": LANDSCAPE, "last_frame": LANDSCAPE},
        GenerationMode.REFERENCES: {"references": (LANDSCAPE,) * 2},
        GenerationMode.EXTENSION: {"source": clip(route=GoogleRoute.OMNI)},
        GenerationMode.EDIT: {"source": clip(route=GoogleRoute.OMNI)},
    }
    values: dict[str, Any] = {
        "model": "gemini-omni-1.1-flash",
        "route": GoogleRoute.OMNI,
        "mode": mode,
        "prompt": "the fox runs",
        "aspect_ratio": AspectRatio.LANDSCAPE,
        "resolution": Resolution.P720,
        "seconds": 8,
        "result_seconds": 8,
        "videos": 1,
        "price": Micros(1),
        **inputs.get(mode, {}),
        **changes,
    }
    return VideoPlan(**values)


@pytest.mark.parametrize(
    ("mode", "first_line"),
    [
        (GenerationMode.TEXT, "the fox runs"),
        (GenerationMode.IMAGE, "<FIRST_FRAME> the fox runs"),
        (GenerationMode.FRAMES, "<FIRST_FRAME> the fox runs <LAST_FRAME>"),
        (
            GenerationMode.REFERENCES,
            "[# References <IMAGE_REF_0>@Image1 <IMAGE_REF_1>@Image2] the fox runs",
        ),
    ],
)
def test_pictures_get_their_roles(mode: GenerationMode, first_line: str) -> None:
    assert compose_sent_prompt(plan(mode)) == f"{first_line}\n{ONE_SHOT}"


@pytest.mark.parametrize(
    ("mode", "access", "sent"),
    [
        (
            GenerationMode.EXTENSION,
            SourceAccess.INTERACTION,
            "Extend this video: the fox runs\n"
            "The new part is one continuous shot, without any cuts.",
        ),
        (
            GenerationMode.EXTENSION,
            SourceAccess.COPY,
            "<PREVIOUS_VIDEO>@Video1 the fox runs\n"
            "The new part is one continuous shot, without any cuts.",
        ),
        # an edit keeps the shots that its clip has
        (GenerationMode.EDIT, SourceAccess.INTERACTION, "Edit this video: the fox runs"),
        (GenerationMode.EDIT, SourceAccess.COPY, "<VIDEO_0>@Video1 the fox runs"),
    ],
)
def test_a_source_is_named_by_how_it_is_reached(
    mode: GenerationMode, access: SourceAccess, sent: str
) -> None:
    assert compose_sent_prompt(plan(mode), access) == sent


def test_without_an_announcement_the_clip_says_how_it_is_reached() -> None:
    stored = clip(route=GoogleRoute.OMNI, interaction_id="v1_abc")
    extension = plan(GenerationMode.EXTENSION, source=stored)
    assert compose_sent_prompt(extension).startswith("Extend this video: ")
    assert compose_sent_prompt(plan(GenerationMode.EXTENSION)).startswith("<PREVIOUS_VIDEO>")
    cloud = plan(GenerationMode.EDIT, source=stored, route=GoogleRoute.VERTEX_OMNI)
    assert compose_sent_prompt(cloud).startswith("<VIDEO_0>@Video1 ")


def test_references_of_an_edit_are_numbered_from_zero() -> None:
    edit = plan(GenerationMode.EDIT, references=(LANDSCAPE,))
    assert (
        compose_sent_prompt(edit, SourceAccess.COPY)
        == "[# References <IMAGE_REF_0>@Image1] <VIDEO_0>@Video1 the fox runs"
    )


def test_an_edit_whose_words_ask_to_extend_something_stays_an_edit() -> None:
    edit = plan(GenerationMode.EDIT, prompt="extend the bridge to the shore")
    sent = compose_sent_prompt(edit, SourceAccess.INTERACTION)
    assert sent == "Edit this video: extend the bridge to the shore"
    told = [(each.kind, each.text) for each in describe_additions(edit, SourceAccess.INTERACTION)]
    assert told == [(AdditionKind.EDIT, "Edit this video:")]


def test_cuts_are_allowed_where_the_member_wants_them() -> None:
    assert compose_sent_prompt(plan(with_cuts=True)) == "the fox runs"


def test_a_negative_prompt_becomes_a_sentence() -> None:
    sent = compose_sent_prompt(plan(negative_prompt="blur, <FIRST_FRAME> text.", with_cuts=True))
    assert sent == ("the fox runs\nKeep all of this out of the video and its sound: blur, text.")


def test_a_negative_prompt_of_tags_alone_says_nothing() -> None:
    assert compose_sent_prompt(plan(negative_prompt="@Image1", with_cuts=True)) == "the fox runs"


@pytest.mark.parametrize("route", [GoogleRoute.GEMINI, GoogleRoute.VERTEX])
def test_veo_gets_the_prompt_alone(route: GoogleRoute) -> None:
    veo = plan(route=route, prompt="the <FIRST_FRAME> fox", negative_prompt="blur")
    assert compose_sent_prompt(veo) == "the <FIRST_FRAME> fox"
    assert describe_additions(veo) == ()


def test_additions_and_removals_are_shown() -> None:
    edit = plan(
        GenerationMode.EXTENSION,
        prompt="the <video_0> fox @Image2",
        negative_prompt="blur",
    )
    told = [(each.kind, each.text) for each in describe_additions(edit, SourceAccess.INTERACTION)]
    assert told == [
        (AdditionKind.EXTEND, "Extend this video:"),
        (AdditionKind.ONE_SHOT, "The new part is one continuous shot, without any cuts."),
        (
            AdditionKind.NEGATIVE_PROMPT,
            "Keep all of this out of the video and its sound: blur.",
        ),
        (AdditionKind.REMOVED_TAGS, "<video_0> @Image2"),
    ]
    told = [(each.kind, each.text) for each in describe_additions(plan(GenerationMode.FRAMES))]
    assert (AdditionKind.ROLE_TAGS, "<FIRST_FRAME> <LAST_FRAME>") in told
    assert describe_additions(plan(with_cuts=True)) == ()


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("the <FIRST_FRAME> fox", "the fox"),
        ("the <first_frame> fox", "the fox"),
        ("the < Last  Frame > fox", "the fox"),
        ("the ＜ＦＩＲＳＴ＿ＦＲＡＭＥ＞ fox", "the fox"),
        ("the ＜first_frame> fox", "the fox"),
        ("the 〈LAST_FRAME〉 fox", "the fox"),
        ("the <FIRST\u200b_FRA\u2060ME> fox", "the fox"),
        ("the <\u200dFIRST_FRAME\ufe0f> fox", "the fox"),
        ("the <F\u0336IRST_FRAME> fox", "the fox"),
        ("the &lt;FIRST_FRAME&gt; fox", "the fox"),
        ("the </FIRST_FRAME> fox", "the fox"),
        ("the <IMAGE_REF_0> and <image ref 12> fox", "the and fox"),
        ("the <VIDEO_REF_1> fox", "the fox"),
        ("the <PREVIOUS_VIDEO>@Video1 fox", "the fox"),
        ("<VIDEO_0>@Video1 the fox", "the fox"),
        ("the fox <LAST_FRAME>", "the fox"),
        ("the <FIRST_FRAME fox", "the fox"),
        ("the @Image1 fox", "the fox"),
        ("see @image 2.", "see ."),
        ("the ＠Ｉｍａｇｅ１ fox", "the fox"),
        ("[# Sources <FIRST_FRAME>@Image1] [# References <IMAGE_REF_0>@Image2] fox", "fox"),
        ("［＃ sources <FIRST_FRAME>@Image1］fox", "fox"),
        ("[# Sources fox", "fox"),
        ("one\n\n<FIRST_FRAME>\ntwo", "one\n\ntwo"),
        ("fox<FIRST_FRAME>runs", "fox runs"),
        ("狐狸<FIRST_FRAME>在跑", "狐狸在跑"),
        ("狐狸@Image1在跑", "狐狸在跑"),
        ("<FIRST_<FIRST_FRAME>FRAME> fox", "fox"),
        ("<FIRST_@Image1 FRAME> fox", "fox"),
    ],
)
def test_role_tags_are_taken_out(typed: str, left: str) -> None:
    assert strip_role_tags(typed) == left


def test_tags_in_tags_are_taken_out_at_once() -> None:
    """Prompts made to keep the bot busy take no longer than others."""
    depth = 400
    nested = "<FIRST_" * depth + "FRAME>" * depth
    started = time.process_time()
    assert strip_role_tags(f"a {nested} fox") == "a fox"
    assert strip_role_tags("<FIRST_FRAME>" * depth + "fox") == "fox"
    assert strip_role_tags("fox <" + " " * 6000 + "owl").startswith("fox <")
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "typed",
    [
        "I <3 foxes",
        "a < b > c",
        "a <b> c",
        "<first> in the race, <last> in the frame",
        "  two  spaces  stay  ",
        "mail fox@image1.com",
        "the @imagemaker and @video_fan",
        "a frame > 3 and an image < 5",
        "[#dog] [sources] (# references)",
        "first frame: a fox; last frame: an owl",
        "the image 1 of a video 2",
        "<@123456> <#42> <a:wave:5>",
        "👩\u200d👩\u200d👧 <3",
    ],
)
def test_everything_else_stays_as_it_was_typed(typed: str) -> None:
    assert strip_role_tags(typed) == typed


NAMES = st.sampled_from(
    ["FIRST_FRAME", "LAST_FRAME", "IMAGE_REF_0", "IMAGE_REF_11", "VIDEO_REF_2", "VIDEO_0"]
)


@st.composite
def disguised_tags(draw: st.DrawFn) -> str:
    hidden = st.sampled_from(["", "", "", "\u200b", "\u200d", "\ufeff", "\u00ad", "\ufe0f"])
    letters = [
        draw(hidden) + (letter.swapcase() if draw(st.booleans()) else letter)
        for letter in draw(NAMES)
    ]
    space = draw(st.sampled_from(["", " ", "\t"]))
    left, right = draw(st.sampled_from([("<", ">"), ("＜", "＞"), ("＜", ">"), ("⟨", "⟩")]))
    return f"{left}{space}{''.join(letters)}{draw(hidden)}{space}{right}"


@given(st.lists(st.one_of(disguised_tags(), st.text(max_size=8)), max_size=6))
def test_no_tag_survives_wherever_it_is_hidden(parts: list[str]) -> None:
    left = strip_role_tags("".join(parts))
    assert strip_role_tags(left) == left
    assert strip_role_tags(f"a {left} b").count("<") <= left.count("<")
    read = "".join(character for character in left if character.isascii()).lower()
    for name in ("first_frame", "last_frame", "image_ref_", "previous_video"):
        assert f"<{name}>" not in read


@given(st.text(alphabet=st.characters(exclude_characters="<＜〈《⟨‹«﹤@＠﹫[［【〔&")))
def test_text_without_brackets_is_never_touched(text: str) -> None:
    assert strip_role_tags(text) == text

"""*Details* shows what was requested, what the bot added to the prompt, and the cost."""

import pytest

from bot.domain.billing.money import Micros
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import GenerationMode, GoogleRoute, InputImage
from bot.domain.jobs.sent_prompt import AdditionKind, describe_additions
from bot.ui.job_details import format_job_details
from tests.harness.texts import quote_text
from tests.unit.cards.test_cards import Titles
from tests.unit.words.examples import NOW, a_clip, a_job, a_plan

PICTURE = InputImage("inputs/a.png", "image/png", 640, 360, "0" * 64)
OMNI = {"model": "gemini-omni-1.2-flash", "route": GoogleRoute.OMNI}


def told(job: Job, locale: str = "en-US") -> str:
    texts = format_job_details(job, [a_clip()], Titles(), locale, now=NOW)
    assert all(len(text) <= 2000 for text in texts)
    return "\n".join(texts)


def label(key: str, value: str = "") -> str:
    return f"**{quote_text(f'details.{key}')}** {value}"


def test_what_veo_is_sent_is_what_was_written() -> None:
    text = told(a_job(plan=a_plan(negative_prompt="rain", image=PICTURE)))
    assert not [kind for kind in AdditionKind if label(f"written.{kind}") in text]


def test_the_sentence_of_a_negative_prompt_is_shown_word_for_word() -> None:
    plan = a_plan(**OMNI, negative_prompt="rain, text")
    text = told(a_job(plan=plan))
    assert label("negative_prompt", "rain, text") in text
    added = {addition.kind: addition.text for addition in describe_additions(plan)}
    assert added.keys() == {AdditionKind.NEGATIVE_PROMPT, AdditionKind.ONE_SHOT}
    for kind, sentence in added.items():
        assert label(f"written.{kind}", sentence) in text


def test_allowed_cuts_are_a_setting() -> None:
    text = told(a_job(plan=a_plan(**OMNI, with_cuts=True)))
    assert label("cuts", quote_text("details.cuts_allowed")) in text
    assert label("written.one_shot") not in text


def test_roles_of_pictures_and_tags_of_the_member_are_shown() -> None:
    plan = a_plan(
        **OMNI,
        mode=GenerationMode.REFERENCES,
        references=(PICTURE, PICTURE),
        prompt="<FIRST_FRAME> a fox",
    )
    text = told(a_job(plan=plan)).replace("\\", "")
    assert label("written.role_tags", "[# References <IMAGE_REF_0>@Image1") in text
    assert label("written.removed_tags", "<FIRST_FRAME>") in text


def test_an_edit_and_an_extension_name_their_clip() -> None:
    source = a_clip(id=11).as_source()
    edit = told(a_job(plan=a_plan(**OMNI, mode=GenerationMode.EDIT, source=source)))
    assert label("mode", quote_text("mode.edit")) in edit
    assert label("edited", "#11") in edit
    assert label("added") not in edit
    plan = a_plan(
        **OMNI, mode=GenerationMode.EXTENSION, source=source, seconds=4, result_seconds=12
    )
    extension = told(a_job(plan=plan))
    assert label("seconds", "12 s") in extension
    assert label("added", "+4 s") in extension
    assert label("source", "#11") in extension


def test_the_price_is_what_was_paid_and_what_was_reserved_if_that_was_more() -> None:
    assert label("price", "$0.80\n") in told(a_job())
    job = a_job(videos_made=1, billed_micros=Micros(560_000))
    both = quote_text("details.price_paid", paid="$0.56", reserved="$0.80")
    assert label("price", both) in told(job)
    running = format_job_details(a_job(billed_micros=None), [], Titles(), "en-US", now=NOW)
    assert label("price", "$0.80\n") in running[0]


@pytest.mark.parametrize("locale", ["en-US", "de", "es-ES", "fr", "ja", "zh-CN"])
def test_long_words_are_split_and_short_additions_share_a_message(locale: str) -> None:
    plan = a_plan(
        **OMNI,
        prompt="<IMAGE_REF_1> **a fox** " * 160,
        negative_prompt="@everyone and rain, " * 190,
        mode=GenerationMode.REFERENCES,
        references=(PICTURE,) * 6,
    )
    text = told(a_job(plan=plan), locale)
    assert "@everyone" not in text
    short = format_job_details(
        a_job(plan=a_plan(**OMNI, negative_prompt="rain")), [a_clip()], Titles(), locale, now=NOW
    )
    assert len(short) == 4  # settings, prompt, negative prompt, additions

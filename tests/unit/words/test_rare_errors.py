"""Error messages that no end-to-end test can provoke, built from their errors.

They guard against input that Discord does not offer, rules that no current model breaks or that
take hours or dozens of clips to break, and settings of other operators.
"""

import re
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands

from bot.discord.client import _log_and_describe
from bot.domain.errors import (
    FileTooLarge,
    ImageRefused,
    LimitReached,
    LimitScope,
    NotAllowed,
    PersonPolicyUnsatisfiable,
    RecordNotFound,
    RuleBroken,
    SourceNotExtendable,
)
from bot.domain.jobs.job import Outcome
from bot.domain.safety_categories import SafetyCategory
from bot.i18n.catalogs import translate
from bot.ui.error_messages import describe_error, describe_outcome
from tests.harness.texts import quote_text
from tests.unit.words.examples import a_job

VEO, OMNI = "Veo 3.1", "Gemini Omni 1.2 Flash"


def rule(name: str, **values: Any) -> RuleBroken:
    return RuleBroken(name, "model", **values)


def source(name: str, **values: Any) -> SourceNotExtendable:
    return SourceNotExtendable(name, "clip", clip=12, **values)


NO_TIME = LimitReached("usd_per_day", LimitScope.BOT, used=1, requested=1, allowed=9, frees_at=None)
NO_MODEL = PersonPolicyUnsatisfiable(rule="nobody", model=VEO, mode="image", models=[])

RARE_ERRORS: dict[str, BaseException] = {
    "error.file_too_large": FileTooLarge("x"),
    "error.unexpected": KeyError("x"),
    "image.image_file_too_large": ImageRefused("image_file_too_large", mebibytes=64),
    "image.image_not_from_discord": ImageRefused("image_not_from_discord"),
    "limit.frees_sometime": NO_TIME,
    "not_allowed.showcase_server": NotAllowed("showcase_server"),
    "not_found.clip_file": RecordNotFound("clip_file"),
    "not_found.server": RecordNotFound("server"),
    "rule.aspect_ratio_not_offered": rule("aspect_ratio_not_offered", model=VEO),
    "rule.extension_aspect_ratio": rule("extension_aspect_ratio", aspect_ratio="16:9"),
    "rule.extension_excludes_images": rule("extension_excludes_images"),
    "rule.extension_length": rule("extension_length", seconds=7),
    "rule.extension_resolution": rule("extension_resolution", resolution="720p"),
    "rule.edit_aspect_ratio": rule("edit_aspect_ratio", aspect_ratio="16:9"),
    "rule.edit_excludes_frames": rule("edit_excludes_frames"),
    "rule.edit_length": rule("edit_length", seconds=8),
    "rule.edit_source_too_long": source("edit_source_too_long", model=OMNI, seconds=20, most=15),
    "rule.edit_unavailable": rule("edit_unavailable"),
    "rule.extension_length_range": rule("extension_length_range", model=OMNI, least=3, most=10),
    "rule.extension_resolution_not_offered": rule(
        "extension_resolution_not_offered", model=OMNI, resolution="4k"
    ),
    "rule.extension_too_long": rule(
        "extension_too_long", clip=12, model=OMNI, seconds=33, most=7, result=40
    ),
    "rule.mode_unavailable": rule("mode_unavailable", mode="edit"),
    "rule.model_replaced": rule("model_replaced", model=VEO, date="2026-10-22", replacement=OMNI),
    "rule.model_retired": rule("model_retired", model=VEO, date="2026-10-22"),
    "rule.needs_fewer_seconds": rule("needs_fewer_seconds", when="frames", model=OMNI, most=10),
    "rule.prompt_only_tags": rule("prompt_only_tags"),
    "rule.source_region": source("source_region", model=OMNI, days=55),
    "rule.source_region_never": source("source_region_never", model=OMNI),
    "rule.needs_aspect_ratio": rule(
        "needs_aspect_ratio", when="references", model=VEO, aspect_ratio="16:9"
    ),
    "rule.needs_resolution": rule(
        "needs_resolution", when="references", model=VEO, resolution="720p"
    ),
    "rule.negative_prompt_unsupported": rule("negative_prompt_unsupported", model=VEO),
    "rule.person_rule_none": NO_MODEL,
    "rule.seed_range": rule("seed_range", most=9),
    "rule.source_gone": source("source_gone"),
    "rule.source_mode": source("source_mode", mode="image", model=VEO),
    "rule.source_other_route": source("source_other_route", model=VEO),
    "rule.source_too_long": source("source_too_long", model=VEO, seconds=148, most=141),
    "rule.source_too_many_hops": source("source_too_many_hops", hops=20, most=20),
    "rule.too_many_references": rule("too_many_references", model=VEO, most=3),
}

RARE_OUTCOMES = {
    "outcome.google_busy": Outcome.GOOGLE_BUSY,
    "outcome.google_quota": Outcome.GOOGLE_QUOTA,
    "outcome.model_unavailable": Outcome.MODEL_UNAVAILABLE,
    "outcome.not_reached": Outcome.NOT_REACHED,
    "outcome.overloaded": Outcome.OVERLOADED,
    "outcome.not_sent": Outcome.NOT_SENT,
}


def matches(key: str, text: str) -> bool:
    """Whether ``text`` contains the text of ``key`` with any values."""
    parts = re.split(r"\{\w+\}", translate(key))
    return re.search(".+".join(map(re.escape, parts)), text) is not None


@pytest.mark.parametrize("key", [*RARE_ERRORS, *RARE_OUTCOMES])
def test_rare_error_messages(key: str) -> None:
    if key in RARE_OUTCOMES:
        assert matches(key, describe_outcome(a_job(outcome=RARE_OUTCOMES[key]), "en-US"))
    else:
        assert matches(key, describe_error(RARE_ERRORS[key], "en-US"))


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (app_commands.CommandNotFound("video", []), "error.command_outdated"),
        (
            app_commands.TransformerError(
                "x", discord.AppCommandOptionType.string, app_commands.Transformer()
            ),
            "error.option",
        ),
        (KeyError("x"), "error.unexpected_number"),
    ],
)
def test_errors_raised_by_discord_py(error: Exception, key: str) -> None:
    interaction: Any = SimpleNamespace(
        id=7, user=SimpleNamespace(id=30), locale=discord.Locale.american_english
    )
    values = {"number": 7} if key == "error.unexpected_number" else {}
    assert _log_and_describe(interaction, error) == translate(key, "en-US", **values)


def test_support_codes_are_shown_as_categories() -> None:
    """A bare code tells members nothing. [google-C3, google-C9, google-K16]"""
    bare = describe_outcome(a_job(outcome=Outcome.BLOCKED, detail="58061214, 29310472"), "en-US")
    assert "58061214" not in bare
    assert f"{quote_text('safety.child')}, {quote_text('safety.celebrity')}" in bare
    worded = a_job(outcome=Outcome.BLOCKED, detail="Try rephrasing. Support codes: 35561574")
    told = describe_outcome(worded, "en-US")
    assert "Try rephrasing" in told
    assert quote_text("safety.third_party") in told
    other = a_job(outcome=Outcome.OPERATION_FAILED, detail="Support codes: 35561574")
    assert quote_text("safety.third_party") not in describe_outcome(other, "en-US")


@pytest.mark.parametrize("language", ["en-US", "de", "fr", "es-ES", "ja", "zh-CN"])
def test_every_safety_category_has_a_name(language: str) -> None:
    for category in SafetyCategory:
        assert translate(f"safety.{category}", language) != f"safety.{category}"

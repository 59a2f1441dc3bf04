"""Texts that nothing done from outside brings about: each by the fault that has it, word for word.

Guards behind what Discord itself does not offer, rules that no model of today breaks or that take
hours or dozens of clips to break, and another operator's settings.
"""

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
from bot.i18n.catalogs import translate
from bot.ui.error_messages import describe_error, describe_outcome
from tests.unit.words.examples import a_job

VEO = "Veo 3.1"


def rule(name: str, **values: Any) -> RuleBroken:
    return RuleBroken(name, "model", **values)


def source(name: str, **values: Any) -> SourceNotExtendable:
    return SourceNotExtendable(name, "clip", clip=12, **values)


NO_TIME = LimitReached("usd_per_day", LimitScope.BOT, used=1, requested=1, allowed=9, frees_at=None)
NO_MODEL = PersonPolicyUnsatisfiable(rule="nobody", model=VEO, mode="image", models=[])

SELDOM: dict[str, tuple[BaseException, str]] = {
    "error.file_too_large": (FileTooLarge("x"), "The clip is larger than Discord takes here."),
    "error.unexpected": (KeyError("x"), "Something went wrong on my side."),
    "image.image_file_too_large": (
        ImageRefused("image_file_too_large", megabytes=67),
        "The image's file is over 67 MB.",
    ),
    "image.image_not_from_discord": (
        ImageRefused("image_not_from_discord"),
        "The image must be attached in Discord.",
    ),
    "limit.frees_sometime": (NO_TIME, "Enough of it frees in time, but when is not fixed yet"),
    "not_allowed.showcase_server": (NotAllowed("showcase_server"), "The showcase is a server's"),
    "not_found.clip_file": (RecordNotFound("clip_file"), "neither here nor at Google"),
    "not_found.server": (RecordNotFound("server"), "This works in a server only."),
    "rule.aspect_ratio_not_offered": (
        rule("aspect_ratio_not_offered", model=VEO),
        "Veo 3.1 does not make this aspect ratio.",
    ),
    "rule.extension_aspect_ratio": (
        rule("extension_aspect_ratio", aspect_ratio="16:9"),
        "An extension keeps the clip's aspect ratio, 16:9.",
    ),
    "rule.extension_excludes_images": (rule("extension_excludes_images"), "it takes no images."),
    "rule.extension_length": (
        rule("extension_length", seconds=7),
        "An extension always adds 7 s.",
    ),
    "rule.extension_resolution": (
        rule("extension_resolution", resolution="720p"),
        "An extension is always 720p.",
    ),
    "rule.needs_aspect_ratio": (
        rule("needs_aspect_ratio", when="references", model=VEO, aspect_ratio="16:9"),
        "makes the aspect ratio 16:9 only.",
    ),
    "rule.needs_resolution": (
        rule("needs_resolution", when="references", model=VEO, resolution="720p"),
        "makes the resolution 720p only.",
    ),
    "rule.negative_prompt_unsupported": (
        rule("negative_prompt_unsupported", model=VEO),
        "Veo 3.1 takes no negative prompt.",
    ),
    "rule.person_rule_none": (NO_MODEL, "No model here could."),
    "rule.seed_range": (rule("seed_range", most=9), "A seed lies between 0 and 9."),
    "rule.source_gone": (
        source("source_gone"),
        "Google no longer keeps clip #12, so it cannot be extended.",
    ),
    "rule.source_mode": (source("source_mode", mode="image"), "Veo does not extend such clips."),
    "rule.source_other_route": (
        source("source_other_route", model=VEO),
        "Clip #12 was made through another Google service",
    ),
    "rule.source_too_long": (
        source("source_too_long", seconds=148, most=141),
        "Clip #12 is 148 s long; Veo extends up to 141 s.",
    ),
    "rule.source_too_many_hops": (
        source("source_too_many_hops", hops=20, most=20),
        "Clip #12 has been extended 20 times, and 20 is the most.",
    ),
    "rule.too_many_references": (
        rule("too_many_references", model=VEO, most=3),
        "Veo 3.1 takes at most 3 reference images.",
    ),
}

ENDS = {
    "outcome.google_busy": (Outcome.GOOGLE_BUSY, "Google stayed overloaded."),
    "outcome.google_quota": (Outcome.GOOGLE_QUOTA, "and waiting did not help."),
    "outcome.not_sent": (Outcome.NOT_SENT, "it could not be handed over to Google."),
}


@pytest.mark.parametrize("key", [*SELDOM, *ENDS])
def test_rare_error_messages(key: str) -> None:
    if key in ENDS:
        outcome, words = ENDS[key]
        assert words in describe_outcome(a_job(outcome=outcome), "en-US")
        return
    fault, words = SELDOM[key]
    assert words in describe_error(fault, "en-US")


@pytest.mark.parametrize(
    ("fault", "key"),
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
def test_errors_raised_by_discord_py(fault: Exception, key: str) -> None:
    interaction: Any = SimpleNamespace(
        id=7, user=SimpleNamespace(id=30), locale=discord.Locale.american_english
    )
    values = {"number": 7} if key == "error.unexpected_number" else {}
    assert _log_and_describe(interaction, fault) == translate(key, "en-US", **values)

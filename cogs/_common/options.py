"""The options of `/video generate` and `/video animate`: what was typed, and what could be.

Suggestions come from the rules themselves, applied to what has been chosen so far, with the price
of each. Discord asks at every key, so a channel's rule for people is read once and remembered for a
moment, and a slow database is not waited for: the rule is checked again when the request is made.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

import discord
from discord import app_commands

from bot.domain.errors import DatabaseUnavailable, RuleBroken
from bot.domain.jobs.plan_resolution import OptionChoice, RuleContext, list_choices
from bot.domain.jobs.presets import CameraPreset, StylePreset, append_presets
from bot.domain.jobs.request import (
    AspectRatio,
    InputImage,
    OperatorRegion,
    PersonRule,
    Resolution,
    VideoRequest,
)
from bot.domain.ports import Clock
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_money
from bot.services.admin.model_directory import ModelDirectory
from bot.services.clips.input_images import InputImages
from bot.services.jobs.requests import RequestService
from cogs._common.context import build_channel_context, build_origin

_OptionEnum = TypeVar("_OptionEnum", bound=StrEnum)
_MAX_CHOICES: Final = 25
_MAX_NAME_LENGTH: Final = 100
_MAX_CACHED_RULES: Final = 1000
_RULE_CACHE_S: Final = 15.0
_DATABASE_TIMEOUT_S: Final = 1.0
"""Seconds that the database may take for a suggestion: Discord waits three."""
_NUMERIC_OPTIONS: Final = frozenset({"duration", "videos"})
# Stands for an attachment while somebody is still typing: the mode depends on there being one.
_PLACEHOLDER_IMAGE: Final = InputImage(
    path="", mime_type="image/png", width=16, height=9, sha256=""
)


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """The options as Discord gave them, before anything is fetched or judged."""

    prompt: str
    negative_prompt: str | None = None
    model: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    duration: int | None = None
    seed: int | None = None
    videos: int | None = None
    image: discord.Attachment | None = None
    last_frame: discord.Attachment | None = None
    references: Sequence[discord.Attachment | None] = ()
    style: str | None = None
    camera: str | None = None

    async def build_request(self, input_images: InputImages) -> VideoRequest:
        """Return the request, with its pictures copied and checked.

        Raises `RuleBroken` for a value that is none, `ImageRefused` for a picture.
        """
        plain = VideoRequest(
            prompt=append_presets(
                self.prompt,
                _parse_value(StylePreset, self.style, "style"),
                _parse_value(CameraPreset, self.camera, "camera"),
            ),
            negative_prompt=self.negative_prompt,
            model=self.model,
            aspect_ratio=_parse_value(AspectRatio, self.aspect_ratio, "aspect_ratio"),
            resolution=_parse_value(Resolution, self.resolution, "resolution"),
            seconds=self.duration,
            seed=self.seed,
            videos=self.videos,
        )
        return plain.evolve(
            image=await _load_image(self.image, input_images),
            last_frame=await _load_image(self.last_frame, input_images),
            references=tuple(
                [
                    await input_images.import_image(each.url, size=each.size)
                    for each in self.references
                    if each is not None
                ]
            ),
        )


class Autocompleter:
    """Answers autocompletion."""

    def __init__(
        self,
        *,
        model_directory: ModelDirectory,
        request_service: RequestService,
        region: OperatorRegion,
        clock: Clock,
    ) -> None:
        self._model_directory = model_directory
        self._request_service = request_service
        self._region = region
        self._clock = clock
        self._cached_rules: OrderedDict[tuple[int | None, int], tuple[float, PersonRule | None]] = (
            OrderedDict()
        )

    async def suggest_values(
        self, interaction: discord.Interaction, current: str | int, option: str
    ) -> list[app_commands.Choice[Any]]:
        """Return the values of ``option`` that go with the rest, each with its price."""
        offer = RuleContext(
            models=self._model_directory.list_offered(),
            now=self._clock.now().timestamp(),
            region=self._region,
            person_rule=await self._get_person_rule(interaction),
        )
        asked = _read_partial_request(interaction.namespace, excluded_option=option)
        wanted = str(current).lower()
        locale = interaction.locale.value
        found = [
            app_commands.Choice(
                name=self._format_choice(each, option, locale)[:_MAX_NAME_LENGTH],
                value=int(each.value) if option in _NUMERIC_OPTIONS else each.value,
            )
            for each in list_choices(asked, option, offer)
        ]
        return [each for each in found if wanted in f"{each.name} {each.value}".lower()][
            :_MAX_CHOICES
        ]

    async def _get_person_rule(self, interaction: discord.Interaction) -> PersonRule | None:
        """Return the rule for people where somebody types, as it was known a moment ago."""
        origin = build_origin(interaction)
        key = (origin.guild_id, origin.channel_id)
        read_at, rule = self._cached_rules.get(key, (None, None))
        now = self._clock.monotonic()
        if read_at is not None and now - read_at < _RULE_CACHE_S:
            return rule
        try:
            async with asyncio.timeout(_DATABASE_TIMEOUT_S):
                offer = await self._request_service.get_rule_context(
                    origin, build_channel_context(interaction)
                )
        except (DatabaseUnavailable, TimeoutError):
            return rule  # suggestions are a courtesy
        self._cached_rules[key] = (now, offer.person_rule)
        self._cached_rules.move_to_end(key)
        if len(self._cached_rules) > _MAX_CACHED_RULES:
            self._cached_rules.popitem(last=False)
        return offer.person_rule

    def _format_choice(self, choice: OptionChoice, option: str, locale: str) -> str:
        value = choice.value
        if option == "model":
            model = self._model_directory.catalogue.get(value)
            value = model.name if model is not None else value
        elif option == "duration":
            value = translate("seconds", locale, count=int(value))
        return translate(
            "choice.priced", locale, value=value, price=format_money(choice.price, locale)
        )


def _read_partial_request(
    namespace: app_commands.Namespace, *, excluded_option: str
) -> VideoRequest:
    given = {name: value for name, value in iter(namespace) if name != excluded_option}
    has_references = any(name.startswith("reference_") for name in given)
    return VideoRequest(
        prompt=str(given.get("prompt") or ""),
        negative_prompt=given.get("negative_prompt") or None,
        model=given.get("model") or None,
        aspect_ratio=_find_member(AspectRatio, given.get("aspect_ratio")),
        resolution=_find_member(Resolution, given.get("resolution")),
        seconds=given["duration"] if isinstance(given.get("duration"), int) else None,
        seed=given["seed"] if isinstance(given.get("seed"), int) else None,
        videos=given["videos"] if isinstance(given.get("videos"), int) else None,
        image=_PLACEHOLDER_IMAGE if "image" in given else None,
        last_frame=_PLACEHOLDER_IMAGE if "last_frame" in given else None,
        references=(_PLACEHOLDER_IMAGE,) if has_references else (),
    )


async def _load_image(
    attachment: discord.Attachment | None, input_images: InputImages
) -> InputImage | None:
    if attachment is None:
        return None
    return await input_images.import_image(attachment.url, size=attachment.size)


def _parse_value(kind: type[_OptionEnum], text: str | None, option: str) -> _OptionEnum | None:
    if text is None:
        return None
    found = _find_member(kind, text)
    if found is None:
        raise RuleBroken("unknown_value", option, value=text[:40], known=", ".join(kind))
    return found


def _find_member(kind: type[_OptionEnum], text: object) -> _OptionEnum | None:
    wanted = str(text).strip().lower()
    return next((each for each in kind if each.value == wanted), None)

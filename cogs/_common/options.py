"""The options of the commands that make clips, and their suggestions.

Suggestions come from the models' rules, applied to the options so far, and show prices. Discord
asks for them at every keystroke. So a channel's person rule is cached for some seconds, and a slow
database is not waited for. The rule is checked again when the request is made.
"""

import asyncio
import inspect
import itertools
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.domain.billing.money import Micros, to_micros
from bot.domain.errors import DatabaseUnavailable, RuleBroken
from bot.domain.jobs.plan_resolution import OptionChoice, list_choices
from bot.domain.jobs.presets import CameraPreset, StylePreset, append_presets
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    OperatorRegion,
    PersonRule,
    PictureFit,
    Resolution,
    SourceClip,
    VideoRequest,
)
from bot.domain.jobs.violations import RuleContext
from bot.domain.ports import Clock
from bot.i18n.catalogs import build_command_text, translate
from bot.i18n.formatting import format_labeled, format_money, truncate_text
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.model_directory import ModelDirectory
from bot.services.clips.input_images import AttachedImage
from bot.ui.offer_text import format_model_strengths
from cogs._common.context import build_channel_context, build_origin
from cogs._common.suggestions import MAX_CHOICES

DollarOption = Range[float, 0.0, 1_000_000.0]
_OptionEnum = TypeVar("_OptionEnum", bound=StrEnum)
_Callback = TypeVar("_Callback", bound=Callable[..., Any])
_RuleCache = OrderedDict[tuple[int | None, int], tuple[float, PersonRule | None]]
_MAX_NAME_LENGTH: Final = 100
_MAX_CACHED_RULES: Final = 1000
_RULE_CACHE_S: Final = 15.0
_DATABASE_TIMEOUT_S: Final = 1.0
"""Seconds that the database may take for a suggestion. Discord waits three."""
_NUMERIC_OPTIONS: Final = frozenset({"duration", "videos"})
# Stands for an attachment while a member is typing. The mode depends on whether there is one.
_PLACEHOLDER_IMAGE: Final = AttachedImage()


def describe_options(**keys: str) -> Callable[[_Callback], _Callback]:
    """Describe a command's options. ``keys`` has the text keys that differ from option names."""

    def describe(callback: _Callback) -> _Callback:
        _self, _interaction, *names = inspect.signature(callback).parameters
        text_keys = {name: keys.get(name, name) for name in names}
        texts = {name: build_command_text(f"option.{key}") for name, key in text_keys.items()}
        return app_commands.describe(**texts)(callback)

    return describe


def build_choices(key: str, values: Iterable[StrEnum]) -> list[app_commands.Choice[str]]:
    """Return the choices of an option, named by the texts ``choice.KEY.VALUE``."""
    return [
        app_commands.Choice(name=build_command_text(f"choice.{key}.{value}"), value=value.value)
        for value in values
    ]


def to_optional_micros(dollars: float | None) -> Micros | None:
    return None if dollars is None else to_micros(Decimal(str(dollars)))


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    prompt: str
    negative_prompt: str | None = None
    style: str | None = None
    camera: str | None = None
    model: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    duration: int | None = None
    seed: int | None = None
    videos: int | None = None
    image: discord.Attachment | None = None
    last_frame: discord.Attachment | None = None
    references: Sequence[discord.Attachment | None] = ()
    fit: str | None = None
    cuts: bool | None = None

    def build_request(self) -> VideoRequest:
        """Return the request, without fetching its images.

        Raises `RuleBroken` with the nearest request if a value does not exist.
        """
        errors: list[RuleBroken] = []

        def parse(kind: type[_OptionEnum], text: str | None, option: str) -> _OptionEnum | None:
            try:
                return _parse_member(kind, text, option)
            except RuleBroken as error:
                errors.append(error)
                return None

        request = VideoRequest(
            prompt=append_presets(
                self.prompt,
                parse(StylePreset, self.style, "style"),
                parse(CameraPreset, self.camera, "camera"),
            ),
            negative_prompt=self.negative_prompt,
            model=self.model,
            aspect_ratio=parse(AspectRatio, self.aspect_ratio, "aspect_ratio"),
            resolution=parse(Resolution, self.resolution, "resolution"),
            seconds=self.duration,
            seed=self.seed,
            videos=self.videos,
            image=None if self.image is None else describe_attachment(self.image),
            last_frame=None if self.last_frame is None else describe_attachment(self.last_frame),
            references=describe_attachments(self.references),
            picture_fit=parse(PictureFit, self.fit, "fit"),
            with_cuts=bool(self.cuts),
        )
        if errors:
            errors[0].nearest = request.evolve(
                aspect_ratio=request.aspect_ratio or _find_nearest_ratio(self.aspect_ratio)
            )
            raise errors[0]
        return request


def choose_resolution(request: VideoRequest, text: str | None) -> VideoRequest:
    """Return ``request`` with the resolution that a member typed.

    Raises `RuleBroken` with ``request`` as the nearest one if there is no such resolution.
    """
    try:
        resolution = _parse_member(Resolution, text, "resolution")
    except RuleBroken as error:
        error.nearest = request
        raise
    return request.evolve(resolution=resolution)


def find_images(attachments: Sequence[discord.Attachment]) -> list[discord.Attachment]:
    """Return the usable images, or if there are none, everything that may be an image."""
    images = [
        attachment for attachment in attachments if describe_attachment(attachment).may_be_image
    ]
    usable = [attachment for attachment in images if describe_attachment(attachment).is_usable]
    return usable or images


def describe_attachment(attachment: discord.Attachment) -> AttachedImage:
    return AttachedImage(
        url=attachment.url,
        size_bytes=attachment.size,
        mime_type=attachment.content_type or "",
        width=attachment.width or 0,
        height=attachment.height or 0,
        file_name=attachment.filename,
    )


def describe_attachments(
    attachments: Iterable[discord.Attachment | None],
) -> tuple[AttachedImage, ...]:
    """Return the given attachments in order, without the missing ones."""
    return tuple(describe_attachment(image) for image in attachments if image is not None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Autocompleter:
    model_directory: ModelDirectory
    server_rules: ServerRulesService
    region: OperatorRegion
    clock: Clock
    _cached_rules: _RuleCache = field(default_factory=OrderedDict, init=False)

    async def suggest_values(
        self,
        interaction: discord.Interaction,
        current: str | int,
        *,
        source: SourceClip | None = None,
        is_edit: bool = False,
    ) -> list[app_commands.Choice[Any]]:
        """Return the possible values of the focused option, with prices.

        ``source`` is the clip that is extended or, with ``is_edit``, edited.
        """
        option = _find_focused_option(interaction)
        rules = RuleContext(
            models=self.model_directory.list_offered(),
            now=self.clock.now().timestamp(),
            region=self.region,
            person_rule=await self._get_person_rule(interaction),
        )
        request = _read_partial_request(interaction.namespace, excluded_option=option)
        request = request.evolve(source=source, is_edit=is_edit)
        typed = str(current).lower()
        locale, is_extension = interaction.locale.value, request.mode is GenerationMode.EXTENSION
        choices = [
            app_commands.Choice(
                name=truncate_text(
                    self._format_choice(choice, option, locale, is_extension=is_extension),
                    _MAX_NAME_LENGTH,
                ),
                value=int(choice.value) if option in _NUMERIC_OPTIONS else choice.value,
            )
            for choice in list_choices(request, option, rules)
        ]
        matching = (
            choice for choice in choices if typed in f"{choice.name} {choice.value}".lower()
        )
        return list(itertools.islice(matching, MAX_CHOICES))

    async def _get_person_rule(self, interaction: discord.Interaction) -> PersonRule | None:
        """Return the person rule of the channel, at most some seconds old."""
        origin = build_origin(interaction)
        key = (origin.guild_id, origin.channel_id)
        read_at, rule = self._cached_rules.get(key, (float("-inf"), None))
        now = self.clock.monotonic()
        if now - read_at < _RULE_CACHE_S:
            return rule
        with suppress(DatabaseUnavailable, TimeoutError):  # then the last known rule is used
            async with asyncio.timeout(_DATABASE_TIMEOUT_S):
                channel = build_channel_context(interaction)
                context = await self.server_rules.load_context(origin, channel)
            rule = context.person_rule
            self._cached_rules[key] = (now, rule)
            self._cached_rules.move_to_end(key)
            if len(self._cached_rules) > _MAX_CACHED_RULES:
                self._cached_rules.popitem(last=False)
        return rule

    def _format_choice(
        self, choice: OptionChoice, option: str, locale: str, *, is_extension: bool
    ) -> str:
        """Return a value with its price.

        A model is shown with its strengths. Other values name their model if it is not the usual
        one.
        """
        value = choice.value
        model = self.model_directory.catalog.get(choice.model)
        if option == "duration":
            value = translate("seconds", locale, count=int(value))
            value = f"+{value}" if is_extension else value
        if model is not None and option == "model":
            value = format_labeled(model.name, format_model_strengths(model, locale), locale)
        elif model is not None and not choice.is_usual_model:
            value = f"{value} · {model.name}"
        price = format_money(choice.price, locale)
        return translate("choice.priced", locale, value=value, price=price)


def _find_focused_option(interaction: discord.Interaction) -> str:
    data: Any = interaction.data
    options: Sequence[Mapping[str, Any]] = data["options"]
    while "options" in options[0]:  # a subcommand
        options = options[0]["options"]
    return next(str(option["name"]) for option in options if option.get("focused"))


def _read_partial_request(
    namespace: app_commands.Namespace, *, excluded_option: str
) -> VideoRequest:
    chosen = {name: value for name, value in iter(namespace) if name != excluded_option}
    references = [name for name in chosen if name.startswith("reference_")]
    return VideoRequest(
        prompt=str(chosen.get("prompt") or ""),
        negative_prompt=chosen.get("negative_prompt") or None,
        model=chosen.get("model") or None,
        aspect_ratio=_find_member(AspectRatio, chosen.get("aspect_ratio")),
        resolution=_find_member(Resolution, chosen.get("resolution")),
        seconds=chosen["duration"] if isinstance(chosen.get("duration"), int) else None,
        seed=chosen["seed"] if isinstance(chosen.get("seed"), int) else None,
        videos=chosen["videos"] if isinstance(chosen.get("videos"), int) else None,
        image=_PLACEHOLDER_IMAGE if "image" in chosen else None,
        last_frame=_PLACEHOLDER_IMAGE if "last_frame" in chosen else None,
        references=(_PLACEHOLDER_IMAGE,) * len(references),
    )


def _parse_member(kind: type[_OptionEnum], text: str | None, option: str) -> _OptionEnum | None:
    """Return the typed value, or `None` if nothing was typed. Raises `RuleBroken` if unknown."""
    member = None if text is None else _find_member(kind, text)
    if text is not None and member is None:
        raise RuleBroken("unknown_value", option, value=text[:40], known=", ".join(kind))
    return member


def _find_nearest_ratio(text: str | None) -> AspectRatio | None:
    """Return portrait or landscape for an aspect ratio that is not offered."""
    match = re.fullmatch(r"\s*(\d{1,5})\s*[:x×/]\s*(\d{1,5})\s*", text or "")
    if match is None:
        return None
    is_portrait = int(match[2]) > int(match[1])
    return AspectRatio.PORTRAIT if is_portrait else AspectRatio.LANDSCAPE


def _find_member(kind: type[_OptionEnum], text: object) -> _OptionEnum | None:
    value = str(text).strip().lower()
    return next((member for member in kind if member.value == value), None)

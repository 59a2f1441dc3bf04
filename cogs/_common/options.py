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

from bot.domain.errors import RuleBroken, StoreAway
from bot.domain.jobs.plan_resolution import Choice, Offer, choices
from bot.domain.jobs.presets import Camera, Style, with_presets
from bot.domain.jobs.request import (
    AspectRatio,
    Image,
    PersonRule,
    Region,
    Resolution,
    VideoRequest,
)
from bot.domain.ports import Clock
from bot.i18n.catalogs import say
from bot.i18n.formatting import money
from bot.services.admin.model_directory import Models
from bot.services.clips.input_images import Inputs
from bot.services.jobs.requests import Requests
from cogs._common.context import origin_of, surroundings_of

_Value = TypeVar("_Value", bound=StrEnum)
_MOST_CHOICES: Final = 25
_MOST_NAME: Final = 100
_MOST_REMEMBERED: Final = 1000
_REMEMBERED_S: Final = 15.0
_PATIENCE_S: Final = 1.0
"""Seconds that the database may take for a suggestion: Discord waits three."""
_NUMBERS: Final = frozenset({"duration", "videos"})
# Stands for an attachment while somebody is still typing: the mode depends on there being one.
_SOME_IMAGE: Final = Image(path="", mime_type="image/png", width=16, height=9, sha256="")


@dataclass(frozen=True, slots=True)
class Wishes:
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

    async def as_request(self, inputs: Inputs) -> VideoRequest:
        """Return the request, with its pictures copied and checked.

        Raises `RuleBroken` for a value that is none, `ImageRefused` for a picture.
        """
        plain = VideoRequest(
            prompt=with_presets(
                self.prompt,
                _value(Style, self.style, "style"),
                _value(Camera, self.camera, "camera"),
            ),
            negative_prompt=self.negative_prompt,
            model=self.model,
            aspect_ratio=_value(AspectRatio, self.aspect_ratio, "aspect_ratio"),
            resolution=_value(Resolution, self.resolution, "resolution"),
            seconds=self.duration,
            seed=self.seed,
            videos=self.videos,
        )
        return plain.evolve(
            image=await _picture(self.image, inputs),
            last_frame=await _picture(self.last_frame, inputs),
            references=tuple(
                [
                    await inputs.image(each.url, size=each.size)
                    for each in self.references
                    if each is not None
                ]
            ),
        )


class Suggestions:
    """Answers autocompletion."""

    def __init__(self, *, models: Models, requests: Requests, region: Region, clock: Clock) -> None:
        self._models = models
        self._requests = requests
        self._region = region
        self._clock = clock
        self._rules: OrderedDict[tuple[int | None, int], tuple[float, PersonRule | None]] = (
            OrderedDict()
        )

    async def suggest(
        self, interaction: discord.Interaction, current: str | int, option: str
    ) -> list[app_commands.Choice[Any]]:
        """Return the values of ``option`` that go with the rest, each with its price."""
        offer = Offer(
            models=self._models.offered(),
            now=self._clock.now().timestamp(),
            region=self._region,
            person_rule=await self._person_rule(interaction),
        )
        asked = _typed_so_far(interaction.namespace, without=option)
        wanted = str(current).lower()
        locale = interaction.locale.value
        found = [
            app_commands.Choice(
                name=self._name(each, option, locale)[:_MOST_NAME],
                value=int(each.value) if option in _NUMBERS else each.value,
            )
            for each in choices(asked, option, offer)
        ]
        return [each for each in found if wanted in f"{each.name} {each.value}".lower()][
            :_MOST_CHOICES
        ]

    async def _person_rule(self, interaction: discord.Interaction) -> PersonRule | None:
        """Return the rule for people where somebody types, as it was known a moment ago."""
        origin = origin_of(interaction)
        key = (origin.guild_id, origin.channel_id)
        read_at, rule = self._rules.get(key, (None, None))
        now = self._clock.monotonic()
        if read_at is not None and now - read_at < _REMEMBERED_S:
            return rule
        try:
            async with asyncio.timeout(_PATIENCE_S):
                offer = await self._requests.offer(origin, surroundings_of(interaction))
        except (StoreAway, TimeoutError):
            return rule  # suggestions are a courtesy
        self._rules[key] = (now, offer.person_rule)
        self._rules.move_to_end(key)
        if len(self._rules) > _MOST_REMEMBERED:
            self._rules.popitem(last=False)
        return offer.person_rule

    def _name(self, choice: Choice, option: str, locale: str) -> str:
        value = choice.value
        if option == "model":
            model = self._models.catalogue.get(value)
            value = model.name if model is not None else value
        elif option == "duration":
            value = say("seconds", locale, count=int(value))
        return say("choice.priced", locale, value=value, price=money(choice.price, locale))


def _typed_so_far(namespace: app_commands.Namespace, *, without: str) -> VideoRequest:
    given = {name: value for name, value in iter(namespace) if name != without}
    has_references = any(name.startswith("reference_") for name in given)
    return VideoRequest(
        prompt=str(given.get("prompt") or ""),
        negative_prompt=given.get("negative_prompt") or None,
        model=given.get("model") or None,
        aspect_ratio=_lenient(AspectRatio, given.get("aspect_ratio")),
        resolution=_lenient(Resolution, given.get("resolution")),
        seconds=given["duration"] if isinstance(given.get("duration"), int) else None,
        seed=given["seed"] if isinstance(given.get("seed"), int) else None,
        videos=given["videos"] if isinstance(given.get("videos"), int) else None,
        image=_SOME_IMAGE if "image" in given else None,
        last_frame=_SOME_IMAGE if "last_frame" in given else None,
        references=(_SOME_IMAGE,) if has_references else (),
    )


async def _picture(attachment: discord.Attachment | None, inputs: Inputs) -> Image | None:
    if attachment is None:
        return None
    return await inputs.image(attachment.url, size=attachment.size)


def _value(kind: type[_Value], given: str | None, option: str) -> _Value | None:
    if given is None:
        return None
    found = _lenient(kind, given)
    if found is None:
        raise RuleBroken("unknown_value", option, value=given[:40], known=", ".join(kind))
    return found


def _lenient(kind: type[_Value], given: object) -> _Value | None:
    wanted = str(given).strip().lower()
    return next((each for each in kind if each.value == wanted), None)

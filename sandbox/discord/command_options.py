"""Turns a person's option values into those of an interaction.

Like Discord's client, it refuses unknown options, missing required ones, and values outside the
choices, lengths and ranges, so that they never reach the bot.

Rules: https://docs.discord.com/developers/interactions/application-commands
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sandbox.discord import lookup
from sandbox.discord.command_rules import OptionKind
from sandbox.discord.commands import ApplicationCommand
from sandbox.discord.entities import Channel, Json, User
from sandbox.discord.errors import ActionRefused, UnknownEntity
from sandbox.discord.interaction_create import ResolvedObjects
from sandbox.discord.world import DiscordWorld

UploadFile = Callable[[str], Awaitable[int]]
_SUBCOMMAND_KINDS = (OptionKind.SUB_COMMAND, OptionKind.SUB_COMMAND_GROUP)
_MAX_TEXT_LENGTH = 6000


def find_subcommand_options(command: ApplicationCommand, path: list[str]) -> list[Json]:
    """Return the options of the command at ``path``. Raises UnknownEntity or ActionRefused."""
    options = command.options
    for name in path:
        option = next(
            (o for o in options if o["name"] == name and o["type"] in _SUBCOMMAND_KINDS), None
        )
        if option is None:
            raise UnknownEntity(f"/{command.name} has no sub-command {name!r}")
        options = option.get("options") or []
    if any(option["type"] in _SUBCOMMAND_KINDS for option in options):
        names = [option["name"] for option in options]
        raise ActionRefused(f"/{' '.join([command.name, *path])} needs a sub-command: {names}")
    return options


def nest_values(command: ApplicationCommand, path: list[str], values: list[Json]) -> list[Json]:
    """Return values nested in the sub-commands of ``path``."""
    if not path:
        return values
    kinds = []
    options = command.options
    for name in path:
        option = next(o for o in options if o["name"] == name)
        kinds.append(option["type"])
        options = option.get("options") or []
    inner = values
    for name, kind in zip(reversed(path), reversed(kinds), strict=True):
        inner = [{"type": kind, "name": name, "options": inner}]
    return inner


class OptionFiller:
    """Fills in a command's options as a person in a channel."""

    def __init__(
        self,
        world: DiscordWorld,
        person: User,
        channel: Channel,
        resolved: ResolvedObjects,
        upload: UploadFile,
    ) -> None:
        self._world = world
        self._person = person
        self._channel = channel
        self._resolved = resolved
        self._upload = upload

    async def fill_options(
        self, options: list[Json], option_values: Mapping[str, Any], *, focused: str | None = None
    ) -> list[Json]:
        """Return the options as the bot receives them; ``focused`` is being autocompleted.

        Raises ActionRefused for what the client would not send.
        """
        known = {option["name"]: option for option in options}
        for name in option_values:
            if name not in known:
                raise ActionRefused(f"there is no option {name!r}; there are {list(known)}")
        values: list[Json] = []
        for name, option in known.items():
            if option_values.get(name) is None and name != focused:
                if option["required"] and focused is None:
                    raise ActionRefused(f"the option {name!r} is required")
                continue
            value: Json = {"type": option["type"], "name": name}
            if name == focused:
                value |= {"value": str(option_values.get(name) or ""), "focused": True}
            else:
                value["value"] = await self._option_value(option, option_values[name])
            values.append(value)
        return values

    async def _option_value(self, option: Json, value: Any) -> Any:
        kind = OptionKind(option["type"])
        name = option["name"]
        if option.get("choices"):
            return _match_choice(option, value)
        if kind is OptionKind.STRING:
            text = str(value)
            low, high = option.get("min_length", 1), option.get("max_length", _MAX_TEXT_LENGTH)
            if not low <= len(text) <= high:
                raise ActionRefused(f"{name}: {len(text)} characters; must be {low} to {high}")
            return text
        if kind in {OptionKind.INTEGER, OptionKind.NUMBER}:
            return _parse_number(option, value, whole=kind is OptionKind.INTEGER)
        if kind is OptionKind.BOOLEAN:
            if not isinstance(value, bool):
                raise ActionRefused(f"{name}: must be true or false")
            return value
        if kind is OptionKind.ATTACHMENT:
            return str(await self._upload(str(value)))
        return str(self._resolve_entity(kind, option, value))

    def _resolve_entity(self, kind: OptionKind, option: Json, value: Any) -> int:
        ref = lookup.read_ref(value, option["name"])
        if kind is OptionKind.CHANNEL:
            channel = lookup.find_channel(self._world, ref, acting=self._person)
            types = option.get("channel_types")
            if types and int(channel.kind) not in types:
                raise ActionRefused(
                    f"{option['name']}: #{channel.name} is not a channel of that kind"
                )
            self._resolved.add_channel(channel.id)
            return channel.id
        if kind is not OptionKind.ROLE:
            try:
                user = lookup.find_user(self._world, ref)
            except UnknownEntity:
                if kind is OptionKind.USER:
                    raise
            else:
                self._resolved.add_user(user.id)
                return user.id
        if self._channel.guild_id is None:
            raise ActionRefused(f"{option['name']}: there are no roles here")
        role = lookup.find_role(self._world.guilds[self._channel.guild_id], ref)
        self._resolved.add_role(role.id)
        return role.id


def _match_choice(option: Json, value: Any) -> Any:
    for choice in option["choices"]:
        names = [choice["name"], *(choice.get("name_localizations") or {}).values()]
        same_value = choice["value"] == value and not isinstance(value, bool)
        if same_value or value in names or str(choice["value"]) == str(value):
            return choice["value"]
    offered = [choice["value"] for choice in option["choices"]]
    raise ActionRefused(f"{option['name']}: {value!r} is not one of the choices {offered}")


def _parse_number(option: Json, value: Any, *, whole: bool) -> int | float:
    name = option["name"]
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if math.isnan(number) or (whole and not number.is_integer()):
        raise ActionRefused(f"{name}: {value!r} is not a {'whole ' if whole else ''}number")
    low, high = option.get("min_value"), option.get("max_value")
    if (low is not None and number < low) or (high is not None and number > high):
        raise ActionRefused(f"{name}: {number} is out of range ({low} to {high})")
    return int(value) if whole else number

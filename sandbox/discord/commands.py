"""The registered application commands, which are global or belong to a guild.

Rules: https://docs.discord.com/developers/interactions/application-commands
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sandbox.discord.command_rules import COMMAND_LIMITS, CommandKind, read_command
from sandbox.discord.entities import Json
from sandbox.discord.errors import DiscordError, FormErrors
from sandbox.discord.form_fields import FormFields
from sandbox.discord.snowflake import SnowflakeGenerator


class InteractionContext(IntEnum):
    """Discord's interaction context types: where a command can be used."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


@dataclass(slots=True)
class ApplicationCommand:
    """A registered command. ``body`` is its JSON without id and version."""

    id: int
    version: int
    application_id: int
    guild_id: int | None
    body: Json

    @property
    def kind(self) -> CommandKind:
        return CommandKind(self.body["type"])

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def options(self) -> list[Json]:
        return list(self.body.get("options") or [])

    @property
    def default_member_permissions(self) -> int | None:
        value = self.body["default_member_permissions"]
        return None if value is None else int(value)

    def is_usable_in(self, context: InteractionContext) -> bool:
        """Whether it is offered in a context."""
        contexts = self.body["contexts"]
        if self.guild_id is not None:
            return context is InteractionContext.GUILD
        if contexts is not None:
            return int(context) in contexts
        return context is not InteractionContext.BOT_DM or bool(self.body["dm_permission"])

    def is_installable_for(self, *, user: bool) -> bool:
        """Whether it belongs to that kind of installation (user or guild)."""
        return (1 if user else 0) in self.body["integration_types"]

    def to_payload(self, *, with_localizations: bool = True) -> Json:
        body = dict(self.body)
        if not with_localizations:
            body.pop("name_localizations", None)
            body.pop("description_localizations", None)
        payload = {
            "id": str(self.id),
            "application_id": str(self.application_id),
            "version": str(self.version),
            **body,
        }
        if self.guild_id is not None:
            payload["guild_id"] = str(self.guild_id)
        return payload


class CommandRegistry:
    """All commands of the application. A guild id of None means the global ones."""

    def __init__(self, application_id: int, ids: SnowflakeGenerator) -> None:
        self._application_id = application_id
        self._ids = ids
        self._commands: dict[int | None, dict[int, ApplicationCommand]] = {None: {}}

    def list_commands(self, guild_id: int | None) -> list[ApplicationCommand]:
        """Return the commands of one scope, in order of registration."""
        return list(self._commands.get(guild_id, {}).values())

    def get(self, guild_id: int | None, command_id: int) -> ApplicationCommand:
        """Return one command. Raises DiscordError 10063."""
        command = self._commands.get(guild_id, {}).get(command_id)
        if command is None:
            raise DiscordError(404, 10063, "Unknown application command")
        return command

    def find(self, guild_id: int | None, kind: CommandKind, name: str) -> ApplicationCommand | None:
        """Return a command by name: the guild's own before the global one."""
        scopes = (guild_id, None) if guild_id is not None else (None,)
        for scope in scopes:
            for command in self.list_commands(scope):
                if command.kind is kind and command.name == name:
                    return command
        return None

    def overwrite(self, guild_id: int | None, bodies: object) -> list[ApplicationCommand]:
        """Replace a scope's commands; those with a known name keep their ids.

        Raises DiscordError 50035 or 30032 without changing anything.
        """
        form = FormErrors()
        if not isinstance(bodies, list):
            form.add_error((), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            form.raise_if_any()
            return []
        checked: list[Json] = []
        for index, item in enumerate(bodies):
            checked.append(read_command(FormFields(item, form, (index,))))
        _refuse_duplicates(checked, form)
        form.raise_if_any()
        _refuse_too_many(checked)
        old = {(c.kind, c.name): c for c in self.list_commands(guild_id)}
        new: dict[int, ApplicationCommand] = {}
        for body in checked:
            before = old.get((CommandKind(body["type"]), body["name"]))
            command = self._store_command(guild_id, body, before)
            new[command.id] = command
        self._commands[guild_id] = new
        return list(new.values())

    def upsert(self, guild_id: int | None, body: object) -> tuple[ApplicationCommand, bool]:
        """Create a command or replace the one of the same name, and return whether it is new."""
        form = FormErrors()
        checked = read_command(FormFields(body, form))
        form.raise_if_any()
        before = next(
            (
                c
                for c in self.list_commands(guild_id)
                if c.kind is CommandKind(checked["type"]) and c.name == checked["name"]
            ),
            None,
        )
        if before is None:
            _refuse_too_many([*(c.body for c in self.list_commands(guild_id)), checked])
        command = self._store_command(guild_id, checked, before)
        self._commands.setdefault(guild_id, {})[command.id] = command
        return command, before is None

    def edit(self, guild_id: int | None, command_id: int, patch: object) -> ApplicationCommand:
        """Change the fields of a command that ``patch`` has."""
        before = self.get(guild_id, command_id)
        form = FormErrors()
        changed = FormFields(patch, form)
        form.raise_if_any()
        merged: dict[str, Any] = {
            **before.body,
            **{k: changed.raw_value(k) for k in changed.field_names()},
        }
        merged["type"] = int(before.kind)
        checked = read_command(FormFields(merged, form))
        others = [c.body for c in self.list_commands(guild_id) if c.id != command_id]
        _refuse_duplicates([*others, checked], form)
        form.raise_if_any()
        command = self._store_command(guild_id, checked, before)
        self._commands[guild_id][command_id] = command
        return command

    def delete(self, guild_id: int | None, command_id: int) -> None:
        """Remove a command. Raises DiscordError 10063."""
        self.get(guild_id, command_id)
        del self._commands[guild_id][command_id]

    def _store_command(
        self, guild_id: int | None, body: Json, before: ApplicationCommand | None
    ) -> ApplicationCommand:
        if before is not None and before.body == body:
            return before
        command_id = before.id if before else self._ids.next_id()
        return ApplicationCommand(
            command_id, self._ids.next_id(), self._application_id, guild_id, body
        )


def _refuse_duplicates(bodies: Iterable[Json], form: FormErrors) -> None:
    seen: set[tuple[Any, Any]] = set()
    for index, body in enumerate(bodies):
        key = (body["type"], body["name"])
        if key in seen:
            form.add_error(
                (index, "name"),
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                "Application command names must be unique",
            )
        seen.add(key)


def _refuse_too_many(bodies: Iterable[Json]) -> None:
    counts = dict.fromkeys(COMMAND_LIMITS, 0)
    for body in bodies:
        kind = CommandKind(body["type"])
        counts[kind] += 1
        if counts[kind] > COMMAND_LIMITS[kind]:
            raise DiscordError(
                400,
                30032,
                f"Maximum number of application commands reached ({COMMAND_LIMITS[kind]})",
            )

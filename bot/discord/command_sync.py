"""Keeps the commands at Discord in sync with those of this program.

They are compared at every start, and when somebody uses a command that does not exist here, because
an older version or another deployment with the same token may have registered it. Discord allows
200 new commands a day, so they are only registered if they differ.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import discord
import structlog
from discord import app_commands

from bot.discord.command_names import CommandTranslator
from bot.discord.connection_waits import CONNECTION_ERRORS, ConnectionWait
from bot.domain.backoff import Backoff
from bot.domain.ports import Clock

_log: Final = structlog.get_logger(__name__)

_MINIMUM_INTERVAL_S: Final = 60.0
_MAXIMUM_INTERVAL_S: Final = 3600.0
_NESTED_KEYS: Final = frozenset({"options", "choices"})
_UNORDERED_KEYS: Final = frozenset({"contexts", "integration_types", "channel_types"})
_COMPARED_KEYS: Final = frozenset(
    {
        *("type", "name", "description", "name_localizations", "description_localizations"),
        *("required", "value", "min_value", "max_value", "min_length", "max_length"),
        *("autocomplete", "default_member_permissions", "nsfw"),
        *_NESTED_KEYS,
        *_UNORDERED_KEYS,
    }
)
"""Discord adds other fields: ids, versions, and those that this program does not set."""


class CommandSync:
    """A background task that compares and registers commands. Start it after the login."""

    def __init__(
        self, tree: app_commands.CommandTree[Any], http: discord.http.HTTPClient, clock: Clock
    ) -> None:
        self._tree = tree
        self._http = http
        self._clock = clock
        self._is_requested = asyncio.Event()
        self._foreign_guild_ids: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Compare now, and again after each `request_check`."""
        self._is_requested.set()
        self._task = asyncio.create_task(self._run(), name="command sync")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def request_check(self, guild_id: int | None = None) -> None:
        """Request a comparison, because somebody used an unknown command.

        ``guild_id`` is set if the command was registered for one server. This program does not do
        that, so all such commands of the server are removed.
        """
        if guild_id is not None:
            self._foreign_guild_ids.add(guild_id)
        self._is_requested.set()

    async def _run(self) -> None:
        """Check at the start, and on request with growing pauses.

        Clients may show old commands for hours, and each use of one requests a check.
        """
        interval = Backoff(initial=_MINIMUM_INTERVAL_S, maximum=_MAXIMUM_INTERVAL_S)
        pause_s = 0.0  # the check at the start delays none that is requested
        while True:
            await self._is_requested.wait()
            self._is_requested.clear()
            try:
                await self._check_until_answered()
            except Exception as error:
                _log.error("background_task.failed", task="command sync", exc_info=error)
            await self._clock.sleep(pause_s)
            pause_s = interval.next_delay()

    async def _check_until_answered(self) -> None:
        wait = ConnectionWait(self._clock)
        while True:
            try:
                await self.check_commands()
                await self._remove_foreign_guild_commands()
            except app_commands.CommandSyncFailure:
                _log.exception("commands.refused")
                return
            except CONNECTION_ERRORS as error:
                await wait.wait_after("commands.sync_failed", error)
            else:
                return

    async def check_commands(self) -> None:
        """Register the commands if those that Discord has differ."""
        ours = await build_command_payloads(self._tree)
        route = discord.http.Route(
            "GET", "/applications/{application_id}/commands", application_id=self._application_id
        )
        theirs = await self._http.request(route, params={"with_localizations": "true"})
        if _normalize_commands(theirs) == _normalize_commands(ours):
            return
        unknown = sorted({str(each["name"]) for each in theirs} - {each["name"] for each in ours})
        await self._tree.sync()
        _log.info("commands.registered", count=len(ours), replaced=unknown)

    async def _remove_foreign_guild_commands(self) -> None:
        for guild_id in tuple(self._foreign_guild_ids):
            try:
                await self._http.bulk_upsert_guild_commands(self._application_id, guild_id, [])
            except (discord.Forbidden, discord.NotFound):
                pass  # the bot is no longer in that server
            else:
                _log.info("commands.removed", guild=guild_id)
            self._foreign_guild_ids.discard(guild_id)

    @property
    def _application_id(self) -> int:
        application_id: int | None = self._tree.client.application_id
        if application_id is None:
            raise LookupError("not logged in")
        return application_id


async def build_command_payloads(tree: app_commands.CommandTree[Any]) -> list[dict[str, Any]]:
    """Return the commands of ``tree`` as sent to Discord, with all translations."""
    translator = CommandTranslator()
    return [
        await command.get_translated_payload(tree, translator) for command in tree.get_commands()
    ]


def _normalize_commands(commands: Iterable[Mapping[str, Any]]) -> dict[tuple[int, str], Any]:
    return {
        (command.get("type", 1), command["name"]): _normalize_fields({"type": 1, **command})
        for command in commands
    }


def _normalize_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the compared fields of a command, option or choice, without default values."""
    normalized: dict[str, Any] = {}
    for key in _COMPARED_KEYS & fields.keys():
        value = fields[key]
        if key in _NESTED_KEYS:
            value = [_normalize_fields(each) for each in value or []]
        elif key in _UNORDERED_KEYS:
            value = sorted(value or [])
        elif key == "default_member_permissions" and value is not None:
            value = str(value)
        if key in {"value", "min_value", "max_value"} or value:
            normalized[key] = value
    return normalized

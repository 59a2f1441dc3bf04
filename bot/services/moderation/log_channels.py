"""Posts servers' audit logs in the channels that their admins choose.

Each process looks for entries that wait, and claims the channels they are for. What becomes one
message is recorded first. After a crash the message is looked for before it is posted again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from bot.domain.errors import ChannelUnavailable, DeliveryError
from bot.domain.moderation.log_channel import (
    FLOOD_LENGTH,
    MAX_ENTRIES_COUNTED,
    MAX_ENTRIES_LISTED,
    LogChannel,
    LogPost,
)
from bot.domain.ports import Clock
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.services.repeated_work import repeat_work
from bot.store.moderation.log_channels import LogChannelStore

CLAIM_FOR: Final = timedelta(seconds=30)
"""Longer than a message takes, unless Discord is slow: then its nonce keeps it from being posted
twice. After a crash another process goes on after this time."""
MESSAGE_PAUSE: Final = timedelta(seconds=3)
"""Between two messages in a channel. What happens meanwhile becomes one message."""
RETRY_PAUSE: Final = timedelta(seconds=30)
_INTERVAL_S: Final = 3.0

_log: Final = structlog.get_logger(__name__)


class LogMessages(Protocol):
    """The messages in Discord. All may raise `DeliveryError`."""

    async def count_fitting(self, guild_id: int, entries: Sequence[AuditEntry]) -> int:
        """Return how many of the first entries fit into one message; at least one."""
        ...

    async def find_post(self, post: LogPost) -> bool:
        """Return whether a process has sent this message before it ended."""
        ...

    async def send_post(self, post: LogPost) -> None:
        """Send one message, which mentions nobody."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChannelChoice:
    """What admins do with the channel of their server's log."""

    channels: LogChannelStore
    clock: Clock

    async def choose(self, guild_id: int, channel_id: int, *, actor_id: int) -> LogChannel:
        """Post the log in a channel from now on."""
        now, action = self.clock.now(), AuditAction.CHOOSE_LOG
        entry = AuditEntry(guild_id, actor_id, action, now, comment=str(channel_id))
        await self.channels.choose(channel_id, entry)
        return LogChannel(guild_id=guild_id, channel_id=channel_id)

    async def turn_off(self, guild_id: int, *, actor_id: int) -> None:
        now, action = self.clock.now(), AuditAction.TURN_OFF_LOG
        await self.channels.turn_off(AuditEntry(guild_id, actor_id, action, now))


@dataclass(kw_only=True, eq=False)
class LogChannelPoster:
    channels: LogChannelStore
    messages: LogMessages
    clock: Clock

    async def run(self) -> None:
        await repeat_work(
            self.run_due,
            pause=lambda _: self.clock.sleep(_INTERVAL_S),
            log_postponed=partial(_log.warning, "log_channels.postponed"),
        )

    async def run_due(self) -> None:
        """Post what waits and no other process has claimed. Raises `DatabaseUnavailable`."""
        while channels := await self.channels.claim_due(claim_for=CLAIM_FOR):
            results = await asyncio.gather(
                *(self._post_next(channel) for channel in channels), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    async def _post_next(self, channel: LogChannel) -> None:
        try:
            await self._post_batch(channel)
        except ChannelUnavailable as error:
            await self._stop(channel, error)
        except DeliveryError as error:
            _log.info("log_channel.postponed", guild=channel.guild_id, error=str(error))
            await self.channels.postpone(channel, pause=RETRY_PAUSE)

    async def _post_batch(self, channel: LogChannel) -> None:
        ids, entries = await self.channels.list_entries(channel, limit=MAX_ENTRIES_COUNTED)
        if channel.batch is not None:
            if entries and not await self._is_posted(channel, entries):
                await self.messages.send_post(_build_post(channel, entries))
            await self.channels.finish_batch(channel, pause=MESSAGE_PAUSE)
            return
        if not entries:
            await self.channels.postpone(channel, pause=RETRY_PAUSE)
            return
        if len(entries) <= FLOOD_LENGTH:
            first = entries[:MAX_ENTRIES_LISTED]
            count = await self.messages.count_fitting(channel.guild_id, first)
            ids, entries = ids[:count], entries[:count]
        begun = await self.channels.begin_batch(channel, ids)
        if begun is not None:
            await self._send_begun(begun, entries)

    async def _send_begun(self, channel: LogChannel, entries: Sequence[AuditEntry]) -> None:
        await self.messages.send_post(_build_post(channel, entries))
        await self.channels.finish_batch(channel, pause=MESSAGE_PAUSE)

    async def _is_posted(self, channel: LogChannel, entries: Sequence[AuditEntry]) -> bool:
        """Look for the message where it was to be posted: another channel may be chosen since."""
        old = replace(channel, channel_id=channel.batch_channel_id or channel.channel_id)
        return await self.messages.find_post(_build_post(old, entries))

    async def _stop(self, channel: LogChannel, error: ChannelUnavailable) -> None:
        now = self.clock.now()
        entry = AuditEntry(
            channel.guild_id,
            None,
            AuditAction.LOG_STOPPED,
            now,
            comment=str(channel.channel_id),
        )
        if await self.channels.stop(channel, entry):
            _log.warning("log_channel.stopped", guild=channel.guild_id, error=str(error))


def _build_post(channel: LogChannel, entries: Sequence[AuditEntry]) -> LogPost:
    assert channel.batch is not None
    assert channel.batch_at is not None
    return LogPost(
        guild_id=channel.guild_id,
        channel_id=channel.channel_id,
        batch=channel.batch,
        since=channel.batch_at,
        entries=entries,
    )

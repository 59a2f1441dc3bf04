"""Keeps the sessions of a process with fixed shards, so that its next start misses no event."""

from collections.abc import Mapping
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable
from bot.domain.sharding import ShardConnections, ShardSession
from bot.store.shards import KeptSessionStore

_log: Final = structlog.get_logger(__name__)


class KeptSessions:
    """The sessions that this process left when it stopped."""

    def __init__(self, *, store: KeptSessionStore) -> None:
        self._store = store

    async def load(self, count: int) -> Mapping[int, ShardSession]:
        """Return the sessions of shards of ``count``; none if the database does not answer."""
        try:
            return await self._store.load(count)
        except DatabaseUnavailable as error:
            _log.warning("sessions.not_loaded", error=str(error))
            return {}

    async def keep(self, connections: ShardConnections) -> None:
        """Disconnect all shards and keep their sessions for the next start."""
        count = connections.count
        sessions = await connections.close(connections.ids)
        if count is None or not sessions:
            return
        try:
            await self._store.save(count, sessions)
        except DatabaseUnavailable as error:
            _log.warning("sessions.not_kept", error=str(error))

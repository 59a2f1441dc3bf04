"""How this process gets its shards: all of them, a fixed list, or a share.

PostgreSQL is what processes share, so only there they share the shards too.
"""

import asyncio
from typing import Final

import structlog

from bot.app.supervisor import BackgroundLoop
from bot.config.settings import Settings
from bot.discord.client import DiscordClient
from bot.discord.user_install import TokenCipher
from bot.domain.ports import Clock, WorkerHandle
from bot.observability.metrics import Instruments
from bot.services.shards.kept_sessions import KeptSessions
from bot.services.shards.shard_share import ShardShare
from bot.store.engine.database import Database
from bot.store.shards import IdentifySlotStore, KeptSessionStore, ShardStore

_log: Final = structlog.get_logger(__name__)

_HANDOVER_TIMEOUT_S: Final = 2.0
"""Seconds in which a stopping process passes its shards on and finishes what it is handling."""


class ProcessShards:
    """The shards of this process, and how they pass on to the next one."""

    def __init__(
        self, settings: Settings, database: Database, instruments: Instruments, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._trace = instruments.build_discord_trace()
        self._clock = clock
        self._are_shared = database.is_shared and settings.shard_ids is None
        self._kept_sessions = KeptSessions(store=KeptSessionStore(database))
        self._share: ShardShare | None = None

    def build_client(self, token_cipher: TokenCipher) -> DiscordClient:
        settings, database = self._settings, self._database
        self._client = DiscordClient(
            place_policy=settings.place_policy,
            clock=self._clock,
            shard_count=settings.shard_count,
            shard_ids=settings.shard_ids,
            shares_shards=self._are_shared,
            identify_slots=IdentifySlotStore(database) if database.is_shared else None,
            load_sessions=self._kept_sessions.load,
            http_trace=self._trace,
            token_cipher=token_cipher,
        )
        return self._client

    def build_loops(self, worker: WorkerHandle) -> dict[str, BackgroundLoop]:
        """Return the loop that shares the shards, if processes share them."""
        if not self._are_shared:
            return {}
        self._share = ShardShare(
            store=ShardStore(self._database),
            connections=self._client.client_shards,
            worker=worker,
            clock=self._clock,
            set_count=self._settings.shard_count,
        )
        return {"shards": self._share.run}

    async def hand_over(self) -> None:
        """Stop receiving events, pass the sessions on, and finish what is being handled."""
        if not self._client.is_logged_in:
            return
        try:
            async with asyncio.timeout(_HANDOVER_TIMEOUT_S):
                if self._share is not None:
                    await self._share.leave()
                else:
                    await self._kept_sessions.keep(self._client.client_shards)
                await self._client.finish_requests()
        except TimeoutError:
            _log.warning("shards.handover_timed_out")

"""Shares the shards among the processes of one database, without a leader.

Every process looks at the same rows each second. It claims shards that no living process has, and
hands over those that it has too many of. So the shards of a dead process are taken when its lease
has run out, those of a stopping one within a second or two.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock, WorkerHandle
from bot.domain.sharding import ShardConnections, ShardSession, ShardTable, plan_share
from bot.services.repeated_work import repeat_work
from bot.store.shards import ShardStore

_log: Final = structlog.get_logger(__name__)

INTERVAL_S: Final = 1.0
"""A member waits at most three seconds for an acknowledgement, so a handover must be shorter."""
_COUNT_INTERVAL_S: Final = 6 * 3600.0
"""How often Discord's recommendation is asked for while the bot runs."""
_MAXIMUM_CHANGE_S: Final = 900.0
"""After that the connections of the previous number are closed, whoever is still missing."""


class ShardShare:
    """The part of the shards that this process has."""

    def __init__(
        self,
        *,
        store: ShardStore,
        connections: ShardConnections,
        worker: WorkerHandle,
        clock: Clock,
        set_count: int | None,
    ) -> None:
        """``set_count`` is the operator's number of shards; `None` is what Discord recommends."""
        self._store = store
        self._connections = connections
        self._worker = worker
        self._clock = clock
        self._set_count = set_count
        self._member_id: str | None = None
        self._saved: Mapping[int, ShardSession] = {}
        self._marked: frozenset[int] = frozenset()
        self._count_asked_at = float("-inf")
        self._change_began_at = float("-inf")
        self._is_leaving = False

    async def run(self) -> None:
        """Take part until canceled. After an error of the database the next step tries again."""
        await repeat_work(
            self.take_step,
            pause=lambda _: self._clock.sleep(INTERVAL_S),
            log_postponed=partial(_log.warning, "shards.postponed"),
        )

    async def take_step(self) -> None:
        """Move one step towards an equal share. Raises `DatabaseUnavailable`."""
        if self._is_leaving or not self._worker.is_alive:
            return
        await self._join()
        await self._ask_for_count()
        table = await self._store.load_table()
        if table.count != self._connections.count:
            self._change_count(table.count)
        await self._drop_lost(table)
        await self._release_or_claim(table)
        await self._record_progress(table)
        self._connections.settle()

    async def leave(self) -> None:
        """Hand over all shards, because the process stops."""
        self._is_leaving = True
        sessions = await self._connections.close(self._connections.ids)
        if self._member_id is None:
            return
        try:
            await self._store.release(self._member_id, sessions, leaves=True)
        except DatabaseUnavailable as error:
            _log.warning("shards.not_handed_over", error=str(error))
        else:
            _log.info("shards.handed_over", shards=sorted(sessions))

    async def _join(self) -> None:
        if (worker_id := self._worker.worker_id) == self._member_id:
            return
        await self._store.join(worker_id, previous=self._member_id)
        self._member_id = worker_id

    async def _ask_for_count(self) -> None:
        if self._clock.monotonic() - self._count_asked_at < _COUNT_INTERVAL_S:
            return
        is_set = self._set_count is not None
        if is_set and self._connections.count is not None:
            return  # another process may have been started with another number since
        wanted = self._set_count or await self._connections.recommend_count()
        await self._store.agree_on_count(wanted, is_set=is_set)
        self._count_asked_at = self._clock.monotonic()

    def _change_count(self, count: int) -> None:
        _log.info("shards.count_changed", before=self._connections.count, count=count)
        self._connections.change_count(count)
        self._change_began_at = self._clock.monotonic()
        self._saved, self._marked = {}, frozenset()

    async def _drop_lost(self, table: ShardTable) -> None:
        """Disconnect shards that another process took because this one seemed dead."""
        lost = self._connections.ids - set(table.list_owned(self._require_member()))
        if lost:
            _log.warning("shards.lost", shards=sorted(lost))
            await self._connections.close(frozenset(lost))

    async def _release_or_claim(self, table: ShardTable) -> None:
        member_id = self._require_member()
        # claimed by a step whose answer was lost
        for shard_id in set(table.list_owned(member_id)) - self._connections.ids:
            self._connections.open(shard_id, None)
        step = plan_share(table, member_id)
        if step.release:
            sessions = await self._connections.close(frozenset(step.release))
            await self._store.release(member_id, sessions)
            _log.info("shards.handed_over", shards=sorted(sessions))
        elif step.claim:
            claimed = await self._store.claim(member_id, count=table.count, limit=step.claim)
            for shard_id, session in claimed.items():
                self._connections.open(shard_id, session)
            _log.info(
                "shards.claimed",
                shards=sorted(claimed),
                resumed=sorted(shard for shard, session in claimed.items() if session),
            )

    async def _record_progress(self, table: ShardTable) -> None:
        member_id = self._require_member()
        self._marked &= self._connections.ids
        if connected := self._connections.connected_ids - self._marked:
            await self._store.mark_connected(member_id, connected)
            self._marked |= connected
        sessions = self._connections.read_sessions()
        changed = {id_: now for id_, now in sessions.items() if self._saved.get(id_) != now}
        if changed:
            await self._store.save_sessions(member_id, changed)
            self._saved = sessions
        if self._connections.is_changing_count and self._may_end_change(table):
            await self._connections.end_change()

    def _may_end_change(self, table: ShardTable) -> bool:
        lasted_s = self._clock.monotonic() - self._change_began_at
        return table.is_complete or lasted_s > _MAXIMUM_CHANGE_S

    def _require_member(self) -> str:
        if self._member_id is None:
            raise RuntimeError("join first")
        return self._member_id

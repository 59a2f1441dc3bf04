"""How the processes of one database share the bot's shards.

Every process computes its own next step from the same rows, so nobody has to lead.

https://docs.discord.com/developers/events/gateway#sharding
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

_CONSIDERABLE_GROWTH: Final = 1.5
"""Discord recommends a shard for 1,000 servers and allows 2,500, so there is time to wait."""


def find_shard(guild_id: int, count: int) -> int:
    """Return the shard of ``count`` that receives a server's events."""
    return (guild_id >> 22) % count


def is_guild_of(guild_id: int, *, shard_id: int, shard_count: int) -> bool:
    return find_shard(guild_id, shard_count) == shard_id


@dataclass(frozen=True, slots=True)
class ShardSession:
    """A session at Discord's gateway. A new connection gets what came after ``sequence``."""

    session_id: str
    sequence: int
    resume_url: str


@dataclass(frozen=True, slots=True)
class ShardState:
    """One shard: which living worker has it, and whether that one has connected it."""

    id: int
    owner: str | None
    is_connected: bool = False


@dataclass(frozen=True, slots=True)
class ShardTable:
    """All shards, and the living workers that share them."""

    shards: tuple[ShardState, ...]
    workers: frozenset[str]

    @property
    def count(self) -> int:
        return len(self.shards)

    @property
    def is_complete(self) -> bool:
        """Whether every shard is connected somewhere."""
        return all(shard.owner is not None and shard.is_connected for shard in self.shards)

    def list_owned(self, worker_id: str) -> tuple[int, ...]:
        return tuple(shard.id for shard in self.shards if shard.owner == worker_id)


@dataclass(frozen=True, slots=True)
class ShareStep:
    """What a worker does next: claim up to ``claim`` free shards, or hand over ``release``."""

    claim: int = 0
    release: tuple[int, ...] = ()


class ShardConnections(Protocol):
    """The connections of this process to Discord's gateway."""

    @property
    def count(self) -> int | None:
        """How many shards there are in all; `None` until `change_count`."""
        ...

    @property
    def ids(self) -> frozenset[int]:
        """The shards of this process, connected or connecting."""
        ...

    @property
    def connected_ids(self) -> frozenset[int]:
        """Those that have received all their servers."""
        ...

    @property
    def is_changing_count(self) -> bool:
        """Whether connections of the previous number still receive events."""
        ...

    async def recommend_count(self) -> int:
        """Return how many shards Discord recommends, waiting until it answers."""
        ...

    def change_count(self, count: int) -> None:
        """Give up all shards for those of another number; the connections stay for a while."""
        ...

    async def end_change(self) -> None:
        """Close the connections of the previous number."""
        ...

    def open(self, shard_id: int, session: ShardSession | None) -> None:
        """Begin to connect a shard, and resume ``session`` for the events that came after it."""
        ...

    async def close(self, shard_ids: frozenset[int]) -> Mapping[int, ShardSession | None]:
        """Disconnect shards, and return their sessions, which others can resume."""
        ...

    def read_sessions(self) -> Mapping[int, ShardSession]:
        """Return the sessions as they are now."""
        ...

    def settle(self) -> None:
        """Note that the process has as many shards as it takes for now, possibly none."""
        ...


def plan_share(table: ShardTable, worker_id: str) -> ShareStep:
    """Return the next step of a worker towards equal shares, which differ by at most one.

    A worker that joined gets its shards from those that have most. Nobody takes more than the
    smaller share while somebody has less, so that the last shards are not passed around.
    """
    if worker_id not in table.workers:
        return ShareStep()
    held = Counter(shard.owner for shard in table.shards if shard.owner in table.workers)
    free = sum(shard.owner not in table.workers for shard in table.shards)
    floor, remainder = divmod(table.count, len(table.workers))
    ceiling = floor + (remainder > 0)
    mine = table.list_owned(worker_id)
    missing = sum(max(floor - held[worker], 0) for worker in table.workers)
    if len(mine) > ceiling:
        return ShareStep(release=mine[ceiling:])
    if len(mine) < floor:
        return ShareStep(claim=min(floor - len(mine), free))
    if missing > free and len(mine) > floor:
        givers = sorted(worker for worker in table.workers if held[worker] > floor)
        if givers.index(worker_id) < missing - free:
            return ShareStep(release=mine[-1:])
    if missing == 0 and len(mine) < ceiling:
        return ShareStep(claim=min(ceiling - len(mine), free))
    return ShareStep()


def decide_count(wanted: int, current: int | None, *, is_in_use: bool, is_set: bool) -> int:
    """Return how many shards there are from now on.

    ``wanted`` is the operator's number if ``is_set``, otherwise Discord's recommendation. While
    shards are in use, only the operator or a considerable growth changes their number, because then
    all of them have to connect again.
    """
    if current is None or is_set or not is_in_use or wanted >= current * _CONSIDERABLE_GROWTH:
        return wanted
    return current

"""The learned lifetimes of Omni interactions, which `ClipStore` applies to clips."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clips.interaction_lifetime import (
    LEARNED_LIFETIME_VALID_FOR,
    is_lifetime_disproved,
    learn_lifetime,
)
from bot.domain.jobs.request import GoogleRoute
from bot.store.engine.database import Store
from bot.store.engine.upserts import upsert
from bot.store.tables.core import clips_table, interaction_lifetimes_table

_clips = clips_table.c
_lifetimes = interaction_lifetimes_table.c


@dataclass(frozen=True, slots=True)
class LearnedLifetime:
    """How long interactions of a route are kept, as learned at a time."""

    route: GoogleRoute
    kept: timedelta
    learnt_at: datetime


class InteractionLifetimeStore(Store):
    async def record_gone(
        self, route: GoogleRoute, interaction_id: str, *, now: datetime
    ) -> timedelta | None:
        """Mark the clips of an interaction that is gone; return the new lifetime, if any."""
        is_clip = (_clips.route == route) & (_clips.interaction_id == interaction_id)
        still_expected = or_(
            _clips.interaction_expires_at.is_(None), _clips.interaction_expires_at > now
        )
        mark_gone = (
            update(clips_table).where(is_clip, still_expected).values(interaction_expires_at=now)
        )

        async def learn(connection: AsyncConnection) -> timedelta | None:
            made_at = await connection.scalar(
                select(_clips.created_at).where(is_clip, still_expected).limit(1)
            )
            if made_at is None:  # it belongs to no clip, or it was expected to be gone
                return None
            await connection.execute(mark_gone)
            known = await _load_lifetime(connection, route, now)
            learned = learn_lifetime(known, now - made_at)
            if learned is not None and learned != known:
                seconds = int(learned.total_seconds())
                row = {"route": route, "kept_s": seconds, "learnt_at": now}
                await upsert(connection, interaction_lifetimes_table, row)
                return learned
            return None

        return await self._db.write(learn)

    async def record_alive(
        self, route: GoogleRoute, interaction_id: str, *, now: datetime
    ) -> timedelta | None:
        """Forget a learned lifetime that an interaction has outlived; return it if it was wrong."""
        is_route = _lifetimes.route == route

        async def compare(connection: AsyncConnection) -> timedelta | None:
            learned = await _load_lifetime(connection, route, now)
            if learned is None:
                return None
            query = select(_clips.created_at).where(
                _clips.route == route, _clips.interaction_id == interaction_id
            )
            made_at = await connection.scalar(query.limit(1))
            if made_at is None or not is_lifetime_disproved(learned, now - made_at):
                return None
            await connection.execute(delete(interaction_lifetimes_table).where(is_route))
            return learned

        return await self._db.write(compare)

    async def list_learned_lifetimes(self, *, now: datetime) -> list[LearnedLifetime]:
        """Return the learned lifetimes that are still valid, by route."""
        query = select(interaction_lifetimes_table).where(
            _lifetimes.learnt_at > now - LEARNED_LIFETIME_VALID_FOR
        )
        return [
            LearnedLifetime(
                GoogleRoute(row["route"]), timedelta(seconds=row["kept_s"]), row["learnt_at"]
            )
            for row in await self._db.read_rows(query.order_by(_lifetimes.route))
        ]


async def _load_lifetime(
    connection: AsyncConnection, route: GoogleRoute, now: datetime
) -> timedelta | None:
    seconds = await connection.scalar(
        select(_lifetimes.kept_s).where(
            _lifetimes.route == route, _lifetimes.learnt_at > now - LEARNED_LIFETIME_VALID_FOR
        )
    )
    return None if seconds is None else timedelta(seconds=seconds)

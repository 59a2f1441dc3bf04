"""Stars: a clip has up to two messages, and a member's stars on both are one vote.

The star of an erased member may still exist in Discord. Its row then has the member's pseudonym
(below 0), which is not counted, so that a recount does not restore the vote. The row is deleted
with the star, or when the member stars again.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, case, delete, func, insert, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.erasure import pseudonym_for
from bot.domain.showcase.post import ShowcaseMessage, Star, VoteTarget
from bot.store.engine.database import Store, take_lock
from bot.store.tables.core import clips_table
from bot.store.tables.showcase import showcase_posts_table, stars_table

_posts = showcase_posts_table.c
_stars = stars_table.c
_clips = clips_table.c
STAR_LOCK: Final = 0x636C_6170_04
"""Without it, concurrent transactions would not count each other's stars."""
_IS_VOTE: Final = _stars.user_id > 0


class StarStore(Store):
    """Records stars and counts votes."""

    async def find_clip_by_message(self, message_id: int) -> int | None:
        """Return the id of the clip that a message shows, in its own post or in the showcase."""
        showcased = select(_posts.clip_id.label("id")).where(_posts.message_id == message_id)
        posted = select(func.min(_clips.id).label("id")).where(_clips.message_id == message_id)
        both = union_all(showcased, posted).subquery()
        return await self._db.read_scalar(select(func.min(both.c.id)))

    async def set_star(
        self, message_id: int, clip_id: int, star: Star, *, starred: bool
    ) -> VoteTarget:
        """Add or remove one star; the member's star of the other kind stays."""
        row = _build_row(message_id, clip_id, star)
        is_member = _stars.user_id.in_((star.user_id, pseudonym_for(star.user_id)))
        old_star = delete(stars_table).where(
            _stars.message_id == message_id, is_member, _stars.is_super == star.is_super
        )

        async def write_star(connection: AsyncConnection) -> VoteTarget:
            await take_lock(connection, STAR_LOCK)
            await connection.execute(old_star)
            if starred:
                await connection.execute(insert(stars_table).values(row))
            return await _update_vote_target(connection, clip_id)

        return await self._db.write(write_star)

    async def replace_stars(
        self, message_id: int, clip_id: int, stars: Collection[Star]
    ) -> VoteTarget:
        """Replace the stars of a message; those of erased members stay uncounted."""
        on_message = _stars.message_id == message_id
        pseudonym_by_star = {star: pseudonym_for(star.user_id) for star in stars}

        async def write_stars(connection: AsyncConnection) -> VoteTarget:
            await take_lock(connection, STAR_LOCK)
            pseudonyms = select(_stars.user_id).where(on_message, ~_IS_VOTE)
            erased = set(await connection.scalars(pseudonyms)) & set(pseudonym_by_star.values())
            await connection.execute(
                delete(stars_table).where(on_message, _stars.user_id.not_in(erased))
            )
            rows = [
                _build_row(message_id, clip_id, star)
                for star, pseudonym in pseudonym_by_star.items()
                if pseudonym not in erased
            ]
            if rows:
                await connection.execute(insert(stars_table), rows)
            return await _update_vote_target(connection, clip_id)

        return await self._db.write(write_stars)

    async def list_unshowcased(
        self, guild_id: int, *, since: datetime, limit: int
    ) -> list[ShowcaseMessage]:
        """Return the messages of clips since a time that were never showcased, newest first."""
        showcased = select(_posts.clip_id).where(_posts.guild_id == guild_id)
        query = (
            select(func.min(_clips.id).label("clip_id"), _clips.message_id, _clips.channel_id)
            .where(_clips.guild_id == guild_id, _clips.created_at > since)
            .where(_clips.message_id.is_not(None), _clips.id.not_in(showcased))
            .group_by(_clips.message_id, _clips.channel_id)
            .order_by(func.min(_clips.id).desc())
            .limit(limit)
        )
        return [ShowcaseMessage(**row) for row in await self._db.read_rows(query)]


async def count_voters(connection: AsyncConnection, clip_id: int) -> int:
    """Return how many members have starred a clip."""
    votes = select(func.count(_stars.user_id.distinct()))
    query = votes.where(_stars.clip_id == clip_id, _IS_VOTE)
    return int(await connection.scalar(query) or 0)


async def anonymize_stars(connection: AsyncConnection, is_in_batch: ColumnElement[bool]) -> bool:
    """Replace the id in some stars of a member by the pseudonym, and count the votes again."""
    await take_lock(connection, STAR_LOCK)
    query = select(_stars.user_id).where(is_in_batch).distinct()
    for user_id in (await connection.scalars(query)).all():
        statement = (
            update(stars_table)
            .where(is_in_batch, _stars.user_id == user_id)
            .values(user_id=pseudonym_for(user_id))
            .returning(_stars.clip_id)
        )
        for clip_id in set(await connection.scalars(statement)):
            await update_votes(connection, clip_id)
    return True


async def update_votes(connection: AsyncConnection, clip_id: int) -> int:
    """Write the votes of a clip's post unless it is locked; return the number of voters."""
    votes = await count_voters(connection, clip_id)
    await connection.execute(
        update(showcase_posts_table)
        .where(_posts.clip_id == clip_id, ~_posts.locked, _posts.votes != votes)
        .values({"votes": votes} | build_change_values(None))
    )
    return votes


def build_change_values(owner: str | None) -> dict[str, Any]:
    """Return the values that every change sets: out of sync, and owned by a worker."""
    return {
        "change_count": _posts.change_count + 1,
        "in_sync": False,
        "owner": case((_posts.in_sync, owner), else_=_posts.owner),
    }


def _build_row(message_id: int, clip_id: int, star: Star) -> dict[str, Any]:
    return {
        "message_id": message_id,
        "user_id": star.user_id,
        "is_super": star.is_super,
        "clip_id": clip_id,
    }


async def _update_vote_target(connection: AsyncConnection, clip_id: int) -> VoteTarget:
    votes = await update_votes(connection, clip_id)
    query = select(_posts.id).where(_posts.clip_id == clip_id, ~_posts.withdrawn)
    return VoteTarget(clip_id, votes, await connection.scalar(query))

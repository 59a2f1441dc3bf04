"""Applies changes of a showcase's channels: deletion, replacement, age restriction.

The posts of a deleted channel keep their rows and votes without a message. They are posted again
when the server has another channel.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.gallery import Reach
from bot.domain.showcase.post import AuditEntry
from bot.store.engine.database import Database, Store
from bot.store.engine.types import database_time
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.showcase.footage import refresh_reach, take_reach_lock
from bot.store.showcase.stars import build_change_values
from bot.store.tables.core import clips_table
from bot.store.tables.showcase import showcase_posts_table, showcase_settings_table

_posts = showcase_posts_table.c
_clips = clips_table.c
_HAS_NO_MESSAGE: Final = _posts.message_id.is_(None) & _posts.in_sync & ~_posts.withdrawn
"""Posts that wait for a channel or are hidden."""


class ShowcaseChannelStore(Store):
    """Changes the posts of a server after its channels have changed."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._guilds_with_old_clips: set[int] | None = None

    async def list_post_channels(self, guild_id: int) -> list[int]:
        """Return the channels that have showcase posts of a server."""
        query = select(_posts.channel_id).where(
            _posts.guild_id == guild_id, _posts.message_id.is_not(None)
        )
        channel_ids = await self._db.read_scalars(query.distinct())
        return [channel_id for channel_id in channel_ids if channel_id is not None]

    async def detach_posts(self, guild_id: int, channel_id: int, audit_entry: AuditEntry) -> int:
        """Remove the messages of a deleted channel from its posts; return how many there were.

        The posts keep their votes and wait for another channel.
        """
        statement = (
            update(showcase_posts_table)
            .where(_posts.guild_id == guild_id, _posts.channel_id == channel_id)
            .where(_posts.message_id.is_not(None))
            .values(message_id=None, revision=_posts.revision + 1, revision_at=database_time())
        )

        async def detach(connection: AsyncConnection) -> int:
            count = (await connection.execute(statement)).rowcount
            if count:
                await write_audit_entry(connection, audit_entry)
            return count

        return await self._db.write(detach)

    async def attach_posts(
        self, guild_id: int, channel_id: int, *, age_restricted: bool, owner: str | None
    ) -> int:
        """Give posts without a message another channel; return how many will be posted there."""
        waiting = (_posts.guild_id == guild_id) & _HAS_NO_MESSAGE
        new_channel: dict[str, Any] = {
            "channel_id": channel_id,
            "channel_age_restricted": age_restricted,
        }

        async def attach(connection: AsyncConnection) -> int:
            await take_reach_lock(connection)
            await connection.execute(
                update(showcase_posts_table).where(waiting).values(new_channel)
            )
            await refresh_reach(connection, waiting)
            changed = await connection.execute(
                update(showcase_posts_table)
                .where(waiting, ~_posts.hidden, _posts.reach != Reach.NOWHERE)
                .values({"revision_at": database_time()} | build_change_values(owner))
            )
            return changed.rowcount

        return await self._db.write(attach)

    async def record_channels(self, guild_id: int, channels: Mapping[int, bool]) -> None:
        """Record which of a server's channels are age-restricted now, and update its posts.

        Clips from before revision 0008 take over the state of their channel once.
        """
        if self._guilds_with_old_clips is None:
            self._guilds_with_old_clips = await self._list_guilds_with_old_clips()
        has_old_clips = guild_id in self._guilds_with_old_clips
        restricted = {channel for channel, is_restricted in channels.items() if is_restricted}
        others = channels.keys() - restricted
        own_posts, own_clips = _posts.guild_id == guild_id, _clips.guild_id == guild_id

        async def record(connection: AsyncConnection) -> None:
            await take_reach_lock(connection)
            for channel_ids, is_restricted in ((restricted, True), (others, False)):
                if not channel_ids:
                    continue
                if has_old_clips:
                    await connection.execute(
                        update(clips_table)
                        .where(own_clips, _clips.age_restricted.is_(None))
                        .where(_is_one_of(_clips.channel_id, channel_ids))
                        .values(age_restricted=is_restricted)
                    )
                await connection.execute(
                    update(showcase_posts_table)
                    .where(own_posts, _is_one_of(_posts.channel_id, channel_ids))
                    .where(_posts.channel_age_restricted != is_restricted)
                    .values(channel_age_restricted=is_restricted)
                )
            await refresh_reach(connection, own_posts)

        await self._db.write(record)
        self._guilds_with_old_clips.discard(guild_id)

    async def load_channel(self, guild_id: int) -> int | None:
        """Return the channel that a server has chosen for its showcase."""
        query = select(showcase_settings_table.c.channel_id).where(
            showcase_settings_table.c.guild_id == guild_id
        )
        return await self._db.read_scalar(query)

    async def _list_guilds_with_old_clips(self) -> set[int]:
        query = select(_clips.guild_id).where(_clips.age_restricted.is_(None)).distinct()
        guild_ids = await self._db.read_scalars(query)
        return {guild_id for guild_id in guild_ids if guild_id is not None}


def _is_one_of(column: ColumnElement[Any], channel_ids: set[int]) -> ColumnElement[bool]:
    return column.in_(sorted(channel_ids))

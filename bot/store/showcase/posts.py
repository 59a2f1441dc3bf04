"""The showcase's rows: what is wanted, who sees to it, and what Discord shows.

A wish (`show`, `mark`) is one change of a row, counted in ``changes``. Whoever claims the row
brings Discord to it and records that; the record settles the row only if no further wish has come.
Claims follow the workers' leases as those of jobs do.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, delete, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import NotAllowed
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.post import AuditEntry, NewShowcasePost, ShowcasePost
from bot.store.engine.database import Database
from bot.store.engine.types import database_time
from bot.store.showcase.audit_log import claimable_by, insert_if_absent, write_audit_entry
from bot.store.showcase.digests import mark_digests_out_of_sync
from bot.store.showcase.gallery import ENTRY_QUERY, gallery_entry_from_row, normalize_search_text
from bot.store.showcase.stars import build_change_values, count_voters, update_votes
from bot.store.tables.core import clips
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import (
    GUILD_LOCALE,
    IS_VISIBLE,
    showcase,
    showcase_blocks,
    stars,
)

_SYNC_BATCH_SIZE: Final = 200
_POST_FIELDS: Final = (
    "id",
    "public",
    "withdrawn",
    "settled",
    "owner",
    "changes",
    "revision",
    "revision_at",
    "shown_by",
)
_POST_QUERY: Final[Select[Any]] = ENTRY_QUERY.add_columns(
    *(showcase.c[name].label(f"exhibit_{name}") for name in _POST_FIELDS),
    GUILD_LOCALE.label("exhibit_locale"),
)
_IS_MODERATED: Final = or_(showcase.c.hidden, showcase.c.locked)
_DELETE_WITHDRAWN: Final = delete(showcase).where(
    showcase.c.withdrawn, showcase.c.settled, ~_IS_MODERATED
)
"""What was withdrawn leaves a bare row, so that stars do not bring it back; its maker may."""


class ShowcasePostStore:
    """The entries of `bot.domain.showcase.ports.Exhibits` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add_post(
        self, new_post: NewShowcasePost, audit_entry: AuditEntry, *, owner: str | None
    ) -> tuple[ShowcasePost, bool]:
        """Write the entry anew, or wish it back while it is being withdrawn."""
        clip = new_post.clip
        row = {
            "clip_id": clip.id,
            "guild_id": new_post.guild_id,
            "user_id": clip.user_id,
            "maker_name": new_post.maker_name[:100],
            "hide_prompt": new_post.hide_prompt,
            "words": "" if new_post.hide_prompt else normalize_search_text(clip.prompt),
            "model": clip.model,
            "seconds": clip.seconds,
            "public": new_post.public,
            "owner": owner,
            "changes": 0,
            "revision": 0,
            "revision_at": audit_entry.at,
            "shown_by": new_post.shown_by,
            "channel_id": new_post.channel_id,
            "showcased_at": audit_entry.at,
        }

        async def insert_or_restore(connection: AsyncConnection) -> tuple[ShowcasePost, bool]:
            if not new_post.by_stars:
                await connection.execute(_DELETE_WITHDRAWN.where(showcase.c.clip_id == clip.id))
            row["votes"] = await count_voters(connection, clip.id)
            new = await insert_if_absent(connection, showcase, row)
            if not new and not new_post.by_stars:
                new = await _restore_withdrawn(connection, new_post, owner)
            if new:
                await write_audit_entry(connection, audit_entry)
            elif new_post.public:
                await connection.execute(
                    update(showcase).where(showcase.c.clip_id == clip.id).values(public=True)
                )
            found = await _load_post(connection, showcase.c.clip_id == clip.id)
            assert found is not None
            if found.withdrawn:
                raise NotAllowed("showcase_hidden")
            return found, new

        return await self._db.write(insert_or_restore)

    async def get(self, post_id: int) -> ShowcasePost | None:
        """Return the exhibit, if there is one."""
        return await self._select_first(showcase.c.id == post_id)

    async def find_by_clip(self, clip_id: int) -> ShowcasePost | None:
        """Return the exhibit of a clip, unless it was withdrawn."""
        return await self._select_first(and_(showcase.c.clip_id == clip_id, ~showcase.c.withdrawn))

    async def find_by_message(self, message_id: int) -> ShowcasePost | None:
        """Return the exhibit that a message of the showcase channel shows."""
        return await self._select_first(showcase.c.message_id == message_id)

    async def list_member_post_ids(
        self, user_id: int, *, guild_id: int | None = None, include_withdrawn: bool = True
    ) -> list[int]:
        """Return the numbers of a member's exhibits, in one server or in all."""
        query = select(showcase.c.id).where(showcase.c.user_id == user_id)
        if guild_id is not None:
            query = query.where(showcase.c.guild_id == guild_id)
        if not include_withdrawn:
            query = query.where(~showcase.c.withdrawn)
        return await self._select_ids(query)

    async def update_post(
        self,
        post_id: int,
        *,
        owner: str | None,
        audit_entry: AuditEntry | None,
        hidden: bool | None = None,
        locked: bool | None = None,
        withdrawn: bool | None = None,
        hide_prompt: bool | None = None,
    ) -> ShowcasePost | None:
        """Change what an entry should be."""
        given = {
            "hidden": hidden,
            "locked": locked,
            "withdrawn": withdrawn,
            "hide_prompt": hide_prompt,
        }
        changes = {name: value for name, value in given.items() if value is not None}

        async def change_row(connection: AsyncConnection) -> ShowcasePost | None:
            before = await _load_post(connection, showcase.c.id == post_id)
            if before is None:
                return None
            values: dict[str, Any] = dict(changes)
            if hide_prompt is not None:
                prompt = await _load_prompt(connection, post_id)
                values["words"] = "" if hide_prompt else normalize_search_text(prompt)
            if hidden is False:
                values["revision_at"] = database_time()
            await connection.execute(
                update(showcase)
                .where(showcase.c.id == post_id)
                .values(values | build_change_values(owner))
            )
            if locked is False:
                await update_votes(connection, before.entry.clip.id)
            if audit_entry is not None:
                await write_audit_entry(connection, audit_entry)
            if not changes.keys() <= {"locked"}:
                await mark_digests_out_of_sync(
                    connection, before.entry.guild_id, [before.entry.clip.id]
                )
            return await _load_post(connection, showcase.c.id == post_id)

        return await self._db.write(change_row)

    async def set_blocked(
        self, audit_entry: AuditEntry, *, blocked: bool, owner: str | None
    ) -> list[int]:
        """Block a member or let them in again; return the entries that this hides."""
        here = and_(
            showcase_blocks.c.guild_id == audit_entry.guild_id,
            showcase_blocks.c.user_id == audit_entry.member_id,
        )
        theirs = and_(
            showcase.c.guild_id == audit_entry.guild_id,
            showcase.c.user_id == audit_entry.member_id,
            IS_VISIBLE,
        )

        async def write_block(connection: AsyncConnection) -> list[int]:
            await write_audit_entry(connection, audit_entry)
            if not blocked:
                await connection.execute(delete(showcase_blocks).where(here))
                return []
            row = {
                "guild_id": audit_entry.guild_id,
                "user_id": audit_entry.member_id,
                "at": audit_entry.at,
            }
            await insert_if_absent(connection, showcase_blocks, row)
            hide = (
                update(showcase)
                .where(theirs)
                .values({"hidden": True} | build_change_values(owner))
                .returning(showcase.c.id, showcase.c.clip_id)
            )
            hidden = (await connection.execute(hide)).all()
            await mark_digests_out_of_sync(
                connection, audit_entry.guild_id, [row.clip_id for row in hidden]
            )
            return [row.id for row in hidden]

        return await self._db.write(write_block)

    # -- who sees to it

    async def claim(self, post_id: int, owner: str) -> ShowcasePost | None:
        """Take an exhibit that is not settled."""
        statement = (
            update(showcase)
            .where(showcase.c.id == post_id, showcase.c.settled == false())
            .where(claimable_by(showcase.c.owner, owner))
            .values(owner=owner)
        )

        async def take_post(connection: AsyncConnection) -> ShowcasePost | None:
            if (await connection.execute(statement)).rowcount == 0:
                return None
            return await _load_post(connection, showcase.c.id == post_id)

        return await self._db.write(take_post)

    async def list_out_of_sync(self, owner: str) -> list[int]:
        """Return the exhibits that ``owner`` or nobody alive is to settle."""
        return await self._select_ids(
            select(showcase.c.id)
            .where(showcase.c.settled == false(), claimable_by(showcase.c.owner, owner))
            .order_by(showcase.c.id)
            .limit(_SYNC_BATCH_SIZE)
        )

    async def mark_published(self, post: ShowcasePost, message_id: int) -> None:
        """Record the post."""
        await self._record_sync(post, {"message_id": message_id})

    async def mark_refreshed(self, post: ShowcasePost) -> None:
        """Record that the message says what it should."""
        await self._record_sync(post, {})

    async def mark_unpublished(self, post: ShowcasePost) -> None:
        """Record that no message stands."""
        mine = showcase.c.id == post.id

        async def clear_message(connection: AsyncConnection) -> None:
            if post.entry.message_id is not None:
                await connection.execute(
                    delete(stars).where(stars.c.message_id == post.entry.message_id)
                )
            await connection.execute(
                update(showcase)
                .where(mine)
                .values(
                    message_id=None,
                    revision=showcase.c.revision + 1,
                    revision_at=database_time(),
                    settled=showcase.c.changes == post.changes,
                )
            )
            # nothing to read or to find stays of what was withdrawn
            await connection.execute(
                update(showcase)
                .where(mine, showcase.c.withdrawn)
                .values(maker_name="", words="", hide_prompt=True)
            )
            await update_votes(connection, post.entry.clip.id)

        await self._db.write(clear_message)

    async def _record_sync(self, post: ShowcasePost, values: dict[str, Any]) -> None:
        statement = (
            update(showcase)
            .where(showcase.c.id == post.id)
            .values(values | {"settled": showcase.c.changes == post.changes})
        )
        await self._db.write_one(lambda connection: connection.execute(statement))

    # -- looking

    async def list_recent(
        self, guild_id: int, *, since: datetime, limit: int
    ) -> list[ShowcasePost]:
        """Return what was shown lately and stands in the channel, the newest first."""
        query = (
            _POST_QUERY.where(showcase.c.guild_id == guild_id, IS_VISIBLE)
            .where(showcase.c.showcased_at > since, showcase.c.message_id.is_not(None))
            .order_by(showcase.c.id.desc())
            .limit(limit)
        )

        async def fetch_posts(connection: AsyncConnection) -> list[ShowcasePost]:
            return [post_from_row(row) for row in (await connection.execute(query)).mappings()]

        return await self._db.read(fetch_posts)

    async def list_top(
        self,
        guild_id: int,
        *,
        since: datetime | None,
        limit: int,
        until: datetime | None = None,
    ) -> list[GalleryEntry]:
        """Return the entries with the most votes, the earlier one first where they are equal."""
        query = ENTRY_QUERY.where(showcase.c.guild_id == guild_id, IS_VISIBLE)
        if since is not None:
            query = query.where(showcase.c.showcased_at > since)
        if until is not None:
            query = query.where(showcase.c.showcased_at <= until)
        return await self._select_entries(
            query.order_by(showcase.c.votes.desc(), showcase.c.id).limit(limit)
        )

    async def pick_random(self, guild_id: int) -> GalleryEntry | None:
        """Return any entry."""
        any_one = (
            select(showcase.c.id)
            .where(showcase.c.guild_id == guild_id, IS_VISIBLE)
            .order_by(func.random())
            .limit(1)
        )
        found = await self._select_entries(
            ENTRY_QUERY.where(showcase.c.id == any_one.scalar_subquery())
        )
        return found[0] if found else None

    async def list_member_entries(
        self, guild_id: int, user_id: int, *, limit: int
    ) -> list[GalleryEntry]:
        """Return a member's entries, the newest first, the hidden ones too."""
        return await self._select_entries(
            ENTRY_QUERY.where(showcase.c.guild_id == guild_id, showcase.c.user_id == user_id)
            .where(~showcase.c.withdrawn)
            .order_by(showcase.c.id.desc())
            .limit(limit)
        )

    async def _select_entries(self, query: Select[Any]) -> list[GalleryEntry]:
        async def fetch_entries(connection: AsyncConnection) -> list[GalleryEntry]:
            return [
                gallery_entry_from_row(row) for row in (await connection.execute(query)).mappings()
            ]

        return await self._db.read(fetch_entries)

    async def _select_first(self, condition: ColumnElement[bool]) -> ShowcasePost | None:
        return await self._db.read(lambda connection: _load_post(connection, condition))

    async def _select_ids(self, query: Select[Any]) -> list[int]:
        async def fetch_ids(connection: AsyncConnection) -> list[int]:
            return list((await connection.execute(query)).scalars())

        return await self._db.read(fetch_ids)


def post_from_row(row: Row) -> ShowcasePost:
    """Return the exhibit of a row of entries with what belongs to the post."""
    return ShowcasePost(
        entry=gallery_entry_from_row(row),
        locale=row["exhibit_locale"],
        **{name: row[f"exhibit_{name}"] for name in _POST_FIELDS},
    )


async def _load_post(
    connection: AsyncConnection, condition: ColumnElement[bool]
) -> ShowcasePost | None:
    row = (await connection.execute(_POST_QUERY.where(condition).limit(1))).mappings().one_or_none()
    return None if row is None else post_from_row(row)


async def _restore_withdrawn(
    connection: AsyncConnection, new_post: NewShowcasePost, owner: str | None
) -> bool:
    """Wish a withdrawn entry back; ``False`` where it is shown, or kept away by a moderator."""
    statement = (
        update(showcase)
        .where(showcase.c.clip_id == new_post.clip.id, showcase.c.withdrawn, ~_IS_MODERATED)
        .values(
            {
                "withdrawn": False,
                "public": new_post.public,
                "hide_prompt": new_post.hide_prompt,
                "words": ""
                if new_post.hide_prompt
                else normalize_search_text(new_post.clip.prompt),
                "maker_name": new_post.maker_name[:100],
                "shown_by": new_post.shown_by,
            }
            | build_change_values(owner)
        )
    )
    return (await connection.execute(statement)).rowcount == 1


async def _load_prompt(connection: AsyncConnection, post_id: int) -> str:
    query = select(clips.c.prompt).join(showcase, showcase.c.clip_id == clips.c.id)
    found = await connection.scalar(query.where(showcase.c.id == post_id))
    return found or ""

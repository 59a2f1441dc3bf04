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
from bot.domain.showcase.gallery import Entry
from bot.domain.showcase.post import Exhibit, Record, Showing
from bot.store.engine.database import Database
from bot.store.engine.types import database_time
from bot.store.showcase.audit_log import free_for, insert_once, write_record
from bot.store.showcase.digests import unsettle
from bot.store.showcase.gallery import ENTRIES, entry_from_row, words_of
from bot.store.showcase.stars import count_votes, tally, wished
from bot.store.tables.core import clips
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import (
    PUBLIC_LOCALE,
    VISIBLE,
    showcase,
    showcase_blocks,
    stars,
)

_MOST_UNSETTLED: Final = 200
_MORE: Final = (
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
_EXHIBITS: Final[Select[Any]] = ENTRIES.add_columns(
    *(showcase.c[name].label(f"exhibit_{name}") for name in _MORE),
    PUBLIC_LOCALE.label("exhibit_locale"),
)
_KEPT_AWAY: Final = or_(showcase.c.hidden, showcase.c.locked)
_RETURNING: Final = delete(showcase).where(showcase.c.withdrawn, showcase.c.settled, ~_KEPT_AWAY)
"""What was withdrawn leaves a bare row, so that stars do not bring it back; its maker may."""


class ShowcaseStore:
    """The entries of `bot.domain.showcase.ports.Exhibits` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def show(
        self, showing: Showing, record: Record, *, owner: str | None
    ) -> tuple[Exhibit, bool]:
        """Write the entry anew, or wish it back while it is being withdrawn."""
        clip = showing.clip
        row = {
            "clip_id": clip.id,
            "guild_id": showing.guild_id,
            "user_id": clip.user_id,
            "maker_name": showing.maker_name[:100],
            "hide_prompt": showing.hide_prompt,
            "words": "" if showing.hide_prompt else words_of(clip.prompt),
            "model": clip.model,
            "seconds": clip.seconds,
            "public": showing.public,
            "owner": owner,
            "changes": 0,
            "revision": 0,
            "revision_at": record.at,
            "shown_by": showing.by,
            "channel_id": showing.channel_id,
            "showcased_at": record.at,
        }

        async def work(connection: AsyncConnection) -> tuple[Exhibit, bool]:
            if not showing.by_stars:
                await connection.execute(_RETURNING.where(showcase.c.clip_id == clip.id))
            row["votes"] = await tally(connection, clip.id)
            new = await insert_once(connection, showcase, row)
            if not new and not showing.by_stars:
                new = await _revive(connection, showing, owner)
            if new:
                await write_record(connection, record)
            elif showing.public:
                await connection.execute(
                    update(showcase).where(showcase.c.clip_id == clip.id).values(public=True)
                )
            found = await _exhibit(connection, showcase.c.clip_id == clip.id)
            assert found is not None
            if found.withdrawn:
                raise NotAllowed("showcase_hidden")
            return found, new

        return await self._db.write(work)

    async def get(self, exhibit_id: int) -> Exhibit | None:
        """Return the exhibit, if there is one."""
        return await self._first(showcase.c.id == exhibit_id)

    async def of_clip(self, clip_id: int) -> Exhibit | None:
        """Return the exhibit of a clip, unless it was withdrawn."""
        return await self._first(and_(showcase.c.clip_id == clip_id, ~showcase.c.withdrawn))

    async def of_message(self, message_id: int) -> Exhibit | None:
        """Return the exhibit that a message of the showcase channel shows."""
        return await self._first(showcase.c.message_id == message_id)

    async def of_member(
        self, user_id: int, *, guild_id: int | None = None, withdrawn: bool = True
    ) -> list[int]:
        """Return the numbers of a member's exhibits, in one server or in all."""
        query = select(showcase.c.id).where(showcase.c.user_id == user_id)
        if guild_id is not None:
            query = query.where(showcase.c.guild_id == guild_id)
        if not withdrawn:
            query = query.where(~showcase.c.withdrawn)
        return await self._ids(query)

    async def mark(
        self,
        exhibit_id: int,
        *,
        owner: str | None,
        record: Record | None,
        hidden: bool | None = None,
        locked: bool | None = None,
        withdrawn: bool | None = None,
        hide_prompt: bool | None = None,
    ) -> Exhibit | None:
        """Change what an entry should be."""
        given = {
            "hidden": hidden,
            "locked": locked,
            "withdrawn": withdrawn,
            "hide_prompt": hide_prompt,
        }
        changes = {name: value for name, value in given.items() if value is not None}

        async def work(connection: AsyncConnection) -> Exhibit | None:
            before = await _exhibit(connection, showcase.c.id == exhibit_id)
            if before is None:
                return None
            values: dict[str, Any] = dict(changes)
            if hide_prompt is not None:
                prompt = await _prompt(connection, exhibit_id)
                values["words"] = "" if hide_prompt else words_of(prompt)
            if hidden is False:
                values["revision_at"] = database_time()
            await connection.execute(
                update(showcase).where(showcase.c.id == exhibit_id).values(values | wished(owner))
            )
            if locked is False:
                await count_votes(connection, before.entry.clip.id)
            if record is not None:
                await write_record(connection, record)
            if not changes.keys() <= {"locked"}:
                await unsettle(connection, before.entry.guild_id, [before.entry.clip.id])
            return await _exhibit(connection, showcase.c.id == exhibit_id)

        return await self._db.write(work)

    async def block(self, record: Record, *, on: bool, owner: str | None) -> list[int]:
        """Block a member or let them in again; return the entries that this hides."""
        here = and_(
            showcase_blocks.c.guild_id == record.guild_id,
            showcase_blocks.c.user_id == record.member_id,
        )
        theirs = and_(
            showcase.c.guild_id == record.guild_id,
            showcase.c.user_id == record.member_id,
            VISIBLE,
        )

        async def work(connection: AsyncConnection) -> list[int]:
            await write_record(connection, record)
            if not on:
                await connection.execute(delete(showcase_blocks).where(here))
                return []
            row = {"guild_id": record.guild_id, "user_id": record.member_id, "at": record.at}
            await insert_once(connection, showcase_blocks, row)
            hide = (
                update(showcase)
                .where(theirs)
                .values({"hidden": True} | wished(owner))
                .returning(showcase.c.id, showcase.c.clip_id)
            )
            hidden = (await connection.execute(hide)).all()
            await unsettle(connection, record.guild_id, [row.clip_id for row in hidden])
            return [row.id for row in hidden]

        return await self._db.write(work)

    # -- who sees to it

    async def claim(self, exhibit_id: int, owner: str) -> Exhibit | None:
        """Take an exhibit that is not settled."""
        statement = (
            update(showcase)
            .where(showcase.c.id == exhibit_id, showcase.c.settled == false())
            .where(free_for(showcase.c.owner, owner))
            .values(owner=owner)
        )

        async def work(connection: AsyncConnection) -> Exhibit | None:
            if (await connection.execute(statement)).rowcount == 0:
                return None
            return await _exhibit(connection, showcase.c.id == exhibit_id)

        return await self._db.write(work)

    async def unsettled(self, owner: str) -> list[int]:
        """Return the exhibits that ``owner`` or nobody alive is to settle."""
        return await self._ids(
            select(showcase.c.id)
            .where(showcase.c.settled == false(), free_for(showcase.c.owner, owner))
            .order_by(showcase.c.id)
            .limit(_MOST_UNSETTLED)
        )

    async def hung(self, exhibit: Exhibit, message_id: int) -> None:
        """Record the post."""
        await self._record(exhibit, {"message_id": message_id})

    async def refreshed(self, exhibit: Exhibit) -> None:
        """Record that the message says what it should."""
        await self._record(exhibit, {})

    async def taken_down(self, exhibit: Exhibit) -> None:
        """Record that no message stands."""
        mine = showcase.c.id == exhibit.id

        async def work(connection: AsyncConnection) -> None:
            if exhibit.entry.message_id is not None:
                await connection.execute(
                    delete(stars).where(stars.c.message_id == exhibit.entry.message_id)
                )
            await connection.execute(
                update(showcase)
                .where(mine)
                .values(
                    message_id=None,
                    revision=showcase.c.revision + 1,
                    revision_at=database_time(),
                    settled=showcase.c.changes == exhibit.changes,
                )
            )
            # nothing to read or to find stays of what was withdrawn
            await connection.execute(
                update(showcase)
                .where(mine, showcase.c.withdrawn)
                .values(maker_name="", words="", hide_prompt=True)
            )
            await count_votes(connection, exhibit.entry.clip.id)

        await self._db.write(work)

    async def _record(self, exhibit: Exhibit, values: dict[str, Any]) -> None:
        statement = (
            update(showcase)
            .where(showcase.c.id == exhibit.id)
            .values(values | {"settled": showcase.c.changes == exhibit.changes})
        )
        await self._db.write_one(lambda connection: connection.execute(statement))

    # -- looking

    async def recent(self, guild_id: int, *, since: datetime, limit: int) -> list[Exhibit]:
        """Return what was shown lately and stands in the channel, the newest first."""
        query = (
            _EXHIBITS.where(showcase.c.guild_id == guild_id, VISIBLE)
            .where(showcase.c.showcased_at > since, showcase.c.message_id.is_not(None))
            .order_by(showcase.c.id.desc())
            .limit(limit)
        )

        async def work(connection: AsyncConnection) -> list[Exhibit]:
            return [exhibit_from_row(row) for row in (await connection.execute(query)).mappings()]

        return await self._db.read(work)

    async def top(
        self,
        guild_id: int,
        *,
        since: datetime | None,
        limit: int,
        until: datetime | None = None,
    ) -> list[Entry]:
        """Return the entries with the most votes, the earlier one first where they are equal."""
        query = ENTRIES.where(showcase.c.guild_id == guild_id, VISIBLE)
        if since is not None:
            query = query.where(showcase.c.showcased_at > since)
        if until is not None:
            query = query.where(showcase.c.showcased_at <= until)
        return await self._entries(
            query.order_by(showcase.c.votes.desc(), showcase.c.id).limit(limit)
        )

    async def random(self, guild_id: int) -> Entry | None:
        """Return any entry."""
        any_one = (
            select(showcase.c.id)
            .where(showcase.c.guild_id == guild_id, VISIBLE)
            .order_by(func.random())
            .limit(1)
        )
        found = await self._entries(ENTRIES.where(showcase.c.id == any_one.scalar_subquery()))
        return found[0] if found else None

    async def mine(self, guild_id: int, user_id: int, *, limit: int) -> list[Entry]:
        """Return a member's entries, the newest first, the hidden ones too."""
        return await self._entries(
            ENTRIES.where(showcase.c.guild_id == guild_id, showcase.c.user_id == user_id)
            .where(~showcase.c.withdrawn)
            .order_by(showcase.c.id.desc())
            .limit(limit)
        )

    async def _entries(self, query: Select[Any]) -> list[Entry]:
        async def work(connection: AsyncConnection) -> list[Entry]:
            return [entry_from_row(row) for row in (await connection.execute(query)).mappings()]

        return await self._db.read(work)

    async def _first(self, condition: ColumnElement[bool]) -> Exhibit | None:
        return await self._db.read(lambda connection: _exhibit(connection, condition))

    async def _ids(self, query: Select[Any]) -> list[int]:
        async def work(connection: AsyncConnection) -> list[int]:
            return list((await connection.execute(query)).scalars())

        return await self._db.read(work)


def exhibit_from_row(row: Row) -> Exhibit:
    """Return the exhibit of a row of entries with what belongs to the post."""
    return Exhibit(
        entry=entry_from_row(row),
        locale=row["exhibit_locale"],
        **{name: row[f"exhibit_{name}"] for name in _MORE},
    )


async def _exhibit(connection: AsyncConnection, condition: ColumnElement[bool]) -> Exhibit | None:
    row = (await connection.execute(_EXHIBITS.where(condition).limit(1))).mappings().one_or_none()
    return None if row is None else exhibit_from_row(row)


async def _revive(connection: AsyncConnection, showing: Showing, owner: str | None) -> bool:
    """Wish a withdrawn entry back; ``False`` where it is shown, or kept away by a moderator."""
    statement = (
        update(showcase)
        .where(showcase.c.clip_id == showing.clip.id, showcase.c.withdrawn, ~_KEPT_AWAY)
        .values(
            {
                "withdrawn": False,
                "public": showing.public,
                "hide_prompt": showing.hide_prompt,
                "words": "" if showing.hide_prompt else words_of(showing.clip.prompt),
                "maker_name": showing.maker_name[:100],
                "shown_by": showing.by,
            }
            | wished(owner)
        )
    )
    return (await connection.execute(statement)).rowcount == 1


async def _prompt(connection: AsyncConnection, exhibit_id: int) -> str:
    query = select(clips.c.prompt).join(showcase, showcase.c.clip_id == clips.c.id)
    found = await connection.scalar(query.where(showcase.c.id == exhibit_id))
    return found or ""

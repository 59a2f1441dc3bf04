"""What members and servers leave behind, part by part, so that a crash only means going on.

A part is looked up (`remains`), its posts and files are deleted by the caller, and then its rows go
(`erase`). Rows that others' books or chains hang on stay without a name: the ledger under a
stand-in number while its windows run, so that nobody wins a fresh quota by being forgotten, and
under none (0) after that.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import MONTH
from bot.domain.erasure import Remains, stand_in
from bot.domain.jobs.job import ACTIVE, JobState
from bot.domain.jobs.request import Image, VideoPlan
from bot.store.engine.database import Database
from bot.store.showcase.audit_log import free_for, insert_once
from bot.store.showcase.stars import forget_stars
from bot.store.tables.core import channels, clips, greetings, guilds, jobs, ledger, limits
from bot.store.tables.row_mapping import job_from_row, plan_to_json
from bot.store.tables.showcase import (
    audit,
    departures,
    digests,
    farewells,
    showcase,
    showcase_blocks,
    showcase_makers,
    showcase_servers,
    stars,
)

NOBODY: Final = 0
_PART: Final = 50
_OF_SERVER: Final[tuple[ColumnElement[int], ...]] = (
    showcase.c.guild_id,
    showcase_servers.c.guild_id,
    showcase_makers.c.guild_id,
    showcase_blocks.c.guild_id,
    digests.c.guild_id,
    audit.c.guild_id,
    limits.c.guild_id,
    channels.c.guild_id,
    greetings.c.guild_id,
    guilds.c.id,
)


class FarewellStore:
    """`bot.domain.erasure.Farewells` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # -- members

    async def ask(self, user_id: int, *, owner: str, now: datetime) -> None:
        """Write that a member wants to be forgotten; the first wish stays."""
        row = {"user_id": user_id, "owner": owner, "asked_at": now}
        await self._db.write(lambda connection: insert_once(connection, farewells, row))

    async def claim(self, owner: str) -> list[tuple[int, datetime]]:
        """Take the farewells that are nobody's alive; return all of ``owner``'s."""
        statement = (
            update(farewells)
            .where(free_for(farewells.c.owner, owner))
            .values(owner=owner)
            .returning(farewells.c.user_id, farewells.c.asked_at)
        )

        async def work(connection: AsyncConnection) -> list[tuple[int, datetime]]:
            rows = await connection.execute(statement)
            return [(row.user_id, row.asked_at) for row in rows]

        return await self._db.write(work)

    async def of_member(self, user_id: int, *, before: datetime) -> Remains:
        """Return a part of what a member asked for until then."""
        return await self._remains((jobs.c.user_id == user_id) & (jobs.c.created_at <= before))

    async def forget(self, user_id: int, *, now: datetime) -> None:
        """Delete or unname the rest: votes, choices, names in logs and books. The last step."""
        theirs = select(jobs.c.id).where(jobs.c.user_id == user_id)
        booked = (ledger.c.user_id == user_id) & or_(
            ledger.c.job_id.is_(None), ledger.c.job_id.not_in(theirs)
        )
        running_out = ledger.c.counted_at > now - MONTH

        async def work(connection: AsyncConnection) -> None:
            await forget_stars(connection, user_id)
            await connection.execute(
                delete(showcase_makers).where(showcase_makers.c.user_id == user_id)
            )
            await connection.execute(
                delete(showcase).where(showcase.c.user_id == user_id, _without_clip(showcase))
            )
            await connection.execute(
                update(ledger).where(booked, running_out).values(user_id=stand_in(user_id))
            )
            await connection.execute(
                update(ledger).where(booked, ~running_out).values(user_id=NOBODY)
            )
            for column in (audit.c.actor_id, audit.c.member_id, showcase.c.shown_by, ledger.c.by):
                await _unname(connection, column, user_id, NOBODY)
            for column in (limits.c.changed_by, guilds.c.changed_by):
                await _unname(connection, column, user_id, None)
            await connection.execute(delete(farewells).where(farewells.c.user_id == user_id))

        await self._db.write(work)

    # -- servers

    async def left(self, guild_id: int, *, now: datetime) -> None:
        """Write that the bot is no longer in a server; the first time stays."""
        row = {"guild_id": guild_id, "left_at": now}
        await self._db.write(lambda connection: insert_once(connection, departures, row))

    async def back(self, guild_ids: list[int]) -> None:
        """Forget that the bot was away from these servers."""
        statement = delete(departures).where(departures.c.guild_id.in_(guild_ids))
        await self._db.write_one(lambda connection: connection.execute(statement))

    async def known_servers(self) -> list[int]:
        """Return the servers that anything is kept of and that nobody has left."""
        kept = union(
            select(guilds.c.id),
            select(showcase_servers.c.guild_id),
            select(limits.c.guild_id),
            select(clips.c.guild_id),
            select(greetings.c.guild_id),
        ).subquery()
        number = kept.c[0]
        away = select(departures.c.guild_id)
        query = select(number).where(number != 0, number.not_in(away))

        async def work(connection: AsyncConnection) -> list[int]:
            return list((await connection.execute(query)).scalars())

        return await self._db.read(work)

    async def due(self, *, before: datetime) -> list[int]:
        """Return the servers that were left before then."""
        query = select(departures.c.guild_id).where(departures.c.left_at < before)

        async def work(connection: AsyncConnection) -> list[int]:
            return list((await connection.execute(query)).scalars())

        return await self._db.read(work)

    async def of_server(self, guild_id: int) -> Remains:
        """Return a part of what was made in a server."""
        return await self._remains(jobs.c.guild_id == guild_id)

    async def remove_server(self, guild_id: int, *, left_before: datetime) -> bool:
        """Delete the rest; ``False`` when the bot has come back meanwhile. The last step."""
        away = delete(departures).where(
            departures.c.guild_id == guild_id, departures.c.left_at < left_before
        )

        async def work(connection: AsyncConnection) -> bool:
            if (await connection.execute(away)).rowcount == 0:
                return False
            for column in _OF_SERVER:
                await connection.execute(delete(_table(column)).where(column == guild_id))
            await connection.execute(
                update(ledger)
                .where(ledger.c.guild_id == guild_id)
                .values(guild_id=NOBODY, user_id=NOBODY, by=None, note=None)
            )
            return True

        return await self._db.write(work)

    # -- parts

    async def erase(self, remains: Remains) -> None:
        """Delete the rows of a part. A job whose end nobody knows stays, without its prompt."""
        part = jobs.c.id.in_(remains.job_ids)

        async def work(connection: AsyncConnection) -> None:
            for column in (stars.c.clip_id, showcase.c.clip_id, clips.c.id):
                await connection.execute(delete(_table(column)).where(column.in_(remains.clip_ids)))
            unknown = select(jobs).where(part, jobs.c.state == JobState.UNKNOWN)
            for row in (await connection.execute(unknown)).mappings().all():
                job = job_from_row(row)
                await connection.execute(
                    update(jobs)
                    .where(jobs.c.id == job.id)
                    .values(
                        plan=plan_to_json(_bare(job.plan)),
                        user_id=stand_in(job.origin.user_id),
                        role_ids="[]",
                        detail=None,
                        request_message_id=None,
                        status_message_id=None,
                        posted_message_id=None,
                    )
                )
            await connection.execute(delete(jobs).where(part, jobs.c.state != JobState.UNKNOWN))

        await self._db.write(work)

    async def tidy(self, *, now: datetime, log_until: datetime) -> None:
        """Unname sums whose windows have passed, and drop old entries of the audit log."""
        passed = (ledger.c.user_id < 0) & (ledger.c.counted_at <= now - MONTH)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(ledger).where(passed).values(user_id=NOBODY))
            await connection.execute(delete(audit).where(audit.c.at < log_until))
            # what is left of clips that were deleted
            withdrawn = showcase.c.withdrawn & showcase.c.settled
            await connection.execute(delete(showcase).where(withdrawn, _without_clip(showcase)))
            await connection.execute(delete(stars).where(_without_clip(stars)))

        await self._db.write(work)

    async def _remains(self, whose: ColumnElement[bool]) -> Remains:
        running = or_(jobs.c.state.in_(ACTIVE), jobs.c.owner.is_not(None))
        part = select(jobs).where(whose, ~running).order_by(jobs.c.id).limit(_PART)

        async def work(connection: AsyncConnection) -> Remains:
            rows = (await connection.execute(part)).mappings().all()
            ended = [job_from_row(row) for row in rows]
            ids = [job.id for job in ended]
            made = select(clips.c.id, clips.c.channel_id, clips.c.message_id, clips.c.path)
            found = (await connection.execute(made.where(clips.c.job_id.in_(ids)))).all()
            posts = {(row.channel_id, row.message_id) for row in found}
            posts |= {(job.origin.channel_id, job.status_message_id) for job in ended}
            images = {each.path for job in ended for each in _images(job.plan)}
            busy = select(func.count()).select_from(jobs).where(whose, running)
            return Remains(
                clip_ids=tuple(row.id for row in found),
                job_ids=tuple(ids),
                posts=tuple(sorted((place, post) for place, post in posts if post is not None)),
                paths=(
                    *(row.path for row in found),
                    *[path for path in images if not await _needed(connection, path, ids)],
                ),
                busy=bool(await connection.scalar(busy)),
            )

        return await self._db.read(work)


def _without_clip(table: Table) -> ColumnElement[bool]:
    clip_id: ColumnElement[int] = table.c.clip_id
    return clip_id.not_in(select(clips.c.id))


async def _needed(connection: AsyncConnection, path: str, job_ids: list[int]) -> bool:
    """Whether a job outside of the part uses an input image, which is kept once for all."""
    others = select(jobs.c.id).where(
        jobs.c.id.not_in(job_ids), jobs.c.plan.contains(path, autoescape=True)
    )
    return await connection.scalar(others.limit(1)) is not None


async def _unname(
    connection: AsyncConnection, column: ColumnElement[Any], user_id: int, instead: int | None
) -> None:
    table = _table(column)
    await connection.execute(update(table).where(column == user_id).values({column: instead}))


def _table(column: ColumnElement[Any]) -> Table:
    table = getattr(column, "table", None)
    assert isinstance(table, Table)
    return table


def _images(plan: VideoPlan) -> list[Image]:
    given = (plan.image, plan.last_frame, *plan.references)
    return [image for image in given if image is not None]


def _bare(plan: VideoPlan) -> VideoPlan:
    """Return a plan without anything that its member has put in."""
    return VideoPlan(
        model=plan.model,
        route=plan.route,
        mode=plan.mode,
        prompt="",
        aspect_ratio=plan.aspect_ratio,
        resolution=plan.resolution,
        seconds=plan.seconds,
        result_seconds=plan.result_seconds,
        videos=plan.videos,
        price=plan.price,
    )

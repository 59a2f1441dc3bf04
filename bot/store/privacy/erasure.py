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
from bot.domain.erasure import ErasureBatch, pseudonym_for
from bot.domain.jobs.job import ACTIVE_STATES, JobState
from bot.domain.jobs.request import InputImage, VideoPlan
from bot.store.engine.database import Database
from bot.store.showcase.audit_log import claimable_by, insert_if_absent
from bot.store.showcase.stars import anonymize_stars
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

ANONYMOUS_ID: Final = 0
_BATCH_SIZE: Final = 50
_GUILD_COLUMNS: Final[tuple[ColumnElement[int], ...]] = (
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


class ErasureStore:
    """`bot.domain.erasure.Farewells` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # -- members

    async def request_erasure(self, user_id: int, *, owner: str, now: datetime) -> None:
        """Write that a member wants to be forgotten; the first wish stays."""
        row = {"user_id": user_id, "owner": owner, "asked_at": now}
        await self._db.write(lambda connection: insert_if_absent(connection, farewells, row))

    async def claim_requests(self, owner: str) -> list[tuple[int, datetime]]:
        """Take the farewells that are nobody's alive; return all of ``owner``'s."""
        statement = (
            update(farewells)
            .where(claimable_by(farewells.c.owner, owner))
            .values(owner=owner)
            .returning(farewells.c.user_id, farewells.c.asked_at)
        )

        async def take_requests(connection: AsyncConnection) -> list[tuple[int, datetime]]:
            rows = await connection.execute(statement)
            return [(row.user_id, row.asked_at) for row in rows]

        return await self._db.write(take_requests)

    async def load_member_batch(self, user_id: int, *, requested_at: datetime) -> ErasureBatch:
        """Return a part of what a member asked for until then."""
        return await self._load_batch(
            (jobs.c.user_id == user_id) & (jobs.c.created_at <= requested_at)
        )

    async def erase_member(self, user_id: int, *, now: datetime) -> None:
        """Delete or unname the rest: votes, choices, names in logs and books. The last step."""
        theirs = select(jobs.c.id).where(jobs.c.user_id == user_id)
        booked = (ledger.c.user_id == user_id) & or_(
            ledger.c.job_id.is_(None), ledger.c.job_id.not_in(theirs)
        )
        running_out = ledger.c.counted_at > now - MONTH

        async def erase_rows(connection: AsyncConnection) -> None:
            await anonymize_stars(connection, user_id)
            await connection.execute(
                delete(showcase_makers).where(showcase_makers.c.user_id == user_id)
            )
            await connection.execute(
                delete(showcase).where(showcase.c.user_id == user_id, _has_no_clip(showcase))
            )
            await connection.execute(
                update(ledger).where(booked, running_out).values(user_id=pseudonym_for(user_id))
            )
            await connection.execute(
                update(ledger).where(booked, ~running_out).values(user_id=ANONYMOUS_ID)
            )
            for column in (audit.c.actor_id, audit.c.member_id, showcase.c.shown_by, ledger.c.by):
                await _anonymize_column(connection, column, user_id, ANONYMOUS_ID)
            for column in (limits.c.changed_by, guilds.c.changed_by):
                await _anonymize_column(connection, column, user_id, None)
            await connection.execute(delete(farewells).where(farewells.c.user_id == user_id))

        await self._db.write(erase_rows)

    # -- servers

    async def mark_guild_left(self, guild_id: int, *, now: datetime) -> None:
        """Write that the bot is no longer in a server; the first time stays."""
        row = {"guild_id": guild_id, "left_at": now}
        await self._db.write(lambda connection: insert_if_absent(connection, departures, row))

    async def mark_guilds_rejoined(self, guild_ids: list[int]) -> None:
        """Forget that the bot was away from these servers."""
        statement = delete(departures).where(departures.c.guild_id.in_(guild_ids))
        await self._db.write_one(lambda connection: connection.execute(statement))

    async def list_known_guilds(self) -> list[int]:
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

        async def fetch_ids(connection: AsyncConnection) -> list[int]:
            return list((await connection.execute(query)).scalars())

        return await self._db.read(fetch_ids)

    async def list_guilds_left(self, *, before: datetime) -> list[int]:
        """Return the servers that were left before then."""
        query = select(departures.c.guild_id).where(departures.c.left_at < before)

        async def fetch_ids(connection: AsyncConnection) -> list[int]:
            return list((await connection.execute(query)).scalars())

        return await self._db.read(fetch_ids)

    async def load_guild_batch(self, guild_id: int) -> ErasureBatch:
        """Return a part of what was made in a server."""
        return await self._load_batch(jobs.c.guild_id == guild_id)

    async def erase_guild(self, guild_id: int, *, left_before: datetime) -> bool:
        """Delete the rest; ``False`` when the bot has come back meanwhile. The last step."""
        away = delete(departures).where(
            departures.c.guild_id == guild_id, departures.c.left_at < left_before
        )

        async def erase_rows(connection: AsyncConnection) -> bool:
            if (await connection.execute(away)).rowcount == 0:
                return False
            for column in _GUILD_COLUMNS:
                await connection.execute(delete(_find_table(column)).where(column == guild_id))
            await connection.execute(
                update(ledger)
                .where(ledger.c.guild_id == guild_id)
                .values(guild_id=ANONYMOUS_ID, user_id=ANONYMOUS_ID, by=None, note=None)
            )
            return True

        return await self._db.write(erase_rows)

    # -- parts

    async def erase_batch(self, batch: ErasureBatch) -> None:
        """Delete the rows of a part. A job whose end nobody knows stays, without its prompt."""
        part = jobs.c.id.in_(batch.job_ids)

        async def delete_rows(connection: AsyncConnection) -> None:
            for column in (stars.c.clip_id, showcase.c.clip_id, clips.c.id):
                await connection.execute(
                    delete(_find_table(column)).where(column.in_(batch.clip_ids))
                )
            unknown = select(jobs).where(part, jobs.c.state == JobState.UNKNOWN)
            for row in (await connection.execute(unknown)).mappings().all():
                job = job_from_row(row)
                await connection.execute(
                    update(jobs)
                    .where(jobs.c.id == job.id)
                    .values(
                        plan=plan_to_json(_strip_content(job.plan)),
                        user_id=pseudonym_for(job.origin.user_id),
                        role_ids="[]",
                        detail=None,
                        request_message_id=None,
                        status_message_id=None,
                        posted_message_id=None,
                    )
                )
            await connection.execute(delete(jobs).where(part, jobs.c.state != JobState.UNKNOWN))

        await self._db.write(delete_rows)

    async def purge_expired(self, *, now: datetime, audit_before: datetime) -> None:
        """Unname sums whose windows have passed, and drop old entries of the audit log."""
        passed = (ledger.c.user_id < 0) & (ledger.c.counted_at <= now - MONTH)

        async def purge_rows(connection: AsyncConnection) -> None:
            await connection.execute(update(ledger).where(passed).values(user_id=ANONYMOUS_ID))
            await connection.execute(delete(audit).where(audit.c.at < audit_before))
            # what is left of clips that were deleted
            withdrawn = showcase.c.withdrawn & showcase.c.settled
            await connection.execute(delete(showcase).where(withdrawn, _has_no_clip(showcase)))
            await connection.execute(delete(stars).where(_has_no_clip(stars)))

        await self._db.write(purge_rows)

    async def _load_batch(self, condition: ColumnElement[bool]) -> ErasureBatch:
        running = or_(jobs.c.state.in_(ACTIVE_STATES), jobs.c.owner.is_not(None))
        part = select(jobs).where(condition, ~running).order_by(jobs.c.id).limit(_BATCH_SIZE)

        async def collect_batch(connection: AsyncConnection) -> ErasureBatch:
            rows = (await connection.execute(part)).mappings().all()
            ended = [job_from_row(row) for row in rows]
            ids = [job.id for job in ended]
            made = select(clips.c.id, clips.c.channel_id, clips.c.message_id, clips.c.path)
            found = (await connection.execute(made.where(clips.c.job_id.in_(ids)))).all()
            posts = {(row.channel_id, row.message_id) for row in found}
            posts |= {(job.origin.channel_id, job.status_message_id) for job in ended}
            images = {each.path for job in ended for each in _list_images(job.plan)}
            busy = select(func.count()).select_from(jobs).where(condition, running)
            return ErasureBatch(
                clip_ids=tuple(row.id for row in found),
                job_ids=tuple(ids),
                posts=tuple(sorted((place, post) for place, post in posts if post is not None)),
                paths=(
                    *(row.path for row in found),
                    *[path for path in images if not await _is_image_needed(connection, path, ids)],
                ),
                has_running_jobs=bool(await connection.scalar(busy)),
            )

        return await self._db.read(collect_batch)


def _has_no_clip(table: Table) -> ColumnElement[bool]:
    clip_id: ColumnElement[int] = table.c.clip_id
    return clip_id.not_in(select(clips.c.id))


async def _is_image_needed(connection: AsyncConnection, path: str, job_ids: list[int]) -> bool:
    """Whether a job outside of the part uses an input image, which is kept once for all."""
    others = select(jobs.c.id).where(
        jobs.c.id.not_in(job_ids), jobs.c.plan.contains(path, autoescape=True)
    )
    return await connection.scalar(others.limit(1)) is not None


async def _anonymize_column(
    connection: AsyncConnection, column: ColumnElement[Any], user_id: int, replacement: int | None
) -> None:
    table = _find_table(column)
    await connection.execute(update(table).where(column == user_id).values({column: replacement}))


def _find_table(column: ColumnElement[Any]) -> Table:
    table = getattr(column, "table", None)
    assert isinstance(table, Table)
    return table


def _list_images(plan: VideoPlan) -> list[InputImage]:
    given = (plan.image, plan.last_frame, *plan.references)
    return [image for image in given if image is not None]


def _strip_content(plan: VideoPlan) -> VideoPlan:
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

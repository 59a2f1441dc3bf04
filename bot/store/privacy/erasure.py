"""Erases members and servers in batches, so that the work can continue after a crash.

A batch is loaded, the caller deletes its posts and files, and then `ErasureStore.erase_batch`
deletes its rows. Rows that sums or other people's clips depend on stay, but without the member's
id. Ledger entries get a pseudonym until their windows end, so that an erasure does not renew the
quota, and null after that.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.erasure import ErasureBatch, QuestionBatch, pseudonym_for
from bot.domain.guild import WHOLE_BOT_ID
from bot.domain.jobs.job import ACTIVE_STATES, ENDED_STATES, JobState
from bot.domain.jobs.request import VideoPlan
from bot.store.engine.database import Store
from bot.store.engine.distinct_values import build_distinct_values
from bot.store.engine.row_batches import find_table
from bot.store.engine.upserts import insert_if_absent
from bot.store.jobs.remote_deletions import request_deletions
from bot.store.jobs.workers import claimable_by
from bot.store.moderation.questions import load_open_plans, load_question_batch, withdraw_where
from bot.store.privacy.remaining_rows import (
    erase_rest_of_guild,
    erase_rest_of_member,
    purge_expired_rows,
)
from bot.store.showcase.footage import mark_footage_deleted
from bot.store.showcase.search_words import refresh_post_words
from bot.store.tables.core import (
    clips_table,
    guilds_table,
    job_inputs_table,
    jobs_table,
    ledger_table,
    limits_table,
    reposts_table,
    welcomed_guilds_table,
)
from bot.store.tables.moderation import (
    log_channels_table,
    questions_table,
    report_cases_table,
    reports_table,
    reviews_table,
)
from bot.store.tables.row_mapping import job_from_row, list_input_paths, plan_to_json
from bot.store.tables.showcase import (
    erasure_requests_table,
    footage_table,
    guild_removals_table,
    server_pages_table,
    showcase_posts_table,
    showcase_settings_table,
    stars_table,
)

_jobs = jobs_table.c
_ledger = ledger_table.c
_posts = showcase_posts_table.c
_removals = guild_removals_table.c
_BATCH_SIZE: Final = 50


class ErasureStore(Store):
    """Requests to erase members, the servers that the bot has left, and their erasure."""

    # -- members

    async def request_erasure(self, user_id: int, *, owner: str, now: datetime) -> None:
        """Record a member's request for erasure; an earlier request stays as it is."""
        row = {"user_id": user_id, "owner": owner, "requested_at": now}
        await self._db.write(
            lambda connection: insert_if_absent(connection, erasure_requests_table, row)
        )

    async def claim_requests(self, owner: str) -> list[tuple[int, datetime]]:
        """Claim the requests that no living worker owns; return all of ``owner``.

        They are pairs of the member's id and the time of the request.
        """
        statement = (
            update(erasure_requests_table)
            .where(claimable_by(erasure_requests_table.c.owner, owner))
            .values(owner=owner)
            .returning(erasure_requests_table.c.user_id, erasure_requests_table.c.requested_at)
        )

        async def take_requests(connection: AsyncConnection) -> list[tuple[int, datetime]]:
            rows = await connection.execute(statement)
            return [(row.user_id, row.requested_at) for row in rows]

        return await self._db.write(take_requests)

    async def load_member_batch(self, user_id: int, *, requested_at: datetime) -> ErasureBatch:
        """Return a batch of what a member's jobs from before the request left behind."""
        return await self._load_batch(
            (_jobs.user_id == user_id) & (_jobs.created_at <= requested_at)
        )

    async def erase_member(self, user_id: int, *, now: datetime) -> None:
        """Delete or anonymize the rest as the last step: stars, preferences, logs and ledger."""
        await erase_rest_of_member(self._db, user_id, now=now)

    async def withdraw_questions(self, user_id: int) -> QuestionBatch:
        """End a member's requests that wait for a moderator; return what all left behind."""
        is_members = questions_table.c.user_id == user_id

        async def end_and_collect(connection: AsyncConnection) -> QuestionBatch:
            await withdraw_where(connection, is_members)
            return await load_question_batch(connection, is_members)

        return await self._db.write(end_and_collect)

    async def erase_questions(self, batch: QuestionBatch) -> None:
        """Delete the rows of a batch; the caller has deleted its messages and files."""
        is_in_batch = questions_table.c.id.in_(batch.question_ids)
        await self._db.execute(delete(questions_table).where(is_in_batch))

    # -- servers

    async def mark_guild_left(self, guild_id: int, *, now: datetime) -> None:
        """Record that the bot has left a server; an earlier time stays as it is."""
        row = {"guild_id": guild_id, "left_at": now}
        await self._db.write(
            lambda connection: insert_if_absent(connection, guild_removals_table, row)
        )

    async def mark_guilds_rejoined(self, guild_ids: list[int]) -> None:
        """Delete the records that the bot has left these servers."""
        statement = delete(guild_removals_table).where(_removals.guild_id.in_(guild_ids))
        await self._db.execute(statement)

    async def list_known_guilds(self) -> list[int]:
        """Return the servers that have data, except those that the bot has left."""
        # footage has the servers of all clips and, unlike them, an index
        with_clips = build_distinct_values(footage_table.c.guild_id)
        known = union(
            select(guilds_table.c.id),
            select(showcase_settings_table.c.guild_id),
            select(server_pages_table.c.guild_id),
            select(limits_table.c.guild_id),
            select(with_clips.c.value).where(with_clips.c.value.is_not(None)),
            select(welcomed_guilds_table.c.guild_id),
            select(log_channels_table.c.guild_id),
        ).subquery()
        guild_id = known.c[0]
        left = select(_removals.guild_id)
        query = select(guild_id).where(guild_id != WHOLE_BOT_ID, guild_id.not_in(left))
        return await self._db.read_scalars(query)

    async def list_guilds_left(self, *, before: datetime) -> list[int]:
        """Return the servers that the bot left before a time."""
        query = select(_removals.guild_id).where(_removals.left_at < before)
        return await self._db.read_scalars(query)

    async def load_guild_batch(self, guild_id: int) -> ErasureBatch:
        """Return a batch of what the jobs of a server left behind."""
        # an unknown job stays, under a pseudonym
        is_left = or_(_jobs.state != JobState.UNKNOWN, _jobs.user_id > 0)
        return await self._load_batch((_jobs.guild_id == guild_id) & is_left)

    async def erase_guild(self, guild_id: int, *, left_before: datetime) -> bool:
        """Delete the rest as the last step; return ``False`` if the bot has rejoined meanwhile."""
        return await erase_rest_of_guild(self._db, guild_id, left_before=left_before)

    # -- batches

    async def erase_batch(self, batch: ErasureBatch) -> None:
        """Delete the rows of a batch, and request the deletions at Google.

        Unknown jobs stay without their content, because they may have to be paid. It stays known
        which clips contain the footage, but not whose it was.
        """
        in_batch = _jobs.id.in_(batch.job_ids)

        async def delete_rows(connection: AsyncConnection) -> None:
            await request_deletions(connection, batch.job_ids, is_erasure=True)
            await mark_footage_deleted(connection, batch.clip_ids, is_creator_erased=True)
            for column in (
                stars_table.c.clip_id,
                _posts.clip_id,
                reports_table.c.clip_id,
                report_cases_table.c.clip_id,
                clips_table.c.id,
            ):
                await connection.execute(
                    delete(find_table(column)).where(column.in_(batch.clip_ids))
                )
            for owned in (job_inputs_table, reposts_table, reviews_table):
                await connection.execute(delete(owned).where(owned.c.job_id.in_(batch.job_ids)))
            unknown = select(jobs_table).where(in_batch, _jobs.state == JobState.UNKNOWN)
            for row in (await connection.execute(unknown)).mappings().all():
                job = job_from_row(row)
                await connection.execute(
                    update(jobs_table)
                    .where(_jobs.id == job.id)
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
            await connection.execute(
                delete(jobs_table).where(in_batch, _jobs.state != JobState.UNKNOWN)
            )
            await refresh_post_words(connection, batch.clip_ids)

        await self._db.write(delete_rows)

    async def purge_expired(self, *, now: datetime, audit_before: datetime) -> None:
        """Remove pseudonyms whose windows have ended, old audit entries and rows without a clip."""
        await purge_expired_rows(self._db, now=now, audit_before=audit_before)

    async def _load_batch(self, condition: ColumnElement[bool]) -> ErasureBatch:
        has_ended = _jobs.state.in_(ENDED_STATES) & _jobs.owner.is_(None)
        # not sorted: every batch would have to sort all that are left
        ended = select(jobs_table).where(condition, has_ended).limit(_BATCH_SIZE)
        # two queries, and no IS NOT NULL, because then SQLite would read all jobs
        running = [
            select(_jobs.id).where(condition, is_running).limit(1)
            for is_running in (_jobs.state.in_(ACTIVE_STATES), _jobs.owner > "")
        ]

        async def collect_batch(connection: AsyncConnection) -> ErasureBatch:
            jobs = [job_from_row(row) for row in (await connection.execute(ended)).mappings()]
            job_ids = [job.id for job in jobs]
            columns = (clips_table.c[name] for name in ("id", "channel_id", "message_id", "path"))
            clips = (
                await connection.execute(select(*columns).where(clips_table.c.job_id.in_(job_ids)))
            ).all()
            posts = {(clip.channel_id, clip.message_id) for clip in clips}
            posts |= {(job.origin.channel_id, job.status_message_id) for job in jobs}
            copies = reposts_table.c
            reposts = select(copies.channel_id, copies.message_id).where(copies.job_id.in_(job_ids))
            posts |= {tuple(row) for row in (await connection.execute(reposts)).all()}
            cases = report_cases_table.c
            reported = select(cases.channel_id, cases.message_id).where(
                cases.clip_id.in_([clip.id for clip in clips])
            )
            posts |= {tuple(row) for row in (await connection.execute(reported)).all()}
            return ErasureBatch(
                clip_ids=tuple(clip.id for clip in clips),
                job_ids=tuple(job_ids),
                posts=tuple(
                    sorted(
                        (channel_id, message_id)
                        for channel_id, message_id in posts
                        if message_id is not None
                    )
                ),
                paths=(
                    *(clip.path for clip in clips),
                    *await _load_own_inputs(connection, job_ids),
                ),
                has_running_jobs=any(
                    [await connection.scalar(query) is not None for query in running]
                ),
            )

        return await self._db.read(collect_batch)


async def _load_own_inputs(connection: AsyncConnection, job_ids: list[int]) -> list[str]:
    """Return the input images that only these jobs use, because equal images share a file."""
    path, job_id = job_inputs_table.c.path, job_inputs_table.c.job_id
    paths = set(await connection.scalars(select(path).where(job_id.in_(job_ids))))
    shared = select(path).where(path.in_(paths), job_id.not_in(job_ids))
    waiting = {
        path for plan in await load_open_plans(connection) for path in list_input_paths(plan)
    }
    return sorted(paths - waiting - set(await connection.scalars(shared)))


def _strip_content(plan: VideoPlan) -> VideoPlan:
    """Return the plan without anything that the member entered."""
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

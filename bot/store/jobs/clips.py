"""Finished clips; their rows are written after their files, and before anything is posted."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clips.clip import Clip, NewClip
from bot.domain.clips.interaction_lifetime import LEARNED_LIFETIME_VALID_FOR
from bot.domain.jobs.job import UNDECIDED_REVIEWS, Job, JobState
from bot.domain.jobs.request import GenerationMode
from bot.domain.jobs.takes import DRAFT_LIFETIME
from bot.store.engine.database import Store
from bot.store.engine.types import database_time
from bot.store.engine.upserts import insert_if_absent
from bot.store.jobs.remote_deletions import request_deletions
from bot.store.moderation.report_rows import mark_cases_changed
from bot.store.tables.core import (
    clips_table,
    interaction_lifetimes_table,
    jobs_table,
    reposts_table,
)
from bot.store.tables.row_mapping import clip_from_row
from bot.store.tables.showcase import IS_VISIBLE, footage_table, showcase_posts_table

_clips = clips_table.c
_jobs = jobs_table.c
_footage = footage_table.c
_posts = showcase_posts_table.c
_reposts = reposts_table.c
_lifetimes = interaction_lifetimes_table.c
_IS_SHOWN: Final = ~_clips.withheld
_MAX_EQUAL_FILES: Final = 20


class ClipStore(Store):
    """Reads finished clips, and deletes their rows.

    Clips that moderators have not let pass are found only by their job, which delivers them.
    """

    async def get(self, clip_id: int) -> Clip | None:
        return await self._select_first(select(clips_table).where(_clips.id == clip_id, _IS_SHOWN))

    async def find_for_link(self, clip_id: int) -> Clip | None:
        """Return a clip whose file may be had by a link: also one that moderators must see first.

        From their decision on, a refused clip is not found, although its row is deleted later.
        """
        undecided = select(1).where(
            _jobs.id == _clips.job_id,
            _jobs.state == JobState.POSTING,
            _jobs.review.in_(UNDECIDED_REVIEWS),
        )
        may_be_had = or_(_IS_SHOWN, undecided.exists())
        return await self._select_first(select(clips_table).where(_clips.id == clip_id, may_be_had))

    async def find_by_message(self, message_id: int) -> Clip | None:
        """Return the first clip of a message that is not a draft."""
        return await self._select_first(
            select(clips_table)
            .where(_clips.message_id == message_id, _clips.draft_until.is_(None))
            .order_by(_clips.index, _clips.id)
        )

    async def find_by_hash(self, sha256: str) -> list[Clip]:
        """Return the clips whose original has this hash, which are rarely more than one."""
        return await self._select_clips(
            select(clips_table)
            .where(_clips.sha256 == sha256, _IS_SHOWN)
            .order_by(_clips.id)
            .limit(_MAX_EQUAL_FILES)
        )

    async def list_for_job(self, job_id: int) -> list[Clip]:
        """Return a job's clips in order."""
        return await self._select_clips(
            select(clips_table).where(_clips.job_id == job_id).order_by(_clips.index)
        )

    async def list_for_request(self, job: Job) -> list[Clip]:
        """Return the clips of a job's message: for a draft, those of all drafts in it."""
        if job.takes_key is None:
            return await self.list_for_job(job.id)
        drafts = select(_jobs.id).where(
            _jobs.takes_key == job.takes_key,
            _jobs.posted_message_id.is_not_distinct_from(job.posted_message_id),
        )
        return await self._select_clips(
            select(clips_table).where(_clips.job_id.in_(drafts)).order_by(_clips.job_id)
        )

    async def delete_for_job(self, job_id: int) -> None:
        """Delete the rows of a job's clips, and request the deletions at Google.

        Their ids are never used again.
        """

        async def delete_rows(connection: AsyncConnection) -> None:
            await request_deletions(connection, [job_id])
            await mark_cases_changed(connection, _clips.job_id == job_id)
            await connection.execute(delete(clips_table).where(_clips.job_id == job_id))

        await self._db.write(delete_rows)

    async def forget_messages(self, channel_id: int) -> None:
        """Record that a channel and its messages are gone."""
        in_channel = (_clips.channel_id == channel_id) & _clips.message_id.is_not(None)
        await self._db.execute(update(clips_table).where(in_channel).values(message_id=None))
        await self._db.execute(delete(reposts_table).where(_reposts.channel_id == channel_id))

    async def save_poster_colors(self, clip_id: int, colors: str) -> None:
        """Record `Clip.poster_colors`."""
        is_clip = _clips.id == clip_id
        await self._db.execute(update(clips_table).where(is_clip).values(poster_colors=colors))

    async def add_repost(self, job_id: int, *, channel_id: int, message_id: int) -> None:
        """Record another message with a job's clips."""
        row = {"message_id": message_id, "job_id": job_id, "channel_id": channel_id}
        await self._db.write(lambda connection: insert_if_absent(connection, reposts_table, row))

    async def list_reposts(self, job_id: int) -> list[tuple[int, int]]:
        """Return pairs of channel and message id of the other messages with a job's clips."""
        query = select(_reposts.channel_id, _reposts.message_id).where(_reposts.job_id == job_id)
        return [(row["channel_id"], row["message_id"]) for row in await self._db.read_rows(query)]

    async def delete_reposts(self, job_id: int) -> None:
        await self._db.execute(delete(reposts_table).where(_reposts.job_id == job_id))

    async def list_history(
        self,
        *,
        user_id: int,
        guild_id: int | None,
        before: int | None = None,
        after: int | None = None,
        showcased_only: bool = False,
        limit: int,
    ) -> list[Clip]:
        """Return up to ``limit`` clips of a member, newest first.

        If ``guild_id`` is `None`, they are from all servers and direct messages. ``before`` and
        ``after`` are clip ids; with ``after`` the clips closest to it are returned.
        """
        query, clip_id = select(clips_table).where(_clips.user_id == user_id), _clips.id
        query = query.where(_IS_SHOWN)
        if showcased_only:
            # begins with the posts, because few clips have one
            query = query.join(showcase_posts_table, _posts.clip_id == _clips.id)
            query, clip_id = query.where(_posts.user_id == user_id, IS_VISIBLE), _posts.clip_id
        if guild_id is not None:
            query = query.where(_clips.guild_id == guild_id)
        if before is not None:
            query = query.where(clip_id < before)
        if after is not None:
            query = query.where(clip_id > after)
        if after is None:
            return await self._select_clips(query.order_by(clip_id.desc()).limit(limit))
        clips = await self._select_clips(query.order_by(clip_id).limit(limit))
        return clips[::-1]

    async def list_lineage(self, root_id: int, *, limit: int) -> list[Clip]:
        """Return the clip ``root_id`` and all clips made from it, in the order of their ids."""
        in_lineage = or_(_clips.id == root_id, _clips.root_clip_id == root_id)
        return await self._select_clips(
            select(clips_table).where(in_lineage, _IS_SHOWN).order_by(_clips.id).limit(limit)
        )

    async def _select_first(self, query: Select[Any]) -> Clip | None:
        clips = await self._select_clips(query.limit(1))
        return clips[0] if clips else None

    async def _select_clips(self, query: Select[Any]) -> list[Clip]:
        """Return the clips, with the learned lifetimes of their interactions."""
        has_valid_lifetime = (_lifetimes.route == _clips.route) & (
            _lifetimes.learnt_at > database_time(-LEARNED_LIFETIME_VALID_FOR.total_seconds())
        )
        query = query.outerjoin(interaction_lifetimes_table, has_valid_lifetime)
        rows = await self._db.read_rows(query.add_columns(_lifetimes.kept_s))
        return [clip_from_row(row) for row in rows]


async def write_clips(
    connection: AsyncConnection, job: Job, new_clips: Sequence[NewClip]
) -> list[Clip]:
    """Write the clips of ``job``, or return them if an earlier attempt has written them."""
    query = select(clips_table).where(_clips.job_id == job.id).order_by(_clips.index)
    rows = (await connection.execute(query)).mappings().all()
    if not rows and new_clips:
        root, parent, depth = await _find_ancestry(connection, job)
        plan = job.plan
        common: dict[str, Any] = {
            "job_id": job.id,
            "guild_id": job.origin.guild_id,
            "channel_id": job.origin.channel_id,
            "user_id": job.origin.user_id,
            "model": plan.model,
            "route": plan.route,
            "mode": plan.mode,
            "prompt": plan.prompt,
            "aspect_ratio": plan.aspect_ratio,
            "resolution": plan.resolution,
            "extension_depth": depth,
            "parent_clip_id": parent,
            "root_clip_id": root,
            "age_restricted": job.origin.age_restricted
            or await _is_source_restricted(connection, job),
            "created_at": database_time(),
            "withheld": job.review is not None,
            "spoiler": await _is_source_behind_spoiler(connection, job),
            "draft_until": database_time(DRAFT_LIFETIME.total_seconds())
            if job.is_open_take
            else None,
        }
        for new_clip in new_clips:
            values = {name: getattr(new_clip, name) for name in NewClip.__slots__}
            if values.pop("is_joined"):
                values |= _describe_joined(job)
            statement = insert(clips_table).values(common | values).returning(_clips.id)
            clip_id = (await connection.execute(statement)).scalar_one()
            await _write_footage(connection, job, clip_id)
        rows = (await connection.execute(query)).mappings().all()
    return [clip_from_row(row) for row in rows]


def _describe_joined(job: Job) -> dict[str, Any]:
    """Return what differs in a clip that has the size of the one it was joined to."""
    parent = job.plan.parent
    values: dict[str, Any] = {"mode": GenerationMode.CONTINUATION}
    if parent is not None:
        values |= {"aspect_ratio": parent.aspect_ratio, "resolution": parent.resolution}
    return values


async def _find_ancestry(
    connection: AsyncConnection, job: Job
) -> tuple[int | None, int | None, int]:
    """Return the root, parent and extension depth of a job's clips; a first clip has no root."""
    source = job.plan.parent
    if source is None:
        return None, None, 0
    root = await connection.scalar(select(_clips.root_clip_id).where(_clips.id == source.clip_id))
    is_longer = job.plan.mode is GenerationMode.EXTENSION or job.plan.preceding is not None
    depth = source.extension_depth + is_longer
    return root or source.clip_id, source.clip_id, depth


async def _is_source_restricted(connection: AsyncConnection, job: Job) -> bool:
    source = job.plan.parent
    if source is None:
        return False
    stored = await connection.scalar(
        select(_clips.age_restricted).where(_clips.id == source.clip_id)
    )
    return source.age_restricted or bool(stored)


async def _is_source_behind_spoiler(connection: AsyncConnection, job: Job) -> bool:
    """Return whether a clip is made from one behind a spoiler, which is seen in it, too."""
    source = job.plan.parent
    if source is None:
        return False
    stored = select(_clips.spoiler).where(_clips.id == source.clip_id)
    return bool(await connection.scalar(stored))


async def _write_footage(connection: AsyncConnection, job: Job, clip_id: int) -> None:
    """Record whose footage is in a new clip, even if its source was deleted meanwhile."""
    row = {"clip_id": clip_id, "guild_id": job.origin.guild_id}
    rows: list[dict[str, Any]] = [
        row | {"source_clip_id": clip_id, "user_id": job.origin.user_id, "is_deleted": False}
    ]
    source = job.plan.parent
    if source is not None:
        columns = (_footage.source_clip_id, _footage.user_id, _footage.is_deleted)
        query = select(*columns).where(_footage.clip_id == source.clip_id)
        inherited = [dict(footage) for footage in (await connection.execute(query)).mappings()]
        # nothing is known of a source without rows, so nobody can allow it to be shown
        unknown = {"source_clip_id": source.clip_id, "user_id": None, "is_deleted": True}
        rows += [row | footage for footage in inherited or [unknown]]
    await connection.execute(insert(footage_table), rows)

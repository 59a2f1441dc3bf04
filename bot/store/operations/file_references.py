"""Finds the files on disk that the database still refers to."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clips.file_retention import RetentionClass
from bot.domain.jobs.job import ACTIVE_STATES
from bot.store.engine.database import Store
from bot.store.moderation.questions import load_open_plans
from bot.store.tables.core import clips_table, job_inputs_table, jobs_table
from bot.store.tables.row_mapping import list_input_paths, plan_from_json
from bot.store.tables.showcase import showcase_posts_table

_BATCH_SIZE: Final = 500


class FileReferenceStore(Store):
    """Classifies files; their retention times are in `bot.domain.clips.file_retention`."""

    async def classify_jobs(self, job_ids: Iterable[int]) -> dict[int, RetentionClass]:
        """Return the retention class of these jobs' files, except ended jobs without clips."""
        ordered, classes = sorted(job_ids), dict[int, RetentionClass]()
        for start in range(0, len(ordered), _BATCH_SIZE):
            batch = ordered[start : start + _BATCH_SIZE]
            classes |= await self._db.read(partial(_classify_batch, job_ids=batch))
        sources = await self._db.read(_find_sources_in_use)
        return classes | dict.fromkeys(classes.keys() & sources, RetentionClass.IN_USE)

    async def list_inputs_in_use(self, *, since: datetime | None) -> set[str]:
        """Return the paths of the input images of running jobs and of those accepted since a time.

        Without ``since``, those of all jobs. Those of requests that wait for a moderator count too.
        """
        query = select(job_inputs_table.c.path).distinct()
        if since is not None:
            query = query.join(jobs_table, jobs_table.c.id == job_inputs_table.c.job_id).where(
                or_(jobs_table.c.created_at >= since, jobs_table.c.state.in_(ACTIVE_STATES))
            )
        waiting = await self._db.read(load_open_plans)
        paths = {path for plan in waiting for path in list_input_paths(plan)}
        return paths | set(await self._db.read_scalars(query))


async def _classify_batch(
    connection: AsyncConnection, job_ids: list[int]
) -> dict[int, RetentionClass]:
    with_clips = select(clips_table.c.job_id).where(clips_table.c.job_id.in_(job_ids))
    classes = dict.fromkeys(await connection.scalars(with_clips), RetentionClass.SETTLED)
    showcased = (
        select(clips_table.c.job_id)
        .join(showcase_posts_table, showcase_posts_table.c.clip_id == clips_table.c.id)
        .where(clips_table.c.job_id.in_(job_ids), ~showcase_posts_table.c.withdrawn)
    )
    classes |= dict.fromkeys(await connection.scalars(showcased), RetentionClass.SHARED)
    running = select(jobs_table.c.id).where(
        jobs_table.c.id.in_(job_ids), jobs_table.c.state.in_(ACTIVE_STATES)
    )
    return classes | dict.fromkeys(await connection.scalars(running), RetentionClass.IN_USE)


async def _find_sources_in_use(connection: AsyncConnection) -> set[int]:
    """Return the jobs whose clips a running job, or a request that waits, extends or edits."""
    running = select(jobs_table.c.plan).where(jobs_table.c.state.in_(ACTIVE_STATES))
    plans = [plan_from_json(text) for text in await connection.scalars(running)]
    plans += await load_open_plans(connection)
    sources = {plan.parent.clip_id for plan in plans if plan.parent is not None}
    if not sources:
        return set()
    query = select(clips_table.c.job_id).where(clips_table.c.id.in_(sources))
    return set(await connection.scalars(query))

"""What the database knows of the files on disk: who still needs them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clips.file_retention import RetentionClass
from bot.domain.jobs.job import ACTIVE_STATES
from bot.domain.jobs.request import VideoPlan
from bot.store.engine.database import Database
from bot.store.tables.core import clips, jobs
from bot.store.tables.row_mapping import plan_from_json
from bot.store.tables.showcase import showcase

_BATCH_SIZE: Final = 500


class FileReferenceStore:
    """`bot.domain.clips.file_retention.KeptFiles` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def classify_jobs(self, job_ids: Iterable[int]) -> dict[int, RetentionClass]:
        """Return how the files of these jobs stand; a job without clips is missing."""
        wanted, found = sorted(job_ids), dict[int, RetentionClass]()
        for start in range(0, len(wanted), _BATCH_SIZE):
            part = wanted[start : start + _BATCH_SIZE]
            found |= await self._db.read(lambda c, part=part: _classify_batch(c, part))  # type: ignore[misc]
        for job_id in await self._db.read(_find_sources_in_use):
            if job_id in found:
                found[job_id] = RetentionClass.IN_USE
        return found

    async def list_inputs_in_use(self, *, since: datetime | None) -> set[str]:
        """Return the paths of images that a running job, or one accepted since then, was given."""
        found: set[str] = set()
        part: list[tuple[int, VideoPlan]] = []
        while True:
            last = part[-1][0] if part else 0
            part = await self._db.read(lambda c, after=last: _load_plans(c, after, since))  # type: ignore[misc]
            for _, plan in part:
                found |= _list_image_paths(plan)
            if len(part) < _BATCH_SIZE:
                return found


async def _classify_batch(
    connection: AsyncConnection, part: list[int]
) -> dict[int, RetentionClass]:
    made = select(clips.c.job_id).where(clips.c.job_id.in_(part))
    found = dict.fromkeys((await connection.execute(made)).scalars(), RetentionClass.SETTLED)
    shown = (
        select(clips.c.job_id)
        .join(showcase, showcase.c.clip_id == clips.c.id)
        .where(clips.c.job_id.in_(part), ~showcase.c.withdrawn)
    )
    found |= dict.fromkeys((await connection.execute(shown)).scalars(), RetentionClass.SHARED)
    running = select(jobs.c.id).where(jobs.c.id.in_(part), jobs.c.state.in_(ACTIVE_STATES))
    in_use = (await connection.execute(running)).scalars()
    return found | dict.fromkeys(in_use, RetentionClass.IN_USE)


async def _find_sources_in_use(connection: AsyncConnection) -> set[int]:
    """Return the jobs whose clips a running job continues."""
    running = select(jobs.c.plan).where(jobs.c.state.in_(ACTIVE_STATES))
    plans = [plan_from_json(text) for text in (await connection.execute(running)).scalars()]
    sources = {plan.source.clip_id for plan in plans if plan.source is not None}
    if not sources:
        return set()
    made = select(clips.c.job_id).where(clips.c.id.in_(sources))
    return set((await connection.execute(made)).scalars())


async def _load_plans(
    connection: AsyncConnection, after: int, since: datetime | None
) -> list[tuple[int, VideoPlan]]:
    query = select(jobs.c.id, jobs.c.plan).where(
        jobs.c.id > after, jobs.c.plan.contains("inputs/", autoescape=True)
    )
    if since is not None:
        query = query.where(or_(jobs.c.created_at >= since, jobs.c.state.in_(ACTIVE_STATES)))
    rows = await connection.execute(query.order_by(jobs.c.id).limit(_BATCH_SIZE))
    return [(row.id, plan_from_json(row.plan)) for row in rows]


def _list_image_paths(plan: VideoPlan) -> set[str]:
    given = (plan.image, plan.last_frame, *plan.references)
    return {image.path for image in given if image is not None}

"""Deletes drafts that nobody chose within a day, from their message and from the bot.

The message is changed first. So if the process dies in between, the drafts are still found. Two
processes may do the same at once, because every step can be repeated.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog

from bot.domain.clips.clip import Clip
from bot.domain.errors import DiscordUnavailable, MediaUnavailable
from bot.domain.jobs.job import Job
from bot.domain.ports import Clock
from bot.services.clips.originals import Originals
from bot.services.repeated_work import repeat_work
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.takes import TakesStore

_INTERVAL_S: Final = 60.0
_BATCH_SIZE: Final = 100

_log: Final = structlog.get_logger(__name__)


class TakesMessages(Protocol):
    """What Discord shows of drafts whose day is over."""

    async def remove_drafts(self, first: Job, kept: Sequence[Clip]) -> None:
        """Leave only the ``kept`` clips in the message of all drafts.

        A message that is gone, or that Discord no longer lets the bot change, is no error. Raises
        `DiscordUnavailable`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftExpiry:
    takes: TakesStore
    jobs: JobStore
    clips: ClipStore
    messages: TakesMessages
    originals: Originals
    clock: Clock

    async def run(self) -> None:
        await repeat_work(
            self.run_once,
            pause=lambda _: self.clock.sleep(_INTERVAL_S),
            log_postponed=partial(_log.warning, "drafts.postponed"),
        )

    async def run_once(self) -> None:
        """Delete the drafts that are due. Raises `DatabaseUnavailable`."""
        expired = await self.takes.list_expired(self.clock.now(), limit=_BATCH_SIZE)
        done: set[int] = set()
        for draft in expired:
            job = await self.jobs.get(draft.job_id)
            if job is None or job.id in done:
                continue
            takes = await self.jobs.list_takes(job)
            due = [clip for clip in expired if clip.job_id in {take.id for take in takes}]
            done |= {clip.job_id for clip in due}
            try:
                await self._delete_drafts(takes[0], job, due)
            except DiscordUnavailable as error:
                _log.warning("drafts.message_unchanged", job_id=job.id, error=str(error))

    async def _delete_drafts(self, first: Job, job: Job, due: Sequence[Clip]) -> None:
        clips = await self.clips.list_for_request(job)
        kept = [clip for clip in clips if clip.draft_until is None]
        if first.posted_message_id is not None:
            await self.messages.remove_drafts(first, kept)
        for draft in due:
            if not await self.takes.delete_draft(draft):
                continue  # it was chosen meanwhile
            with suppress(MediaUnavailable, OSError):  # `FileRetention` deletes what is left
                await self.originals.remove_files(draft)
        _log.info("drafts.deleted", job_id=first.id, count=len(due), kept=len(kept))

"""A stage before the post: a text model rates frames of the clips, if the operator wants that.

The clips are stored as withheld before the model is asked, and its verdict decides what becomes of
them in one change of the job. So a process that dies leaves them withheld, and the next asks about
them. A clip is paid for, so no outage of the model destroys it: it is withheld as long as originals
are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.clips.clip import Clip
from bot.domain.errors import CheckFailed, MediaUnavailable, RecordNotFound, TranscodeFailed
from bot.domain.jobs.job import ReviewState
from bot.domain.jobs.progress import JobProgress
from bot.domain.moderation.content_check import FRAME_SIDE, NOT_FOUND_OUT, CheckedResult
from bot.domain.ports import Transcoder
from bot.services.clips.originals import Originals
from bot.services.jobs.stages.review import ReviewDesk
from bot.services.jobs.stages.running_job import RunningJob
from bot.services.moderation.content_checks import ContentCheckService
from bot.store.jobs.clips import ClipStore
from bot.store.moderation.reviews import ReviewStore

_LONGEST_PAUSE_S: Final = 600.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultCheck:
    """``checks`` is `None` if results are not checked, ``keep_for`` if originals stay for ever."""

    checks: ContentCheckService | None
    clips: ClipStore
    reviews: ReviewStore
    review_desk: ReviewDesk
    transcoder: Transcoder
    originals: Originals
    keep_for: timedelta | None

    async def find_first_review(self, running: RunningJob) -> ReviewState | None:
        """Return what has to happen to finished clips before members see them."""
        if self.checks is not None:
            return ReviewState.CHECK
        return await self._find_next_review(running)

    async def check_clips(self, running: RunningJob) -> None:
        """Let the model rate the clips, and decide what becomes of them. Raises `LeaseLost`.

        Without a verdict, and unless the operator accepts that, moderators decide. If there are
        none, the model is asked again as long as the files are kept.
        """
        clips = await running.retry_until_stored(lambda: self.clips.list_for_job(running.job.id))
        backoff, give_up_at = Backoff(initial=5.0, maximum=_LONGEST_PAUSE_S), self._end_of(clips)
        while True:
            running.lease.require_valid()
            try:
                finding = await self._find_finding(running, clips)
            except RecordNotFound:
                _log.error("result_check.file_gone")
                await self._end_check(running, ReviewState.UNCHECKED)
                return
            except CheckFailed as error:
                _log.warning("result_check.failed", reason=str(error))
                if self.checks is not None and self.checks.accepts_unchecked:
                    finding = None
                elif await self.review_desk.has_moderators(running):
                    finding = NOT_FOUND_OUT
                elif running.is_cancelled:
                    await self.review_desk.withdraw(running)
                    return
                elif give_up_at is not None and running.clock.now() >= give_up_at:
                    await self._end_check(running, ReviewState.UNCHECKED)
                    return
                else:
                    await self._pause(running, backoff.next_delay())
                    continue
            break
        if finding is None:
            await self._end_check(running, await self._find_next_review(running))
            return
        _log.info("result_check.refused", finding=finding)
        has_moderators = await self.review_desk.has_moderators(running)
        review = ReviewState.DUE if has_moderators else ReviewState.UNFIT
        await self._end_check(running, review, finding)

    async def give_up(self, running: RunningJob) -> None:
        """Leave a job whose check keeps failing because of a bug to the moderators, or end it."""
        has_moderators = await self.review_desk.has_moderators(running)
        review = ReviewState.DUE if has_moderators else ReviewState.UNCHECKED
        await self._end_check(running, review, NOT_FOUND_OUT)

    async def _find_finding(self, running: RunningJob, clips: Sequence[Clip]) -> str | None:
        """Return what is wrong with the clips, if anything is.

        Raises `CheckFailed`, and `RecordNotFound` if a file is gone for good.
        """
        checks, job = self.checks, running.job
        if checks is None:  # the operator has switched it off meanwhile
            return None
        result = CheckedResult.from_job(job.plan, clips)
        frames = await self._take_frames(result)
        return await running.retry_until_stored(
            lambda: checks.check_result(result, frames, job.origin)
        )

    async def _take_frames(self, result: CheckedResult) -> Sequence[bytes]:
        frames: list[bytes] = []
        for clip in result.clips:
            try:
                async with self.originals.media_store.read(clip.path) as path:
                    frames += await self.transcoder.extract_frames(
                        path, at_s=result.list_times(clip), max_side=FRAME_SIDE
                    )
            except (FileNotFoundError, TranscodeFailed, MediaUnavailable, OSError) as error:
                await self._restore_original(clip)
                reason = f"no frames: {type(error).__name__}: {error}"
                raise CheckFailed(reason, may_be_billed=False) from error
        return frames

    async def _restore_original(self, clip: Clip) -> None:
        """Download a missing or damaged file again. Raises `RecordNotFound` if it is gone."""
        try:
            await self.originals.load_facts(clip)
        except (MediaUnavailable, OSError) as error:
            _log.warning("result_check.file_unavailable", clip_id=clip.id, error=str(error))

    async def _find_next_review(self, running: RunningJob) -> ReviewState | None:
        return ReviewState.DUE if await self.review_desk.needs_review(running) else None

    async def _end_check(
        self, running: RunningJob, review: ReviewState | None, finding: str | None = None
    ) -> None:
        await running.save(lambda job: self.reviews.end_check(job, review, finding=finding))

    async def _pause(self, running: RunningJob, delay_s: float) -> None:
        retry_at = running.clock.now() + timedelta(seconds=delay_s)
        running.show_progress(JobProgress(running.job, retry_at=retry_at))
        await running.sleep_unless_cancelled(delay_s)

    def _end_of(self, clips: Sequence[Clip]) -> datetime | None:
        """Return until when the files are kept."""
        if self.keep_for is None or not clips:
            return None
        return clips[0].created_at + self.keep_for

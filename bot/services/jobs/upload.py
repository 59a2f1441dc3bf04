"""Makes of finished clips what Discord takes: the ladder of `bot.domain.clips.upload_options`, carried out.

Whatever is made lies beside the original under a name that follows from what it is, so that after
a crash, or for a second post, it is found and not made again.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.clips.clip import Clip, VideoFacts
from bot.domain.clips.upload_options import (
    ObservedLimit,
    PreparedUpload,
    UploadOption,
    UploadStep,
    effective_limit,
    find_decent_target,
    reencode_to_fit,
    upload_options,
)
from bot.domain.errors import FileTooLarge, TranscodeFailed
from bot.domain.jobs.job import Origin
from bot.domain.ports import Clock, DownloadLinks, JobMessages, Transcoder
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Thumbnails

_MAX_OBSERVED_LIMITS: Final = 4096

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class UploadJob:
    """What one message is to carry, and how far down its ladders it has come.

    ``limit`` is what was believed when it was begun; ``verified`` when each original has to be
    held against its hash first, as for one that has lain there for a while.
    """

    clips: Sequence[Clip]
    origin: Origin
    limit: int
    verify_originals: bool = False
    fallbacks: Counter[int] = field(default_factory=Counter)
    prepared: list[PreparedUpload] = field(default_factory=list)


class UploadPreparer:
    """Packs clips for the place that they go to, and learns its limit.

    What was learnt is in memory only: after a restart it costs one refused upload, and it is
    forgotten within a day anyway.
    """

    def __init__(
        self,
        *,
        job_messages: JobMessages,
        transcoder: Transcoder,
        originals: Originals,
        thumbnails: Thumbnails,
        links: DownloadLinks | None,
        clock: Clock,
    ) -> None:
        self._job_messages = job_messages
        self._transcoder = transcoder
        self._originals = originals
        self._thumbnails = thumbnails
        self._links = links
        self._clock = clock
        self._observed_limits: OrderedDict[int, ObservedLimit] = OrderedDict()
        self._encode_locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    def begin_upload(
        self, clips: Sequence[Clip], origin: Origin, *, verify_originals: bool = False
    ) -> UploadJob:
        """Begin a parcel for the place where ``origin`` asked."""
        told = self._job_messages.reported_limit(origin)
        limit = effective_limit(
            told, self._observed_limits.get(_get_limit_scope(origin)), self._clock.now()
        )
        return UploadJob(clips, origin, limit, verify_originals=verify_originals)

    async def prepare_uploads(self, upload_job: UploadJob) -> list[PreparedUpload]:
        """Make what is to be posted now.

        Raises `FileTooLarge` when every rung of a clip's ladder was refused, and `NotFound`
        (``clip_file``) when an original is gone for good.
        """
        upload_job.prepared = []
        packed = [await self._prepare_clip(upload_job, clip) for clip in upload_job.clips]
        upload_job.prepared = packed
        return packed

    def step_down(self, upload_job: UploadJob) -> bool:
        """Step down: the message was too large, most likely for its largest file.

        ``False`` when there is nothing to step down to.
        """
        if not upload_job.prepared:
            return False
        largest = max(upload_job.prepared, key=lambda each: each.size)
        upload_job.fallbacks[largest.clip.id] += 1
        _log.warning("post.too_large", clip=largest.clip.id, rung=largest.option, size=largest.size)
        self._update_observed_limit(upload_job.origin, refused_size=largest.size)
        upload_job.prepared = []
        return True

    def record_accepted(self, upload_job: UploadJob) -> None:
        """Remember what was taken, where it says more than was known."""
        largest = max((each.size for each in upload_job.prepared), default=0)
        if largest > upload_job.limit or any(upload_job.fallbacks.values()):
            self._update_observed_limit(upload_job.origin, accepted_size=largest)

    async def _prepare_clip(self, upload_job: UploadJob, clip: Clip) -> PreparedUpload:
        link, until = self._links.create_link(clip) if self._links is not None else (None, None)
        plain = PreparedUpload(
            clip, size=clip.size, limit=upload_job.limit, link=link, link_expires_at=until
        )
        if (
            not upload_job.fallbacks[clip.id]
            and clip.size <= upload_job.limit
            and not upload_job.verify_originals
        ):
            return plain
        facts = await self._originals.load_facts(clip)
        steps = upload_options(facts, upload_job.limit, public=link is not None)
        while True:
            if upload_job.fallbacks[clip.id] >= len(steps):
                raise FileTooLarge(f"clip {clip.id} at its smallest", limit=upload_job.limit)
            try:
                return await self._prepare_option(
                    steps[upload_job.fallbacks[clip.id]], facts, plain
                )
            except TranscodeFailed as error:
                _log.error("fitting.failed", clip=clip.id, error=str(error))
                upload_job.fallbacks[clip.id] += 1

    async def _prepare_option(
        self, step: UploadStep, facts: VideoFacts, plain: PreparedUpload
    ) -> PreparedUpload:
        """Return the enclosure of one rung. Raises `FittingFailed`."""
        clip = plain.clip
        match step.option:
            case UploadOption.AS_IS:
                return plain
            case UploadOption.REENCODED | UploadOption.COMPRESSED:
                fit = (
                    find_decent_target(facts, step.limit)
                    if step.option is UploadOption.REENCODED
                    else None
                )
                fit = fit or reencode_to_fit(facts, step.limit)
                path = self._originals.derived_path(clip, f"{fit.most}.mp4")
                target = self._originals.original_path(clip).with_name(Path(path).name)
                async with self._encode_locks.setdefault(target, asyncio.Lock()):
                    size = await asyncio.to_thread(_read_file_size, target)
                    if size is None or size > fit.most:
                        source = self._originals.original_path(clip)
                        size = await self._transcoder.reencode_video(source, target, fit)
                return _apply_step(plain, step, path=path, size=size, side=fit.shorter_side)
            case UploadOption.LINK:
                return await self._prepare_link_preview(step, plain)
            case UploadOption.BARE:
                return _apply_step(plain, step, size=0)

    async def _prepare_link_preview(
        self, step: UploadStep, plain: PreparedUpload
    ) -> PreparedUpload:
        clip, poster = plain.clip, None
        try:
            size = await asyncio.to_thread(
                _read_file_size, await self._thumbnails.get_preview(clip)
            )
        except (OSError, ValueError) as error:
            raise TranscodeFailed(str(error)) from error
        try:
            await self._thumbnails.get_poster(clip)
            poster = self._thumbnails.poster_path(clip)
        except (OSError, ValueError) as error:
            _log.warning("poster.failed", clip=clip.id, error=str(error))
        path = self._thumbnails.preview_path(clip)
        return _apply_step(plain, step, path=path, size=size or 0, poster=poster)

    def _update_observed_limit(
        self, origin: Origin, *, accepted_size: int | None = None, refused_size: int | None = None
    ) -> None:
        now, place = self._clock.now(), _get_limit_scope(origin)
        learnt = self._observed_limits.pop(place, None) or ObservedLimit(now)
        if accepted_size is not None:
            learnt = learnt.with_accepted(accepted_size, now)
        if refused_size is not None:
            learnt = learnt.with_refused(refused_size, now)
        self._observed_limits[place] = learnt
        if len(self._observed_limits) > _MAX_OBSERVED_LIMITS:
            self._observed_limits.popitem(last=False)


def _apply_step(
    plain: PreparedUpload,
    step: UploadStep,
    *,
    size: int,
    path: str | None = None,
    poster: str | None = None,
    side: int | None = None,
) -> PreparedUpload:
    return replace(
        plain,
        option=step.option,
        limit=step.limit,
        video_path=path,
        size=size,
        thumbnail_path=poster,
        shorter_side=side,
    )


def _get_limit_scope(origin: Origin) -> int:
    """Return what the limit belongs to: the server, or the channel of a direct message."""
    return origin.guild_id or origin.channel_id


def _read_file_size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None

"""Prepares clips for Discord's upload limit, by the options of `bot.domain.clips.upload_options`.

The name of a derived file depends on its content, so that it can be reused after a crash or for
another post.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.clips.clip import Clip, VideoFacts
from bot.domain.clips.media_store import MediaStore, derive_key, split_key
from bot.domain.clips.upload_options import (
    ObservedLimit,
    PreparedUpload,
    TranscodeTarget,
    UploadOption,
    UploadStep,
    effective_limit,
    reencode_to_fit,
    upload_options,
)
from bot.domain.errors import FileTooLarge, MediaUnavailable, TranscodeFailed
from bot.domain.jobs.job import Origin
from bot.domain.jobs.job_messages import JobMessages
from bot.domain.ports import Clock, DownloadLinks, Transcoder
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Thumbnails

_MAX_OBSERVED_LIMITS: Final = 4096
_SUSPECT_BYTES: Final = 2**20
"""From this size on, an upload that is reset repeatedly may be too large."""

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class UploadJob:
    """The clips of one message, and how many upload options of each have failed.

    ``limit`` is in bytes. With ``verify_originals`` the hash of each original is checked first.
    ``reset_bytes`` is the size of a file whose upload was reset repeatedly.
    """

    clips: Sequence[Clip]
    origin: Origin
    limit: int
    verify_originals: bool = False
    fallbacks: Counter[int] = field(default_factory=Counter)
    reset_bytes: int | None = None
    prepared: list[PreparedUpload] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class UploadPreparer:
    """Prepares clips for a place, and learns the upload limit of that place.

    Observed limits are in memory only, so after a restart each may cost one refused upload.
    """

    job_messages: JobMessages
    transcoder: Transcoder
    originals: Originals
    media_store: MediaStore
    thumbnails: Thumbnails
    links: DownloadLinks | None
    clock: Clock
    _observed_limits: OrderedDict[int, ObservedLimit] = field(
        init=False, default_factory=OrderedDict
    )
    _encode_locks: WeakValueDictionary[str, asyncio.Lock] = field(
        init=False, default_factory=WeakValueDictionary
    )

    def begin_upload(
        self, clips: Sequence[Clip], origin: Origin, *, verify_originals: bool = False
    ) -> UploadJob:
        limit = effective_limit(
            self.job_messages.reported_limit(origin),
            self._observed_limits.get(_get_limit_scope(origin)),
            self.clock.now(),
        )
        return UploadJob(clips, origin, limit, verify_originals=verify_originals)

    async def prepare_uploads(self, upload_job: UploadJob) -> list[PreparedUpload]:
        """Prepare the files for the next attempt to post.

        Raises `FileTooLarge` if all options of a clip have failed, `RecordNotFound`, or
        `MediaUnavailable`.
        """
        upload_job.prepared = []
        prepared = [await self._prepare_clip(upload_job, clip) for clip in upload_job.clips]
        upload_job.prepared = prepared
        return prepared

    def step_down(self, upload_job: UploadJob) -> bool:
        """Choose the next option for the largest file; return ``False`` if nothing was prepared."""
        largest = self._take_next_option(upload_job)
        if largest is None:
            return False
        self._update_observed_limit(upload_job.origin, ObservedLimit.with_refused, largest.size)
        return True

    def step_down_after_resets(self, upload_job: UploadJob) -> bool:
        """Choose the next option after repeated resets of the connection.

        The network may be the cause, so the size counts as refused only after a smaller file was
        accepted. Returns ``False`` for files that are too small for their size to be the cause.
        """
        size = max((upload.size for upload in upload_job.prepared), default=0)
        if size < _SUSPECT_BYTES or self._take_next_option(upload_job) is None:
            return False
        upload_job.reset_bytes = size
        return True

    def _take_next_option(self, upload_job: UploadJob) -> PreparedUpload | None:
        if not upload_job.prepared:
            return None
        largest = max(upload_job.prepared, key=lambda upload: upload.size)
        upload_job.fallbacks[largest.clip.id] += 1
        _log.warning(
            "upload.refused", clip=largest.clip.id, option=largest.option, size=largest.size
        )
        upload_job.prepared = []
        return largest

    def record_accepted(self, upload_job: UploadJob) -> None:
        """Remember the accepted size, if it says something new about the limit."""
        largest = max((upload.size for upload in upload_job.prepared), default=0)
        if upload_job.reset_bytes is not None and largest < upload_job.reset_bytes:
            refused = upload_job.reset_bytes
            self._update_observed_limit(upload_job.origin, ObservedLimit.with_refused, refused)
        if largest > upload_job.limit or any(upload_job.fallbacks.values()):
            self._update_observed_limit(upload_job.origin, ObservedLimit.with_accepted, largest)

    async def _prepare_clip(self, upload_job: UploadJob, clip: Clip) -> PreparedUpload:
        link, expires_at = (None, None) if self.links is None else self.links.create_link(clip)
        original = PreparedUpload(
            clip,
            size=clip.size_bytes,
            limit=upload_job.limit,
            link=link,
            link_expires_at=expires_at,
        )
        fits = clip.size_bytes <= upload_job.limit and not upload_job.fallbacks[clip.id]
        if fits and not upload_job.verify_originals:
            return original
        facts = await self.originals.load_facts(clip)
        steps = upload_options(facts, upload_job.limit, public=link is not None)
        while True:
            if upload_job.fallbacks[clip.id] >= len(steps):
                raise FileTooLarge(f"clip {clip.id} cannot be smaller", limit=upload_job.limit)
            step = steps[upload_job.fallbacks[clip.id]]
            try:
                return await self._prepare_option(step, facts, original)
            except TranscodeFailed as error:
                _log.error("transcode.failed", clip=clip.id, error=str(error))
                upload_job.fallbacks[clip.id] += 1

    async def _prepare_option(
        self, step: UploadStep, facts: VideoFacts, original: PreparedUpload
    ) -> PreparedUpload:
        """Prepare one upload option. Raises `TranscodeFailed`."""
        clip = original.clip
        match step.option:
            case UploadOption.AS_IS:
                return original
            case UploadOption.REENCODED | UploadOption.COMPRESSED:
                target = reencode_to_fit(facts, step.limit)
                key = derive_key(clip.path, f"{target.max_bytes}.mp4")
                async with self._encode_locks.setdefault(key, asyncio.Lock()):
                    size = await self._reencode_once(clip, key, target)
                return replace(
                    _apply_step(original, step),
                    video_path=key,
                    size=size,
                    shorter_side=target.shorter_side,
                )
            case UploadOption.LINK:
                return await self._prepare_link_preview(step, original)
            case UploadOption.BARE:
                return _apply_step(original, step)

    async def _reencode_once(self, clip: Clip, key: str, target: TranscodeTarget) -> int:
        """Re-encode a clip unless that was done before; return the size in bytes."""
        file = await self.media_store.find(key)
        if file is not None and file.size_bytes <= target.max_bytes:
            return file.size_bytes
        folder, name = split_key(key)
        async with (
            self.media_store.read(clip.path) as source,
            self.media_store.write_in(folder) as local_folder,
        ):
            return await self.transcoder.reencode_video(source, local_folder / name, target)

    async def _prepare_link_preview(
        self, step: UploadStep, original: PreparedUpload
    ) -> PreparedUpload:
        clip, poster_path = original.clip, None
        try:
            preview = await self.thumbnails.get_preview(clip)
        except MediaUnavailable:
            raise
        except (OSError, ValueError) as error:
            raise TranscodeFailed(str(error)) from error
        try:
            poster_path = (await self.thumbnails.get_poster(clip)).key
        except (OSError, ValueError) as error:
            _log.warning("poster.failed", clip=clip.id, error=str(error))
        return replace(
            _apply_step(original, step),
            video_path=preview.key,
            size=preview.size_bytes,
            thumbnail_path=poster_path,
        )

    def _update_observed_limit(
        self,
        origin: Origin,
        update: Callable[[ObservedLimit, int, datetime], ObservedLimit],
        size: int,
    ) -> None:
        now, scope = self.clock.now(), _get_limit_scope(origin)
        observed = self._observed_limits.pop(scope, None) or ObservedLimit(now)
        self._observed_limits[scope] = update(observed, size, now)
        if len(self._observed_limits) > _MAX_OBSERVED_LIMITS:
            self._observed_limits.popitem(last=False)


def _apply_step(original: PreparedUpload, step: UploadStep) -> PreparedUpload:
    """Return the upload for ``step``, still without a file."""
    return replace(original, option=step.option, limit=step.limit, size=0)


def _get_limit_scope(origin: Origin) -> int:
    """Return the id of the server, or of the channel outside of servers, that has the limit."""
    return origin.guild_id or origin.channel_id

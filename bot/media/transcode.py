"""Re-encodes clips and extracts thumbnails in separate processes (`transcode_worker`).

At most one process runs for every two cores. Further clips wait.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import structlog

from bot.domain.clips.upload_options import TranscodeTarget
from bot.domain.errors import TranscodeFailed
from bot.media.manifests import FileSigner
from bot.media.worker_process import (
    WorkerCrashed,
    build_limited_order,
    count_process_slots,
    name_draft,
    run_worker,
)

_WORKER_PATH: Final = Path(__file__).with_name("transcode_worker.py").resolve()
_ENCODE_TIME_LIMIT_S: Final = 1200.0
"""Enough for the longest chain of extensions at 4k, on a slow and busy machine."""
_NICENESS: Final = 5
"""A lower priority than the bot, because its event loop has to respond in time."""
_POSTER_MAX_SIDE: Final = 1280
_POSTER_TIME_LIMIT_S: Final = 120.0

_log: Final = structlog.get_logger(__name__)


class ProcessTranscoder:
    """Implements `bot.domain.ports.Transcoder`.

    ``time_limit_s`` limits one encode in wall-clock seconds, and in CPU seconds per core.
    ``niceness`` is the one of its processes (nice(2)). ``signer`` adds manifests to re-encodes.
    """

    def __init__(
        self,
        *,
        time_limit_s: float = _ENCODE_TIME_LIMIT_S,
        max_processes: int | None = None,
        niceness: int = _NICENESS,
        signer: FileSigner | None = None,
    ) -> None:
        self._time_limit_s = time_limit_s
        self._niceness = niceness
        self._signer = signer
        self._process_slots = asyncio.Semaphore(max_processes or count_process_slots())
        self.waiting_count = 0
        self.running_count = 0

    async def reencode_video(self, source: Path, destination: Path, target: TranscodeTarget) -> int:
        if self._signer is not None:
            room = await self._signer.measure_room(source)
            order = {"task": "reencode", **asdict(_leave_room(target, room))}
        else:
            order = {"task": "reencode", **asdict(target)}

        async def add_manifest(draft: Path) -> int | None:
            if self._signer is None:
                return None
            return await self._signer.sign_reencode(
                draft,
                original=source,
                is_cut=target.seconds is not None,
                max_bytes=target.max_bytes,
            )

        return await self._write_file(
            order, source, destination, self._time_limit_s, finish=add_manifest
        )

    async def extract_thumbnail(self, source: Path, destination: Path, *, at_s: float = 1.0) -> int:
        order = {"task": "poster", "max_side": _POSTER_MAX_SIDE, "at_s": at_s}
        return await self._write_file(order, source, destination, _POSTER_TIME_LIMIT_S)

    async def extract_frames(
        self, source: Path, *, at_s: Sequence[float], max_side: int
    ) -> Sequence[bytes]:
        order = {"task": "frames", "source": str(source), "times": [*at_s], "max_side": max_side}
        answer = await self._run_worker(order, _POSTER_TIME_LIMIT_S)
        return [base64.b64decode(frame) for frame in answer["frames"]]

    async def shrink_picture(self, source: Path, destination: Path, *, max_side: int) -> int:
        order = {"task": "shrink", "max_side": max_side}
        return await self._write_file(order, source, destination, _POSTER_TIME_LIMIT_S)

    async def blur_picture(self, source: Path, destination: Path) -> int:
        return await self._write_file({"task": "blur"}, source, destination, _POSTER_TIME_LIMIT_S)

    async def measure_colors(self, picture: Path) -> str:
        order = {"task": "colors", "source": str(picture)}
        return str((await self._run_worker(order, _POSTER_TIME_LIMIT_S))["colors"])

    async def _write_file(
        self,
        order: dict[str, Any],
        source: Path,
        destination: Path,
        time_limit_s: float,
        *,
        finish: Callable[[Path], Awaitable[int | None]] | None = None,
    ) -> int:
        """Let a worker write ``destination``; if ``finish`` changes it, it returns the size."""
        draft = name_draft(destination)
        files = {"source": str(source), "destination": str(draft)}
        try:
            answer = await self._run_worker(order | files, time_limit_s)
            finished_size = None if finish is None else await finish(draft)
            await asyncio.to_thread(draft.replace, destination)
        finally:
            await asyncio.shield(asyncio.to_thread(draft.unlink, missing_ok=True))
        size, peak = finished_size or int(answer["size"]), answer["peak"]
        _log.info("transcode.finished", task=order["task"], size_bytes=size, peak_bytes=peak)
        return size

    async def _run_worker(self, order: dict[str, Any], time_limit_s: float) -> dict[str, Any]:
        text = build_limited_order(order, time_limit_s=time_limit_s, niceness=self._niceness)
        try:
            async with self._take_process_slot():
                answer = await run_worker(_WORKER_PATH, text, timeout_s=time_limit_s)
        except TimeoutError as error:
            raise TranscodeFailed("took too long") from error
        except WorkerCrashed as error:
            raise TranscodeFailed(str(error)) from error
        if "failed" in answer:
            raise TranscodeFailed(str(answer["failed"]))
        return answer

    @asynccontextmanager
    async def _take_process_slot(self) -> AsyncIterator[None]:
        """Wait until another process may run, and count the waiting and the running tasks."""
        self.waiting_count += 1
        try:
            await self._process_slots.acquire()
        finally:
            self.waiting_count -= 1
        self.running_count += 1
        try:
            yield
        finally:
            self.running_count -= 1
            self._process_slots.release()


def _leave_room(target: TranscodeTarget, room: int) -> TranscodeTarget:
    """Return ``target`` smaller by ``room`` bytes; unchanged if that would cost a quarter of it."""
    if room * 4 > target.max_bytes:
        return target
    share = 1 - room / target.max_bytes
    return replace(
        target,
        max_bytes=target.max_bytes - room,
        video_bits=int(target.video_bits * share),
    )

"""Joins videos, and reads from one what going on from it needs, in processes (`join_worker`).

At most one process runs for every two cores. Further ones wait.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from bot.domain.clips.joining import JoinedFile, VideoShape
from bot.domain.errors import JoinFailed
from bot.media.manifests import FileSigner
from bot.media.worker_process import (
    WorkerCrashed,
    build_limited_order,
    count_process_slots,
    name_draft,
    run_worker,
)

_WORKER_PATH: Final = Path(__file__).parent.resolve() / "join_worker" / "__main__.py"
_WORKER_ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "2"}
_JOIN_TIME_LIMIT_S: Final = 1200.0
"""Enough to encode minutes of 4k on a slow and busy machine."""
_READ_TIME_LIMIT_S: Final = 60.0
_JOIN_MEMORY_BYTES: Final = 4 * 1024**3
_READ_MEMORY_BYTES: Final = 2 * 1024**3
"""For the address space; a decoder of 8k with its threads takes a part of it."""
_NICENESS: Final = 5
"""A lower priority than the bot, because its event loop has to respond in time."""

_log: Final = structlog.get_logger(__name__)


class ProcessVideoJoiner:
    """Implements `bot.domain.clips.joining.VideoJoiner`.

    ``time_limit_s`` limits one join in wall-clock seconds, and in CPU seconds per core. ``signer``
    adds manifests to joined files.
    """

    def __init__(
        self,
        *,
        time_limit_s: float = _JOIN_TIME_LIMIT_S,
        max_processes: int | None = None,
        niceness: int = _NICENESS,
        signer: FileSigner | None = None,
    ) -> None:
        self._time_limit_s = time_limit_s
        self._niceness = niceness
        self._signer = signer
        self._process_slots = asyncio.Semaphore(max_processes or count_process_slots())

    async def join_videos(self, sources: Sequence[Path], destination: Path) -> JoinedFile:
        draft = name_draft(destination)
        order = {
            "task": "join",
            "sources": [str(source) for source in sources],
            "destination": str(draft),
        }
        try:
            answer = await self._run_worker(order, self._time_limit_s, _JOIN_MEMORY_BYTES)
            if self._signer is not None:
                await self._signer.sign_join(
                    draft, parts=sources, is_copied="pictures" in answer["copied"]
                )
            await asyncio.to_thread(draft.replace, destination)
        finally:
            await asyncio.shield(asyncio.to_thread(draft.unlink, missing_ok=True))
        copied = frozenset(answer["copied"])
        _log.info("join.finished", parts=len(sources), copied=sorted(copied), size=answer["size"])
        return JoinedFile(
            seconds=float(answer["seconds"]),
            are_pictures_copied="pictures" in copied,
            is_sound_copied="sound" in copied,
        )

    async def extract_last_frame(self, source: Path, destination: Path) -> None:
        draft = name_draft(destination)
        order = {
            "task": "last_frame",
            "source": str(source),
            "destination": str(draft),
        }
        try:
            await self._run_worker(order, _READ_TIME_LIMIT_S, _READ_MEMORY_BYTES)
            await asyncio.to_thread(draft.replace, destination)
        finally:
            await asyncio.shield(asyncio.to_thread(draft.unlink, missing_ok=True))

    async def measure_video(self, source: Path) -> VideoShape:
        order = {"task": "measure", "source": str(source)}
        answer = await self._run_worker(order, _READ_TIME_LIMIT_S, _READ_MEMORY_BYTES)
        return VideoShape(answer["seconds"], answer["width"], answer["height"])

    async def _run_worker(
        self, order: dict[str, Any], time_limit_s: float, memory_bytes: int
    ) -> dict[str, Any]:
        """Raises `JoinFailed`."""
        text = build_limited_order(
            {**order, "memory_bytes": memory_bytes},
            time_limit_s=time_limit_s,
            niceness=self._niceness,
        )
        try:
            async with self._process_slots:
                answer = await run_worker(
                    _WORKER_PATH,
                    text,
                    timeout_s=time_limit_s,
                    environment=_WORKER_ENVIRONMENT,
                )
        except TimeoutError as error:
            raise JoinFailed("took too long") from error
        except WorkerCrashed as error:
            raise JoinFailed(str(error)) from error
        if "failed" in answer:
            raise JoinFailed(str(answer["failed"]))
        return answer

"""Re-encodes clips that Discord does not take, in worker processes (`fitting_worker`).

A thread would do neither: it cannot be stopped when a job is given up, its memory would stay with
the bot, and several of them would starve the event loop. At most one process runs for every two
cores; further clips wait their turn.
"""

import asyncio
import json
import os
import secrets
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog

from bot.domain.clips.upload_options import TranscodeTarget
from bot.domain.errors import TranscodeFailed

_WORKER_PATH: Final = Path(__file__).with_name("transcode_worker.py").resolve()
_ENCODE_TIME_LIMIT_S: Final = 1200.0
"""The longest chain at 4k, on a slow machine that does other things as well."""
_NICENESS: Final = 5
"""Behind the bot, whose event loop has to keep answering."""
_POSTER_MAX_SIDE: Final = 1280
_POSTER_TIME_LIMIT_S: Final = 120.0

_log: Final = structlog.get_logger(__name__)


class ProcessTranscoder:
    """Implements `bot.domain.ports.Fitting`.

    ``time_limit_s`` bounds one encode in wall-clock seconds, and its process in CPU seconds for
    each core. ``niceness`` is how far its processes step behind others (nice(2)).
    """

    def __init__(
        self,
        *,
        time_limit_s: float = _ENCODE_TIME_LIMIT_S,
        max_processes: int | None = None,
        niceness: int = _NICENESS,
    ) -> None:
        self._time_limit_s = time_limit_s
        self._niceness = niceness
        self._process_slots = asyncio.Semaphore(max_processes or max(1, (os.cpu_count() or 1) // 2))

    async def reencode_video(self, source: Path, destination: Path, target: TranscodeTarget) -> int:
        """Re-encode ``source`` to fit; see the port."""
        order = {"task": "fit", **asdict(target)}
        return await self._run_task(order, source, destination, self._time_limit_s)

    async def extract_thumbnail(self, source: Path, destination: Path, *, at_s: float = 1.0) -> int:
        """Write one frame as a JPEG; see the port."""
        order = {"task": "poster", "side": _POSTER_MAX_SIDE, "at": at_s}
        return await self._run_task(order, source, destination, _POSTER_TIME_LIMIT_S)

    async def _run_task(
        self, order: dict[str, Any], source: Path, destination: Path, time_limit_s: float
    ) -> int:
        draft = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.part")
        order |= {"source": str(source), "destination": str(draft)}
        order["parent"] = os.getpid()
        order["nice"] = self._niceness
        order["cpu_s"] = int(time_limit_s * max(1, os.cpu_count() or 1)) + 1
        try:
            async with self._process_slots:
                said = await self._run_worker(order, time_limit_s)
            if "failed" in said:
                raise TranscodeFailed(str(said["failed"]))
            await asyncio.to_thread(draft.replace, destination)
        finally:
            await asyncio.shield(asyncio.to_thread(draft.unlink, missing_ok=True))
        _log.info("fitting.made", task=order["task"], size=said["size"], peak=said["peak"])
        return int(said["size"])

    async def _run_worker(self, order: dict[str, Any], time_limit_s: float) -> dict[str, Any]:
        """Return what the worker says. Raises `FittingFailed` when it dies or takes too long."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_WORKER_PATH),
            json.dumps(order),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},  # it needs none of ours, and must not see the tokens in it
        )
        try:
            async with asyncio.timeout(time_limit_s):
                output, _ = await process.communicate()
        except TimeoutError as error:
            raise TranscodeFailed("took too long") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise TranscodeFailed(f"ended with {process.returncode}")
        try:
            said = json.loads(output)
        except ValueError as error:
            raise TranscodeFailed("said nothing") from error
        if not isinstance(said, dict):
            raise TranscodeFailed("said nothing")
        return said

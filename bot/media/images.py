"""Makes of a file of unknown content an image that Veo takes.

Each file is decoded in a process of its own (`picture_worker`) rather than in a thread: a thread
cannot be stopped, and a broken decoder would take the whole bot and its paid jobs with it. The
process costs a quarter of a second, which nobody notices before a clip that takes a minute.
"""

import asyncio
import hashlib
import json
import secrets
import sys
from pathlib import Path
from typing import Any, Final

from bot.domain.errors import ImageRefused
from bot.domain.jobs.request import InputImage

_TIMEOUT_S: Final = 30.0
_MAX_PROCESSES: Final = 2
_WORKER_PATH: Final = Path(__file__).with_name("image_worker.py").resolve()
_EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpg"}


class ProcessImageDecoder:
    """Implements `bot.domain.ports.Pictures`: a process for each file, two at once.

    ``timeout_s`` is how long one may take.
    """

    def __init__(self, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._process_slots = asyncio.Semaphore(_MAX_PROCESSES)

    async def prepare_image(self, source: Path, directory: Path) -> InputImage:
        """Check, turn, strip, convert and shrink; see the port."""
        await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
        made = directory / f".{secrets.token_hex(8)}.part"
        try:
            async with self._process_slots:
                said = await self._run_worker(source, made)
            if "refused" in said:
                raise ImageRefused(str(said.pop("refused")), **said)
            return await asyncio.to_thread(_store_by_hash, made, directory, said)
        finally:
            await asyncio.shield(asyncio.to_thread(made.unlink, missing_ok=True))

    async def _run_worker(self, source: Path, made: Path) -> dict[str, Any]:
        """Return what the worker says. Raises `ImageRefused` when it dies or takes too long."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_WORKER_PATH),
            str(source),
            str(made),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},  # it needs none of ours, and must not see the tokens in it
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                output, _ = await process.communicate()
        except TimeoutError as error:
            raise ImageRefused("image_too_large") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise ImageRefused("image_broken")
        said = json.loads(output)
        if not isinstance(said, dict):
            raise ImageRefused("image_broken")
        return said


def _store_by_hash(made: Path, directory: Path, said: dict[str, Any]) -> InputImage:
    """Name the worker's file by its content, so that the same picture is kept once."""
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    name = f"{digest}.{_EXTENSIONS[said['mime_type']]}"
    made.replace(directory / name)
    return InputImage(
        path=name,
        mime_type=said["mime_type"],
        width=said["width"],
        height=said["height"],
        sha256=digest,
    )

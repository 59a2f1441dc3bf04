"""Turns a file of unknown content into an image that Veo accepts.

Each file is decoded by `image_worker` in a process of its own, which costs a quarter of a second.
"""

import asyncio
import hashlib
import secrets
from pathlib import Path
from typing import Any, Final

from bot.domain.errors import ImageRefused
from bot.domain.jobs.request import InputImage
from bot.media.worker_process import WorkerCrashed, run_worker

_TIMEOUT_S: Final = 30.0
_MAX_PROCESSES: Final = 2
_WORKER_PATH: Final = Path(__file__).with_name("image_worker.py").resolve()
_EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpg"}


class ProcessImageDecoder:
    """Implements `bot.domain.ports.ImageDecoder` with one process a file, two at a time.

    ``timeout_s`` is how long one may take.
    """

    def __init__(self, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._process_slots = asyncio.Semaphore(_MAX_PROCESSES)

    async def prepare_image(self, source: Path, directory: Path) -> InputImage:
        await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
        draft = directory / f".{secrets.token_hex(8)}.part"
        try:
            async with self._process_slots:
                answer = await run_worker(
                    _WORKER_PATH, str(source), str(draft), timeout_s=self._timeout_s
                )
            if "refused" in answer:
                raise ImageRefused(str(answer.pop("refused")), **answer)
            return await asyncio.to_thread(_store_by_hash, draft, directory, answer)
        except TimeoutError as error:
            raise ImageRefused("image_too_large") from error
        except WorkerCrashed as error:
            raise ImageRefused("image_broken") from error
        finally:
            await asyncio.shield(asyncio.to_thread(draft.unlink, missing_ok=True))


def _store_by_hash(draft: Path, directory: Path, answer: dict[str, Any]) -> InputImage:
    """Name the worker's file by its content, so that equal images are kept once."""
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()
    name = f"{digest}.{_EXTENSIONS[answer['mime_type']]}"
    draft.replace(directory / name)
    return InputImage(path=name, sha256=digest, **answer)

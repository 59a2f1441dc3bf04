"""Turns untrusted files into images that Veo accepts, and icons into small pictures for pages.

Each file is decoded by `image_worker` in a separate process, which takes a quarter of a second.
"""

import asyncio
import hashlib
import secrets
import signal
from pathlib import Path
from typing import Any, Final

from bot.domain.errors import ImageRefused
from bot.domain.jobs.pictures import ImportedImage, PictureTrait
from bot.domain.jobs.request import AspectRatio, InputImage, PictureFit
from bot.domain.showcase.server_page import ICON_SIDE
from bot.media.worker_process import WorkerCrashed, run_worker

_TIMEOUT_S: Final = 30.0
_MAX_PROCESSES: Final = 2
_WORKER_PATH: Final = Path(__file__).parent.resolve() / "image_worker" / "__main__.py"
_WORKER_ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "2"}
"""Without it, each thread of a decoder reserves 64 MB of the limited address space."""
_REASON_BY_SIGNAL: Final[dict[int | None, str]] = {
    signal.SIGXCPU: "image_too_slow",
    signal.SIGKILL: "image_needs_memory",  # sent by the system if the machine runs out of memory
}
_EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpg"}


class ProcessImageDecoder:
    """Decodes up to two files at a time, each in its own process for at most ``timeout_s``."""

    def __init__(self, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._process_slots = asyncio.Semaphore(_MAX_PROCESSES)

    async def prepare_image(self, source: Path, directory: Path) -> ImportedImage:
        """Decode ``source`` and store the image in ``directory``. Raises `ImageRefused`."""
        image, answer = await self._run_worker("decode", source, directory)
        return ImportedImage(
            image.path,
            image.mime_type,
            image.width,
            image.height,
            image.sha256,
            original_width=int(answer["original_width"]),
            original_height=int(answer["original_height"]),
            traits=frozenset(PictureTrait(trait) for trait in answer["traits"]),
        )

    async def shape_image(
        self, source: Path, directory: Path, ratio: AspectRatio, fit: PictureFit
    ) -> InputImage:
        """Store ``source``, a prepared image, in an aspect ratio. Raises `ImageRefused`."""
        width, _, height = ratio.partition(":")
        image, _ = await self._run_worker("shape", source, directory, width, height, fit)
        return image

    async def write_icon(self, source: Path, destination: Path) -> int | None:
        """Write ``source`` as a square WebP of `ICON_SIDE` pixels.

        Returns the color that stands out as 0xRRGGBB, `None` if all is gray. Raises `ImageRefused`.
        """
        draft = destination.with_name(f".{secrets.token_hex(8)}.part")
        try:
            answer = await self._ask_worker("icon", source, draft, str(ICON_SIDE))
            await asyncio.to_thread(draft.replace, destination)
        finally:
            await asyncio.shield(asyncio.to_thread(_remove_drafts, draft))
        accent: int | None = answer["accent"]
        return accent

    async def _run_worker(
        self, command: str, source: Path, directory: Path, *arguments: str
    ) -> tuple[InputImage, dict[str, Any]]:
        await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
        draft = directory / f".{secrets.token_hex(8)}.part"
        try:
            answer = await self._ask_worker(command, source, draft, *arguments)
            return await asyncio.to_thread(_store_by_hash, draft, directory, answer), answer
        finally:
            await asyncio.shield(asyncio.to_thread(_remove_drafts, draft))

    async def _ask_worker(
        self, command: str, source: Path, draft: Path, *arguments: str
    ) -> dict[str, Any]:
        """Let a process write ``draft`` and return its answer. Raises `ImageRefused`."""
        try:
            async with self._process_slots:
                answer = await run_worker(
                    _WORKER_PATH,
                    command,
                    str(source),
                    str(draft),
                    *arguments,
                    timeout_s=self._timeout_s,
                    environment=_WORKER_ENVIRONMENT,
                )
        except TimeoutError as error:
            raise ImageRefused("image_too_slow") from error
        except WorkerCrashed as error:
            reason = _REASON_BY_SIGNAL.get(error.signal, "image_broken")
            raise ImageRefused(reason) from error
        if "refused" in answer:
            raise ImageRefused(str(answer.pop("refused")), **answer)
        return answer


def _remove_drafts(draft: Path) -> None:
    for path in (draft, draft.with_name(f"{draft.name}.clean")):  # the worker creates the second
        path.unlink(missing_ok=True)


def _store_by_hash(draft: Path, directory: Path, answer: dict[str, Any]) -> InputImage:
    """Name the worker's file by its content, so that equal images are kept once."""
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()
    name = f"{digest}.{_EXTENSIONS[answer['mime_type']]}"
    draft.replace(directory / name)
    return InputImage(
        path=name,
        mime_type=answer["mime_type"],
        width=answer["width"],
        height=answer["height"],
        sha256=digest,
    )

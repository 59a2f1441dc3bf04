"""The pictures that people give: copied and made fit when the request is made.

Discord's links to attachments expire within a day, while a clip may be asked for again for ever;
and what reaches Google must have been looked at here, by its bytes and not by its name.
"""

import asyncio
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.domain.errors import ImageRefused
from bot.domain.jobs.request import InputImage, VideoPlan
from bot.domain.ports import AttachmentDownloader
from bot.media.images import ProcessImageDecoder

INPUTS_FOLDER: Final = "inputs"
"""The folder of the pictures below the data directory."""

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Larger files are not fetched; between this and Google's 20 MB they are made smaller."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A picture of a plan that is still kept; ``name`` says what it is for."""

    path: Path
    name: str


class InputImages:
    """Turns an attachment into an `Image` below ``data_dir``."""

    def __init__(
        self,
        *,
        attachments: AttachmentDownloader,
        image_decoder: ProcessImageDecoder,
        data_dir: Path,
    ) -> None:
        self._attachments = attachments
        self._image_decoder = image_decoder
        self._data_dir = data_dir

    async def import_image(self, url: str, *, size: int | None = None) -> InputImage:
        """Return the picture at ``url``, copied, checked and converted.

        ``size`` is what Discord says of the attachment, in bytes. Raises `ImageRefused`, or
        `DeliveryBusy` when Discord's file host has a passing fault.
        """
        if size is not None and size > MAX_FILE_BYTES:
            raise ImageRefused("image_file_too_large", megabytes=MAX_FILE_BYTES // 1_000_000)
        folder = self._data_dir / INPUTS_FOLDER
        raw = folder / f".{secrets.token_hex(8)}.raw"
        try:
            await self._attachments.download_attachment(url, raw, max_bytes=MAX_FILE_BYTES)
            image = await self._image_decoder.prepare_image(raw, folder)
        finally:
            await asyncio.shield(asyncio.to_thread(raw.unlink, missing_ok=True))
        return replace(image, path=f"{INPUTS_FOLDER}/{image.path}")

    async def list_stored(self, plan: VideoPlan) -> list[StoredImage]:
        """Return the pictures that a plan was made with, those that are still there."""
        given = [("first-frame", plan.image), ("last-frame", plan.last_frame)]
        given += [(f"reference-{n}", each) for n, each in enumerate(plan.references, start=1)]
        pictures = [
            StoredImage(self._data_dir / image.path, f"{name}{Path(image.path).suffix}")
            for name, image in given
            if image is not None
        ]
        return await asyncio.to_thread(lambda: [each for each in pictures if each.path.is_file()])

"""Imports the pictures of a request: downloaded, decoded and kept when the request is made.

Discord's links to attachments expire within a day, while a clip may be generated again for as long
as it is kept; and what is sent to Google must have been judged by its bytes, not by its name.
"""

import asyncio
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.domain.errors import ImageRefused
from bot.domain.jobs.request import InputImage, VideoPlan, VideoRequest
from bot.domain.ports import AttachmentDownloader
from bot.media.images import ProcessImageDecoder

INPUTS_FOLDER: Final = "inputs"
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Larger files are not fetched; between this and Google's 20 MB they are made smaller."""
MAX_PIXELS: Final = 64_000_000
MIN_SIDE: Final = 8
"""As in `bot.media.image_worker`, which decides by the bytes and imports nothing of the bot."""

_BINARY_TYPE: Final = "application/octet-stream"  # says nothing about a file


@dataclass(frozen=True, slots=True)
class AttachedImage(InputImage):
    """An attachment as Discord describes it, in the place of the picture that it will become.

    Unknown width and height are 0 and count as landscape, which every model takes.
    """

    path: str = ""
    mime_type: str = ""
    width: int = 0
    height: int = 0
    sha256: str = ""
    url: str = ""
    size_bytes: int | None = None

    @staticmethod
    def list_in(request: VideoRequest) -> "list[AttachedImage]":
        """Return the pictures of ``request`` that have not been imported."""
        pictures = (request.image, request.last_frame, *request.references)
        return [picture for picture in pictures if isinstance(picture, AttachedImage)]

    def require_usable(self) -> None:
        """Raise `ImageRefused` for a file that its description already rules out."""
        kind = self.mime_type.partition(";")[0].strip().lower()
        if kind.startswith(("application/", "audio/", "text/", "video/")) and kind != _BINARY_TYPE:
            raise ImageRefused("not_an_image")
        _require_fetchable(self.size_bytes)
        if self.width and self.height:
            size = {"width": self.width, "height": self.height}
            if self.width * self.height > MAX_PIXELS:
                raise ImageRefused("image_too_large", **size)
            if min(self.width, self.height) < MIN_SIDE:
                raise ImageRefused("image_too_small", **size)


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A kept picture of a plan; ``name`` says what it is used for."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImages:
    attachments: AttachmentDownloader
    image_decoder: ProcessImageDecoder
    data_dir: Path

    async def import_attached(self, request: VideoRequest) -> VideoRequest:
        """Return ``request`` with its attachments imported; raises as `import_image`."""
        return request.evolve(
            image=await self._import_if_attached(request.image),
            last_frame=await self._import_if_attached(request.last_frame),
            references=tuple(
                [await self._import_if_attached(image) for image in request.references]
            ),
        )

    async def _import_if_attached(self, picture: InputImage | None) -> InputImage | None:
        if not isinstance(picture, AttachedImage):
            return picture
        return await self.import_image(picture.url, size_bytes=picture.size_bytes)

    async def import_image(self, url: str, *, size_bytes: int | None = None) -> InputImage:
        """Return the picture at ``url``, copied, checked and converted.

        ``size_bytes`` is what Discord says. Raises `ImageRefused` or `DiscordUnavailable`.
        """
        _require_fetchable(size_bytes)
        folder = self.data_dir / INPUTS_FOLDER
        raw = folder / f".{secrets.token_hex(8)}.raw"
        try:
            await self.attachments.download_attachment(url, raw, max_bytes=MAX_FILE_BYTES)
            image = await self.image_decoder.prepare_image(raw, folder)
        finally:
            await asyncio.shield(asyncio.to_thread(raw.unlink, missing_ok=True))
        return replace(image, path=f"{INPUTS_FOLDER}/{image.path}")

    async def list_stored(self, plan: VideoPlan) -> list[StoredImage]:
        """Return the pictures of a plan whose files are still kept."""
        named = [("first-frame", plan.image), ("last-frame", plan.last_frame)]
        named += [
            (f"reference-{number}", image) for number, image in enumerate(plan.references, start=1)
        ]
        pictures = [
            StoredImage(self.data_dir / image.path, f"{name}{Path(image.path).suffix}")
            for name, image in named
            if image is not None
        ]
        return await asyncio.to_thread(
            lambda: [picture for picture in pictures if picture.path.is_file()]
        )


def _require_fetchable(size_bytes: int | None) -> None:
    if size_bytes is not None and size_bytes > MAX_FILE_BYTES:
        raise ImageRefused("image_file_too_large", megabytes=MAX_FILE_BYTES // 1_000_000)

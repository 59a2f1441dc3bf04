"""Imports the pictures of a request: downloads, decodes and stores them when it is made.

Discord's links to attachments expire within a day, but a clip may be repeated for as long as it is
kept. And a picture must be checked by its content, not by its name, before it is sent to Google.
"""

import asyncio
import mimetypes
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.domain.clips.joining import VideoJoiner
from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import ImageRefused, JoinFailed
from bot.domain.jobs.continuations import LastFrame
from bot.domain.jobs.pictures import (
    MAX_FILE_BYTES,
    ImportedImage,
    has_shape,
    list_pictures,
    require_usable_size,
)
from bot.domain.jobs.request import InputImage, PictureFit, VideoPlan, VideoRequest
from bot.domain.ports import AttachmentDownloader
from bot.media.images import ProcessImageDecoder

INPUTS_FOLDER: Final = "inputs"
_BINARY_TYPE: Final = "application/octet-stream"  # says nothing about a file


_UNREADABLE_KINDS: Final = {
    "image/tiff": "TIFF",
    "image/svg+xml": "SVG",
    "image/bmp": "BMP",
    "image/x-ms-bmp": "BMP",
    "image/jxl": "JPEG XL",
    "image/jp2": "JPEG 2000",
    "image/vnd.adobe.photoshop": "Photoshop",
    "image/x-photoshop": "Photoshop",
    "image/vnd.microsoft.icon": "ICO",
    "image/x-icon": "ICO",
}


@dataclass(frozen=True, slots=True)
class AttachedImage(InputImage):
    """An attachment as Discord describes it, until it has been imported.

    Unknown width and height are 0 and count as landscape, which every model accepts.
    """

    path: str = ""
    mime_type: str = ""
    width: int = 0
    height: int = 0
    sha256: str = ""
    url: str = ""
    size_bytes: int | None = None
    file_name: str = ""

    @staticmethod
    def list_in(request: VideoRequest) -> "list[AttachedImage]":
        """Return the pictures of ``request`` that have not been imported."""
        pictures = (picture for _, picture in list_pictures(request))
        return [picture for picture in pictures if isinstance(picture, AttachedImage)]

    @property
    def may_be_image(self) -> bool:
        """Whether this may be an image of any kind, according to Discord's description.

        Discord gives no type for a name without an extension, but the size of what it displays.
        """
        kind = self._kind
        if kind in ("", _BINARY_TYPE):
            return bool(self.width) or not kind or "." not in self.file_name
        return kind.startswith("image/")

    def require_usable(self, option: str = "image") -> None:
        """Raise `ImageRefused` for a file that cannot be used, according to its description."""
        try:
            kind = self._kind
            if kind in _UNREADABLE_KINDS:
                raise ImageRefused("image_kind_unreadable", kind=_UNREADABLE_KINDS[kind])
            if kind.startswith(("application/", "audio/", "text/", "video/")) and (
                kind != _BINARY_TYPE
            ):
                raise ImageRefused("not_an_image")
            _require_fetchable(self.size_bytes)
            if self.width and self.height:
                require_usable_size(option, self.width, self.height)
        except ImageRefused as error:
            raise error.with_name(option, self.file_name) from None

    @property
    def is_usable(self) -> bool:
        try:
            self.require_usable()
        except ImageRefused:
            return False
        return True

    @property
    def _kind(self) -> str:
        """The MIME type that Discord gives, or else the one of the name's extension."""
        given = self.mime_type.partition(";")[0].strip().lower()
        if given and given != _BINARY_TYPE:
            return given
        return mimetypes.guess_type(self.file_name)[0] or given


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A stored picture of a plan; ``name`` says what it is used for."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImages:
    attachments: AttachmentDownloader
    image_decoder: ProcessImageDecoder
    media_store: MediaStore
    video_joiner: VideoJoiner

    async def import_attached(self, request: VideoRequest) -> VideoRequest:
        """Return ``request`` with its attachments imported; raises as `import_image`."""
        imported = {
            option: await self._import_picture(option, picture)
            for option, picture in list_pictures(request)
        }
        return request.evolve(
            image=imported.get("image"),
            last_frame=imported.get("last_frame"),
            references=tuple(
                picture for option, picture in imported.items() if option.startswith("reference")
            ),
        )

    async def _import_picture(self, option: str, picture: InputImage) -> InputImage:
        if isinstance(picture, LastFrame):
            return await self.import_last_frame(picture.video_path)
        if not isinstance(picture, AttachedImage):
            return picture
        try:
            image = await self.import_image(picture.url, size_bytes=picture.size_bytes)
            require_usable_size(option, image.original_width, image.original_height)
        except ImageRefused as error:
            raise error.with_name(option, picture.file_name) from error
        return image

    async def import_image(self, url: str, *, size_bytes: int | None = None) -> ImportedImage:
        """Download, check, convert and store the picture at ``url``.

        ``size_bytes`` is the size according to Discord. Raises `ImageRefused`,
        `DiscordUnavailable` or `MediaUnavailable`.
        """
        _require_fetchable(size_bytes)
        return await self._import_file(
            lambda raw: self.attachments.download_attachment(url, raw, max_bytes=MAX_FILE_BYTES)
        )

    async def store_picture(self, picture: bytes) -> InputImage:
        """Check, convert and store a picture. Raises `ImageRefused` or `MediaUnavailable`."""
        return _as_stored(
            await self._import_file(lambda raw: asyncio.to_thread(raw.write_bytes, picture))
        )

    async def import_last_frame(self, video_path: str) -> ImportedImage:
        """Store the last frame of a stored video. Raises `ImageRefused` or `MediaUnavailable`."""
        try:
            async with self.media_store.read(video_path) as video:
                return await self._import_file(
                    lambda raw: self.video_joiner.extract_last_frame(video, raw)
                )
        except FileNotFoundError as error:
            raise ImageRefused("last_frame_gone") from error
        except JoinFailed as error:
            raise ImageRefused("last_frame_unreadable") from error

    async def _import_file(self, write_raw: Callable[[Path], Awaitable[object]]) -> ImportedImage:
        """Check, convert and store the picture that ``write_raw`` writes to the path it gets."""
        async with self.media_store.write_in(INPUTS_FOLDER) as folder:
            raw = folder / f".{secrets.token_hex(8)}.raw"
            try:
                await write_raw(raw)
                image = await self.image_decoder.prepare_image(raw, folder)
            finally:
                await asyncio.shield(asyncio.to_thread(raw.unlink, missing_ok=True))
        return replace(image, path=f"{INPUTS_FOLDER}/{image.path}")

    async def shape_pictures(self, plan: VideoPlan, fit: PictureFit | None) -> VideoPlan:
        """Return ``plan`` with its frames in the clip's shape; references keep theirs.

        Raises `ImageRefused`.
        """
        return replace(
            plan,
            image=await self._shape_frame("image", plan.image, plan, fit),
            last_frame=await self._shape_frame("last_frame", plan.last_frame, plan, fit),
            references=tuple(_as_stored(image) for image in plan.references),
        )

    async def _shape_frame(
        self, option: str, image: InputImage | None, plan: VideoPlan, fit: PictureFit | None
    ) -> InputImage | None:
        if image is None:
            return None
        if has_shape(image, plan.aspect_ratio):
            return _as_stored(image)
        try:
            async with (
                self.media_store.read(image.path) as source,
                self.media_store.write_in(INPUTS_FOLDER) as folder,
            ):
                shaped = await self.image_decoder.shape_image(
                    source, folder, plan.aspect_ratio, fit or PictureFit.CROP
                )
        except FileNotFoundError as error:
            raise ImageRefused("image_gone").with_name(option, None) from error
        except ImageRefused as error:
            raise error.with_name(option, None) from error
        return replace(shaped, path=f"{INPUTS_FOLDER}/{shaped.path}")

    @asynccontextmanager
    async def read_stored(self, plan: VideoPlan) -> AsyncIterator[list[StoredImage]]:
        """Yield the pictures of a plan whose files still exist, until the block ends."""
        named = [("first-frame", plan.image), ("last-frame", plan.last_frame)]
        named += [
            (f"reference-{number}", image) for number, image in enumerate(plan.references, start=1)
        ]
        async with AsyncExitStack() as stack:
            pictures: list[StoredImage] = []
            for name, image in named:
                if image is not None:
                    with suppress(FileNotFoundError):
                        path = await stack.enter_async_context(self.media_store.read(image.path))
                        pictures.append(StoredImage(path, f"{name}{path.suffix}"))
            yield pictures


def _require_fetchable(size_bytes: int | None) -> None:
    if size_bytes is not None and size_bytes > MAX_FILE_BYTES:
        raise ImageRefused("image_file_too_large", mebibytes=MAX_FILE_BYTES // 2**20)


def _as_stored(image: InputImage) -> InputImage:
    """Return ``image`` without what is only needed during the import."""
    return InputImage(image.path, image.mime_type, image.width, image.height, image.sha256)

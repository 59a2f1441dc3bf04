"""Loads a request's media from files, objects in a bucket, bytes and earlier videos."""

import asyncio
import hashlib
import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av

from sandbox.google.encoding import RenderedClip, measure_clip
from sandbox.google.models import VeoMode
from sandbox.google.omni.content import MediaContent, check_image
from sandbox.google.omni.models import (
    INPUT_TOKENS_PER_IMAGE,
    INPUT_TOKENS_PER_VIDEO_SECOND,
    MAX_CONTEXT_SECONDS,
    MAX_EXTENDED_SECONDS,
    MAX_EXTENDED_SOURCE_SECONDS,
    MAX_REFERENCE_VIDEO_SECONDS,
    TokenCounts,
)
from sandbox.google.omni.refusals import InteractionRefused, invalid_request
from sandbox.google.omni.request import InteractionRequest, OmniTask
from sandbox.google.pixels import image_from_frame
from sandbox.google.settings import GoogleSettings
from sandbox.google.stored_clips import (
    ClipOrigin,
    FileState,
    GeneratedFile,
    GeneratedFileStore,
    ObjectStore,
    file_state,
    new_file_id,
)
from sandbox.google.submission import count_tokens
from sandbox.google.vertex_rules import BUCKET_URI

_LENGTH_TOLERANCE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class SourceVideo:
    """The clip that an edit or extension starts from."""

    path: Path
    sha256: str
    seconds: float
    aspect_ratio: str
    is_uploaded: bool


class OmniInputs:
    """Reads files and objects, and stores uploads."""

    def __init__(
        self,
        *,
        read_settings: Callable[[], GoogleSettings],
        read_clock: Callable[[], float],
        files: GeneratedFileStore,
        objects: ObjectStore,
        directory: Path,
    ) -> None:
        self._read_settings = read_settings
        self._now = read_clock
        self._files = files
        self._objects = objects
        self._directory = directory

    async def store_upload(self, data: bytes, mime_type: str) -> GeneratedFile:
        """Keep an uploaded file. Raises InteractionRefused for a video that cannot be read."""
        clip = await self.keep_bytes(data, mime_type)
        origin = ClipOrigin(VeoMode.TEXT, "16:9", "720p", 0, "upload")
        file = GeneratedFile(new_file_id(), clip, origin, self._now(), mime_type=mime_type)
        self._files.add_file(file)
        return file

    async def keep_bytes(self, data: bytes, mime_type: str) -> RenderedClip:
        """Keep bytes on disk, measured if they are a video. Raises InteractionRefused."""
        path = self._directory / f"upload-{secrets.token_hex(8)}"
        await asyncio.to_thread(path.write_bytes, data)
        if mime_type.startswith("video/"):
            return await _measure(path)
        return RenderedClip(path, len(data), hashlib.sha256(data).hexdigest(), 0.0)

    async def find_video(self, video: MediaContent) -> SourceVideo:
        """Return the video in a request. Raises InteractionRefused."""
        if video.data is not None:
            clip = (await self.store_upload(video.data, video.mime_type)).clip
        else:
            clip = self._find_stored(video)
            if not clip.seconds:
                clip = await _measure(clip.path)
        ratio = await asyncio.to_thread(_read_aspect_ratio, clip.path)
        return SourceVideo(clip.path, clip.sha256, clip.seconds, ratio, True)

    async def read_picture(self, content: MediaContent | None) -> bytes | None:
        """Return an image's bytes; None for None. Raises InteractionRefused."""
        if content is None or content.data is not None:
            return None if content is None else content.data
        data = await asyncio.to_thread(self._find_stored(content).path.read_bytes)
        await asyncio.to_thread(check_image, data)
        return data

    async def read_references(self, request: InteractionRequest) -> tuple[bytes, ...]:
        """Return references as images, of videos the first frame. Raises InteractionRefused."""
        pictures = [await self.read_picture(item) for item in request.references]
        for item in request.reference_videos:
            video = await self.find_video(item)
            if video.seconds > MAX_REFERENCE_VIDEO_SECONDS + _LENGTH_TOLERANCE_S:
                raise invalid_request(
                    f"Reference videos longer than {MAX_REFERENCE_VIDEO_SECONDS}s are not "
                    "supported."
                )
            pictures.append(await asyncio.to_thread(_read_first_picture, video.path))
        return tuple(picture for picture in pictures if picture is not None)

    def _find_stored(self, content: MediaContent) -> RenderedClip:
        uri = content.uri or ""
        if (address := BUCKET_URI.fullmatch(uri)) is None:
            return self._require_file(uri).clip
        item = self._objects.get_object(address[1], address[2] or "")
        if item is None:
            raise InteractionRefused(404, "not_found", f"Cloud Storage object not found: {uri}.")
        return item.clip

    def _require_file(self, uri: str) -> GeneratedFile:
        name = uri.split("?")[0].removesuffix(":download").rsplit("/", 1)[-1]
        file = self._files.get_file(name)
        now, settings = self._now(), self._read_settings()
        if (
            file is None
            or file.expired
            or file.revoked
            or now >= file.created + settings.file_lifetime_s
        ):
            raise InteractionRefused(
                403,
                "permission_denied",
                f"You do not have permission to access the File {name} or it may not exist.",
            )
        if file_state(file, now, settings.processing_s) is not FileState.ACTIVE:
            raise InteractionRefused(
                400,
                "failed_precondition",
                f"The File {name} is not in an ACTIVE state and usage is not allowed.",
            )
        return file


def check_source(source: SourceVideo, request: InteractionRequest) -> None:
    """Raise InteractionRefused for a video that is too long."""
    if request.task is OmniTask.EDIT:
        most = request.model.max_edited_seconds
        if source.seconds > most + _LENGTH_TOLERANCE_S:
            raise invalid_request(f"Videos longer than {most}s are not supported for editing.")
        return
    if source.seconds > MAX_EXTENDED_SOURCE_SECONDS + _LENGTH_TOLERANCE_S:
        raise invalid_request(
            f"Videos longer than {MAX_EXTENDED_SOURCE_SECONDS}s are not supported for extension."
        )
    if source.seconds + request.seconds > MAX_EXTENDED_SECONDS + _LENGTH_TOLERANCE_S:
        raise invalid_request(f"The extended video exceeds {MAX_EXTENDED_SECONDS}s.")


def count_input_tokens(request: InteractionRequest, source: SourceVideo | None) -> TokenCounts:
    """Estimate the tokens of the input, which cost about a cent at most."""
    seconds = 0.0 if source is None else source.seconds
    if request.task is OmniTask.EXTEND:
        seconds = min(seconds, MAX_CONTEXT_SECONDS)
    seconds += len(request.reference_videos) * MAX_REFERENCE_VIDEO_SECONDS
    return TokenCounts(
        input_text=count_tokens(request.prompt),
        input_image=request.picture_count * INPUT_TOKENS_PER_IMAGE,
        input_video=round(seconds * INPUT_TOKENS_PER_VIDEO_SECOND),
    )


async def _measure(path: Path) -> RenderedClip:
    try:
        return await asyncio.to_thread(measure_clip, path)
    except (OSError, ValueError, IndexError) as error:
        raise invalid_request("Unable to process input video.") from error


def _read_aspect_ratio(path: Path) -> str:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return "16:9" if video.width >= video.height else "9:16"


def _read_first_picture(path: Path) -> bytes:
    buffer = io.BytesIO()
    with av.open(str(path)) as container:
        image_from_frame(next(container.decode(video=0))).save(buffer, "PNG")
    return buffer.getvalue()

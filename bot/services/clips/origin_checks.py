"""Answers where a video or picture comes from: our own clips first, then what the file says.

A clip is recognized by the hash of its file, so only the original is; a re-encode says in its
manifest what it is. Nobody learns of clips that they may not see.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import MediaStore
from bot.domain.clips.provenance import FileOrigin
from bot.domain.errors import ImageRefused, RecordNotFound
from bot.domain.ports import AttachmentDownloader
from bot.media.manifests import ManifestReader
from bot.services.clips.input_images import INPUTS_FOLDER
from bot.store.jobs.clips import ClipStore

MAX_CHECKED_BYTES: Final = 100 * 2**20
_MAX_CHECKS: Final = 8
"""How many files are downloaded and read at once."""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What is known about a file, and which clip it is, as far as the person may know."""

    origin: FileOrigin
    clip: Clip | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginChecks:
    """Checks one file at a time for each member, and only a few in all."""

    attachments: AttachmentDownloader
    manifest_reader: ManifestReader
    media_store: MediaStore
    clips: ClipStore
    _busy_members: set[int] = field(default_factory=set)

    async def check_attachment(
        self,
        url: str,
        *,
        size_bytes: int,
        person: ActingPerson,
        may_view: Callable[[Clip], Awaitable[bool]],
    ) -> CheckedFile:
        """Check the file at ``url``.

        ``may_view`` is asked about clips that ``person`` may see by the rules of servers. Raises
        `ImageRefused`, `DiscordUnavailable`, `MediaUnavailable` or `DatabaseUnavailable`.
        """
        if size_bytes > MAX_CHECKED_BYTES:
            raise ImageRefused("origin_too_large", mebibytes=MAX_CHECKED_BYTES // 2**20)
        with self._take_turn(person.user_id):
            origin = await self._read_attachment(url)
        for clip in await self.clips.find_by_hash(origin.sha256):
            if person.may_see(clip) and await may_view(clip):
                return CheckedFile(origin, clip)
        return CheckedFile(origin)

    async def _read_attachment(self, url: str) -> FileOrigin:
        async with self.media_store.write_in(INPUTS_FOLDER) as folder:
            file = folder / f".{secrets.token_hex(8)}.raw"
            try:
                await self.attachments.download_attachment(url, file, max_bytes=MAX_CHECKED_BYTES)
                return await self.manifest_reader.read_origin(file)
            finally:
                await asyncio.shield(asyncio.to_thread(file.unlink, missing_ok=True))

    async def check_clip(self, clip: Clip, person: ActingPerson) -> CheckedFile:
        """Check the original of a clip that ``person`` may see.

        Raises `ImageRefused`, `MediaUnavailable` or `RecordNotFound`.
        """
        try:
            with self._take_turn(person.user_id):
                async with self.media_store.read(clip.path) as file:
                    origin = await self.manifest_reader.read_origin(file)
        except FileNotFoundError as error:
            raise RecordNotFound("clip_file") from error
        return CheckedFile(origin, clip if origin.sha256 == clip.sha256 else None)

    @contextmanager
    def _take_turn(self, user_id: int) -> Iterator[None]:
        if user_id in self._busy_members:
            raise ImageRefused("origin_busy")
        if len(self._busy_members) >= _MAX_CHECKS:
            raise ImageRefused("origin_crowded")
        self._busy_members.add(user_id)
        try:
            yield
        finally:
            self._busy_members.discard(user_id)

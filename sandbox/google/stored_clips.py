"""The clips that Google keeps: files of the Gemini API, and objects in Cloud Storage.

A file has an unguessable id, is processed for a moment and expires after two days. Its state is
computed from the clock when it is read.
"""

import secrets
import string
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sandbox.google.encoding import RenderedClip
from sandbox.google.errors import file_not_accessible
from sandbox.google.models import VeoMode

_ALPHABET: Final = string.ascii_lowercase + string.digits
_ID_LENGTH: Final = 12


class FileState(StrEnum):
    """States of a file of the Gemini API."""

    PROCESSING = "PROCESSING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class ClipOrigin:
    """How a clip was made: what the rules of an extension ask for."""

    mode: VeoMode
    aspect_ratio: str
    resolution: str
    extension_depth: int
    maker: str = "veo"
    """``veo``, ``omni``, or ``upload``: Veo extends only its own."""


@dataclass(slots=True)
class GeneratedFile:
    """A file: its clip, its origin, and when it was created (unix seconds)."""

    id: str
    clip: RenderedClip
    origin: ClipOrigin
    created: float
    expired: bool = False
    revoked: bool = False
    failed: bool = False
    mime_type: str = "video/mp4"
    tickets: set[str] = field(default_factory=set)
    """Random parts of the links that downloads were redirected to."""


def new_file_id() -> str:
    """Return a random id in Google's form: 12 letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))


class GeneratedFileStore:
    """The files of the Gemini API."""

    def __init__(self) -> None:
        self._files: dict[str, GeneratedFile] = {}

    def add_file(self, file: GeneratedFile) -> None:
        """Keep a file."""
        self._files[file.id] = file

    def get_file(self, file_id: str) -> GeneratedFile | None:
        """Return a file, even an expired one."""
        return self._files.get(file_id)

    def require_readable(self, file_id: str, now: float, lifetime: float) -> GeneratedFile:
        """Return a file that can be read now. Raises PermissionDenied for any other id."""
        file = self._files.get(file_id)
        if file is None or file.expired or file.revoked or now >= file.created + lifetime:
            raise file_not_accessible(file_id)
        return file


def file_state(file: GeneratedFile, now: float, processing: float) -> FileState:
    """Return the state of a file; ``processing`` is how long files are processed, in seconds."""
    if file.failed:
        return FileState.FAILED
    return FileState.PROCESSING if now < file.created + processing else FileState.ACTIVE


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a bucket; `created` in unix seconds."""

    bucket: str
    name: str
    clip: RenderedClip
    origin: ClipOrigin
    created: float
    mime_type: str = "video/mp4"

    @property
    def uri(self) -> str:
        """The object's gs:// address."""
        return f"gs://{self.bucket}/{self.name}"


class ObjectStore:
    """The objects in Cloud Storage, and every Vertex clip by its SHA-256."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], StoredObject] = {}
        self._by_digest: dict[str, tuple[RenderedClip, ClipOrigin]] = {}

    def add_object(self, item: StoredObject) -> None:
        """Keep an object."""
        self._objects[item.bucket, item.name] = item

    def remove_object(self, item: StoredObject) -> None:
        """Remove an object, but not a newer one with the same name."""
        if self._objects.get((item.bucket, item.name)) is item:
            del self._objects[item.bucket, item.name]

    def get_object(self, bucket: str, name: str) -> StoredObject | None:
        """Return an object by its address."""
        return self._objects.get((bucket, name))

    def list_objects(self, bucket: str, prefix: str) -> list[StoredObject]:
        """Return the objects of a bucket whose names begin with a prefix, by name."""
        return [
            item
            for (item_bucket, name), item in sorted(self._objects.items())
            if item_bucket == bucket and name.startswith(prefix)
        ]

    def remember_clip(self, clip: RenderedClip, origin: ClipOrigin) -> None:
        """Remember a delivered clip, so that its bytes are recognized in an extension."""
        self._by_digest[clip.sha256] = clip, origin

    def find_by_digest(self, sha256: str) -> tuple[RenderedClip, ClipOrigin] | None:
        """Return the delivered clip with this SHA-256 (hex)."""
        return self._by_digest.get(sha256)

"""What a clip is made of, before a single frame is painted.

A `ClipSpec` says everything the picture depends on and nothing else, so it is at once the order
handed to a worker process and, hashed, the name under which the finished clip is kept. Two
requests with the same spec get the same file, which is what makes hundreds of clips affordable
in a test.
"""

import hashlib
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

FRAME_RATE = 24
"""Frames a second of every clip Veo makes (Veo documentation, "Veo model features")."""

SAMPLE_RATE = 48_000
"""Audio samples a second."""

EXTENSION_SECONDS = 7
"""Seconds one extension adds (Veo documentation, "Extending Veo videos")."""

RENDERING_VERSION = 2
"""Raise when the same spec begins to look different, so that kept clips are not mistaken."""


class RenderStyle(StrEnum):
    """How much work goes into the picture."""

    SCENE = "scene"
    """The landscape that people see in the demo."""
    PLAIN = "plain"
    """A moving pattern that costs a fraction of it, for tests that only count clips."""


class ImageFit(StrEnum):
    """How a given image is brought to the clip's size (Vertex calls it resizeMode)."""

    CROP = "crop"
    PAD = "pad"


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """One clip to be rendered.

    ``seconds`` is what is *added*: for an extension, the source's own length comes on top.
    ``source`` is the clip to be extended and ``source_digest`` the SHA-256 of its bytes, which
    stands for it in the key.
    """

    prompt: str
    seed: int
    sample: int
    width: int
    height: int
    seconds: int
    audio: bool
    image: bytes | None = None
    last_frame: bytes | None = None
    references: tuple[bytes, ...] = ()
    source: Path | None = None
    source_digest: str = ""
    fit: ImageFit = ImageFit.CROP
    min_bytes: int = 0
    look: RenderStyle = RenderStyle.SCENE

    @property
    def frames(self) -> int:
        """Frames to paint, not counting a source's own."""
        return self.seconds * FRAME_RATE

    @property
    def key(self) -> str:
        """A name for the finished clip: equal specs have equal keys (64 hex digits)."""
        digest = hashlib.sha256(f"clip {RENDERING_VERSION}\n".encode())
        for field in fields(self):
            if field.name == "source":
                continue
            digest.update(f"{field.name}\n".encode())
            value = getattr(self, field.name)
            parts = value if isinstance(value, tuple) else (value,)
            for part in parts:
                data = part if isinstance(part, bytes) else repr(part).encode()
                digest.update(f"{len(data)}\n".encode() + data)
        return digest.hexdigest()

    @property
    def variation(self) -> int:
        """The number from which everything random in this clip is drawn."""
        text = f"{self.prompt}\n{self.seed}\n{self.sample}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

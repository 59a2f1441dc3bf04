"""The values that a clip's content depends on.

A ``ClipSpec`` is sent to the worker process, and its hash is the name of the finished file.
Requests with the same spec share one file, so that tests can make hundreds of clips.
"""

import hashlib
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path

FRAME_RATE = 24
"""Frames per second of every clip of Veo's (Veo documentation, "Veo model features")."""

SAMPLE_RATE = 48_000
"""Audio samples per second."""

EXTENSION_SECONDS = 7
"""Seconds that an extension adds (Veo documentation, "Extending Veo videos")."""

RENDERING_VERSION = 5
"""Increase when the same spec is rendered differently, so that cached clips are not reused."""

_PATTERN_SEED = 2
"""A seed for which the plain style has two very different colors."""


class RenderStyle(StrEnum):
    """How elaborate the frames are."""

    SCENE = "scene"
    """The landscape that the demo shows."""
    PLAIN = "plain"
    """A cheap moving pattern, the same in all clips of a size, for tests that only count clips."""


class ImageFit(StrEnum):
    """How an image is fitted to the clip's size (``resizeMode`` on Vertex AI)."""

    CROP = "crop"
    PAD = "pad"


class SourceUse(StrEnum):
    """What is done with a source."""

    CONTINUE = "continue"
    """Its frames stay identical, and new ones follow, as Veo extends."""
    RENDER_AGAIN = "render_again"
    """Its frames are rendered again, and new ones follow, as Omni extends."""
    EDIT = "edit"
    """Its frames are shown in another light."""


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """One clip to be rendered.

    ``seconds`` are the new ones, without the source's. ``source`` is the clip to extend.
    ``source_digest`` is its SHA-256, which represents it in the key.
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
    source_use: SourceUse = SourceUse.CONTINUE
    min_bytes: int = 0
    look: RenderStyle = RenderStyle.SCENE

    @property
    def frames(self) -> int:
        """Frames to paint, without those of a source."""
        return self.seconds * FRAME_RATE

    @property
    def pattern(self) -> "ClipSpec | None":
        """A spec whose clip is used for this one, too, to save rendering; `None` if it has none."""
        has_own_content = self.image or self.last_frame or self.references or self.source
        if self.look is not RenderStyle.PLAIN or has_own_content:
            return None
        pattern = replace(self, prompt="", seed=_PATTERN_SEED, sample=0)
        return None if pattern == self else pattern

    @property
    def key(self) -> str:
        """A hash of the spec, 64 hex digits."""
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
        """The seed of the clip's random generators."""
        text = f"{self.prompt}\n{self.seed}\n{self.sample}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

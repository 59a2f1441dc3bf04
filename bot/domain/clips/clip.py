"""A clip: one finished video, the chain it belongs to, and where its bytes are."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.jobs.request import AspectRatio, GenerationMode, GoogleRoute, Resolution, SourceClip


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video file is, read from the file itself."""

    seconds: float
    width: int
    height: int
    fps: float
    has_audio: bool
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A finished video.

    ``id`` is the number that members see. ``seconds`` is the whole length, ``hop`` the number of
    extensions that led to it, ``path`` the kept original relative to the data directory.
    ``remote_uri`` is Google's (never shown to anyone: it needs the key) and is kept there until
    ``remote_expires_at``.
    """

    id: int
    job_id: int
    index: int
    guild_id: int | None
    channel_id: int
    user_id: int
    model: str
    route: GoogleRoute
    mode: GenerationMode
    prompt: str
    aspect_ratio: AspectRatio
    resolution: Resolution | None
    seconds: int
    width: int
    height: int
    hop: int
    parent_clip_id: int | None
    root_clip_id: int | None
    path: str
    sha256: str
    size: int
    created_at: datetime
    remote_uri: str | None = None
    remote_expires_at: datetime | None = None
    message_id: int | None = None

    def as_source(self) -> SourceClip:
        """Return what an extension needs to know of this clip."""
        expires = self.remote_expires_at
        return SourceClip(
            clip_id=self.id,
            model=self.model,
            route=self.route,
            mode=self.mode,
            aspect_ratio=self.aspect_ratio,
            resolution=self.resolution,
            seconds=self.seconds,
            hop=self.hop,
            remote_uri=self.remote_uri,
            expires_at=None if expires is None else expires.timestamp(),
            path=self.path,
        )

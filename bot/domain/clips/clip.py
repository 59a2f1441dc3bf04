"""A clip: one finished video, the clips it continues, and where its file is."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.jobs.request import AspectRatio, GenerationMode, GoogleRoute, Resolution, SourceClip


@dataclass(frozen=True, slots=True)
class VideoFacts:
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

    ``id`` is the number that members see. ``seconds`` is the whole length, the extension depth
    the number of extensions that led to it, ``path`` the original relative to the data directory.
    ``remote_uri`` is Google's (never shown to members: it needs the key) and valid until
    ``remote_expires_at``. ``interaction_id`` names the request at Gemini Omni that made it, which
    Google keeps until ``interaction_expires_at``.
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
    extension_depth: int
    parent_clip_id: int | None
    root_clip_id: int | None
    path: str
    sha256: str
    size_bytes: int
    created_at: datetime
    remote_uri: str | None = None
    remote_expires_at: datetime | None = None
    message_id: int | None = None
    age_restricted: bool = False
    interaction_id: str | None = None
    interaction_expires_at: datetime | None = None

    def as_source(self) -> SourceClip:
        expires, interaction_expires = self.remote_expires_at, self.interaction_expires_at
        return SourceClip(
            clip_id=self.id,
            model=self.model,
            route=self.route,
            mode=self.mode,
            aspect_ratio=self.aspect_ratio,
            resolution=self.resolution,
            seconds=self.seconds,
            extension_depth=self.extension_depth,
            remote_uri=self.remote_uri,
            expires_at=None if expires is None else expires.timestamp(),
            path=self.path,
            age_restricted=self.age_restricted,
            interaction_id=self.interaction_id,
            interaction_expires_at=(
                None if interaction_expires is None else interaction_expires.timestamp()
            ),
        )


@dataclass(frozen=True, slots=True)
class NewClip:
    """A clip whose file is stored, before it has a number."""

    index: int
    width: int
    height: int
    seconds: int
    path: str
    sha256: str
    size_bytes: int
    remote_uri: str | None = None
    remote_expires_at: datetime | None = None
    interaction_id: str | None = None
    interaction_expires_at: datetime | None = None

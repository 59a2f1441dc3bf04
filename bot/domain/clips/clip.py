"""Clips: finished videos, the clips they were made from, and their files."""

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

    ``id`` is the number that members see. ``seconds`` is the whole length, and ``path`` leads to
    the original below the data directory. Google's ``remote_uri`` is valid until
    ``remote_expires_at``; it needs the key, so members never see it. ``interaction_id`` names the
    Omni interaction that made the clip. Google keeps it until ``interaction_expires_at``.
    ``poster_colors`` are those of the poster in three rows of three fields, each color as three
    hexadecimal digits; `None` until they are measured. Until moderators have let a clip pass, it is
    ``withheld``. With ``spoiler`` its pictures are blurred until somebody wants to see them. Drafts
    are deleted after ``draft_until``, unless they are made in full.
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
    poster_colors: str | None = None
    withheld: bool = False
    spoiler: bool = False
    draft_until: datetime | None = None

    def as_source(self) -> SourceClip:
        """Return what rules need. Google has only the new shot of a joined clip."""
        is_whole = self.mode is not GenerationMode.CONTINUATION
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
            remote_uri=self.remote_uri if is_whole else None,
            expires_at=None if expires is None or not is_whole else expires.timestamp(),
            path=self.path,
            age_restricted=self.age_restricted,
            interaction_id=self.interaction_id if is_whole else None,
            interaction_expires_at=(
                None
                if interaction_expires is None or not is_whole
                else interaction_expires.timestamp()
            ),
        )


@dataclass(frozen=True, slots=True)
class NewClip:
    """A clip whose file is stored but that has no number yet.

    With ``is_joined`` the file begins with the video that the clip goes on from.
    """

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
    is_joined: bool = False

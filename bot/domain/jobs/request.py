"""What a member asks for, and what is sent for it.

In a `VideoRequest`, `None` leaves the choice to the bot. The rules turn it into a `VideoPlan`, in
which everything that costs money or reaches Google is fixed. A job stores its plan, so that a
restart decides nothing again.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from bot.domain.billing.money import Micros
from bot.domain.typed_text import clean_typed_text


class GoogleRoute(StrEnum):
    GEMINI = "gemini"
    VERTEX = "vertex"


class GenerationMode(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    FRAMES = "frames"
    REFERENCES = "references"
    EXTENSION = "extension"


class AspectRatio(StrEnum):
    LANDSCAPE = "16:9"
    PORTRAIT = "9:16"


class PictureFit(StrEnum):
    """How a frame of another shape gets the clip's: by cutting it, or by filling the rest."""

    CROP = "crop"
    FIT = "fit"


class Resolution(StrEnum):
    """Veo's names for the shorter side."""

    P720 = "720p"
    P1080 = "1080p"
    UHD = "4k"


class PersonGeneration(StrEnum):
    """Veo's values for people in a video, as they are sent."""

    ALLOW_ALL = "allow_all"
    ALLOW_ADULT = "allow_adult"
    DONT_ALLOW = "dont_allow"


class OperatorRegion(StrEnum):
    """Where the operator runs the bot, as Google's rules for people distinguish regions."""

    ELSEWHERE = "elsewhere"
    EU = "eu"
    UK = "uk"
    CH = "ch"
    MENA = "mena"


class PersonRule(StrEnum):
    """Which people a server's admins allow in videos, from loosest to strictest."""

    EVERYONE = "everyone"
    ADULTS = "adults"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class InputImage:
    """An input image, checked, converted and stored.

    ``path`` is relative to the data directory; ``mime_type`` is ``image/png`` or ``image/jpeg``;
    ``sha256`` is of the stored bytes.
    """

    path: str
    mime_type: str
    width: int
    height: int
    sha256: str

    @property
    def aspect_ratio(self) -> AspectRatio:
        """The nearest of Veo's aspect ratios."""
        return AspectRatio.PORTRAIT if self.height > self.width else AspectRatio.LANDSCAPE


@dataclass(frozen=True, slots=True)
class SourceClip:
    """The clip that an extension continues, as the rules need it.

    ``seconds`` is its whole length. The extension depth is the number of extensions that led to
    it, 0 for a first clip. ``expires_at`` is until when Google keeps the file, in Unix seconds
    (``None``: it does not expire). ``path`` is the original below the data directory, for the
    route that takes bytes. What continues a clip of an age-restricted channel is restricted too.
    """

    clip_id: int
    model: str
    route: GoogleRoute
    mode: GenerationMode
    aspect_ratio: AspectRatio
    resolution: Resolution | None
    seconds: int
    extension_depth: int
    remote_uri: str | None
    expires_at: float | None
    path: str | None = None
    age_restricted: bool = False


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """What a member asks for; its texts are cleaned, wherever they come from."""

    prompt: str
    negative_prompt: str | None = None
    model: str | None = None
    aspect_ratio: AspectRatio | None = None
    resolution: Resolution | None = None
    seconds: int | None = None
    seed: int | None = None
    videos: int | None = None
    image: InputImage | None = None
    last_frame: InputImage | None = None
    references: tuple[InputImage, ...] = ()
    picture_fit: PictureFit | None = None
    source: SourceClip | None = None

    def __post_init__(self) -> None:
        for name in ("prompt", "negative_prompt", "model"):
            text = getattr(self, name)
            if text is not None:  # the class is frozen for everybody else
                object.__setattr__(self, name, clean_typed_text(text))

    @property
    def mode(self) -> GenerationMode:
        """The mode that the inputs imply, whether or not they are valid together."""
        if self.source is not None:
            return GenerationMode.EXTENSION
        if self.references:
            return GenerationMode.REFERENCES
        if self.last_frame is not None:
            return GenerationMode.FRAMES
        return GenerationMode.IMAGE if self.image is not None else GenerationMode.TEXT

    def evolve(self, **changes: Any) -> Self:
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """Everything that is sent to Google and charged for one job.

    ``seconds`` is what Google charges per video: 7 for an extension, whose result is
    ``result_seconds`` long. A parameter that is ``None`` is not sent. ``price`` covers all videos.
    """

    model: str
    route: GoogleRoute
    mode: GenerationMode
    prompt: str
    aspect_ratio: AspectRatio
    resolution: Resolution | None
    seconds: int
    result_seconds: int
    videos: int
    price: Micros
    negative_prompt: str | None = None
    seed: int | None = None
    person_generation: PersonGeneration | None = None
    image: InputImage | None = None
    last_frame: InputImage | None = None
    references: tuple[InputImage, ...] = ()
    source: SourceClip | None = None

    @property
    def charged_seconds(self) -> int:
        return self.seconds * self.videos

    def as_request(self) -> VideoRequest:
        """Return the request that leads to this plan again, for Redo and Edit prompt."""
        return VideoRequest(
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            model=self.model,
            aspect_ratio=None if self.source else self.aspect_ratio,
            resolution=None if self.source else self.resolution,
            seconds=None if self.source else self.seconds,
            seed=self.seed,
            videos=self.videos,
            image=self.image,
            last_frame=self.last_frame,
            references=self.references,
            source=self.source,
        )

"""What a member asks for, and what will be sent for it.

A `VideoRequest` is the wish, with `None` wherever the member left the choice to us. The rules turn
it into a `VideoPlan`, in which everything that costs money or reaches Google is fixed; the plan is
what a job keeps, so a restart never decides anything anew.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from bot.domain.billing.money import Micros


class GoogleRoute(StrEnum):
    """The Google interface that a model is reached through."""

    GEMINI = "gemini"
    VERTEX = "vertex"


class GenerationMode(StrEnum):
    """What a clip is made from; the modes exclude each other."""

    TEXT = "text"
    IMAGE = "image"
    FRAMES = "frames"
    REFERENCES = "references"
    EXTENSION = "extension"


class AspectRatio(StrEnum):
    """Width to height, in Veo's own notation."""

    LANDSCAPE = "16:9"
    PORTRAIT = "9:16"


class Resolution(StrEnum):
    """Veo's names for the shorter side of the picture."""

    P720 = "720p"
    P1080 = "1080p"
    UHD = "4k"


class PersonGeneration(StrEnum):
    """Veo's values for people in a video, as they stand on the wire."""

    ALLOW_ALL = "allow_all"
    ALLOW_ADULT = "allow_adult"
    DONT_ALLOW = "dont_allow"


class OperatorRegion(StrEnum):
    """Where the operator runs the bot, as far as Google's rules for people tell regions apart."""

    ELSEWHERE = "elsewhere"
    EU = "eu"
    UK = "uk"
    CH = "ch"
    MENA = "mena"


class PersonRule(StrEnum):
    """What a server's admins allow, from loosest to strictest."""

    EVERYONE = "everyone"
    ADULTS = "adults"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class InputImage:
    """An input image, already checked, converted and copied under the data directory.

    ``path`` is relative to the data directory and made by us; ``mime_type`` is one that Veo takes
    (``image/png`` or ``image/jpeg``); ``sha256`` is of the stored bytes.
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
    """The clip that an extension continues, as far as the rules need to know it.

    ``seconds`` is its whole length, ``hop`` how many extensions made it (0 for a first clip),
    ``expires_at`` Unix seconds until when Google keeps the file (``None``: it does not expire),
    ``path`` our own copy below the data directory, for the route that takes bytes.
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


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """What was asked, before any rule has looked at it."""

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
    source: SourceClip | None = None

    @property
    def mode(self) -> GenerationMode:
        """The mode that the given inputs ask for; whether they fit is the rules' matter."""
        if self.source is not None:
            return GenerationMode.EXTENSION
        if self.references:
            return GenerationMode.REFERENCES
        if self.last_frame is not None:
            return GenerationMode.FRAMES
        return GenerationMode.IMAGE if self.image is not None else GenerationMode.TEXT

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with ``changes``."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """Everything that is sent to Google and charged for one job.

    ``seconds`` is what Google is asked for and paid for per video: 7 for an extension, whose
    result is ``result_seconds`` long. A parameter that is ``None`` is left out on the wire.
    ``price`` covers all ``videos``.
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
        """Seconds of video that are paid for, over all videos."""
        return self.seconds * self.videos

    def as_request(self) -> VideoRequest:
        """Return the request that would lead to this plan again: for Redo and Edit prompt."""
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

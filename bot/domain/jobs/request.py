"""Requests, as members make them, and plans, as they are sent to Google.

In a `VideoRequest`, `None` leaves the choice to the bot. The rules turn it into a `VideoPlan`, in
which everything that costs money or reaches Google is fixed. A job stores its plan, so that nothing
is decided again after a restart.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from bot.domain.billing.money import Micros
from bot.domain.typed_text import clean_typed_text


class GoogleRoute(StrEnum):
    """A Google interface for videos; each has its own adapter."""

    GEMINI = "gemini"
    """Veo with an API key. Google shut it down on 2026-10-22; some gateways still offer it."""
    VERTEX = "vertex"
    """Veo in a Google Cloud project."""
    OMNI = "omni"
    """Gemini Omni with an API key: the Interactions API."""
    VERTEX_OMNI = "vertex-omni"
    """Gemini Omni in a Google Cloud project."""

    @property
    def is_omni(self) -> bool:
        return self in (GoogleRoute.OMNI, GoogleRoute.VERTEX_OMNI)

    @property
    def keeps_interactions(self) -> bool:
        """Whether a clip can be continued by the id of its Omni interaction."""
        return self is GoogleRoute.OMNI

    @property
    def takes_copies(self) -> bool:
        """Whether our own copy of a clip can be sent, whichever model made it."""
        return self is not GoogleRoute.GEMINI


class GenerationMode(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    FRAMES = "frames"
    REFERENCES = "references"
    EXTENSION = "extension"
    EDIT = "edit"
    CONTINUATION = "continuation"
    """A new shot, joined to the video that it goes on from. No model has this mode: Google gets
    the last frame as a picture, and only the finished clip is stored with it."""

    @property
    def contains_parent(self) -> bool:
        """Whether a clip of the mode begins with the clip that it was made from, unchanged."""
        return self in (GenerationMode.EXTENSION, GenerationMode.CONTINUATION)

    @property
    def has_first_frame(self) -> bool:
        """Whether a clip of the mode that has a parent only begins with the parent's last frame."""
        return self in (GenerationMode.IMAGE, GenerationMode.FRAMES)

    @property
    def has_source(self) -> bool:
        """Whether the mode starts from another clip."""
        return self in (GenerationMode.EXTENSION, GenerationMode.EDIT)


MODEL_MODES: Final = tuple(
    mode for mode in GenerationMode if mode is not GenerationMode.CONTINUATION
)
"""The modes that models may have."""


class AspectRatio(StrEnum):
    LANDSCAPE = "16:9"
    PORTRAIT = "9:16"


class PictureFit(StrEnum):
    """How a frame of another shape is made to fit the clip: by cropping or by padding."""

    CROP = "crop"
    FIT = "fit"


class Resolution(StrEnum):
    """Google's names for the length of the shorter side, the smallest first."""

    P360 = "360p"
    P720 = "720p"
    P1080 = "1080p"
    UHD = "4k"


class PersonGeneration(StrEnum):
    """Veo's values for people in a video, as sent to Google."""

    ALLOW_ALL = "allow_all"
    ALLOW_ADULT = "allow_adult"
    DONT_ALLOW = "dont_allow"


class OperatorRegion(StrEnum):
    """Where the operator runs the bot; Google's rules for people differ by region."""

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

    ``path`` is relative to the data directory. ``mime_type`` is ``image/png`` or ``image/jpeg``.
    ``sha256`` is that of the stored bytes.
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
    """What the rules need to know of the clip that an extension continues or an edit changes.

    ``seconds`` is its whole length. Google keeps the file until ``expires_at``, in Unix seconds;
    `None` means that it does not expire. ``path`` is the original below the data directory, for
    routes that accept uploads. ``interaction_id`` is the Omni interaction that made the clip.
    Google keeps it until ``interaction_expires_at``, in Unix seconds.
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
    interaction_id: str | None = None
    interaction_expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class TakesOrder:
    """How many drafts are made, and what was asked for the clip that is made in full.

    ``price`` is what that would have cost at the time of the request.
    """

    count: int
    price: Micros
    model: str | None = None
    resolution: Resolution | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class PrecedingVideo:
    """The video whose last frame a new shot begins with, and to which the shot is joined.

    ``path`` is its file below the data directory. ``clip`` is set if it is one of the bot's.
    """

    path: str
    seconds: int
    clip: SourceClip | None = None


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """What a member asks for; its texts are always cleaned.

    With ``is_edit`` the ``source`` is changed, otherwise it is extended by ``seconds``.
    ``with_cuts`` lets Gemini Omni cut between shots. With ``takes`` so many drafts are made first;
    model, resolution and seconds are those of the full clip. ``full_take`` is the draft, a clip,
    that the request makes in full.
    """

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
    is_edit: bool = False
    with_cuts: bool = False
    takes: int | None = None
    full_take: int | None = None
    preceding: PrecedingVideo | None = None

    def __post_init__(self) -> None:
        for name in ("prompt", "negative_prompt", "model"):
            text = getattr(self, name)
            if text is not None:  # the usual way to set a field of a frozen class
                object.__setattr__(self, name, clean_typed_text(text))

    @property
    def mode(self) -> GenerationMode:
        """The mode that the inputs imply, even if they are not valid together."""
        if self.source is not None:
            return GenerationMode.EDIT if self.is_edit else GenerationMode.EXTENSION
        if self.references:
            return GenerationMode.REFERENCES
        if self.last_frame is not None:
            return GenerationMode.FRAMES
        return GenerationMode.IMAGE if self.image is not None else GenerationMode.TEXT

    @property
    def parent(self) -> SourceClip | None:
        """The clip that is extended, edited or gone on from."""
        return _find_parent(self.source, self.preceding)

    def evolve(self, **changes: Any) -> Self:
        return replace(self, **changes)


class OperationGroup(NamedTuple):
    """Operations that are alike: what decides how long Google takes."""

    model: str
    mode: GenerationMode
    resolution: Resolution | None
    seconds: int


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """Everything that is sent to Google and charged for one job.

    ``seconds`` is what Google charges per video. For an extension, those are the added seconds, and
    the result is ``result_seconds`` long. A parameter that is `None` is not sent. ``price`` covers
    all videos and is the most that the member pays. ``prompt`` is what the member wrote; for Omni,
    `bot.domain.jobs.sent_prompt` adds to it. A plan with ``takes`` has one video per draft, until
    `bot.domain.jobs.takes` splits it into jobs.
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
    with_cuts: bool = False
    takes: TakesOrder | None = None
    full_take: int | None = None
    preceding: PrecedingVideo | None = None

    @property
    def parent(self) -> SourceClip | None:
        """The clip that is extended, edited or gone on from."""
        return _find_parent(self.source, self.preceding)

    @property
    def charged_seconds(self) -> int:
        return self.seconds * self.videos

    @property
    def operation_group(self) -> OperationGroup:
        return OperationGroup(self.model, self.mode, self.resolution, self.seconds)

    def as_request(self) -> VideoRequest:
        """Return the request for this plan, for *Redo* and *Reword and redo*."""
        takes = self.takes
        seconds = self.seconds if takes is None or takes.seconds is None else takes.seconds
        return VideoRequest(
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            model=self.model if takes is None else takes.model,
            aspect_ratio=None if self.source else self.aspect_ratio,
            resolution=self.resolution if takes is None else takes.resolution,
            seconds=None if self.mode is GenerationMode.EDIT else seconds,
            seed=self.seed,
            videos=self.videos if takes is None else None,
            image=self.image,
            last_frame=self.last_frame,
            references=self.references,
            source=self.source,
            is_edit=self.mode is GenerationMode.EDIT,
            with_cuts=self.with_cuts,
            takes=None if takes is None else takes.count,
            full_take=self.full_take,
            preceding=self.preceding,
        )


def _find_parent(source: SourceClip | None, preceding: PrecedingVideo | None) -> SourceClip | None:
    return source if preceding is None else preceding.clip

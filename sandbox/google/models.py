"""What each Veo model allows, as Google's server would know it.

The sandbox keeps its own table: if it shared the bot's catalogue, a mistake in that catalogue
would be confirmed by the very thing that is meant to find it. Source of every row: the Veo
documentation's table "Veo API parameters and specifications" and the models' pages; where that
document is silent, the project's reference page on Veo.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Route(StrEnum):
    """The two services that serve Veo."""

    GEMINI = "gemini"
    VERTEX = "vertex"


class Mode(StrEnum):
    """What a request starts from."""

    TEXT = "text"
    IMAGE = "image"
    FRAMES = "frames"
    REFERENCES = "references"
    EXTENSION = "extension"


class Region(StrEnum):
    """Where the caller is, as far as it changes what Google allows."""

    ELSEWHERE = "elsewhere"
    EU = "eu"
    UK = "uk"
    CH = "ch"
    MENA = "mena"


EVERYONE, ADULTS, NOBODY = "allow_all", "allow_adult", "dont_allow"

SIZES = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
    ("4k", "16:9"): (3840, 2160),
    ("4k", "9:16"): (2160, 3840),
}
"""Width and height in pixels by resolution and aspect ratio."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model and its rules.

    ``full_length`` names what needs the longest clip: resolutions and modes. ``people`` are the
    values of personGeneration by mode; ``people_restricted`` those in the regions with a law of
    their own.
    """

    id: str
    route: Route
    version: str
    title: str
    seconds: tuple[int, ...]
    sizes: frozenset[tuple[str, str]]
    modes: frozenset[Mode]
    full_length: frozenset[str]
    people: Mapping[Mode, tuple[str, ...]]
    people_restricted: tuple[str, ...]
    max_samples: int = 1
    audio: bool = True
    names_resolution: bool = True
    seeded: bool = True
    wide_references: bool = True
    retired: bool = False

    @property
    def full_seconds(self) -> int:
        """The longest clip the model makes in one go, in seconds."""
        return max(self.seconds)

    def allowed_people(self, mode: Mode, region: Region) -> tuple[str, ...]:
        """The values of personGeneration that are supported for a mode in a region."""
        if region is not Region.ELSEWHERE and self.route is Route.GEMINI:
            return self.people_restricted
        return self.people.get(mode, ())


_ALL_SIZES = frozenset(SIZES)
_HD = frozenset(size for size in SIZES if size[0] != "4k")
_STILLS = (Mode.IMAGE, Mode.FRAMES, Mode.REFERENCES)
_PEOPLE_3 = {
    Mode.TEXT: (EVERYONE,),
    Mode.EXTENSION: (EVERYONE,),
    **dict.fromkeys(_STILLS, (ADULTS,)),
}
_PEOPLE_2 = {
    Mode.TEXT: (EVERYONE, ADULTS, NOBODY),
    **dict.fromkeys(_STILLS, (ADULTS, NOBODY)),
}
_PEOPLE_VERTEX = dict.fromkeys(Mode, (ADULTS, NOBODY))
_LONG_31 = frozenset({"1080p", "4k", Mode.REFERENCES, Mode.FRAMES, Mode.EXTENSION})
# Whether Lite takes two frames is reported both ways; where it does, they are 8 s as elsewhere.
_LONG_LITE = frozenset({"1080p", Mode.FRAMES})
_SIMPLE = frozenset({Mode.TEXT, Mode.IMAGE, Mode.FRAMES})


def _gemini_31(name: str, title: str) -> Model:
    return Model(
        id=name,
        route=Route.GEMINI,
        version="3.1",
        title=title,
        seconds=(4, 6, 8),
        sizes=_ALL_SIZES,
        modes=frozenset(Mode),
        full_length=_LONG_31,
        people=_PEOPLE_3,
        people_restricted=(ADULTS,),
    )


def _gemini_30(name: str, title: str) -> Model:
    return Model(
        id=name,
        route=Route.GEMINI,
        version="3.0",
        title=title,
        seconds=(4, 6, 8),
        # "1080p (16:9 only)": the documentation's table for Veo 3 and Veo 3 Fast.
        sizes=_HD - {("1080p", "9:16")},
        modes=_SIMPLE,
        full_length=frozenset({"1080p"}),
        people=_PEOPLE_3,
        people_restricted=(ADULTS,),
    )


def _vertex_31(name: str, title: str, *, lite: bool = False) -> Model:
    return Model(
        id=name,
        route=Route.VERTEX,
        version="3.1",
        title=title,
        seconds=(4, 6, 8),
        sizes=_HD if lite else _ALL_SIZES,
        modes=_SIMPLE if lite else frozenset(Mode),
        full_length=_LONG_LITE if lite else _LONG_31 - {Mode.EXTENSION},
        people=_PEOPLE_VERTEX,
        people_restricted=(ADULTS, NOBODY),
        max_samples=4,
        wide_references=False,
    )


_MODELS = (
    _gemini_31("veo-3.1-generate-preview", "Veo 3.1"),
    _gemini_31("veo-3.1-fast-generate-preview", "Veo 3.1 fast"),
    Model(
        id="veo-3.1-lite-generate-preview",
        route=Route.GEMINI,
        version="3.1",
        title="Veo 3.1 lite",
        seconds=(4, 6, 8),
        sizes=_HD,
        modes=_SIMPLE,
        full_length=_LONG_LITE,
        people=_PEOPLE_3,
        people_restricted=(ADULTS,),
    ),
    _gemini_30("veo-3.0-generate-001", "Veo 3"),
    _gemini_30("veo-3.0-fast-generate-001", "Veo 3 fast"),
    Model(
        id="veo-2.0-generate-001",
        route=Route.GEMINI,
        version="2.0",
        title="Veo 2",
        seconds=(5, 6, 8),
        sizes=frozenset({("720p", "16:9"), ("720p", "9:16")}),
        modes=_SIMPLE,
        full_length=frozenset(),
        people=_PEOPLE_2,
        people_restricted=(NOBODY, ADULTS),
        max_samples=2,
        audio=False,
        names_resolution=False,
        seeded=False,
    ),
    _vertex_31("veo-3.1-generate-001", "Veo 3.1"),
    _vertex_31("veo-3.1-fast-generate-001", "Veo 3.1 Fast"),
    _vertex_31("veo-3.1-lite-generate-001", "Veo 3.1 Lite", lite=True),
)

MODELS = {(model.route, model.id): model for model in _MODELS}
"""Every model by route and id."""

"""What each Veo model allows.

The sandbox does not use the bot's catalog, because then it could not find mistakes in it. Sources:
"Veo API parameters and specifications" and the model pages of
https://ai.google.dev/gemini-api/docs/video, or else the behavior that users have reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class ServiceRoute(StrEnum):
    """The two services that serve Veo."""

    GEMINI = "gemini"
    VERTEX = "vertex"


class VeoMode(StrEnum):
    """What a request starts from."""

    TEXT = "text"
    IMAGE = "image"
    FRAMES = "frames"
    REFERENCES = "references"
    EXTENSION = "extension"


class CallerRegion(StrEnum):
    """The caller's region, as far as it changes what Google allows."""

    ELSEWHERE = "elsewhere"
    EU = "eu"
    UK = "uk"
    CH = "ch"
    MENA = "mena"


ALLOW_ALL, ALLOW_ADULT, DONT_ALLOW = "allow_all", "allow_adult", "dont_allow"

VIDEO_SIZES = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
    ("4k", "16:9"): (3840, 2160),
    ("4k", "9:16"): (2160, 3840),
}
"""Width and height in pixels by resolution and aspect ratio."""


@dataclass(frozen=True, slots=True)
class VeoModel:
    """One model and its rules.

    ``full_length`` are the resolutions and modes that require the longest clip. ``people`` are the
    values of personGeneration by mode, ``people_restricted`` those in regions with stricter laws.
    """

    id: str
    route: ServiceRoute
    version: str
    title: str
    seconds: tuple[int, ...]
    sizes: frozenset[tuple[str, str]]
    modes: frozenset[VeoMode]
    full_length: frozenset[str]
    people: Mapping[VeoMode, tuple[str, ...]]
    people_restricted: tuple[str, ...]
    max_samples: int = 1
    audio: bool = True
    accepts_resolution: bool = True
    accepts_seed: bool = True
    allows_wide_references: bool = True

    @property
    def full_seconds(self) -> int:
        """The longest clip that the model makes in one request, in seconds."""
        return max(self.seconds)

    def supported_people(self, mode: VeoMode, region: CallerRegion) -> tuple[str, ...]:
        """Return the values of personGeneration that are supported for a mode in a region."""
        if region is not CallerRegion.ELSEWHERE and self.route is ServiceRoute.GEMINI:
            return self.people_restricted
        return self.people.get(mode, ())


_EVERY_SIZE = frozenset(VIDEO_SIZES)
_HD_SIZES = frozenset(size for size in VIDEO_SIZES if size[0] != "4k")
_IMAGE_MODES = (VeoMode.IMAGE, VeoMode.FRAMES, VeoMode.REFERENCES)
_PEOPLE_VEO_3 = {
    VeoMode.TEXT: (ALLOW_ALL,),
    VeoMode.EXTENSION: (ALLOW_ALL,),
    **dict.fromkeys(_IMAGE_MODES, (ALLOW_ADULT,)),
}
_PEOPLE_VEO_2 = {
    VeoMode.TEXT: (ALLOW_ALL, ALLOW_ADULT, DONT_ALLOW),
    **dict.fromkeys(_IMAGE_MODES, (ALLOW_ADULT, DONT_ALLOW)),
}
_PEOPLE_VERTEX = dict.fromkeys(VeoMode, (ALLOW_ADULT, DONT_ALLOW))
_FULL_LENGTH_VEO_31 = frozenset(
    {"1080p", "4k", VeoMode.REFERENCES, VeoMode.FRAMES, VeoMode.EXTENSION}
)
# Reports differ on whether Lite takes two frames; where it does, such clips are 8 s as elsewhere.
_FULL_LENGTH_LITE = frozenset({"1080p", VeoMode.FRAMES})
_SIMPLE_MODES = frozenset({VeoMode.TEXT, VeoMode.IMAGE, VeoMode.FRAMES})


def _gemini_veo_31(name: str, title: str) -> VeoModel:
    return VeoModel(
        id=name,
        route=ServiceRoute.GEMINI,
        version="3.1",
        title=title,
        seconds=(4, 6, 8),
        sizes=_EVERY_SIZE,
        modes=frozenset(VeoMode),
        full_length=_FULL_LENGTH_VEO_31,
        people=_PEOPLE_VEO_3,
        people_restricted=(ALLOW_ADULT,),
    )


def _gemini_veo_30(name: str, title: str) -> VeoModel:
    return replace(
        _gemini_veo_31(name, title),
        version="3.0",
        # "1080p (16:9 only)": the documentation's table for Veo 3 and Veo 3 Fast.
        sizes=_HD_SIZES - {("1080p", "9:16")},
        modes=_SIMPLE_MODES,
        full_length=frozenset({"1080p"}),
    )


def _vertex_veo_31(name: str, title: str, *, lite: bool = False) -> VeoModel:
    return VeoModel(
        id=name,
        route=ServiceRoute.VERTEX,
        version="3.1",
        title=title,
        seconds=(4, 6, 8),
        sizes=_HD_SIZES if lite else _EVERY_SIZE,
        modes=_SIMPLE_MODES if lite else frozenset(VeoMode),
        full_length=_FULL_LENGTH_LITE if lite else _FULL_LENGTH_VEO_31 - {VeoMode.EXTENSION},
        people=_PEOPLE_VERTEX,
        people_restricted=(ALLOW_ADULT, DONT_ALLOW),
        max_samples=4,
        allows_wide_references=False,
    )


_MODELS = (
    _gemini_veo_31("veo-3.1-generate-preview", "Veo 3.1"),
    _gemini_veo_31("veo-3.1-fast-generate-preview", "Veo 3.1 fast"),
    replace(
        _gemini_veo_31("veo-3.1-lite-generate-preview", "Veo 3.1 lite"),
        sizes=_HD_SIZES,
        modes=_SIMPLE_MODES,
        full_length=_FULL_LENGTH_LITE,
    ),
    _gemini_veo_30("veo-3.0-generate-001", "Veo 3"),
    _gemini_veo_30("veo-3.0-fast-generate-001", "Veo 3 fast"),
    replace(
        _gemini_veo_30("veo-2.0-generate-001", "Veo 2"),
        version="2.0",
        seconds=(5, 6, 8),
        sizes=frozenset({("720p", "16:9"), ("720p", "9:16")}),
        full_length=frozenset(),
        people=_PEOPLE_VEO_2,
        people_restricted=(DONT_ALLOW, ALLOW_ADULT),
        max_samples=2,
        audio=False,
        accepts_resolution=False,
        accepts_seed=False,
    ),
    _vertex_veo_31("veo-3.1-generate-001", "Veo 3.1"),
    _vertex_veo_31("veo-3.1-fast-generate-001", "Veo 3.1 Fast"),
    _vertex_veo_31("veo-3.1-lite-generate-001", "Veo 3.1 Lite", lite=True),
)

MODELS = {(model.route, model.id): model for model in _MODELS}
"""Every model by route and id."""

"""Styles and camera moves to choose from: words that are added to a prompt, and seen there.

What is added is English, because Veo reads it; what people choose by is translated. The words stand
in the prompt itself (they count to its tokens, and *Edit prompt* shows them), and nothing else is
kept: which presets a prompt has is read from it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot.domain.errors import RuleBroken


class Style(StrEnum):
    """How a video looks."""

    PHOTO = "photo"
    CINEMATIC = "cinematic"
    NOIR = "noir"
    DOCUMENTARY = "documentary"
    VINTAGE = "vintage"
    ANIMATION = "animation"
    ANIME = "anime"
    CARTOON = "cartoon"
    STOP_MOTION = "stop_motion"
    WATERCOLOUR = "watercolour"
    OIL = "oil"
    PIXEL = "pixel"
    CYBERPUNK = "cyberpunk"
    SURREAL = "surreal"


class Camera(StrEnum):
    """Where the camera stands, and how it moves."""

    STILL = "still"
    PAN = "pan"
    DOLLY_IN = "dolly_in"
    DOLLY_OUT = "dolly_out"
    TRACKING = "tracking"
    ORBIT = "orbit"
    AERIAL = "aerial"
    HANDHELD = "handheld"
    EYE_LEVEL = "eye_level"
    WORMS_EYE = "worms_eye"
    TOP_DOWN = "top_down"
    CLOSE_UP = "close_up"
    WIDE = "wide"
    POV = "pov"


STYLES: Final[Mapping[Style, str]] = {
    Style.PHOTO: "photorealistic, natural light",
    Style.CINEMATIC: "cinematic film, dramatic light, shallow focus",
    Style.NOIR: "film noir, black and white, hard shadows",
    Style.DOCUMENTARY: "nature documentary, true colours",
    Style.VINTAGE: "vintage 1970s film, faded colours, film grain",
    Style.ANIMATION: "3D animated film, soft light",
    Style.ANIME: "Japanese anime, hand-drawn",
    Style.CARTOON: "cartoon, bold outlines, flat colours",
    Style.STOP_MOTION: "stop-motion animation with clay figures",
    Style.WATERCOLOUR: "watercolour painting in motion",
    Style.OIL: "oil painting in motion, visible brush strokes",
    Style.PIXEL: "retro pixel art",
    Style.CYBERPUNK: "cyberpunk, neon light, rain at night",
    Style.SURREAL: "surreal, dreamlike",
}
CAMERAS: Final[Mapping[Camera, str]] = {
    Camera.STILL: "static shot",
    Camera.PAN: "slow pan",
    Camera.DOLLY_IN: "slow dolly in",
    Camera.DOLLY_OUT: "slow dolly out",
    Camera.TRACKING: "tracking shot that follows the subject",
    Camera.ORBIT: "orbit around the subject",
    Camera.AERIAL: "aerial drone shot",
    Camera.HANDHELD: "handheld camera",
    Camera.EYE_LEVEL: "eye-level shot",
    Camera.WORMS_EYE: "worm's-eye view",
    Camera.TOP_DOWN: "top-down shot",
    Camera.CLOSE_UP: "close-up",
    Camera.WIDE: "wide shot",
    Camera.POV: "point-of-view shot",
}
MOST_CHARACTERS: Final = 4000
"""What Discord lets somebody type, and what a form holds."""
_ENDS: Final = (".", "!", "?", "…", "。", "！", "？", '"', "”", "’", "»", "」", "』", ")", "）")


def _any_of(words: Mapping[Style, str] | Mapping[Camera, str]) -> str:
    return "|".join(re.escape(each) for each in words.values())


_ADDED: Final = re.compile(
    rf"\s(?=Style:|Camera:)(?P<style>Style: (?:{_any_of(STYLES)})\.)?"
    rf"\s?(?P<camera>Camera: (?:{_any_of(CAMERAS)})\.)?\s*\Z"
)


def with_presets(prompt: str, style: Style | None = None, camera: Camera | None = None) -> str:
    """Return ``prompt`` with the words of the presets behind it, as sentences of their own.

    Raises `RuleBroken` for what could not be shown whole in a form, to be edited.
    """
    added = []
    if style is not None:
        added.append(f"Style: {STYLES[style]}.")
    if camera is not None:
        added.append(f"Camera: {CAMERAS[camera]}.")
    text = prompt.strip()
    if not added or not text:
        return prompt
    stop = "" if text.endswith(_ENDS) else "."
    whole = f"{text}{stop} {' '.join(added)}"
    if len(whole) > MOST_CHARACTERS:
        raise RuleBroken("presets_too_long", "prompt", characters=len(whole), most=MOST_CHARACTERS)
    return whole


def parts(prompt: str) -> tuple[str, str]:
    """Return what a person wrote, and the words of presets behind it (empty where there are none).

    So a message that folds a long prompt can still show what was added to it.
    """
    found = _ADDED.search(prompt)
    if found is None:
        return prompt, ""
    return prompt[: found.start()], found.group().strip()

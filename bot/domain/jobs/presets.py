"""Style and camera presets: English words that are appended to a prompt.

The names that members choose from are translated; the words are English because Veo reads them.
They become part of the prompt (its tokens count, and *Edit prompt* shows them), and nothing else
is stored: which presets a prompt has is read from its text.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot.domain.errors import RuleBroken


class StylePreset(StrEnum):
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


class CameraPreset(StrEnum):
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


STYLE_TEXTS: Final[Mapping[StylePreset, str]] = {
    StylePreset.PHOTO: "photorealistic, natural light",
    StylePreset.CINEMATIC: "cinematic film, dramatic light, shallow focus",
    StylePreset.NOIR: "film noir, black and white, hard shadows",
    StylePreset.DOCUMENTARY: "nature documentary, true colours",
    StylePreset.VINTAGE: "vintage 1970s film, faded colours, film grain",
    StylePreset.ANIMATION: "3D animated film, soft light",
    StylePreset.ANIME: "Japanese anime, hand-drawn",
    StylePreset.CARTOON: "cartoon, bold outlines, flat colours",
    StylePreset.STOP_MOTION: "stop-motion animation with clay figures",
    StylePreset.WATERCOLOUR: "watercolour painting in motion",
    StylePreset.OIL: "oil painting in motion, visible brush strokes",
    StylePreset.PIXEL: "retro pixel art",
    StylePreset.CYBERPUNK: "cyberpunk, neon light, rain at night",
    StylePreset.SURREAL: "surreal, dreamlike",
}
CAMERA_TEXTS: Final[Mapping[CameraPreset, str]] = {
    CameraPreset.STILL: "static shot",
    CameraPreset.PAN: "slow pan",
    CameraPreset.DOLLY_IN: "slow dolly in",
    CameraPreset.DOLLY_OUT: "slow dolly out",
    CameraPreset.TRACKING: "tracking shot that follows the subject",
    CameraPreset.ORBIT: "orbit around the subject",
    CameraPreset.AERIAL: "aerial drone shot",
    CameraPreset.HANDHELD: "handheld camera",
    CameraPreset.EYE_LEVEL: "eye-level shot",
    CameraPreset.WORMS_EYE: "worm's-eye view",
    CameraPreset.TOP_DOWN: "top-down shot",
    CameraPreset.CLOSE_UP: "close-up",
    CameraPreset.WIDE: "wide shot",
    CameraPreset.POV: "point-of-view shot",
}
MAX_PROMPT_CHARACTERS: Final = 4000
"""The most that Discord accepts in an option or a form."""
_SENTENCE_ENDS: Final = tuple('.!?…。！？"”’»」』)）')


def _match_any(words: Mapping[StylePreset, str] | Mapping[CameraPreset, str]) -> str:
    return "|".join(re.escape(text) for text in words.values())


_PRESET_SUFFIX: Final = re.compile(
    rf"\s(?=Style:|Camera:)(?P<style>Style: (?:{_match_any(STYLE_TEXTS)})\.)?"
    rf"\s?(?P<camera>Camera: (?:{_match_any(CAMERA_TEXTS)})\.)?\s*\Z"
)


def append_presets(
    prompt: str, style: StylePreset | None = None, camera: CameraPreset | None = None
) -> str:
    """Return ``prompt`` followed by the words of the presets, as sentences of their own.

    Raises `RuleBroken` if the result does not fit into the form that edits it.
    """
    sentences = []
    if style is not None:
        sentences.append(f"Style: {STYLE_TEXTS[style]}.")
    if camera is not None:
        sentences.append(f"Camera: {CAMERA_TEXTS[camera]}.")
    text = prompt.strip()
    if not sentences or not text:
        return prompt
    full_stop = "" if text.endswith(_SENTENCE_ENDS) else "."
    result = f"{text}{full_stop} {' '.join(sentences)}"
    if len(result) > MAX_PROMPT_CHARACTERS:
        raise RuleBroken(
            "presets_too_long", "prompt", characters=len(result), most=MAX_PROMPT_CHARACTERS
        )
    return result


def split_presets(prompt: str) -> tuple[str, str]:
    """Return a prompt without its presets, and the words of the presets (or an empty string).

    A message that truncates a long prompt can still show its presets this way.
    """
    match = _PRESET_SUFFIX.search(prompt)
    if match is None:
        return prompt, ""
    return prompt[: match.start()], match.group().strip()

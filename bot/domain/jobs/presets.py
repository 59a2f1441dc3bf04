"""Style and camera presets: English words that are appended to a prompt.

The names that members choose from are translated. The words are English, because Veo reads them.
They become part of the prompt: their tokens count, and *Reword and redo* shows them. Nothing else
is stored, so the presets of a prompt are read from its text.
"""

import re
from enum import StrEnum
from typing import Final, Self


class _Preset(StrEnum):
    """A preset's key; ``words`` is what is appended to the prompt."""

    words: str

    def __new__(cls, key: str, words: str) -> Self:
        preset = str.__new__(cls, key)
        preset._value_ = key
        preset.words = words
        return preset


class StylePreset(_Preset):
    """How a video looks."""

    PHOTO = "photo", "photorealistic, natural light"
    CINEMATIC = "cinematic", "cinematic film, dramatic light, shallow focus"
    NOIR = "noir", "film noir, black and white, hard shadows"
    DOCUMENTARY = "documentary", "nature documentary, true colours"
    VINTAGE = "vintage", "vintage 1970s film, faded colours, film grain"
    ANIMATION = "animation", "3D animated film, soft light"
    ANIME = "anime", "Japanese anime, hand-drawn"
    CARTOON = "cartoon", "cartoon, bold outlines, flat colours"
    STOP_MOTION = "stop_motion", "stop-motion animation with clay figures"
    WATERCOLOUR = "watercolour", "watercolour painting in motion"
    OIL = "oil", "oil painting in motion, visible brush strokes"
    PIXEL = "pixel", "retro pixel art"
    CYBERPUNK = "cyberpunk", "cyberpunk, neon light, rain at night"
    SURREAL = "surreal", "surreal, dreamlike"


class CameraPreset(_Preset):
    """Where the camera stands, and how it moves."""

    STILL = "still", "static shot"
    PAN = "pan", "slow pan"
    DOLLY_IN = "dolly_in", "slow dolly in"
    DOLLY_OUT = "dolly_out", "slow dolly out"
    TRACKING = "tracking", "tracking shot that follows the subject"
    ORBIT = "orbit", "orbit around the subject"
    AERIAL = "aerial", "aerial drone shot"
    HANDHELD = "handheld", "handheld camera"
    EYE_LEVEL = "eye_level", "eye-level shot"
    WORMS_EYE = "worms_eye", "worm's-eye view"
    TOP_DOWN = "top_down", "top-down shot"
    CLOSE_UP = "close_up", "close-up"
    WIDE = "wide", "wide shot"
    POV = "pov", "point-of-view shot"


MAX_PROMPT_CHARACTERS: Final = 4000
"""Discord's limit for an option or a form."""
_SENTENCE_ENDS: Final = tuple('.!?…。！？"”’»」』)）')


def _match_any(presets: type[_Preset]) -> str:
    return "|".join(re.escape(preset.words) for preset in presets)


_PRESET_SUFFIX: Final = re.compile(
    rf"\s(?=Style:|Camera:)(?P<style>Style: (?:{_match_any(StylePreset)})\.)?"
    rf"\s?(?P<camera>Camera: (?:{_match_any(CameraPreset)})\.)?\s*\Z"
)


def append_presets(
    prompt: str, style: StylePreset | None = None, camera: CameraPreset | None = None
) -> str:
    """Return ``prompt`` followed by the words of the presets, as sentences of their own.

    The result may be longer than `MAX_PROMPT_CHARACTERS`, and is then refused by the rules.
    """
    sentences = []
    if style is not None:
        sentences.append(f"Style: {style.words}.")
    if camera is not None:
        sentences.append(f"Camera: {camera.words}.")
    text = prompt.strip()
    if not sentences or not text:
        return prompt
    full_stop = "" if text.endswith(_SENTENCE_ENDS) else "."
    return f"{text}{full_stop} {' '.join(sentences)}"


def split_presets(prompt: str) -> tuple[str, str]:
    """Return a prompt without its presets, and the words of the presets (or an empty string)."""
    match = _PRESET_SUFFIX.search(prompt)
    if match is None:
        return prompt, ""
    return prompt[: match.start()], match.group().strip()

"""Names of clips' files. They say that a clip was made with AI, and by which model."""

import re
from typing import Final

from bot.domain.clips.clip import Clip

_RELEASE: Final = re.compile(r"(?:-generate)?(?:-preview|-exp|-\d{3})?(?:-\d\d-20\d\d)?$")
"""The end of Google's model ids, which says nothing about the model."""
_UNSAFE: Final = re.compile(r"[^a-z0-9.]+")
_MAX_MODEL_LENGTH: Final = 40


def build_file_name(clip: Clip) -> str:
    """Return the file name of a clip. It contains nothing that a member typed."""
    return f"{build_file_stem(clip)}.mp4"


def build_file_stem(clip: Clip) -> str:
    """Return how the names of a clip's video, preview and poster begin."""
    model = _UNSAFE.sub("-", _RELEASE.sub("", clip.model.lower()))[:_MAX_MODEL_LENGTH].strip("-.")
    return f"clip-{clip.id}-ai-{model}" if model else f"clip-{clip.id}-ai"

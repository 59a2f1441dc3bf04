"""What each Omni model allows, and what it costs.

Sources: https://ai.google.dev/gemini-api/docs/omni for 1.1, and measurements of users for 1.2.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

OMNI_SIZES: Final = {
    ("360p", "16:9"): (640, 360),
    ("360p", "9:16"): (360, 640),
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
    ("4k", "16:9"): (3840, 2160),
    ("4k", "9:16"): (2160, 3840),
}
"""Width and height in pixels by resolution and aspect ratio."""

OUTPUT_TOKENS_PER_SECOND: Final = {"360p": 1931, "720p": 5792, "1080p": 8688, "4k": 17_376}
INPUT_USD_PER_TOKEN: Final = 1.5 / 1_000_000
TEXT_USD_PER_TOKEN: Final = 9 / 1_000_000
"""Also for thoughts."""
INPUT_TOKENS_PER_IMAGE: Final = 258
INPUT_TOKENS_PER_VIDEO_SECOND: Final = 263
MAX_CONTEXT_SECONDS: Final = 10
"""An extension only uses the end of its source."""
MIN_SECONDS: Final = 3
DEFAULT_SECONDS: Final = 10
"""What is made and billed if the request states no duration."""
MAX_FRAMES_SECONDS: Final = 10
MAX_ADDED_SECONDS: Final = 10
MAX_EXTENDED_SOURCE_SECONDS: Final = 30
MAX_EXTENDED_SECONDS: Final = 40
MAX_REFERENCE_VIDEOS: Final = 3
MAX_REFERENCE_VIDEO_SECONDS: Final = 3


class OmniRoute(StrEnum):
    """The two services that serve Omni."""

    API_KEY = "omni"
    VERTEX = "vertex-omni"


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """What an interaction has used, by kind."""

    input_text: int = 0
    input_image: int = 0
    input_video: int = 0
    thoughts: int = 0
    output_video: int = 0

    @property
    def input(self) -> int:
        """All tokens of the input."""
        return self.input_text + self.input_image + self.input_video


@dataclass(frozen=True, slots=True)
class OmniModelRules:
    """One model: lengths in seconds, ``output_usd`` in USD for each token of video."""

    id: str
    version: str
    title: str
    max_seconds: int
    max_edited_seconds: int
    max_references: int
    may_extend: bool
    output_usd: float
    input_token_limit: int
    output_token_limit: int

    def price(self, tokens: TokenCounts) -> float:
        """Return what an interaction costs in USD."""
        return (
            tokens.input * INPUT_USD_PER_TOKEN
            + tokens.thoughts * TEXT_USD_PER_TOKEN
            + tokens.output_video * self.output_usd
        )


_OMNI_1_2: Final = OmniModelRules(
    id="gemini-omni-1.2-flash",
    version="1.2",
    title="Gemini Omni 1.2 Flash",
    max_seconds=15,
    max_edited_seconds=15,
    max_references=6,
    may_extend=False,
    output_usd=12 / 1_000_000,
    input_token_limit=1_048_576,
    output_token_limit=260_640,
)
_OMNI_1_1: Final = OmniModelRules(
    id="gemini-omni-1.1-flash",
    version="1.1",
    title="Gemini Omni 1.1 Flash",
    max_seconds=10,
    max_edited_seconds=10,
    max_references=12,
    may_extend=True,
    output_usd=17.5 / 1_000_000,
    input_token_limit=131_072,
    output_token_limit=57_920,
)

OMNI_MODELS: Final = {model.id: model for model in (_OMNI_1_2, _OMNI_1_1)}
"""Every model by its id. Whether 1.2 extends is not documented, so here it does not."""

VERTEX_OMNI_MODELS: Final = {**OMNI_MODELS, "gemini-omni-1.1-flash-preview": _OMNI_1_1}
"""The same on Vertex AI by their names there: 1.1 was last seen as a preview."""

SHUT_DOWN_MODELS: Final = frozenset({"gemini-omni-flash-preview"})
"""Off for API keys."""

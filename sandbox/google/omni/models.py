"""What each Omni model allows, and what it costs.

Sources: https://ai.google.dev/gemini-api/docs/omni for 1.1; for 1.2 what users measured.
"""

from dataclasses import dataclass
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
INPUT_TOKENS: Final = 64
MIN_SECONDS: Final = 3
DEFAULT_SECONDS: Final = 10
"""What is made, and billed, when no duration is asked for."""
MAX_FRAMES_SECONDS: Final = 10
MAX_ADDED_SECONDS: Final = 10
MAX_EXTENDED_SOURCE_SECONDS: Final = 30
MAX_EXTENDED_SECONDS: Final = 40


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

    def price(self, output_tokens: int) -> float:
        """What a clip of that many tokens costs in USD, its input included."""
        return output_tokens * self.output_usd + INPUT_TOKENS * INPUT_USD_PER_TOKEN


OMNI_MODELS: Final = {
    model.id: model
    for model in (
        OmniModelRules(
            id="gemini-omni-1.2-flash",
            version="1.2",
            title="Gemini Omni 1.2 Flash",
            max_seconds=15,
            max_edited_seconds=15,
            max_references=6,
            may_extend=False,
            output_usd=12 / 1_000_000,
        ),
        OmniModelRules(
            id="gemini-omni-1.1-flash",
            version="1.1",
            title="Gemini Omni 1.1 Flash",
            max_seconds=10,
            max_edited_seconds=10,
            max_references=12,
            may_extend=True,
            output_usd=17.5 / 1_000_000,
        ),
    )
}
"""Every model by its id. Whether 1.2 extends is not documented, so here it does not."""

SHUT_DOWN_MODELS: Final = frozenset({"gemini-omni-flash-preview"})

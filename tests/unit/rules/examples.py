"""The catalog, images, clips and offers that the tests of the rules start from."""

from typing import Any

from bot.config.model_catalog import load_catalog
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    InputImage,
    Resolution,
    SourceClip,
    VideoRequest,
)
from bot.domain.jobs.violations import RuleContext
from bot.domain.models import ModelSpec

NOW = 1_795_000_000.0
CATALOG = load_catalog()

LANDSCAPE = InputImage("inputs/a.png", "image/png", 1280, 720, "a" * 64)
PORTRAIT = InputImage("inputs/b.png", "image/png", 720, 1280, "b" * 64)

GEMINI = CATALOG.restrict_to(GoogleRoute.GEMINI).models
VERTEX = CATALOG.restrict_to(GoogleRoute.VERTEX).models
OMNI = CATALOG.restrict_to(GoogleRoute.OMNI).models

VEO_31 = "veo-3.1-generate-preview"
FAST_31 = "veo-3.1-fast-generate-preview"
LITE_31 = "veo-3.1-lite-generate-preview"
VEO_3 = "veo-3.0-generate-001"
FAST_3 = "veo-3.0-fast-generate-001"
VEO_2 = "veo-2.0-generate-001"
OMNI_12 = "gemini-omni-1.2-flash"
OMNI_11 = "gemini-omni-1.1-flash"


def model(model_id: str) -> ModelSpec:
    found = CATALOG.get(model_id)
    assert found is not None, model_id
    return found


def offer(*ids: str, **changes: Any) -> RuleContext:
    """The Gemini route's models, or those named."""
    models = tuple(model(each) for each in ids) or GEMINI
    return RuleContext(**{"models": models, "now": NOW, **changes})


def asked(**changes: Any) -> VideoRequest:
    return VideoRequest(**{"prompt": "a fox in the snow", **changes})


def clip(**changes: Any) -> SourceClip:
    """A fresh first clip of Veo 3.1 Fast."""
    return SourceClip(
        **{
            "clip_id": 7,
            "model": FAST_31,
            "route": GoogleRoute.GEMINI,
            "mode": GenerationMode.TEXT,
            "aspect_ratio": AspectRatio.LANDSCAPE,
            "resolution": Resolution.P720,
            "seconds": 8,
            "extension_depth": 0,
            "remote_uri": "https://example.test/v1beta/files/abc:download?alt=media",
            "expires_at": NOW + 3600,
            "path": "clips/7.mp4",
            **changes,
        }
    )


def omni_clip(**changes: Any) -> SourceClip:
    """A fresh first clip of Gemini Omni 1.2, of which Google still keeps the request."""
    values: dict[str, Any] = {
        "model": OMNI_12,
        "route": GoogleRoute.OMNI,
        "interaction_id": "v1_abc",
        "interaction_expires_at": NOW + 55 * 86_400,
    }
    return clip(**{**values, **changes})


def of_mode(mode: GenerationMode, **changes: Any) -> VideoRequest:
    """A request of that mode without further options."""
    inputs: dict[GenerationMode, dict[str, Any]] = {
        GenerationMode.TEXT: {},
        GenerationMode.IMAGE: {"image": LANDSCAPE},
        GenerationMode.FRAMES: {"image": LANDSCAPE, "last_frame": LANDSCAPE},
        GenerationMode.REFERENCES: {"references": (LANDSCAPE,)},
        GenerationMode.EXTENSION: {"source": clip()},
        GenerationMode.EDIT: {"source": omni_clip(), "is_edit": True},
    }
    return asked(**{**inputs[mode], **changes})

"""The OpenAPI description of the JSON API. A fuzzing test checks the API against it.

Most of it is in `openapi.json`. Limits and choices are added from the code that defines them.
"""

import json
from pathlib import Path
from typing import Any, Final

from bot.domain.jobs.request import AspectRatio, GenerationMode, Resolution
from bot.domain.showcase.gallery import ClipLength, GalleryOrder
from bot.web.query import (
    MAKER_PATTERN,
    MAX_CURSOR_LENGTH,
    MAX_MODEL_LENGTH,
    MAX_PAGE_SIZE,
    MAX_TEXT_LENGTH,
    PAGE_SIZE,
)

API_PREFIX: Final = "/api/v1"
_TEMPLATE: Final = Path(__file__).with_name("openapi.json").read_text("utf-8")
_PARAMETER_LIMITS: Final[dict[str, dict[str, Any]]] = {
    "model": {"maxLength": MAX_MODEL_LENGTH},
    "maker": {"pattern": MAKER_PATTERN},
    "length": {"enum": list(ClipLength)},
    "q": {"maxLength": MAX_TEXT_LENGTH},
    "order": {"enum": list(GalleryOrder)},
    "cursor": {"maxLength": MAX_CURSOR_LENGTH},
    "limit": {"maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
}


def build_openapi_document(server: str) -> dict[str, Any]:
    """Return the document for the site at ``server``."""
    document: dict[str, Any] = json.loads(_TEMPLATE)
    document["servers"] = [{"url": server}]
    for parameter in document["paths"][f"{API_PREFIX}/clips"]["get"]["parameters"]:
        parameter["schema"] |= _PARAMETER_LIMITS.get(parameter["name"], {})
    clip = document["components"]["schemas"]["Clip"]["properties"]
    clip["mode"]["enum"] = list(GenerationMode)
    clip["aspect_ratio"]["enum"] = list(AspectRatio)
    clip["resolution"]["enum"] = [*Resolution, None]
    return document

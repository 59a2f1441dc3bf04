"""What both routes have in common on the wire: the parameters of a request, and the RAI fields.

A parameter that the plan leaves open is left out, numbers are numbers (the documentation's tables
quote them; Google refuses quoted ones), and the modes exclude each other as the plan already says.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.domain.jobs.request import GenerationMode, InputImage, VideoPlan
from bot.domain.models import ModelCatalogue
from bot.google.json_stream import FileContent


def build_instance(plan: VideoPlan, data_dir: Path) -> dict[str, Any]:
    """Return the prompt and the images of ``plan``; a clip to extend is the adapters' matter."""
    made: dict[str, Any] = {"prompt": plan.prompt}
    if plan.image is not None:
        made["image"] = _build_image(plan.image, data_dir)
    if plan.last_frame is not None:
        made["lastFrame"] = _build_image(plan.last_frame, data_dir)
    if plan.references:
        made["referenceImages"] = [
            {"image": _build_image(image, data_dir), "referenceType": "ASSET"}
            for image in plan.references
        ]
    return made


def build_parameters(plan: VideoPlan, catalogue: ModelCatalogue) -> dict[str, Any]:
    """Return the parameters of ``plan``, without those that it leaves out."""
    given = {
        "sampleCount": plan.videos,
        "durationSeconds": _choose_duration_s(plan, catalogue),
        "aspectRatio": plan.aspect_ratio,
        "resolution": plan.resolution,
        "personGeneration": plan.person_generation,
        "negativePrompt": plan.negative_prompt,
        "seed": plan.seed,
    }
    return {name: value for name, value in given.items() if value is not None}


def _build_image(image: InputImage, data_dir: Path) -> dict[str, Any]:
    return {
        "bytesBase64Encoded": FileContent(data_dir / image.path),
        "mimeType": image.mime_type,
    }


def _choose_duration_s(plan: VideoPlan, catalogue: ModelCatalogue) -> int | None:
    """Return ``durationSeconds``; for an extension not what it adds, but what the API insists on.

    Left out for an extension by a model that the catalogue no longer has: Google's default fits.
    """
    if plan.mode is not GenerationMode.EXTENSION:
        return plan.seconds
    model = catalogue.get(plan.model)
    return model.extension.sent_seconds if model is not None and model.extension else None


def read_filtered_media(*places: Any) -> tuple[int, list[str]]:
    """Return how many videos the filters held back and why, wherever Google has put it."""
    count, reasons = 0, list[str]()
    for place in places:
        if not isinstance(place, Mapping):
            continue
        found = place.get("raiMediaFilteredCount")
        count = max(count, found if isinstance(found, int) else 0)
        reasons += [
            reason
            for reason in _filter_strings(place.get("raiMediaFilteredReasons"))
            if reason not in reasons
        ]
    return max(count, len(reasons)), reasons


def _filter_strings(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))

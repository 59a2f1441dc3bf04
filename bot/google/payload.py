"""Builds the parts of a submit's JSON that both routes of Veo share.

Parameters that the plan does not set are omitted. Numbers are JSON numbers: Google's documentation
shows them as strings, but Google refuses strings.
"""

from pathlib import Path
from typing import Any

from bot.domain.jobs.request import GenerationMode, InputImage, VideoPlan
from bot.domain.models import ModelCatalog
from bot.google.json_stream import FileContent


def build_instance(plan: VideoPlan, data_dir: Path) -> dict[str, Any]:
    """Return the prompt and images of ``plan``. Each route adds the clip to extend."""
    instance: dict[str, Any] = {"prompt": plan.prompt}
    if plan.image is not None:
        instance["image"] = _build_image(plan.image, data_dir)
    if plan.last_frame is not None:
        instance["lastFrame"] = _build_image(plan.last_frame, data_dir)
    if plan.references:
        instance["referenceImages"] = [
            {"image": _build_image(image, data_dir), "referenceType": "ASSET"}
            for image in plan.references
        ]
    return instance


def build_parameters(plan: VideoPlan, catalog: ModelCatalog) -> dict[str, Any]:
    parameters = {
        "sampleCount": plan.videos,
        "durationSeconds": _choose_duration_s(plan, catalog),
        "aspectRatio": plan.aspect_ratio,
        "resolution": plan.resolution,
        "personGeneration": plan.person_generation,
        "negativePrompt": plan.negative_prompt,
        "seed": plan.seed,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def _build_image(image: InputImage, data_dir: Path) -> dict[str, Any]:
    return {"bytesBase64Encoded": FileContent(data_dir / image.path), "mimeType": image.mime_type}


def _choose_duration_s(plan: VideoPlan, catalog: ModelCatalog) -> int | None:
    """Return ``durationSeconds``; for extensions, the value that Google requires.

    That value is not the number of seconds that an extension adds. `None` (Google's default) for an
    extension with a model that is no longer in the catalog.
    """
    if plan.mode is not GenerationMode.EXTENSION:
        return plan.seconds
    model = catalog.get(plan.model)
    return model.extension.sent_seconds if model is not None and model.extension else None

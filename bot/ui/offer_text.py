"""Texts about what an offered request leaves out and what a suggested model can do."""

from collections.abc import Iterable

from bot.domain.jobs.offer_changes import OfferChange
from bot.domain.jobs.request import GenerationMode, Resolution
from bot.domain.models import ModelSpec
from bot.i18n.catalogs import translate
from bot.i18n.formatting import join_list


def format_offer_changes(changes: Iterable[OfferChange], locale: str | None) -> str:
    """Return a sentence about what is left out, or an empty text if nothing is."""
    texts = [translate(f"offer.{change.dropped}", locale, count=change.count) for change in changes]
    return translate("offer.changes", locale, changes=join_list(texts, locale)) if texts else ""


def format_model_strengths(model: ModelSpec, locale: str | None) -> str:
    """Return in a few words how the model differs from others."""
    largest = max(model.resolutions, default=model.native_resolution, key=list(Resolution).index)
    parts = [
        translate("choice.up_to", locale, resolution=largest),
        *([translate("choice.extends", locale)] if model.extension is not None else []),
        *([translate("choice.edits", locale)] if model.edit is not None else []),
        *(
            [translate("choice.references", locale)]
            if GenerationMode.REFERENCES in model.modes
            else []
        ),
        *([] if model.audio else [translate("choice.silent", locale)]),
    ]
    return join_list(parts, locale)

"""The text of `/video models`: which models can be used, and what replaced the others."""

from collections.abc import Sequence
from itertools import pairwise

from bot.domain.jobs.request import MODEL_MODES
from bot.domain.models import ModelSpec
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_day, format_money, join_list, sanitize_text
from bot.services.admin.model_directory import ModelOfferStatus


def list_model_sections(overview: Sequence[ModelOfferStatus], locale: str | None) -> list[str]:
    """Return a text for each model, the offered ones first, with modes, lengths and prices.

    Models that Google has shut down share a line with those that have the same successor.
    """
    if not overview:
        return [translate("models.none", locale)]
    alive = sorted(
        (status for status in overview if not _is_gone(status)),
        key=lambda status: not status.offered,
    )
    sections = ["\n".join(_format_model_lines(status, locale)) for status in alive]
    gone: dict[tuple[str, str], list[str]] = {}
    for status in filter(_is_gone, overview):
        end = "" if status.model.retires is None else format_day(status.model.retires, locale)
        names = gone.setdefault((end, status.replacement or ""), [])
        names.append(f"{status.model.name} `{status.model.id}`")
    if gone:
        sections.append("\n".join(_format_gone_line(*key, gone[key], locale) for key in gone))
    return [f"{translate('models.title', locale)}\n{sections[0]}", *sections[1:]]


def _format_gone_line(end: str, replacement: str, names: Sequence[str], locale: str | None) -> str:
    models = join_list(names, locale)
    if not replacement:
        return translate("models.retired", locale, date=end, models=models)
    return translate("models.replaced", locale, date=end, replacement=replacement, models=models)


def _is_gone(status: ModelOfferStatus) -> bool:
    return status.configured and status.is_past_end and not status.is_unconfirmed


def _format_model_lines(status: ModelOfferStatus, locale: str | None) -> list[str]:
    model = status.model
    end = "" if model.retires is None else format_day(model.retires, locale)
    lines = [_format_offer(model, locale, mark="✓" if status.offered else "✗")]
    if not status.configured:
        lines.append(translate("models.not_configured", locale))
    elif status.is_unconfirmed:
        lines.append(translate("models.unconfirmed", locale, date=end))
    elif not status.offered and status.reason is None:
        lines.append(translate("models.refused", locale))
    elif not status.offered:
        lines.append(translate("models.reason", locale, reason=sanitize_text(status.reason or "")))
    if model.retires is not None and not status.is_unconfirmed:
        lines.append(translate("models.retires", locale, date=end))
    return lines


def _format_offer(model: ModelSpec, locale: str | None, *, mark: str) -> str:
    modes = (translate(f"input_kind.{mode}", locale) for mode in MODEL_MODES if mode in model.modes)
    prices = " / ".join(
        f"{resolution} {format_money(price, locale)}" for resolution, price in model.prices.items()
    )
    line = translate(
        "models.line",
        locale,
        mark=mark,
        name=model.name,
        id=model.id,
        modes=join_list(modes, locale),
        lengths=join_list(list_ranges(model.lengths), locale),
        prices=prices,
    )
    if model.request_price:
        price = format_money(model.request_price, locale)
        line += translate("models.per_clip", locale, price=price)
    return line


def list_ranges(numbers: Sequence[int]) -> list[str]:
    """Return numbers as text, and three or more consecutive ones as a range: 4, 6, 8 or 3–15."""
    ordered = sorted(numbers)
    is_range = len(ordered) > 2 and all(after - before == 1 for before, after in pairwise(ordered))
    return [f"{ordered[0]}–{ordered[-1]}"] if is_range else [str(number) for number in ordered]

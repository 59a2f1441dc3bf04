"""The report of `clapper bill`, as text and as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.domain.billing.bill import (
    NO_MODEL,
    BillComparison,
    ComparedAmount,
    DayRange,
    NamedAmount,
    SortedBill,
)
from bot.domain.billing.money import Micros, format_usd

JSON_VERSION: Final = 1
_UNKNOWN_MODEL: Final = "(no model)"
_HEADER: Final = ("Day (Pacific time)", "Model", "Google", "Ledger", "Difference", "")
_IS_TEXT: Final = (True, True, False, False, False, True)
_DIFFERS: Final = "differs"


@dataclass(frozen=True, slots=True)
class BillReport:
    """What to tell; ``old_entries`` have been replaced by sums of months, so they have no day."""

    bill: SortedBill
    comparison: BillComparison
    old_entries: int


def format_text(report: BillReport) -> str:
    """Return the table by day and model, the sums, and what was not compared."""
    comparison = report.comparison
    lines = [_build_row(_format_days(each.days), each, "") for each in comparison.lines]
    models = [
        _build_row("All days", each, "" if comparison.is_close(each) else _DIFFERS)
        for each in comparison.models
    ]
    total = _build_row("All days", comparison.total, "")
    total = (total[0], "All models", *total[2:])
    notes = [*_list_notes(report), _conclude(comparison)]
    return "\n".join([*_align([_HEADER, *lines, *models, total]), "", *notes])


def format_json(report: BillReport) -> str:
    """Return one object; docs/operations.md describes its fields. Amounts are micro-dollars."""
    bill, comparison = report.bill, report.comparison
    return json.dumps(
        {
            "version": JSON_VERSION,
            "agrees": comparison.is_within_tolerance,
            "tolerance_percent": float(comparison.tolerance * 100),
            "time_zone": "Pacific",
            **_list_days(comparison.days),
            "days": [_describe(each) | _list_days(each.days) for each in comparison.lines],
            "models": [
                _describe(each) | {"agrees": comparison.is_close(each)}
                for each in comparison.models
            ],
            "total": {
                key: value for key, value in _describe(comparison.total).items() if key != "model"
            },
            "credits_micros": bill.credits,
            "taxes_micros": bill.taxes,
            "adjustments_micros": bill.adjustments,
            "unknown_skus": [_describe_named(each) for each in bill.unknown_skus],
            "other_services": [_describe_named(each) for each in bill.other_services],
            "rows_outside": bill.rows_outside,
            "old_entries": report.old_entries,
        }
    )


def _build_row(days: str, amount: ComparedAmount, remark: str) -> tuple[str, ...]:
    return (
        days,
        amount.model or _UNKNOWN_MODEL,
        format_usd(amount.billed),
        format_usd(amount.recorded),
        _format_difference(amount.difference),
        remark,
    )


def _format_difference(difference: Micros) -> str:
    return f"+{format_usd(difference)}" if difference > 0 else format_usd(difference)


def _format_days(days: DayRange) -> str:
    first = days.first.isoformat()
    return first if days.first == days.last else f"{first} to {days.last.isoformat()}"


def _align(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if is_text else cell.rjust(width)
            for cell, width, is_text in zip(row, widths, _IS_TEXT, strict=True)
        )
        yield "  ".join(cells).rstrip()


def _list_notes(report: BillReport) -> Iterator[str]:
    bill = report.bill
    for name, amount in (
        ("Credits of these models", bill.credits),
        ("Taxes", bill.taxes),
        ("Adjustments and rounding", bill.adjustments),
    ):
        if amount:
            yield f"{name}, not compared: {format_usd(amount)}."
    for sku in bill.unknown_skus:
        yield (
            f'Unknown SKU "{sku.name}", not compared: {format_usd(sku.micros)} in'
            f" {_count_rows(sku.rows)}. If it is a model of this bot, name it with --sku."
        )
    if bill.other_services:
        services = ", ".join(each.name or "(no name)" for each in bill.other_services)
        count = sum(each.rows for each in bill.other_services)
        yield f"{_count_rows(count)} of other services ignored: {services}."
    if bill.rows_outside:
        yield f"{_count_rows(bill.rows_outside)} ignored that are not completely in these days."
    if report.old_entries:
        yield (
            f"{report.old_entries:,} entries of these months are not in the ledger's days: they"
            " are older than KEEP_LEDGER_DAYS and were replaced by sums."
        )


def _count_rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _conclude(comparison: BillComparison) -> str:
    percent = f"{(comparison.tolerance * 100).normalize():f} %"
    different = [each for each in comparison.models if not comparison.is_close(each)]
    if not different:
        return f"Google's bill and the ledger agree: no model differs by more than {percent}."
    names = ", ".join(each.model or _UNKNOWN_MODEL for each in different)
    return f"Google's bill and the ledger differ by more than {percent}: {names}."


def _describe(amount: ComparedAmount) -> dict[str, Any]:
    return {
        "model": None if amount.model == NO_MODEL else amount.model,
        "google_micros": amount.billed,
        "ledger_micros": amount.recorded,
        "difference_micros": amount.difference,
    }


def _describe_named(amount: NamedAmount) -> dict[str, Any]:
    return {"name": amount.name, "rows": amount.rows, "micros": amount.micros}


def _list_days(days: DayRange) -> dict[str, str]:
    return {"first_day": days.first.isoformat(), "last_day": days.last.isoformat()}

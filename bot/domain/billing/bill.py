"""Google's bill beside the ledger, by day and model.

Google bills by days of Pacific time, from midnight to midnight. A row of its bill may cover several
days, such as a whole month: then those days are compared together.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.billing.money import ZERO_MICROS, Micros, to_micros

BILLING_TIME_ZONE: Final = "America/Los_Angeles"
LEAST_TOLERANCE: Final = to_micros("0.01")
"""What Google rounds a row to where a file has no exact amounts."""
NO_MODEL: Final = ""
"""The model of entries that name none, such as corrections by the operator."""
_AI_SERVICES: Final = frozenset(
    ("gemini api", "generative language api", "vertex ai", "vertex ai api", "cloud vertex ai")
)
_WORD: Final = re.compile(r"[a-z]+|\d+(?:\.\d+)?")


class BillRowKind(StrEnum):
    """What an amount of the bill is for."""

    USAGE = "usage"
    CREDIT = "credit"
    TAX = "tax"
    ADJUSTMENT = "adjustment"
    """Corrections and rounding that Google adds to an invoice."""


@dataclass(frozen=True, slots=True)
class DayRange:
    """Whole days of Pacific time, including the last."""

    first: date
    last: date

    def contains(self, other: "DayRange") -> bool:
        return self.first <= other.first and other.last <= self.last

    def join(self, other: "DayRange") -> "DayRange":
        """Return the days from the earlier first to the later last."""
        return DayRange(min(self.first, other.first), max(self.last, other.last))


@dataclass(frozen=True, slots=True)
class BillRow:
    """An amount of the bill, in US dollars; ``days`` is `None` for what has no time, as taxes."""

    kind: BillRowKind
    service: str
    sku: str
    days: DayRange | None
    micros: Micros


@dataclass(frozen=True, slots=True)
class DailySpending:
    """What the ledger has for a model on one day."""

    day: date
    model: str
    micros: Micros


@dataclass(frozen=True, slots=True)
class ComparedAmount:
    """What both have for a model in some days; ``difference`` is positive if Google has more."""

    model: str
    days: DayRange
    billed: Micros
    recorded: Micros

    @property
    def difference(self) -> Micros:
        return Micros(self.billed - self.recorded)


@dataclass(frozen=True, slots=True)
class NamedAmount:
    """A sum of rows of the bill, such as those of a SKU of which no model is known."""

    name: str
    rows: int
    micros: Micros


@dataclass(frozen=True, slots=True)
class SortedBill:
    """A bill's rows by what they are for. ``usage`` is of the models, by their names."""

    days: DayRange | None
    usage: tuple[tuple[str, BillRow], ...]
    credits: Micros
    taxes: Micros
    adjustments: Micros
    unknown_skus: tuple[NamedAmount, ...]
    other_services: tuple[NamedAmount, ...]
    rows_outside: int


@dataclass(frozen=True, slots=True)
class BillComparison:
    """The bill beside the ledger; ``tolerance`` is a part of what Google billed, as 0.01."""

    days: DayRange
    lines: tuple[ComparedAmount, ...]
    models: tuple[ComparedAmount, ...]
    tolerance: Decimal

    @property
    def total(self) -> ComparedAmount:
        billed = Micros(sum(each.billed for each in self.models))
        recorded = Micros(sum(each.recorded for each in self.models))
        return ComparedAmount(NO_MODEL, self.days, billed, recorded)

    @property
    def is_within_tolerance(self) -> bool:
        """Whether each model's sum of all days is close enough.

        Days by themselves are not judged, because what was made around midnight may be on the next.
        """
        return all(self.is_close(each) for each in self.models)

    def is_close(self, amount: ComparedAmount) -> bool:
        allowed = max(Decimal(LEAST_TOLERANCE), abs(amount.billed) * self.tolerance)
        return abs(amount.difference) <= allowed


class SkuNames:
    """Finds the model that a SKU's description names, such as "Veo 3.1 Fast Video Generation".

    The words of the model's name have to be in the description, in any order. Of several models the
    one with the most words is meant. ``assigned`` has what the operator says of a description.
    """

    def __init__(self, models: Iterable[str], assigned: Mapping[str, str]) -> None:
        words = ((name, frozenset(_list_words(name)) - {"gemini"}) for name in set(models))
        self._words = sorted(words, key=lambda each: (-len(each[1]), each[0]))
        self._assigned = {sku.casefold().strip(): name for sku, name in assigned.items()}

    def find_model(self, sku: str) -> str | None:
        """Return a model's name, `None` if the description names none."""
        assigned = self._assigned.get(sku.casefold().strip())
        if assigned is not None:
            return assigned
        found = set(_list_words(sku))
        return next((name for name, words in self._words if words and words <= found), None)


def _list_words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text.casefold()):
        yield word.removesuffix(".0")


def sort_bill(rows: Sequence[BillRow], skus: SkuNames, days: DayRange | None) -> SortedBill:
    """Return ``rows`` by what they are for; those that are not completely in ``days`` count."""
    usage: list[tuple[str, BillRow]] = []
    sums = dict.fromkeys(BillRowKind, 0)
    unknown: dict[str, list[int]] = defaultdict(list)
    others: dict[str, list[int]] = defaultdict(list)
    outside = 0
    for row in rows:
        if row.days and days and not days.contains(row.days):
            outside += 1
        elif row.kind in (BillRowKind.TAX, BillRowKind.ADJUSTMENT):
            sums[row.kind] += row.micros
        elif (model := skus.find_model(row.sku)) is not None:
            if row.kind is BillRowKind.CREDIT:
                sums[row.kind] += row.micros
            else:
                usage.append((model, row))
        elif row.service.casefold().strip() in _AI_SERVICES:
            unknown[row.sku].append(row.micros)
        else:
            others[row.service].append(row.micros)
    return SortedBill(
        days=days,
        usage=tuple(usage),
        credits=Micros(sums[BillRowKind.CREDIT]),
        taxes=Micros(sums[BillRowKind.TAX]),
        adjustments=Micros(sums[BillRowKind.ADJUSTMENT]),
        unknown_skus=_add_up(unknown),
        other_services=_add_up(others),
        rows_outside=outside,
    )


def find_bill_days(
    rows: Iterable[BillRow], first: date | None, last: date | None
) -> DayRange | None:
    """Return the days from ``first`` to ``last``; by default those of all rows."""
    known: DayRange | None = None
    for row in rows:
        if row.days:
            known = row.days if known is None else known.join(row.days)
    if known is not None:
        first, last = first or known.first, last or known.last
    return DayRange(first, last) if first and last and first <= last else None


def _add_up(amounts: Mapping[str, Sequence[int]]) -> tuple[NamedAmount, ...]:
    return tuple(
        NamedAmount(name, len(each), Micros(sum(each))) for name, each in sorted(amounts.items())
    )


def compare_bill(
    days: DayRange,
    usage: Iterable[tuple[str, BillRow]],
    spending: Iterable[DailySpending],
    *,
    tolerance: Decimal,
) -> BillComparison:
    """Compare the usage on the bill with the ledger's ``spending`` in ``days``."""
    rows: dict[str, list[tuple[DayRange, int, int]]] = defaultdict(list)
    for model, row in usage:
        if row.days:
            rows[model].append((row.days, row.micros, 0))
    for each in spending:
        day = DayRange(each.day, each.day)
        if days.contains(day):
            rows[each.model].append((day, 0, each.micros))
    lines = [line for model, amounts in rows.items() for line in _join_days(model, amounts)]
    lines.sort(key=lambda line: (line.days.first, line.days.last, line.model))
    models = [
        ComparedAmount(
            model,
            days,
            Micros(sum(billed for _, billed, _ in amounts)),
            Micros(sum(recorded for _, _, recorded in amounts)),
        )
        for model, amounts in sorted(rows.items())
    ]
    return BillComparison(days, tuple(lines), tuple(models), tolerance)


def _join_days(
    model: str, amounts: Iterable[tuple[DayRange, int, int]]
) -> Iterator[ComparedAmount]:
    """Yield the sums of days that no row separates, because a row cannot be split by days."""
    days: DayRange | None = None
    sums = (ZERO_MICROS, ZERO_MICROS)
    for each, *more in sorted(amounts, key=lambda amount: (amount[0].first, amount[0].last)):
        if days is not None and each.first > days.last:
            yield ComparedAmount(model, days, *sums)
            days, sums = None, (ZERO_MICROS, ZERO_MICROS)
        days = each if days is None else days.join(each)
        sums = (Micros(sums[0] + more[0]), Micros(sums[1] + more[1]))
    if days is not None:
        yield ComparedAmount(model, days, *sums)

"""Reads the CSV files that Google Cloud's billing exports.

These are the cost table and the reports of the console, and the detailed usage from BigQuery, saved
as CSV. Their columns vary with what is shown in the console and with the language of numbers, so
columns are found by name, in any order. Sources:
https://docs.cloud.google.com/billing/docs/how-to/cost-table and
https://docs.cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/detailed-usage
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bot.domain.billing.bill import BillRow, BillRowKind, DayRange
from bot.domain.billing.money import Micros

_COLUMNS: Final = {
    "service": ("servicedescription", "service", "servicename"),
    "sku": ("skudescription", "sku", "skuname"),
    "start": ("usagestartdate", "usagestarttime", "usagedate", "startdate", "date"),
    "end": ("usageenddate", "usageendtime", "enddate"),
    "cost": ("unroundedcost", "cost", "listcost"),
    "cost_type": ("costtype",),
    "credit_type": ("credittype",),
    "credits": ("credits", "creditsamount", "creditamount"),
    "currency": ("currency",),
    "rate": ("currencyconversionrate",),
}
"""Names of each column without case, signs and currency; of several, the first that is there."""
_NEEDED: Final = {
    "service": "Service description",
    "sku": "SKU description",
    "start": "Usage start date",
    "cost": "Cost",
}
_HEADER_LINES: Final = 60
_DELIMITERS: Final = (",", ";", "\t")
_CURRENCIES: Final = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_SUMMARY_TYPES: Final = frozenset(("total", "subtotal"))
_DAY_FORMATS: Final = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y")
_COMMA_DECIMALS: Final = re.compile(r"^0,\d+$|,\d{1,2}$|,\d{4,}$|\.\d{3},|^\d{4,},")
_POINT_DECIMALS: Final = re.compile(r"^0\.\d+$|\.\d{1,2}$|\.\d{4,}$|,\d{3}\.|^\d{4,}\.")


class UnreadableBill(Exception):
    """The file is no export of Google's billing that can be read; the message says why."""


def read_bill(
    content: bytes, *, time_zone: tzinfo, dollar_rate: Decimal | None = None
) -> tuple[BillRow, ...]:
    """Return the rows of an exported file, with days of ``time_zone`` and in US dollars.

    ``dollar_rate`` is how much of the file's currency a dollar costs, if the file does not say.
    Raises `UnreadableBill`.
    """
    table = _find_table(_decode(content))
    numbers = _NumberFormat.detect(table)
    rate = dollar_rate or numbers.parse_optional(table.find_in_preamble("currencyexchangerate"))
    rows: list[BillRow] = []
    for line, cells in table.rows:
        try:
            rows.extend(_read_row(table, numbers, cells, time_zone=time_zone, rate=rate))
        except UnreadableBill as error:
            raise UnreadableBill(f"line {line}: {error}") from error
    if not rows:
        raise UnreadableBill("it has a header and no rows")
    return tuple(rows)


def _decode(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableBill("it is no text in UTF-8 or UTF-16") from error


@dataclass(frozen=True, slots=True)
class _BillTable:
    """The lines of a file: what stands above the header, its columns, and the rows below."""

    preamble: Sequence[Sequence[str]]
    header: Sequence[str]
    columns: dict[str, int]
    rows: Sequence[tuple[int, Sequence[str]]]

    def get_cell(self, cells: Sequence[str], column: str) -> str:
        index = self.columns.get(column)
        return "" if index is None or index >= len(cells) else cells[index].strip()

    def find_in_preamble(self, name: str) -> str:
        for cells in self.preamble:
            if len(cells) > 1 and _normalize(cells[0]) == name:
                return cells[1].strip()
        return ""

    def find_currency(self, cells: Sequence[str]) -> str:
        """Return the currency's code, or its sign if that is all that is known."""
        sign = re.search(r"\(([^)]+)\)\s*$", self.header[self.columns["cost"]])
        named = self.get_cell(cells, "currency") or self.find_in_preamble("currency")
        currency = (named or (sign[1] if sign else "USD")).strip()
        return _CURRENCIES.get(currency, currency.upper())


def _normalize(name: str) -> str:
    """Return a column's name without case, signs and a currency in parentheses."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\([^)]*\)", "", name.casefold()))


def _find_table(text: str) -> _BillTable:
    """Return the table of the delimiter and line with which the most columns are found."""
    best: tuple[int, int, list[list[str]], dict[str, int]] | None = None
    for delimiter in _DELIMITERS:
        try:
            lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error as error:
            raise UnreadableBill(f"it is no CSV file: {error}") from error
        for index, cells in enumerate(lines[:_HEADER_LINES]):
            columns = _find_columns(cells)
            found = len(columns.keys() & _NEEDED.keys())
            if found and (best is None or found > best[0]):
                best = found, index, lines, columns
    if best is None:
        raise UnreadableBill("it has no header with columns of Google Cloud's billing")
    _, index, lines, columns = best
    missing = [f'"{name}"' for key, name in _NEEDED.items() if key not in columns]
    if missing:
        few = "the column" if len(missing) == 1 else "the columns"
        raise UnreadableBill(f"it lacks {few} {', '.join(missing)}; show it in the console first")
    rows = [
        (number, cells)
        for number, cells in enumerate(lines[index + 1 :], index + 2)
        if any(cell.strip() for cell in cells)
    ]
    return _BillTable(lines[:index], lines[index], columns, rows)


def _find_columns(cells: Iterable[str]) -> dict[str, int]:
    names = [_normalize(cell) for cell in cells]
    return {
        column: names.index(found)
        for column, aliases in _COLUMNS.items()
        if (found := next((alias for alias in aliases if alias in names), None)) is not None
    }


@dataclass(frozen=True, slots=True)
class _NumberFormat:
    """Whether a comma or a point separates the decimals, which one amount alone may not show."""

    has_comma: bool

    @classmethod
    def detect(cls, table: _BillTable) -> "_NumberFormat":
        amounts = [
            _strip_signs(table.get_cell(cells, "cost"))[0] for _, cells in table.rows if cells
        ]
        has_comma = any(map(_COMMA_DECIMALS.search, amounts))
        if has_comma and any(map(_POINT_DECIMALS.search, amounts)):
            raise UnreadableBill("some amounts have decimal commas, others decimal points")
        return cls(has_comma)

    def parse(self, text: str) -> Decimal:
        """Return the amount that ``text`` says, with or without a currency."""
        digits, is_negative = _strip_signs(text)
        if not digits:
            return Decimal()
        group, point = (".", ",") if self.has_comma else (",", ".")
        try:
            value = Decimal(digits.replace(group, "").replace(point, "."))
        except InvalidOperation as error:
            raise UnreadableBill(f'"{text}" is no amount') from error
        return -value if is_negative else value

    def parse_optional(self, text: str) -> Decimal | None:
        return self.parse(text) if text else None


def _strip_signs(text: str) -> tuple[str, bool]:
    """Return an amount without its currency, spaces and minus, and whether it is negative."""
    plain = text.replace("\N{MINUS SIGN}", "-").strip()
    is_negative = "-" in re.sub(r"[eE]-", "", plain) or plain.startswith("(")
    exponent = re.search(r"\d([eE][-+]?\d+)$", plain)
    mantissa = plain[: exponent.start(1)] if exponent else plain
    digits = re.sub(
        r"[\s'\N{RIGHT SINGLE QUOTATION MARK}()+-]|US\$|[A-Z]{3}|[^\w\s.,]", "", mantissa
    )
    return digits + (exponent[1] if exponent else ""), is_negative


def _read_row(
    table: _BillTable,
    numbers: _NumberFormat,
    cells: Sequence[str],
    *,
    time_zone: tzinfo,
    rate: Decimal | None,
) -> Iterator[BillRow]:
    service, sku = table.get_cell(cells, "service"), table.get_cell(cells, "sku")
    start = table.get_cell(cells, "start")
    cost_type = table.get_cell(cells, "cost_type").casefold()
    words = {cell.strip().casefold() for cell in cells}
    if cost_type in _SUMMARY_TYPES or (not sku and words & _SUMMARY_TYPES):
        return
    kind = _find_kind(cost_type, table.get_cell(cells, "credit_type"), words, is_named=bool(sku))
    days = _find_days(start, table.get_cell(cells, "end"), time_zone)
    if days is None and kind in (BillRowKind.USAGE, BillRowKind.CREDIT):
        if not sku and not service:
            return  # a line of sums below the table
        raise UnreadableBill('"Usage start date" is empty')
    cost = numbers.parse(table.get_cell(cells, "cost"))
    credited = _read_credits(table.get_cell(cells, "credits"), numbers)
    currency = table.find_currency(cells)
    if currency != "USD":
        rate = rate or numbers.parse_optional(table.get_cell(cells, "rate"))
        if not rate:
            raise UnreadableBill(
                f"amounts are in {currency} and the file has no exchange rate; name it with --rate"
            )
        cost, credited = cost / rate, credited / rate
    if cost or not credited:
        yield BillRow(kind, service, sku, days, _round_to_micros(cost))
    if credited:
        yield BillRow(BillRowKind.CREDIT, service, sku, days, _round_to_micros(credited))


def _find_kind(cost_type: str, credit_type: str, words: set[str], *, is_named: bool) -> BillRowKind:
    if cost_type == "tax" or (not is_named and "tax" in words):
        return BillRowKind.TAX
    if "rounding" in cost_type or cost_type == "adjustment":
        return BillRowKind.ADJUSTMENT
    return BillRowKind.CREDIT if credit_type else BillRowKind.USAGE


def _read_credits(text: str, numbers: _NumberFormat) -> Decimal:
    """Return the sum of a row's credits, which BigQuery has as a list of objects."""
    if not text.startswith("["):
        return numbers.parse(text)
    try:
        credits: list[dict[str, Any]] = json.loads(text, parse_float=Decimal)
        return sum((Decimal(each["amount"]) for each in credits), Decimal())
    except (ValueError, KeyError, TypeError, InvalidOperation) as error:
        raise UnreadableBill('"credits" is no list of amounts') from error


def _find_days(start: str, end: str, time_zone: tzinfo) -> DayRange | None:
    if not start:
        return None
    first = _parse_time(start)
    last = _parse_time(end) if end else first
    if isinstance(last, datetime):  # the end of the usage is no longer a part of it
        last = last - timedelta(microseconds=1)
    first_day, last_day = _find_day(first, time_zone), _find_day(last, time_zone)
    return DayRange(first_day, max(first_day, last_day))


def _find_day(time: date, time_zone: tzinfo) -> date:
    return time.astimezone(time_zone).date() if isinstance(time, datetime) else time


def _parse_time(text: str) -> date | datetime:
    """Return a day, or the moment for BigQuery's timestamps, which are in UTC."""
    for each in _DAY_FORMATS:
        try:
            return datetime.strptime(text, each).date()  # noqa: DTZ007
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(text.removesuffix("UTC").strip())
    except ValueError as error:
        raise UnreadableBill(f'"{text}" is no date') from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _round_to_micros(dollars: Decimal) -> Micros:
    return Micros(round(dollars * 1_000_000))

"""Compare Google's bill with the ledger, by day and model.

FILE is a CSV file of Google Cloud's billing: the cost table or a report of the
console, or the detailed usage from BigQuery. It needs the columns "Service
description", "SKU description", "Usage start date" and "Cost". Choose one
project if others share the billing account, and group by day if you can: what
Google has for several days together is compared with these days together.

Google's days are those of Pacific time, and so are all days here. A job counts
on the day on which it was sent to Google. Amounts are in US dollars, before
credits and taxes, which are shown apart.

Both agree if each model's sum differs by at most the tolerance, or by a cent.
The database is only read, and the bot may be running or stopped.

Examples:
  clapper bill november.csv
  clapper bill - < november.csv
  clapper bill november.csv --from 2026-11-01 --to 2026-11-30
  clapper bill november.csv --sku "Omni video output=gemini-omni-1.2-flash"

Exit status:
  0  both agree
  1  they do not, or the database does not answer
  2  FILE, a setting, the database or the command line cannot be used
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.app.startup import open_catalog
from bot.cli.bill_report import BillReport, format_json, format_text
from bot.cli.errors import EXIT_BAD_SETTING, EXIT_FAILED, CommandFailed
from bot.cli.operator_command import load_settings, open_with
from bot.config.settings import Settings
from bot.domain.billing.bill import (
    BILLING_TIME_ZONE,
    NO_MODEL,
    BillRow,
    DailySpending,
    SkuNames,
    compare_bill,
    find_bill_days,
    sort_bill,
)
from bot.domain.errors import DatabaseUnavailable, DatabaseUnusable
from bot.domain.models import ModelCatalog
from bot.google.billing_export import UnreadableBill, read_bill
from bot.store.billing.spending import count_old_sums, load_spending
from bot.store.engine.reader import open_reader

_ROUTE_SUFFIX: Final = " (Vertex AI)"
_PER_CENT: Final = 100
_STANDARD_INPUT: Final = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the CSV file, - for stdin")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--from", dest="first", type=date.fromisoformat, metavar="DAY", help="the first day"
    )
    parser.add_argument(
        "--to", dest="last", type=date.fromisoformat, metavar="DAY", help="the last day"
    )
    parser.add_argument(
        "--tolerance",
        type=_parse_decimal,
        default=Decimal(1),
        metavar="PERCENT",
        help="what a model's sums may differ by (default: 1)",
    )
    parser.add_argument(
        "--rate",
        type=_parse_decimal,
        metavar="RATE",
        help="the price of a dollar, if the file is in another currency without it",
    )
    parser.add_argument(
        "--sku",
        action="append",
        default=[],
        metavar="TEXT=MODEL",
        help="the model of a SKU that is not known; may be repeated",
    )


def run_subcommand(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    try:
        report = asyncio.run(compare_file(settings, arguments))
    except DatabaseUnusable as error:
        raise CommandFailed(str(error), EXIT_BAD_SETTING) from error
    except DatabaseUnavailable as error:
        raise CommandFailed(f"the database does not answer ({error})") from error
    print(format_json(report) if arguments.json else format_text(report))
    return 0 if report.comparison.is_within_tolerance else EXIT_FAILED


async def compare_file(settings: Settings, arguments: argparse.Namespace) -> BillReport:
    """Return the comparison of a file with the configured database.

    Raises `CommandFailed`, `SettingsError`, `DatabaseUnusable` and `DatabaseUnavailable`.
    """
    time_zone = _load_time_zone()
    names = _name_models(open_catalog(settings.models_file))
    rows = _read_file(arguments.file, time_zone, arguments.rate)
    days = find_bill_days(rows, arguments.first, arguments.last)
    if days is None:
        raise CommandFailed("no days to compare: see --from and --to", EXIT_BAD_SETTING)
    async with open_with(open_reader, settings) as database:
        found = await load_spending(database, days, time_zone)
        old_entries = await count_old_sums(database, days, time_zone)
    # models that check contents are not in the catalog
    others = {each.model for each in found if each.model != NO_MODEL} - names.keys()
    names |= {model: model for model in others}
    if settings.moderation_model is not None:
        names.setdefault(settings.moderation_model, settings.moderation_model)
    skus = SkuNames(names.values(), _parse_assignments(arguments.sku, names))
    bill = sort_bill(rows, skus, days)
    spending = [
        DailySpending(each.day, names.get(each.model, each.model), each.micros) for each in found
    ]
    comparison = compare_bill(days, bill.usage, spending, tolerance=arguments.tolerance / _PER_CENT)
    return BillReport(bill, comparison, old_entries)


def _name_models(catalog: ModelCatalog) -> dict[str, str]:
    """Return each model's name by its id, without the route: Google's SKUs do not show it."""
    return {spec.id: spec.name.removesuffix(_ROUTE_SUFFIX) for spec in catalog.models}


def _read_file(file: Path, time_zone: ZoneInfo, dollar_rate: Decimal | None) -> tuple[BillRow, ...]:
    try:
        content = sys.stdin.buffer.read() if str(file) == _STANDARD_INPUT else file.read_bytes()
        return read_bill(content, time_zone=time_zone, dollar_rate=dollar_rate)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}", EXIT_BAD_SETTING) from error
    except UnreadableBill as error:
        raise CommandFailed(f"{file} cannot be read: {error}", EXIT_BAD_SETTING) from error


def _load_time_zone() -> ZoneInfo:
    try:
        return ZoneInfo(BILLING_TIME_ZONE)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise CommandFailed(
            "this machine does not know Pacific time: install the package tzdata", EXIT_BAD_SETTING
        ) from error


def _parse_assignments(texts: Sequence[str], names: Mapping[str, str]) -> Mapping[str, str]:
    assigned = {}
    for text in texts:
        sku, _, model = text.rpartition("=")
        name = names.get(model, model if model in names.values() else NO_MODEL)
        if not sku or not name:
            raise CommandFailed(
                f'--sku "{text}": write the SKU, "=" and a model\'s id, as "clapper models" has it',
                EXIT_BAD_SETTING,
            )
        assigned[sku] = name
    return assigned


def _parse_decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text} is no number") from error
    if not value.is_finite() or value < 0:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0")
    return value

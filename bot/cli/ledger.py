"""Prove that the sums of money are right.

"verify" adds up all entries of the ledger and counts all jobs. It compares the
results with the sums from which limits, budgets and metrics are read, and with
all that was ever recorded. So it finds a wrong sum as well as a lost entry.

It reads everything, which takes a while on a large database, and changes
nothing. The bot may be running or stopped.

Example:
  clapper ledger verify

Exit status:
  0  every sum is right
  1  a sum is wrong, or the database does not answer
  2  a setting, the database or the command line cannot be used
"""

import argparse
from collections.abc import Sequence
from typing import Final

from bot.cli.errors import CommandFailed
from bot.cli.operator_command import open_with, run_and_print
from bot.config.settings import Settings
from bot.store.billing.verification import SumMismatch, verify_ledger
from bot.store.engine.reader import open_reader

_SHOWN_MISMATCHES: Final = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("verify",), metavar="verify", help="compare all sums")


def run_subcommand(_arguments: argparse.Namespace) -> int:
    return run_and_print(verify_sums)


async def verify_sums(settings: Settings) -> str:
    """Compare all sums and return what to tell the operator.

    Raises `CommandFailed` if one is wrong, `SettingsError` and `DatabaseUnavailable`.
    """
    async with open_with(open_reader, settings) as database:
        verification = await verify_ledger(database)
    if verification.mismatches:
        print(_format_mismatches(verification.mismatches))
        raise CommandFailed(
            f"wrong sums: {len(verification.mismatches)};"
            ' see "Check the ledger" in docs/operations.md'
        )
    return (
        f"Every sum is right. Entries in the ledger: {verification.entries:,},"
        f" jobs: {verification.jobs:,}."
    )


def _format_mismatches(mismatches: Sequence[SumMismatch]) -> str:
    lines = [
        f"{each.table} ({', '.join(map(str, each.key))}) {each.column}:"
        f" {each.kept} instead of {each.actual}"
        for each in mismatches[:_SHOWN_MISMATCHES]
    ]
    further = len(mismatches) - len(lines)
    return "\n".join([*lines, *([f"… and {further} more"] if further else [])])

"""The entry point of `clapper`.

Only the chosen subcommand's module is imported, so that `clapper --help` and the container's health
check do not load Discord, the database and the video libraries.
"""

import argparse
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from bot.cli.errors import EXIT_BAD_SETTING, CommandFailed
from bot.config.renamed_settings import SettingsError
from bot.domain.errors import DatabaseUnusable

SUBCOMMANDS: Final = {
    "run": "run the bot (the same as python -m bot)",
    "web": "run the web server in a process of its own, beside the bot",
    "doctor": "check the settings, the database and what Google allows the account",
    "status": "show workers, jobs, spend and failures, live",
    "pause": "accept no new requests anywhere; running jobs finish",
    "resume": "accept requests again after a pause",
    "settle": "list unknown jobs, or charge or refund one",
    "after-restore": "mark a restored backup's pending jobs, before the first start",
    "models": "print the table of models, rules and prices",
    "health": "exit with 0 if the bot on this data directory is healthy",
}


class _ShowVersion(argparse.Action):
    """Looks the version up only when it is asked for: that takes longer than all the rest."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        try:
            version = importlib.metadata.version("clapper")
        except importlib.metadata.PackageNotFoundError:
            version = "(not installed, so without a version)"
        print("clapper", version)
        parser.exit()


def build_parser(subcommand: str | None) -> argparse.ArgumentParser:
    """Return the parser; only ``subcommand`` gets its own arguments, and its module imported."""
    parser = argparse.ArgumentParser(
        prog="clapper", description="A Discord bot that makes, extends and shares videos."
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="print the version")
    subparsers = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    for name, summary in SUBCOMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        subparser.add_argument("--version", action=_ShowVersion, nargs=0, help="print the version")
        if name == subcommand:
            module = _import_subcommand(name)
            subparser.description = (module.__doc__ or "").strip()
            if hasattr(module, "add_arguments"):
                module.add_arguments(subparser)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run the subcommand that ``words`` (default: the command line) name; return exit status."""
    os.umask(0o077)  # prompts and who asked are nobody else's on this machine
    words = sys.argv[1:] if words is None else words
    arguments = build_parser(words[0] if words else None).parse_args(words)
    try:
        status: int = _import_subcommand(arguments.subcommand).run_subcommand(arguments)
    except (CommandFailed, SettingsError, DatabaseUnusable) as error:
        print(f"clapper: {error}", file=sys.stderr)
        return error.exit_status if isinstance(error, CommandFailed) else EXIT_BAD_SETTING
    return status


def _import_subcommand(name: str) -> Any:
    return importlib.import_module(f"bot.cli.{name.replace('-', '_')}")

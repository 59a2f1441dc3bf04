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
from functools import partial
from typing import Any, Final

from bot.cli.errors import EXIT_BAD_SETTING, CommandFailed
from bot.config.renamed_settings import SettingsError
from bot.domain.errors import DatabaseUnusable

SUBCOMMANDS: Final = {
    "run": "start the bot",
    "web": "run the web server in a process of its own, beside the bot",
    "doctor": "check the settings, Discord, Google, database and machine",
    "alert-test": "send a test alert to ALERT_CHANNEL and ALERT_URL",
    "status": "show workers, jobs, spending and the latest failures",
    "pause": 'stop accepting requests in all servers, until "clapper resume"',
    "resume": 'accept requests again after "clapper pause"',
    "settle": "list unknown jobs, or charge or refund one",
    "ledger": "prove that the sums of money are right",
    "bill": "compare Google's bill with the ledger, by day and model",
    "after-restore": "prepare a restored backup, before the bot starts again",
    "models": "print the models, their rules and their prices, as Markdown",
    "health": "check that the bot is alive, for a container's health check",
}
"""What each subcommand does: the first line of its own help, too."""

_DESCRIPTION: Final = """\
Run and look after Clapper, a Discord bot that makes, extends, edits and
shares videos.

Commands:
{commands}

"clapper COMMAND --help" says more about a command. All but "models" read the
bot's settings from the environment and from .env in the current directory."""
_EPILOG: Final = """\
Exit status:
  0  done
  1  failed; the last line says why
  2  a setting, the database or the command line cannot be used"""
_HELP_WIDTH: Final = 79


class _ShowVersion(argparse.Action):
    """Looks the version up only on request: that takes longer than everything else here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        try:
            version = importlib.metadata.version("clapper")
        except importlib.metadata.PackageNotFoundError:
            version = "(not installed, so without a version)"
        print("clapper", version)
        parser.exit()


def build_parser(subcommand: str | None) -> argparse.ArgumentParser:
    """Return the parser; only ``subcommand`` gets its own arguments, and its module imported."""
    formatter = partial(argparse.RawDescriptionHelpFormatter, width=_HELP_WIDTH)
    summaries = "\n".join(f"  {name:<13}  {summary}" for name, summary in SUBCOMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="clapper",
        usage="clapper [-h] [--version] COMMAND ...",
        description=_DESCRIPTION.format(commands=summaries),
        epilog=_EPILOG,
        formatter_class=formatter,
    )
    parser.add_argument(
        "--version", action=_ShowVersion, nargs=0, help="print the version and exit"
    )
    subparsers = parser.add_subparsers(
        prog="clapper",
        dest="subcommand",
        metavar="COMMAND",
        required=True,
        help=argparse.SUPPRESS,  # argparse would put long names on lines of their own
    )
    for name in SUBCOMMANDS:
        subparser = subparsers.add_parser(name, formatter_class=formatter)
        subparser.add_argument("--version", action=_ShowVersion, nargs=0, help=argparse.SUPPRESS)
        if name == subcommand:
            module = _import_subcommand(name)
            description, heading, examples = module.__doc__.partition("\nExample")
            subparser.description, subparser.epilog = description, (heading + examples).strip()
            if hasattr(module, "add_arguments"):
                module.add_arguments(subparser)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run the subcommand that ``words`` (default: the command line) name; return exit status."""
    os.umask(0o077)  # other users of this machine must not read prompts
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

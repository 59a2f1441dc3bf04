"""Run the bot until SIGTERM or Ctrl-C.

Settings come from the environment and from .env; .env.example documents each of them.
"""

import argparse
import asyncio
import gc

from bot.cli.errors import CommandFailed
from bot.cli.operator_command import load_settings


def run_subcommand(_arguments: argparse.Namespace) -> int:
    settings = load_settings(with_logging=True)
    # imported late: it takes a second, and a missing setting is told at once
    gc.disable()  # nothing that is imported becomes garbage, and collecting finds that out slowly
    from bot.app.run import run_bot
    from bot.app.startup import StartupError

    gc.freeze()
    gc.enable()
    try:
        asyncio.run(run_bot(settings))
    except StartupError as error:
        raise CommandFailed(str(error), error.exit_status) from error
    return 0

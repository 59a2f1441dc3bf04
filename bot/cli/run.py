"""Start the bot.

It runs until Ctrl-C or SIGTERM, and then stops within ten seconds. Jobs that
are still running at Google go on at the next start. The first start creates
the database, and the first start of a newer version upgrades it.

Settings come from the environment and from .env in the current directory;
.env.example describes each of them. "python -m bot" does the same.

Examples:
  clapper run
  LOG_FORMAT=json clapper run

Exit status:
  0  stopped by Ctrl-C or SIGTERM
  1  could not start or go on; the last line says why
  2  a setting or the database cannot be used; the last line says what to do
"""

import argparse
import asyncio
import gc

from bot.cli.errors import CommandFailed
from bot.cli.operator_command import load_settings


def run_subcommand(_arguments: argparse.Namespace) -> int:
    settings = load_settings(with_logging=True)
    # imported late: this takes a second, and a missing setting is reported at once
    gc.disable()  # imports leave no garbage, and looking for some takes time
    from bot.app.run import run_bot
    from bot.app.startup import StartupError

    gc.freeze()
    gc.enable()
    try:
        asyncio.run(run_bot(settings))
    except StartupError as error:
        raise CommandFailed(str(error), error.exit_status) from error
    return 0

"""Accept requests again after "clapper pause".

A running bot follows at once: jobs in the queue start again.

Example:
  clapper resume

Exit status:
  0  done
  1  the database does not answer
  2  a setting or the database cannot be used
"""

import argparse

from bot.cli.operator_command import run_and_print
from bot.cli.pause import set_bot_enabled


def run_subcommand(_arguments: argparse.Namespace) -> int:
    return run_and_print(lambda settings: set_bot_enabled(settings, enabled=True))

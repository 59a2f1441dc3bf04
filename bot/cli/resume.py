"""Accept requests again after `clapper pause`."""

import argparse

from bot.cli.operator_command import run_and_print
from bot.cli.pause import set_bot_enabled


def run_subcommand(_arguments: argparse.Namespace) -> int:
    return run_and_print(lambda settings: set_bot_enabled(settings, enabled=True))

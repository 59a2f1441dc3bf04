"""Check that the bot is alive, for a container's health check.

A bot that works touches a file in DATA_DIR every ten seconds. It is healthy
while that file is at most 45 seconds old. This needs the bot's settings.

Example:
  clapper health

Exit status:
  0  the bot is healthy
  1  it is not, or a setting is wrong; one line says why
"""

import argparse
import time

from bot.cli.errors import CommandFailed
from bot.config.renamed_settings import SettingsError
from bot.config.settings import read_settings
from bot.observability.heartbeat import find_health_problem


def run_subcommand(_arguments: argparse.Namespace) -> int:
    try:
        problem = find_health_problem(read_settings().data_dir, time.time())
    except SettingsError as error:
        problem = str(error)
    if problem is not None:
        raise CommandFailed(problem)
    return 0

"""Exit with 0 if the bot that uses this DATA_DIR is healthy, otherwise with 1 and the reason.

Healthy means that its heartbeat file is fresh. The container's health check runs this.
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

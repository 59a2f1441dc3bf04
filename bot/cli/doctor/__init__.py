"""Check the settings, Discord, Google, database and machine.

It changes nothing, costs nothing and may run beside the bot. A bucket in
MEDIA_URL gets a small file, which is read and deleted. Google is asked about
every model. Some problems (billing, location, used-up credit) only show
when a video is requested: the last refusal of that kind is read from the
database and shown in Google's words.

Each line begins with ok, warning or failed, and says what to do. The bot works
despite warnings. No line contains a token, a key or a password.

Examples:
  clapper doctor
  clapper doctor --json

Exit status:
  0  all checks passed, perhaps with warnings
  1  a check failed
  2  a setting cannot be read
"""

import argparse
import asyncio
import logging

import structlog

from bot.cli.doctor.examination import examine
from bot.cli.doctor.report import format_json, format_text, has_failed
from bot.cli.errors import EXIT_FAILED
from bot.cli.operator_command import load_settings

_ONLY_CRITICAL = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the checks as one JSON object")


def run_subcommand(arguments: argparse.Namespace) -> int:
    # the findings say what went wrong, and log lines between them would break the JSON
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_ONLY_CRITICAL))
    logging.getLogger().addHandler(logging.NullHandler())  # without one, libraries write to stderr
    findings = asyncio.run(examine(load_settings()))
    print(format_json(findings) if arguments.json else format_text(findings))
    return EXIT_FAILED if has_failed(findings) else 0

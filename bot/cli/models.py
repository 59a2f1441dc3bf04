"""Print the table of models, modes, rules and prices as Markdown.

With FILE, an operator's catalogue (MODELS_FILE), the table shows what the bot would use.
"""

import argparse
import sys
from pathlib import Path

from bot.cli.errors import EXIT_BAD_SETTING, CommandFailed
from bot.cli.models_document import render_catalogue
from bot.config.model_catalogue import CatalogueError, load_catalogue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, help="a catalogue in the form of MODELS_FILE")


def run_subcommand(arguments: argparse.Namespace) -> int:
    file: Path | None = arguments.file
    try:
        extra = None if file is None else file.read_text("utf-8")
        catalogue = load_catalogue(extra, extra_name="" if file is None else str(file))
    except (CatalogueError, OSError, UnicodeDecodeError) as error:
        raise CommandFailed(str(error), EXIT_BAD_SETTING) from error
    sys.stdout.write(render_catalogue(catalogue))
    return 0

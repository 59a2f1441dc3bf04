"""Print the models, their rules and their prices, as Markdown.

FILE contains your changes to the models. With it, the page shows what the bot
would use with MODELS_FILE=FILE. No settings are read, and the bot is not
affected.

Examples:
  clapper models
  clapper models my-models.toml

Exit status:
  0  done
  2  FILE cannot be read, or is malformed
"""

import argparse
import sys
from pathlib import Path

from bot.cli.errors import EXIT_BAD_SETTING, CommandFailed
from bot.cli.models_document import render_catalog
from bot.config.model_catalog import CatalogError, load_catalog


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a TOML file, as for MODELS_FILE"
    )


def run_subcommand(arguments: argparse.Namespace) -> int:
    file: Path | None = arguments.file
    try:
        extra = None if file is None else file.read_text("utf-8")
        catalog = load_catalog(extra, extra_name="" if file is None else str(file))
    except (CatalogError, OSError, UnicodeDecodeError) as error:
        raise CommandFailed(str(error), EXIT_BAD_SETTING) from error
    sys.stdout.write(render_catalog(catalog))
    return 0

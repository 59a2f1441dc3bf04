"""`python -m bot.domain.catalogue [FILE]`: the table of models, modes, rules and prices.

FILE is an operator's catalogue (MODELS_FILE); with it, the table shows what the bot would use.
"""

import sys
from pathlib import Path

from bot.cli.models_document import render_catalogue
from bot.config.model_catalogue import CatalogueError, load_catalogue


def main(arguments: list[str]) -> int:
    """Print the page; status 2 for a catalogue that cannot be read."""
    try:
        extra = Path(arguments[0]).read_text("utf-8") if arguments else None
        catalogue = load_catalogue(extra, extra_name=arguments[0] if arguments else "")
    except (CatalogueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(render_catalogue(catalogue))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m bot`: settings, then run; a fault at start is one readable line, not a traceback."""

import asyncio
import sys

from bot.app.run import run
from bot.app.startup import StartupError
from bot.config.renamed_settings import SettingsError
from bot.config.settings import read_settings
from bot.observability.logging import configure_logging

EXIT_CANNOT_RUN = 1
EXIT_BAD_SETTING = 2


def main() -> int:
    """Run the bot and return the exit status."""
    try:
        settings = read_settings()
        configure_logging(
            log_format=settings.log_format, level=settings.log_level, secrets=settings.secret_values
        )
        asyncio.run(run(settings))
    except SettingsError as fault:
        print(f"clapper: {fault}", file=sys.stderr)
        return EXIT_BAD_SETTING
    except StartupError as fault:
        print(f"clapper: {fault}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(main())

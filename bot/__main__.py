"""`python -m bot`: settings, then run; a fault at start is one readable line, not a traceback."""

import asyncio
import sys

from bot.app.run import run
from bot.app.startup import StartRefused
from bot.config.settings import SettingsError, read_settings
from bot.observability.logging import set_up

CANNOT_RUN = 1
BAD_SETTING = 2


def main() -> int:
    """Run the bot and return the exit status."""
    try:
        settings = read_settings()
        set_up(form=settings.log_format, level=settings.log_level, secrets=settings.secrets)
        asyncio.run(run(settings))
    except SettingsError as fault:
        print(f"clapper: {fault}", file=sys.stderr)
        return BAD_SETTING
    except StartRefused as fault:
        print(f"clapper: {fault}", file=sys.stderr)
        return CANNOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(main())

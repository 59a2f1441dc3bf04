"""`clapper health`: whether the bot is well, as the container's health check asks."""

import sys
import time

from bot.config.renamed_settings import SettingsError
from bot.config.settings import read_settings
from bot.observability.heartbeat import find_health_problem


def main() -> int:
    """Return 0 when the bot with this environment's DATA_DIR is well, otherwise 1 and one line."""
    try:
        wrong = find_health_problem(read_settings().data_dir, time.time())
    except SettingsError as fault:
        wrong = str(fault)
    if wrong is not None:
        sys.stderr.write(f"clapper: {wrong}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

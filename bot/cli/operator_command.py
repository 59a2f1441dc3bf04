"""What the programs share with which the operator writes: a switch, a judgement, a doubt."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings, read_settings
from bot.domain.errors import DatabaseUnavailable

EXIT_NOT_DONE: Final = 1
EXIT_BAD_SETTING: Final = 2


def run_command(work: Callable[[Settings], Coroutine[Any, Any, str]]) -> int:
    """Do ``work``, print what it says, and return the exit status; a fault is one line."""
    try:
        print(asyncio.run(work(read_settings())))
    except DatabaseUnavailable as error:
        print(f"clapper: the database does not answer ({error})", file=sys.stderr)
        return EXIT_NOT_DONE
    except (SettingsError, ValueError) as error:
        print(f"clapper: {error}", file=sys.stderr)
        return EXIT_BAD_SETTING
    return 0

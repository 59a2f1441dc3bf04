"""Start the bot.

It runs until Ctrl-C or SIGTERM, and then stops within ten seconds. Jobs that
are still running at Google go on at the next start. The first start creates
the database, and the first start of a newer version upgrades it.

Settings come from the environment and from .env in the current directory;
.env.example describes each of them. "python -m bot" does the same.

Examples:
  clapper run
  LOG_FORMAT=json clapper run

Exit status:
  0  stopped by Ctrl-C or SIGTERM
  1  could not start or go on; the last line says why
  2  a setting or the database cannot be used; the last line says what to do
"""

import argparse
import asyncio
import ctypes
import gc
import importlib
import sys
from contextlib import suppress
from typing import Any, Final

from bot.cli.errors import CommandFailed
from bot.cli.operator_command import load_settings

_NOT_NEEDED: Final = {"structlog": "rich", "aiohttp": "aiodns"}
"""Libraries, and what they would import although the bot never uses it.

Rich colors tracebacks (5 MiB), which the bot formats without it (`bot.observability.logging`).
aiodns resolves names (1.2 MiB), which the bot leaves to the system (`bot.transfer.resolver`).
"""
_M_ARENA_MAX: Final = -8
"""The number of glibc's `mallopt` parameter for the number of arenas."""


def run_subcommand(_arguments: argparse.Namespace) -> int:
    _share_one_arena()
    for library, missing in _NOT_NEEDED.items():
        _import_without(library, missing)
    settings = load_settings(with_logging=True)
    # imported late: this takes a second, and a missing setting is reported at once
    gc.disable()  # imports leave no garbage, and looking for some takes time
    from bot.app.run import run_bot
    from bot.app.startup import StartupError

    gc.freeze()
    gc.enable()
    try:
        asyncio.run(run_bot(settings))
    except StartupError as error:
        raise CommandFailed(str(error), error.exit_status) from error
    return 0


def _import_without(library: str, missing: str) -> None:
    """Import a library as if ``missing``, which it uses only if it is there, were not installed.

    ``None`` makes Python raise `ImportError`, which these libraries expect.
    """
    if missing in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    modules[missing] = None
    try:
        importlib.import_module(library)
    finally:
        del modules[missing]


def _share_one_arena() -> None:
    """Let all threads allocate from one arena, of which less is left unused: 1 MiB in ten threads.

    Threads do not wait for each other more than they do for Python's own lock. Only glibc has it.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)

"""The real bot, which also counts its SQL statements and commits, for `tests.bench.ack`.

At SIGUSR2 it writes them as JSON to the file named by ``COUNTS_FILE``.
"""

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.cli.main import main

_counts: Counter[str] = Counter(statements=0, commits=0)


def count_statement(*_: Any) -> None:
    _counts["statements"] += 1


def count_commit(*_: Any) -> None:
    _counts["commits"] += 1


def write_counts(*_: Any) -> None:
    """Replace the file at once, so that nobody reads half of it."""
    path = Path(os.environ["COUNTS_FILE"])
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(_counts))
    partial.replace(path)


if __name__ == "__main__":
    event.listen(Engine, "before_cursor_execute", count_statement)
    event.listen(Engine, "commit", count_commit)
    signal.signal(signal.SIGUSR2, write_counts)
    sys.exit(main(["run"]))

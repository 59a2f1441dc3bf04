"""`python -m tests.e2e.failing_loop`: the bot with a background loop that fails.

`test_startup.py` runs it. `FAILURES` in the environment is how often the clean-up of files raises
before it works.
"""

import os
import sys

from bot.cli.main import main
from bot.services.clips.retention import FileRetention

_run = FileRetention.run


async def run_or_fail(retention: FileRetention) -> None:
    """Raise, or do what the loop does."""
    left = int(os.environ["FAILURES"])
    if left:
        os.environ["FAILURES"] = str(left - 1)
        raise ValueError("a value that nobody knows")
    await _run(retention)


if __name__ == "__main__":
    setattr(FileRetention, "run", run_or_fail)  # noqa: B010
    sys.exit(main(["run"]))

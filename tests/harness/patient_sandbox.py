"""`python -m tests.harness.patient_sandbox`: the sandbox, with the time that bots have to answer.

`ACKNOWLEDGE_TIMEOUT_S` in the environment is how long people wait. Discord's three seconds are for
a bot with a processor of its own.
"""

import os
import sys

from sandbox.__main__ import main
from sandbox.discord import interaction
from sandbox.discord.control import command_series


def set_acknowledge_timeout(seconds: float) -> None:
    """Let people wait that long for the first response to what they do."""
    for module in (interaction, command_series):
        setattr(module, "ACKNOWLEDGE_TIMEOUT_S", seconds)  # noqa: B010


if __name__ == "__main__":
    set_acknowledge_timeout(float(os.environ["ACKNOWLEDGE_TIMEOUT_S"]))
    sys.exit(main())

"""`python -m tests.e2e.patient_demo PROGRAM`: a program of the demo that waits for a busy machine.

A person at such a machine would only start the demo again.
"""

import runpy
import sys

from demo import runner, scenario, showcase_step
from tests.harness.waiting import stretch_timeout


def stretch_limits() -> None:
    """Make every limit of the demo as long as this machine needs."""
    for module in (runner, scenario, showcase_step):
        for name, seconds in list(vars(module).items()):
            if name.endswith("_TIMEOUT_S"):
                setattr(module, name, stretch_timeout(seconds))


if __name__ == "__main__":
    stretch_limits()
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)

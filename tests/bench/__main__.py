"""``python -m tests.bench [NAME …]``: runs all benchmarks, or those named, in separate processes.

Run nothing else on the machine meanwhile. The figures go to docs/performance.md.
"""

import argparse
import subprocess
import sys

from tests.bench.figures import RESULTS_FOLDER
from tests.bench.performance_page import update_page

BENCHES = (
    *("start", "store", "ack", "transit", "media", "inline", "oversize", "gallery", "stalled"),
    *("lag", "million", "join"),
)


def main() -> int:
    """Return 1 when a bench missed one of its goals."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("bench", nargs="*", help=f"of {', '.join(BENCHES)}; default: all")
    names = parser.parse_args().bench or BENCHES
    if unknown := set(names) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    statuses = []
    for name in names:
        (RESULTS_FOLDER / f"{name}.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", f"tests.bench.{name}"]
        statuses.append(subprocess.run(command, check=False).returncode)
    update_page(names, order=BENCHES)
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())

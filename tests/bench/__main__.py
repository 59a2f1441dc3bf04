"""``python -m tests.bench [NAME …]``: runs all benchmarks, or those named, in separate processes.

Run nothing else on the machine meanwhile.
"""

import argparse
import subprocess
import sys

BENCHES = ("start", "store", "transit", "inline", "oversize", "gallery", "stalled")


def main() -> int:
    """Return 1 when a bench missed one of its goals."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("bench", nargs="*", help=f"of {', '.join(BENCHES)}; default: all")
    names = parser.parse_args().bench or BENCHES
    if unknown := set(names) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    statuses = []
    for name in names:
        command = [sys.executable, "-m", f"tests.bench.{name}"]
        statuses.append(subprocess.run(command, check=False).returncode)
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())

"""``python -m tests.harness.postgres COMMAND …``: the command, with a PostgreSQL of its own.

Starts a throwaway server where PostgreSQL's programs are installed, tells the command through
``TEST_POSTGRES_URL``, and takes the server away again. Where that variable is set already, or where
there are no such programs, the command simply runs; the tests then say what they could not try.
"""

import asyncio
import os
import signal
import sys

from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled

VARIABLE = "TEST_POSTGRES_URL"


async def run_with_postgres(command: list[str]) -> int:
    """Run ``command`` and return its exit status; signals go on to it."""
    if VARIABLE in os.environ:
        return await _wait_ended(command, {})
    try:
        cluster = PostgresCluster()
    except PostgresNotInstalled as missing:
        sys.stderr.write(f"without PostgreSQL: {missing}\n")
        return await _wait_ended(command, {})
    async with cluster:
        return await _wait_ended(command, {VARIABLE: await cluster.create_database()})


async def _wait_ended(command: list[str], settings: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **settings})
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, process.terminate)
    # A terminal's Ctrl-C reaches the command by itself; only waiting for it is left to do.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(run_with_postgres(sys.argv[1:])))

"""``python -m tests.harness.postgres [--durable] COMMAND …``: runs it with a temporary PostgreSQL.

Without ``--durable``, commits are fast and do not survive a crash of the server.
``TEST_POSTGRES_URL`` gives the command the server's URL. If that variable is already set, or
PostgreSQL is not installed, the command runs unchanged, and the tests then say what they skipped.
"""

import asyncio
import os
import signal
import sys

from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled

VARIABLE = "TEST_POSTGRES_URL"


async def run_with_postgres(command: list[str], *, durable: bool) -> int:
    """Run ``command``, forwarding signals, and return its exit status."""
    if VARIABLE in os.environ:
        return await _wait_ended(command, {})
    try:
        cluster = PostgresCluster(durable=durable)
    except PostgresNotInstalled as error:
        sys.stderr.write(f"without PostgreSQL: {error}\n")
        return await _wait_ended(command, {})
    async with cluster:
        return await _wait_ended(command, {VARIABLE: await cluster.create_database()})


async def _wait_ended(command: list[str], settings: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **settings})
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, process.terminate)
    # Ctrl-C in a terminal already reaches the command.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    return await process.wait()


if __name__ == "__main__":
    words = sys.argv[1:]
    durable = words[:1] == ["--durable"]
    sys.exit(asyncio.run(run_with_postgres(words[durable:], durable=durable)))

"""The sandbox's Discord on its own loopback port, with a stopped clock.

After each test its traffic is checked against Discord's OpenAPI document, if that is present.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.discord import cdn, control, fixtures, rest
from sandbox.discord.world import DiscordWorld
from sandbox.request_log import RequestLog
from tests.harness import conformance
from tests.sandbox.discord.discord_harness import DiscordHarness

NOON = 1_790_000_000.0

# The description says that the codes of field errors are numbers; Discord's documentation shows the
# names that it really sends, and where the two differ the documentation wins.
# https://docs.discord.com/developers/reference#error-messages
# The same applies to the type of a forward's reference, which the description lacks.
# https://docs.discord.com/developers/resources/message#message-reference-types
_DOCUMENTED_OTHERWISE = re.compile(
    r"/_errors/\d+/code: '[A-Z0-9_]+' is not of type 'integer'$"
    r"|[/ ]message_reference/type: 0 was expected$"
)


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock(frozen_at=NOON)


@pytest.fixture
async def harness(clock: SandboxClock, tmp_path: Path) -> AsyncIterator[DiscordHarness]:
    world = DiscordWorld(tmp_path / "discord", clock)
    fixtures.populate_world(world)
    request_log = RequestLog(clock)
    app = web.Application(client_max_size=1 << 30, middlewares=[request_log.middleware])
    for routes in (rest.build_routes, cdn.build_routes, control.build_routes):
        app.add_routes(routes(world))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    world.public_base = f"http://{host}:{port}"
    resolver = aiohttp.ThreadedResolver()
    connector = aiohttp.TCPConnector(resolver=resolver)
    async with aiohttp.ClientSession(connector=connector) as http:
        yield DiscordHarness(world, clock, http, tmp_path)
    await runner.cleanup()
    report = conformance.check_requests(
        entry.to_json(bodies=True) for entry in request_log.entries_after(0)
    )
    problems = [problem for problem in report.problems if not _DOCUMENTED_OTHERWISE.search(problem)]
    assert not problems, str(report)

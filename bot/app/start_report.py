"""Says in the log who the bot is once it is online, and which routes to Google answer.

On a first start, operators read little else.
"""

import asyncio
from typing import Final

import structlog

from bot.app.startup import ROUTE_SETTINGS
from bot.discord.client import DiscordClient
from bot.discord.invite import build_invite_link
from bot.domain.errors import AccessRefused, VideoError
from bot.domain.jobs.request import GoogleRoute

_log: Final = structlog.get_logger(__name__)

_ROUTE_CHECK_TIMEOUT_S: Final = 30.0
"""How long the line about the start waits for Google; a later answer has a line of its own."""


class RouteReport:
    """Logs what Google says about each configured route, whenever that changes."""

    def __init__(self) -> None:
        self.states: dict[GoogleRoute, str] = {}
        self.checked = asyncio.Event()
        """Set when every route was asked once."""

    def record_check(self, route: GoogleRoute, error: VideoError | None) -> None:
        """Take note of an answer; ``error`` says why there was none."""
        if error is None:
            state = "answers"
        elif isinstance(error, AccessRefused):
            state = "refused"
        else:
            state = "unavailable"
        if self.states.get(route) == state:
            return
        self.states[route] = state
        if state == "answers":
            _log.info("google.route_answered", route=route)
        elif state == "refused":
            _log.error(
                "google.access_refused",
                route=route,
                check=ROUTE_SETTINGS[route],
                reason=str(error),
            )

    def record_round(self) -> None:
        """Take note that every route has been asked."""
        self.checked.set()


async def report_start(client: DiscordClient, routes: RouteReport, *, gallery_url: str) -> None:
    """Write one line when the bot is online: its name, its servers, Google, the invite link."""
    await client.wait_until_ready()
    try:
        async with asyncio.timeout(_ROUTE_CHECK_TIMEOUT_S):
            await routes.checked.wait()
    except TimeoutError:
        pass  # the states below say what is known
    user, application_id = client.user, client.application_id
    assert user is not None, "ready"
    assert application_id is not None, "logged in"
    _log.info(
        "bot.online",
        name=str(user),
        servers=len(client.guilds),
        google=", ".join(f"{route} {state}" for route, state in routes.states.items())
        or "not asked yet",
        gallery=gallery_url,
        invite=build_invite_link(application_id),
    )

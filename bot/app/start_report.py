"""Logs one line when the bot is online: its name, its servers and which Google routes answer.

It tells an operator at a glance whether the first start worked.
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
"""Seconds that the line waits for Google. Later answers are logged separately."""


class RouteReport:
    """Logs what Google says about each configured route, whenever that changes."""

    def __init__(self) -> None:
        self.states: dict[GoogleRoute, str] = {}
        self.refusals: dict[GoogleRoute, AccessRefused] = {}
        """What Google said on the routes on which it refused the latest check."""
        self.checked = asyncio.Event()
        """Set after every route has been asked once."""

    def record_check(self, route: GoogleRoute, error: VideoError | None) -> None:
        """Record an answer, or the ``error`` if there was none."""
        if error is None:
            state = "answers"
        elif isinstance(error, AccessRefused):
            state = "refused"
        else:
            state = "unavailable"
        if isinstance(error, AccessRefused):
            self.refusals[route] = error
        else:
            self.refusals.pop(route, None)
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
        """Record that every route has been asked."""
        self.checked.set()


async def report_start(client: DiscordClient, routes: RouteReport, *, gallery_url: str) -> None:
    """Wait until the bot is online and Google has been asked, then log one line."""
    await client.wait_until_ready()
    try:
        async with asyncio.timeout(_ROUTE_CHECK_TIMEOUT_S):
            await routes.checked.wait()
    except TimeoutError:
        pass  # the line shows the routes that are known by now
    user, application_id = client.user, client.application_id
    assert user is not None, "a client that is ready has a user"
    assert application_id is not None, "a client that is ready has an application id"
    _log.info(
        "bot.online",
        name=str(user),
        servers=len(client.guilds),
        google=", ".join(f"{route} {state}" for route, state in routes.states.items())
        or "not asked yet",
        gallery=gallery_url,
        invite=build_invite_link(application_id),
    )

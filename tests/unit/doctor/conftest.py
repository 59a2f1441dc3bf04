"""The checks have more time on a busy machine, so that only what is broken is reported."""

import pytest

from bot.cli.doctor import discord_checks, examination, google_checks, http_requests
from tests.harness.waiting import stretch_timeout


@pytest.fixture(autouse=True)
def stretch_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, names in (
        (
            examination,
            ("_DISCORD_LIMIT_S", "_NETWORK_LIMIT_S", "_DATABASE_LIMIT_S", "_MACHINE_LIMIT_S"),
        ),
        (discord_checks, ("_HELLO_LIMIT_S",)),
        (google_checks, ("_ROUTE_LIMIT_S", "_CLOCK_LIMIT_S")),
        (http_requests, ("_REQUEST_LIMIT_S",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, stretch_timeout(getattr(module, name)))

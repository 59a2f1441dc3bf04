"""A server of the operator's, which receives alerts."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.web.webhook_signatures import read_headers, verify_signature


@dataclass
class AlertServer:
    """Answers with ``statuses``, one after the other, and then with 204; keeps what it received."""

    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    received_at: list[datetime] = field(default_factory=list)

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """The objects that were received, oldest first.

        A repetition, which has the same id, does not count: a sender that is not answered in time
        makes one.
        """
        bodies: dict[str, bytes] = {}
        for headers, body in self.requests:
            bodies.setdefault(headers["webhook-id"], body)
        return [json.loads(body) for body in bodies.values()]

    def verify_signatures(self, secret: str, *, now: datetime | None = None) -> None:
        """Raise `MessageRefused` unless every message is signed with ``secret``.

        It is as old as it was when it came, or at ``now``.
        """
        for (headers, body), received_at in zip(self.requests, self.received_at, strict=True):
            signed = read_headers(headers, now=now or received_at)
            verify_signature(signed, body, secret=secret)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Run the server and yield the URL for alerts."""
        app = web.Application()
        app.router.add_post("/alerts", self._receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/alerts?team=bots"
        finally:
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((headers, await request.read()))
        self.received_at.append(datetime.now(UTC))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"})

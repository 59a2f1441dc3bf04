"""Receives Google's webhook events, a feature of `bot.web.application`.

An event is stored and answered at once; `bot.services.webhooks` deals with it. Whatever cannot be
verified is refused, and neither payloads nor secrets are logged.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.webhook import WEBHOOK_EVENT_TYPES, parse_interaction_id
from bot.domain.ports import Clock
from bot.store.jobs.webhook_events import WebhookEventStore
from bot.store.jobs.webhook_registrations import WebhookRegistrationStore
from bot.web.site import WEB_INSTRUMENTS
from bot.web.webhook_signatures import MessageRefused, Refusal, read_headers, verify_signature

WEBHOOK_PREFIX: Final = "/webhooks/"
WEBHOOK_PATH: Final = f"{WEBHOOK_PREFIX}gemini"
MAX_BODY_BYTES: Final = 64 * 1024
"""Google's events have some hundred bytes."""
_BODY_TIMEOUT_S: Final = 10.0
_SECRET_CACHE_S: Final = 5.0


@dataclass(kw_only=True, eq=False)
class GeminiWebhookEndpoint:
    """Stores events in ``events``. Call it with the application to add its route.

    ``on_event`` is called after a new event was stored.
    """

    events: WebhookEventStore
    registrations: WebhookRegistrationStore
    clock: Clock
    on_event: Callable[[], None] = lambda: None
    _secret: str | None = field(init=False, default=None, repr=False)
    _secret_until: float = field(init=False, default=float("-inf"))

    def __call__(self, app: web.Application) -> None:
        app.router.add_post(WEBHOOK_PATH, self.receive_event)

    async def receive_event(self, request: web.Request) -> web.Response:
        """Respond with 204 to an event that is stored, known or of no interest.

        Raises `web.HTTPUnauthorized` if it cannot be verified.
        """
        count = request.app[WEB_INSTRUMENTS].webhook_events
        try:
            headers = read_headers(request.headers, now=self.clock.now())
            body = await _read_body(request)
            secret = await self._load_secret()
            if secret is None:  # nobody can have signed it for us
                raise MessageRefused(Refusal.FORGED)
            verify_signature(headers, body, secret=secret)
            result = await self._store_event(headers.message_id, body)
        except MessageRefused as error:
            count.labels(error.refusal).inc()
            raise web.HTTPUnauthorized from None
        except web.HTTPRequestEntityTooLarge:
            count.labels("too_large").inc()
            raise
        except DatabaseUnavailable:
            count.labels("postponed").inc()
            raise  # answered 503, so Google tries again
        count.labels(result).inc()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _store_event(self, webhook_id: str, body: bytes) -> str:
        """Store an event that was verified; return what became of it, as the metric names it."""
        interaction_id = _find_interaction(body)
        if interaction_id is None:
            return "ignored"
        if not await self.events.record_event(webhook_id, interaction_id):
            return "duplicate"
        self.on_event()
        return "accepted"

    async def _load_secret(self) -> str | None:
        """Return the secret, which the registration may replace at any time."""
        now = self.clock.monotonic()
        if now >= self._secret_until:
            registration = await self.registrations.load()
            self._secret = None if registration is None else registration.secret
            self._secret_until = now + _SECRET_CACHE_S
        return self._secret


async def _read_body(request: web.Request) -> bytes:
    """Return the body. Raises `web.HTTPRequestEntityTooLarge`, also for one without a length."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, request.content_length or 0)
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            async for part in request.content.iter_any():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return bytes(body)


def _find_interaction(body: bytes) -> str | None:
    """Return the interaction of which an event says that it has ended; `None` for others."""
    try:
        event: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("type") not in WEBHOOK_EVENT_TYPES:
        return None
    data = event.get("data")
    return parse_interaction_id(data.get("id")) if isinstance(data, dict) else None

"""The format of webhooks on the Gemini API, as google-genai 3.6.1 sends and reads it."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from sandbox.google.errors import GoogleError
from sandbox.google.omni.refusals import InteractionRefused, invalid_request
from sandbox.google.omni.settings import ErrorForm
from sandbox.google.omni.webhooks import (
    STATES,
    StoredWebhook,
    WebhookService,
    describe_webhook,
    read_events,
)
from sandbox.google.request_handling import check_api_key

_DEFAULT_PAGE_SIZE: Final = 50
_REVOCATIONS: Final = {
    "revoke_previous_secrets_after_h24": False,
    "revoke_previous_secrets_immediately": True,
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebhooksApi:
    """Handlers of the webhooks of one project."""

    def __init__(
        self, service: WebhookService, *, api_key: str, read_form: Callable[[], ErrorForm]
    ) -> None:
        self._service = service
        self._api_key = api_key
        self._read_form = read_form

    def build_routes(self, *bases: str) -> list[web.RouteDef]:
        """Return the routes, below each full path."""
        answered = self._answer_refusals
        routes: list[web.RouteDef] = []
        for base in bases:
            one = f"{base}/{{webhook:[^/:]+}}"
            routes += [
                web.post(base, answered(self.create)),
                web.get(base, answered(self.list_all)),
                web.get(one, answered(self.read)),
                web.patch(one, answered(self.update)),
                web.delete(one, answered(self.delete)),
                web.post(f"{one}:ping", answered(self.ping)),
                web.post(f"{one}:rotateSigningSecret", answered(self.rotate)),
            ]
        return routes

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST webhooks; the only answer with the secret."""
        webhook, secret = self._service.create(await _read_object(request))
        return web.json_response(describe_webhook(webhook) | {"new_signing_secret": secret})

    async def list_all(self, request: web.Request) -> web.StreamResponse:
        """GET webhooks, in pages."""
        try:
            size = int(request.query.get("page_size", _DEFAULT_PAGE_SIZE))
            first = int(request.query.get("page_token") or 0)
        except ValueError as error:
            raise invalid_request("Invalid value at 'page_size' or 'page_token'.") from error
        items = list(self._service.webhooks.values())
        last = first + (size if size > 0 else _DEFAULT_PAGE_SIZE)
        answer: dict[str, Any] = {}
        if items[first:last]:
            answer["webhooks"] = [describe_webhook(item) for item in items[first:last]]
        if last < len(items):
            answer["next_page_token"] = str(last)
        return web.json_response(answer)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET webhooks/ID."""
        return web.json_response(describe_webhook(self._find(request)))

    async def update(self, request: web.Request) -> web.StreamResponse:
        """PATCH webhooks/ID."""
        webhook, body = self._find(request), await _read_object(request)
        state = body.get("state", webhook.state)
        if state not in STATES:
            raise invalid_request("Invalid value for 'state'.")
        if "subscribed_events" in body:
            webhook.events = read_events(body["subscribed_events"])
        webhook.state = state
        webhook.name = body.get("name", webhook.name)
        webhook.uri = body.get("uri", webhook.uri)
        return web.json_response(describe_webhook(webhook))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """DELETE webhooks/ID."""
        del self._service.webhooks[self._find(request).id]
        return web.json_response({})

    async def ping(self, request: web.Request) -> web.StreamResponse:
        """POST webhooks/ID:ping."""
        self._service.ping(self._find(request))
        return web.json_response({})

    async def rotate(self, request: web.Request) -> web.StreamResponse:
        """POST webhooks/ID:rotateSigningSecret."""
        webhook = self._find(request)
        body = await _read_object(request) if request.can_read_body else {}
        behavior = body.get("revocation_behavior", "revoke_previous_secrets_after_h24")
        if behavior not in _REVOCATIONS:
            raise invalid_request("Invalid value for 'revocation_behavior'.")
        secret = self._service.rotate_secret(webhook, revoke_now=_REVOCATIONS[behavior])
        return web.json_response({"secret": secret})

    def _find(self, request: web.Request) -> StoredWebhook:
        return self._service.get(request.match_info["webhook"])

    def _answer_refusals(self, handler: Handler) -> Handler:
        """Wrap a handler to check the key first and to answer refusals with an error body."""

        @functools.wraps(handler)
        async def handle_request(request: web.Request) -> web.StreamResponse:
            try:
                check_api_key(request, self._api_key)
            except GoogleError as error:
                return web.json_response(error.to_json(), status=error.http_status)
            try:
                return await handler(request)
            except InteractionRefused as refusal:
                body = refusal.to_json(self._read_form())
                return web.json_response(body, status=refusal.http_status)

        return handle_request


async def _read_object(request: web.Request) -> dict[str, Any]:
    try:
        value = await request.json()
    except ValueError as error:
        raise invalid_request(f"Invalid JSON payload received. {error}") from error
    if not isinstance(value, dict):
        raise invalid_request("Invalid JSON payload received.")
    return value

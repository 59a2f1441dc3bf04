"""The format of interactions on both services, as google-genai 3.6.1 sends and reads it."""

import asyncio
import functools
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from sandbox.google.errors import GoogleError
from sandbox.google.omni.answers import build_answer, check_poll, shorten_data
from sandbox.google.omni.interactions import InteractionStatus, StoredInteraction
from sandbox.google.omni.models import OmniRoute
from sandbox.google.omni.refusals import InteractionRefused, invalid_request
from sandbox.google.omni.request import read_request
from sandbox.google.omni.service import OmniService
from sandbox.google.omni.settings import ErrorForm, OmniSettings
from sandbox.google.settings import GoogleSettings

_MAX_REQUEST_BYTES: Final = 100 * 1000 * 1000
_WAIT_S: Final = 0.05
_ID: Final = re.compile(r"v1_[A-Za-z0-9_-]+")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class InteractionsApi:
    """Handlers of the Interactions API on one route.

    ``check_access`` raises GoogleError or InteractionRefused for a request without permission.
    """

    def __init__(
        self,
        service: OmniService,
        route: OmniRoute,
        *,
        check_access: Callable[[web.Request], None],
        file_uri: Callable[[str], str],
        counters: Counter[str],
        read_settings: Callable[[], GoogleSettings],
        read_clock: Callable[[], float],
        record_refusal: Callable[[str, str, int, str], None],
    ) -> None:
        self._service = service
        self._route = route
        self._check_access = check_access
        self._file_uri = file_uri
        self._counters = counters
        self._read_settings = read_settings
        self._now = read_clock
        self._record_refusal = record_refusal

    def build_routes(self, *bases: str) -> list[web.RouteDef]:
        """Return the routes, below each full path."""
        answered = self._answer_refusals
        routes: list[web.RouteDef] = []
        for base in bases:
            routes += [
                web.post(base, answered(self.create)),
                web.get(f"{base}/{{interaction}}", answered(self.read)),
                web.delete(f"{base}/{{interaction}}", answered(self.delete)),
                web.post(f"{base}/{{interaction}}/cancel", answered(self.cancel)),
            ]
        return routes

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST interactions."""
        body = await _read_json(request)
        model_name = body.get("model")
        try:
            self._service.check_account(is_submit=True)
            model = self._service.find_model(model_name, self._route)
            asked = await asyncio.to_thread(read_request, body, model, self._route)
            interaction = await self._service.create(asked, shorten_data(body))
        except InteractionRefused as refusal:
            name = str(model_name)
            self._record_refusal(self._route, name, refusal.http_status, refusal.message)
            raise
        if not asked.is_background:
            while interaction.status is InteractionStatus.IN_PROGRESS:
                await asyncio.sleep(_WAIT_S)
                self._service.refresh(interaction)
            check_poll(interaction, self._omni_settings)
        # What is not stored is in this answer only.
        interaction.is_deleted = not asked.is_stored
        return await self._respond(interaction)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET interactions/ID."""
        self._service.check_account(is_submit=False)
        interaction = self._service.require(_read_id(request), self._route)
        self._counters["polls"] += 1
        interaction.polls += 1
        check_poll(interaction, self._omni_settings)
        with_input = request.query.get("include_input") == "true"
        return await self._respond(interaction, with_input=with_input)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """POST interactions/ID/cancel."""
        self._service.check_account(is_submit=False)
        interaction = self._service.require(_read_id(request), self._route)
        self._service.cancel(interaction)
        return await self._respond(interaction)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """DELETE interactions/ID, which deletes the record but does not stop a running one."""
        self._service.check_account(is_submit=False)
        self._service.require(_read_id(request), self._route).is_deleted = True
        return web.json_response({})

    @property
    def _omni_settings(self) -> OmniSettings:
        return self._read_settings().omni

    def _answer_refusals(self, handler: Handler) -> Handler:
        """Wrap a handler to check access first and to answer refusals with an error body."""

        @functools.wraps(handler)
        async def handle_request(request: web.Request) -> web.StreamResponse:
            try:
                self._check_access(request)
            except GoogleError as error:
                self._counters["unauthorised"] += 1
                return web.json_response(error.to_json(), status=error.http_status)
            try:
                return await handler(request)
            except InteractionRefused as refusal:
                if refusal.http_status == 429:
                    self._counters["rate_limited"] += 1
                return _answer_refusal(refusal, self._omni_settings.error_form)

        return handle_request

    async def _respond(
        self, interaction: StoredInteraction, *, with_input: bool = False
    ) -> web.StreamResponse:
        answer = await build_answer(
            interaction,
            self._omni_settings,
            now=self._now(),
            file_uri=self._file_uri,
            with_input=with_input,
        )
        # A video makes it large.
        text = await asyncio.to_thread(json.dumps, answer)
        return web.json_response(body=text.encode())


def _answer_refusal(refusal: InteractionRefused, form: ErrorForm) -> web.Response:
    text, content_type = json.dumps(refusal.to_json(form)), "application/json"
    if form is ErrorForm.EVENT:
        text, content_type = f"event: error\ndata: {text}\n\n", "text/event-stream"
    return web.Response(
        text=text, content_type=content_type, status=refusal.http_status, headers=refusal.headers
    )


def _read_id(request: web.Request) -> str:
    interaction_id = request.match_info["interaction"]
    if not _ID.fullmatch(interaction_id):
        raise invalid_request("Invalid interaction name.")
    return interaction_id


async def _read_json(request: web.Request) -> dict[str, Any]:
    too_large = f"Request payload size exceeds the limit: {_MAX_REQUEST_BYTES} bytes."
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise invalid_request(too_large) from error
    if len(body) > _MAX_REQUEST_BYTES:
        raise invalid_request(too_large)
    try:
        value = await asyncio.to_thread(json.loads, body)
    except ValueError as error:
        raise invalid_request(f"Invalid JSON payload received. {error}") from error
    if not isinstance(value, dict):
        raise invalid_request("Invalid JSON payload received.")
    return value

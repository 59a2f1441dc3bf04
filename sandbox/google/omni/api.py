"""The wire format of interactions and uploads: ``/google/v1`` and ``/google/v1beta``.

As google-genai 3.6.1 sends and reads it.
"""

import asyncio
import base64
import functools
import json
import re
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from sandbox.google.errors import GoogleError, InvalidArgument
from sandbox.google.omni.interactions import (
    BLOCKED_INPUT,
    BLOCKED_SENTENCE,
    INTERNAL_SENTENCE,
    POLICY_SENTENCE,
    InteractionStatus,
    StoredInteraction,
    describe_usage,
)
from sandbox.google.omni.refusals import InteractionRefused, invalid_request, too_many_requests
from sandbox.google.omni.request import InteractionRequest, read_request
from sandbox.google.omni.service import OmniService
from sandbox.google.omni.settings import BlockForm, OmniSettings
from sandbox.google.request_handling import check_api_key
from sandbox.google.settings import GoogleSettings, OperationOutcome
from sandbox.google.stored_clips import GeneratedFile

_MAX_REQUEST_BYTES: Final = 100 * 1000 * 1000
_MAX_SHOWN_LENGTH: Final = 200
_WAIT_S: Final = 0.05
_ID: Final = re.compile(r"v1_[A-Za-z0-9_-]+")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class InteractionsApi:
    """Handlers of the Interactions API and of uploads."""

    def __init__(
        self,
        service: OmniService,
        *,
        api_key: str,
        public_base: str,
        counters: Counter[str],
        read_settings: Callable[[], GoogleSettings],
        record_refusal: Callable[[str, int, str], None],
        describe_file: Callable[[GeneratedFile], dict[str, Any]],
    ) -> None:
        self._service = service
        self._api_key = api_key
        self._public_base = public_base
        self._counters = counters
        self._read_settings = read_settings
        self._record_refusal = record_refusal
        self._describe_file = describe_file
        self._uploads: dict[str, str] = {}
        """Types of the uploads that have begun, by the secret part of their address."""

    def build_routes(self) -> list[web.RouteDef]:
        """The routes, by full path."""
        routes: list[web.RouteDef] = []
        for version in ("v1", "v1beta"):
            base = f"/google/{version}/interactions"
            upload = f"/google/upload/{version}/files"
            routes += [
                web.post(base, self._answer_refusals(self.create)),
                web.get(f"{base}/{{interaction}}", self._answer_refusals(self.read)),
                web.delete(f"{base}/{{interaction}}", self._answer_refusals(self.delete)),
                web.post(f"{base}/{{interaction}}/cancel", self._answer_refusals(self.cancel)),
                web.post(upload, self._answer_refusals(self.upload)),
                web.post(f"{upload}/{{ticket}}", self._answer_refusals(self.upload)),
            ]
        return routes

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST interactions."""
        body = await _read_json(request)
        model_name = body.get("model")
        try:
            model = self._service.find_model(model_name)
            asked = await asyncio.to_thread(read_request, body, model)
            interaction = await self._service.create(asked, shorten_data(body))
        except InteractionRefused as refusal:
            self._record_refusal(str(model_name), refusal.http_status, refusal.message)
            raise
        if not asked.is_background:
            while interaction.status is InteractionStatus.IN_PROGRESS:
                await asyncio.sleep(_WAIT_S)
                self._service.refresh(interaction)
        return await self._respond(interaction)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET interactions/ID."""
        interaction = self._service.require(_read_id(request))
        self._counters["polls"] += 1
        interaction.polls += 1
        if interaction.is_over_quota:
            raise too_many_requests(self._omni_settings.retry_s)
        _raise_block(interaction, self._omni_settings)
        return await self._respond(interaction)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """POST interactions/ID/cancel."""
        interaction = self._service.require(_read_id(request))
        self._service.cancel(interaction)
        return await self._respond(interaction)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """DELETE interactions/ID: the record goes, a run goes on."""
        self._service.require(_read_id(request)).is_deleted = True
        return web.json_response({})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The two steps of a resumable upload; the second needs no key, its address is secret."""
        commands = request.headers.get("X-Goog-Upload-Command", "")
        ticket = request.match_info.get("ticket")
        if ticket is None and commands == "start":
            ticket = secrets.token_urlsafe(16)
            self._uploads[ticket] = request.headers.get("X-Goog-Upload-Header-Content-Type", "")
            url = f"{self._public_base}{request.path}/{ticket}"
            return web.json_response({}, headers={"x-goog-upload-url": url})
        mime_type = self._uploads.pop(ticket or "", None)
        if mime_type is None or "finalize" not in commands:
            raise invalid_request("The upload is unknown, or its command is not supported.")
        file = await self._service.store_upload(await request.read(), mime_type)
        return web.json_response(
            {"file": self._describe_file(file)}, headers={"x-goog-upload-status": "final"}
        )

    @property
    def _omni_settings(self) -> OmniSettings:
        return self._read_settings().omni

    def _answer_refusals(self, handler: Handler) -> Handler:
        """Wrap a handler: the key is checked first, a refusal becomes its error body."""

        @functools.wraps(handler)
        async def handle_request(request: web.Request) -> web.StreamResponse:
            try:
                if "ticket" not in request.match_info:
                    check_api_key(request, self._api_key)
                return await handler(request)
            except InteractionRefused as refusal:
                return web.json_response(refusal.to_json(), status=refusal.http_status)
            except GoogleError as error:
                self._counters["unauthorised"] += 1
                return web.json_response(error.to_json(), status=error.http_status)

        return handle_request

    async def _respond(self, interaction: StoredInteraction) -> web.StreamResponse:
        settings = self._omni_settings
        planned = interaction.planned_outcome
        is_block = planned.outcome is OperationOutcome.FILTERED
        if (
            interaction.status is InteractionStatus.FAILED
            and is_block
            and settings.block is BlockForm.ERROR_BODY
        ):
            message = planned.reason or BLOCKED_SENTENCE
            return web.json_response({"error": {"code": "content_blocked", "message": message}})
        payload = _describe_interaction(interaction)
        if interaction.status is InteractionStatus.FAILED:
            code = "content_blocked" if is_block else "api_error"
            usual = BLOCKED_SENTENCE if is_block else INTERNAL_SENTENCE
            payload["errors"] = [{"code": code, "message": planned.reason or usual}]
        if settings.reports_usage and (usage := describe_usage(interaction)) is not None:
            payload["usage"] = usage
        if interaction.has_only_text:
            payload["steps"] = [_model_output({"type": "text", "text": interaction.text})]
        elif interaction.file is not None:
            is_inline = settings.inline or interaction.request.is_inline
            video: dict[str, Any] = {"type": "video", "mime_type": "video/mp4"}
            if is_inline:
                data = await asyncio.to_thread(interaction.file.clip.path.read_bytes)
                video["data"] = (await asyncio.to_thread(base64.b64encode, data)).decode()
            else:
                name = f"files/{interaction.file.id}"
                video["uri"] = f"{self._public_base}/google/v1beta/{name}:download?alt=media"
            payload["steps"] = [{"type": "thought"}, _model_output(video)]
        return web.json_response(payload)


def shorten_data(value: Any) -> Any:
    """A JSON value for the control API, with long ``data`` replaced by its length."""
    if isinstance(value, dict):
        return {
            name: f"<{len(item)} characters of base64>"
            if name == "data" and isinstance(item, str) and len(item) > _MAX_SHOWN_LENGTH
            else shorten_data(item)
            for name, item in value.items()
        }
    return [shorten_data(item) for item in value] if isinstance(value, list) else value


def describe_interaction(interaction: StoredInteraction) -> dict[str, Any]:
    """An interaction as the control API shows it among the submits."""
    asked: InteractionRequest = interaction.request
    file = interaction.file
    return {
        "n": interaction.number,
        "route": "omni",
        "model": asked.model.id,
        "operation": interaction.id,
        "task": asked.task,
        "prompt": asked.prompt,
        "json": interaction.body,
        "state": interaction.status,
        "outcome": interaction.planned_outcome.outcome,
        "finished": interaction.finished_at is not None,
        "finished_at": interaction.finished_at,
        "submitted_at": interaction.created,
        "ready_at": interaction.ready_at,
        "polls": interaction.polls,
        "seconds": interaction.made_seconds,
        "resolution": asked.resolution,
        "labels": asked.labels,
        "previous": asked.previous_id,
        "cancelled": interaction.cancel_at is not None,
        "clips": int(interaction.clip is not None),
        "billed_usd": round(interaction.billed_usd, 6),
        "video": None if file is None else file.id,
        "sha256": [] if interaction.clip is None else [interaction.clip.sha256],
    }


def _raise_block(interaction: StoredInteraction, settings: OmniSettings) -> None:
    planned = interaction.planned_outcome
    is_over = interaction.status is InteractionStatus.FAILED
    if not is_over or planned.outcome is not OperationOutcome.FILTERED:
        return
    if settings.block is BlockForm.POLL:
        raise invalid_request(planned.reason or BLOCKED_INPUT)
    if settings.block is BlockForm.SENTENCE:
        sentence = planned.reason or POLICY_SENTENCE
        raise InteractionRefused(400, sentence, sentence)


def _describe_interaction(interaction: StoredInteraction) -> dict[str, Any]:
    updated = interaction.finished_at or interaction.created
    payload: dict[str, Any] = {
        "id": interaction.id,
        "object": "interaction",
        "status": interaction.status,
        "model": interaction.request.model.id,
        "created": _format_timestamp(interaction.created),
        "updated": _format_timestamp(updated),
    }
    if interaction.request.labels:
        payload["labels"] = interaction.request.labels
    if interaction.request.previous_id is not None:
        payload["previous_interaction_id"] = interaction.request.previous_id
    return payload


def _model_output(content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "model_output", "content": [content]}


def _format_timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _read_id(request: web.Request) -> str:
    interaction_id = request.match_info["interaction"]
    if not _ID.fullmatch(interaction_id):
        raise invalid_request("Invalid interaction name.")
    return interaction_id


async def _read_json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise InvalidArgument("Request payload size exceeds the limit.") from error
    if len(body) > _MAX_REQUEST_BYTES:
        raise invalid_request(
            f"Request payload size exceeds the limit: {_MAX_REQUEST_BYTES} bytes."
        )
    try:
        value = await asyncio.to_thread(json.loads, body)
    except ValueError as error:
        raise invalid_request(f"Invalid JSON payload received. {error}") from error
    if not isinstance(value, dict):
        raise invalid_request("Invalid JSON payload received.")
    return value

"""The control API of the sandbox's Google: settings, outcomes, and the requests it has received.

On ``/control/google``, GET returns the state, PUT changes settings and DELETE resets them. Files,
operations and tokens are below it.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from sandbox.google.omni.answers import describe_interaction
from sandbox.google.omni.interactions import StoredInteraction
from sandbox.google.omni.webhooks import describe_webhook
from sandbox.google.operations import OperationState
from sandbox.google.service import SandboxGoogle, describe_operation
from sandbox.google.settings import InvalidGoogleSetting, read_planned_outcome

_SHOWN_COUNTERS: Final = (
    "refused",
    "rate_limited",
    "unauthorised",
    "polls",
    "downloads",
    "contents",
    "key_leaks",
)


class GoogleControlApi:
    """Handlers of the control API."""

    def __init__(self, google: SandboxGoogle) -> None:
        self._google = google

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes, by full path."""
        checked = _answer_invalid_settings
        return [
            web.get("/control/google", self.get_state),
            web.put("/control/google", checked(self.update_settings)),
            web.delete("/control/google", self.reset_settings),
            web.post("/control/google/files/{file}", checked(self.update_file)),
            web.post("/control/google/operations/{operation}", checked(self.update_operation)),
            web.post("/control/google/tokens", checked(self.revoke_tokens)),
            web.post("/control/google/events", checked(self.send_event)),
        ]

    async def get_state(self, request: web.Request) -> web.StreamResponse:
        """Counters, settings, every accepted submit, and the latest refusals."""
        google = self._google
        google.operations.refresh_all(google.now())
        interactions = google.omni.store.interactions
        for interaction in interactions:
            google.omni.refresh(interaction)
        operations = google.operations.operations
        states = [operation.state for operation in operations]
        state_json: dict[str, Any] = {name: google.counters[name] for name in _SHOWN_COUNTERS}
        state_json |= {state.value: states.count(state) for state in OperationState}
        state_json["accepted"] = len(operations) + len(interactions)
        state_json["finished_clips"] = sum(len(operation.products) for operation in operations)
        state_json["finished_clips"] += sum(item.clip is not None for item in interactions)
        state_json["billed_seconds"] = sum(operation.billed_seconds for operation in operations)
        state_json["settings"] = google.settings.to_json()
        submits = [describe_operation(operation) for operation in operations]
        submits += [describe_interaction(interaction) for interaction in interactions]
        state_json["submits"] = sorted(submits, key=lambda submit: submit["n"])
        state_json["billed_usd"] = round(sum(item.billed_usd for item in interactions), 6)
        state_json["texts"] = [asked.to_json() for asked in google.text.asked]
        state_json["rate_limited"] += google.text.rate_limited
        webhooks = google.webhooks
        state_json["webhooks"] = [describe_webhook(item) for item in webhooks.webhooks.values()]
        state_json["deliveries"] = [delivery.to_json() for delivery in webhooks.deliveries]
        state_json["refusals"] = [
            {
                "route": refusal.route,
                "model": refusal.model,
                "status": refusal.status,
                "message": refusal.message,
            }
            for refusal in google.refusals
        ]
        return web.json_response(state_json)

    async def update_settings(self, request: web.Request) -> web.StreamResponse:
        """Change the settings that are named."""
        self._google.settings = self._google.settings.with_changes(await _read_object(request))
        return web.json_response(self._google.settings.to_json())

    async def reset_settings(self, request: web.Request) -> web.StreamResponse:
        """Reset the settings to those of the start."""
        self._google.reset_settings()
        return web.json_response(self._google.settings.to_json())

    async def update_file(self, request: web.Request) -> web.StreamResponse:
        """Change a file: {expire?, revoke?, fail?}, where false undoes a change."""
        file = self._google.files.get_file(request.match_info["file"])
        if file is None:
            return _error_response(404, "no such file")
        body = await _read_object(request)
        if not body or body.keys() - {"expire", "revoke", "fail"}:
            return _error_response(400, "give expire, revoke or fail, true or false")
        file.expired = bool(body.get("expire", file.expired))
        file.revoked = bool(body.get("revoke", file.revoked))
        file.failed = bool(body.get("fail", file.failed))
        return web.json_response(
            {"expired": file.expired, "revoked": file.revoked, "failed": file.failed}
        )

    async def update_operation(self, request: web.Request) -> web.StreamResponse:
        """Change a pending operation: {outcome?, reason?, failure_code?, ready?: end now}."""
        google = self._google
        interaction = google.omni.store.get(request.match_info["operation"])
        if interaction is not None:
            return await self._update_interaction(request, interaction)
        operation = google.operations.get_operation(request.match_info["operation"])
        if operation is None:
            return _error_response(404, "no such operation")
        body = await _read_object(request)
        if not body or body.keys() - {"outcome", "reason", "failure_code", "ready"}:
            return _error_response(400, "give outcome, reason, failure_code or ready")
        ready = body.pop("ready", False)
        planned = read_planned_outcome({"outcome": operation.planned_outcome.outcome, **body})
        google.change_outcome(operation, planned)
        if ready:
            operation.ready_at = min(operation.ready_at, google.now())
        google.operations.refresh(operation, google.now())
        return web.json_response(describe_operation(operation))

    async def _update_interaction(
        self, request: web.Request, interaction: StoredInteraction
    ) -> web.StreamResponse:
        google = self._google
        body = await _read_object(request)
        if not body or body.keys() - {"outcome", "reason", "ready", "delete"}:
            return _error_response(400, "give outcome, reason, ready or delete")
        if "outcome" in body or "reason" in body:
            planned = {"outcome": interaction.planned_outcome.outcome, **body}
            google.omni.change_outcome(interaction, read_planned_outcome(planned))
        if body.get("ready"):
            interaction.ready_at = min(interaction.ready_at, google.now())
        interaction.is_deleted = bool(body.get("delete", interaction.is_deleted))
        google.omni.refresh(interaction)
        return web.json_response(describe_interaction(interaction))

    async def send_event(self, request: web.Request) -> web.StreamResponse:
        """Send an event to every webhook once: {interaction, type?, event?: its id, age_s?}."""
        body = await _read_object(request)
        if "interaction" not in body or body.keys() - {"interaction", "type", "event", "age_s"}:
            return _error_response(400, "give interaction, type, event or age_s")
        webhooks = self._google.webhooks
        event = str(body.get("event") or f"msg_{uuid.uuid4()}")
        statuses = [
            await webhooks.send(
                webhook,
                str(body.get("type", "interaction.completed")),
                str(body["interaction"]),
                event=event,
                age_s=float(body.get("age_s", 0)),
            )
            for webhook in webhooks.webhooks.values()
        ]
        return web.json_response({"event": event, "statuses": statuses})

    async def revoke_tokens(self, request: web.Request) -> web.StreamResponse:
        """Refuse all bearer tokens that were issued so far: {revoke: true}."""
        if await _read_object(request) != {"revoke": True}:
            return _error_response(400, "give revoke: true")
        return web.json_response({"revoked": self._google.tokens.revoke_all()})


async def _read_object(request: web.Request) -> dict[str, Any]:
    value = await request.json()
    if not isinstance(value, dict):
        raise TypeError("the body has to be a JSON object")
    return value


def _error_response(status: int, message: str) -> web.Response:
    return web.json_response({"error": message, "message": message}, status=status)


def _answer_invalid_settings(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle_request(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (InvalidGoogleSetting, ValueError, TypeError) as error:
            return _error_response(400, str(error))

    return handle_request

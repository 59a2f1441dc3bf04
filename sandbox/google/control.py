"""The control API of this Google: how tests act as fate, and see what Google saw.

``/control/google``: GET what happened, PUT settings (those named; the others stay), DELETE back
to the defaults. Beneath it single files, operations and tokens.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from sandbox.google.google import Google, shown_operation
from sandbox.google.operations import State
from sandbox.google.settings import Fate, Settings, SettingsError, read_fate

_COUNTED: Final = (
    "refused",
    "rate_limited",
    "unauthorised",
    "polls",
    "downloads",
    "contents",
    "key_leaks",
)


class ControlApi:
    """Handlers over the state of a Google."""

    def __init__(self, google: Google) -> None:
        self._google = google

    def routes(self) -> list[web.RouteDef]:
        """The routes, by full path."""
        return [
            web.get("/control/google", self.show),
            web.put("/control/google", _checked(self.change)),
            web.delete("/control/google", self.reset),
            web.post("/control/google/files/{file}", _checked(self.file)),
            web.post("/control/google/operations/{operation}", _checked(self.operation)),
            web.post("/control/google/tokens", _checked(self.tokens)),
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Counters, settings, every accepted submit, and the latest refusals."""
        google = self._google
        google.operations.refresh_all(google.now())
        operations = google.operations.everything
        states = [operation.state for operation in operations]
        answer: dict[str, Any] = {name: google.counters[name] for name in _COUNTED}
        answer |= {state.value: states.count(state) for state in State}
        answer["accepted"] = len(operations)
        answer["finished_clips"] = sum(len(operation.products) for operation in operations)
        answer["billed_seconds"] = sum(operation.billed_seconds for operation in operations)
        answer["settings"] = google.settings.shown()
        answer["submits"] = [shown_operation(operation) for operation in operations]
        answer["refusals"] = [
            {
                "route": refusal.route,
                "model": refusal.model,
                "status": refusal.status,
                "message": refusal.message,
            }
            for refusal in google.refusals
        ]
        return web.json_response(answer)

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Changes the settings that are named."""
        self._google.settings = self._google.settings.merged(await _object(request))
        return web.json_response(self._google.settings.shown())

    async def reset(self, request: web.Request) -> web.StreamResponse:
        """Back to the defaults."""
        self._google.settings = Settings()
        return web.json_response(self._google.settings.shown())

    async def file(self, request: web.Request) -> web.StreamResponse:
        """{expire: true}: gone by age; {revoke: true}: taken away; {fail: true}: not processed.

        All can be taken back.
        """
        file = self._google.files.get(request.match_info["file"])
        if file is None:
            return _refused(404, "no such file")
        body = await _object(request)
        if not body or body.keys() - {"expire", "revoke", "fail"}:
            return _refused(400, "give expire, revoke or fail, true or false")
        file.expired = bool(body.get("expire", file.expired))
        file.revoked = bool(body.get("revoke", file.revoked))
        file.failed = bool(body.get("fail", file.failed))
        return web.json_response(
            {"expired": file.expired, "revoked": file.revoked, "failed": file.failed}
        )

    async def operation(self, request: web.Request) -> web.StreamResponse:
        """{outcome, reason?, ready?}: changes what becomes of a pending operation, and when.

        With ``ready`` true its time has come at once.
        """
        google = self._google
        operation = google.operations.get(request.match_info["operation"])
        if operation is None:
            return _refused(404, "no such operation")
        body = await _object(request)
        if not body or body.keys() - {"outcome", "reason", "ready"}:
            return _refused(400, "give outcome, reason or ready")
        fate = read_fate({"outcome": operation.fate.outcome, **_without_ready(body)})
        google.decide(operation, Fate(fate.outcome, fate.reason))
        if body.get("ready"):
            operation.ready_at = min(operation.ready_at, google.now())
        google.operations.refresh(operation, google.now())
        return web.json_response(shown_operation(operation))

    async def tokens(self, request: web.Request) -> web.StreamResponse:
        """{revoke: true}: every bearer token handed out so far is refused from now on."""
        if await _object(request) != {"revoke": True}:
            return _refused(400, "give revoke: true")
        return web.json_response({"revoked": self._google.tokens.revoke_all()})


def _without_ready(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "ready"}


async def _object(request: web.Request) -> dict[str, Any]:
    value = await request.json()
    if not isinstance(value, dict):
        message = "the body has to be a JSON object"
        raise TypeError(message)
    return value


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)


def _checked(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (SettingsError, ValueError, TypeError) as error:
            return _refused(400, str(error))

    return answer

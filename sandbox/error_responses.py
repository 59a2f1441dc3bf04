"""Responses for refusals, unknown routes and the sandbox's own bugs.

A bug must not look like an answer of Discord or Google. So it is answered with 500, logged to
stderr, and counted, so that tests can assert that there was none.
"""

import json
import logging
from collections import deque
from typing import Any

from aiohttp import web

from sandbox.discord.errors import ActionRefused, DiscordError
from sandbox.request_log import Handler, server_for_path

log = logging.getLogger("sandbox")


def json_response(data: Any, status: int = 200) -> web.Response:
    """Return a JSON response without a charset, because discord.py compares the whole type."""
    return web.Response(
        status=status, body=json.dumps(data).encode(), content_type="application/json"
    )


class InternalErrorLog:
    """Counts unhandled exceptions, which are bugs of the sandbox, and keeps the latest."""

    def __init__(self) -> None:
        self.internal_errors = 0
        self.latest_errors: deque[str] = deque(maxlen=20)

    def record_error(self, where: str, error: BaseException) -> None:
        """Count a bug and log it."""
        self.internal_errors += 1
        self.latest_errors.append(f"{where}: {error!r}")
        log.error("SANDBOX BUG in %s", where, exc_info=error)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn exceptions of handlers into the error bodies of the path's server."""
        server = server_for_path(request.path)
        try:
            return await handler(request)
        except DiscordError as refusal:
            return json_response(refusal.to_json(), status=refusal.status)
        except ActionRefused as refusal:
            error = {"error": refusal.kind, "message": str(refusal)}
            return json_response(error, status=refusal.status)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return _error_response(server, error.status, error.reason)
        except ConnectionResetError:
            raise  # The client disconnected while it was being answered.
        except Exception as error:
            self.record_error(f"{request.method} {request.path}", error)
            return _error_response(server, 500, "Internal Server Error")


def _error_response(server: str, status: int, reason: str) -> web.Response:
    match server:
        case "google":
            name = {404: "NOT_FOUND", 413: "INVALID_ARGUMENT"}.get(status, "INTERNAL")
            body: Any = {"error": {"code": status, "message": f"{reason}.", "status": name}}
        case "control":
            body = {"error": "http", "message": f"{status}: {reason}"}
        case _:
            code = 40005 if status == 413 else 0
            body = {"message": f"{status}: {reason}", "code": code}
    return json_response(body, status=status)

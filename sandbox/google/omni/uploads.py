"""Resumable uploads of the Gemini API: ``/google/upload/v1/files`` and ``/v1beta``."""

import functools
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.google.errors import InvalidArgument
from sandbox.google.omni.inputs import OmniInputs
from sandbox.google.omni.refusals import InteractionRefused
from sandbox.google.request_handling import answer_errors, check_api_key
from sandbox.google.stored_clips import GeneratedFile
from sandbox.request_log import Handler


class UploadApi:
    """Handlers of the two steps; the second needs no key, because its address is secret."""

    def __init__(
        self,
        inputs: OmniInputs,
        *,
        api_key: str,
        public_base: str,
        describe_file: Callable[[GeneratedFile], dict[str, Any]],
    ) -> None:
        self._inputs = inputs
        self._api_key = api_key
        self._public_base = public_base
        self._describe_file = describe_file
        self._types: dict[str, str] = {}
        """Types of the uploads that have begun, by the secret part of their address."""

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes, by full path."""
        routes = []
        for version in ("v1", "v1beta"):
            path = f"/google/upload/{version}/files"
            routes.append(web.post(path, _answer_refusals(self.start)))
            routes.append(web.post(f"{path}/{{ticket}}", _answer_refusals(self.finish)))
        return routes

    async def start(self, request: web.Request) -> web.StreamResponse:
        """POST files: the address to send the bytes to."""
        check_api_key(request, self._api_key)
        if request.headers.get("X-Goog-Upload-Command") != "start":
            raise InvalidArgument("Only resumable uploads are supported.")
        ticket = secrets.token_urlsafe(16)
        self._types[ticket] = request.headers.get("X-Goog-Upload-Header-Content-Type", "")
        url = f"{self._public_base}{request.path}/{ticket}"
        return web.json_response(
            {}, headers={"x-goog-upload-url": url, "x-goog-upload-status": "active"}
        )

    async def finish(self, request: web.Request) -> web.StreamResponse:
        """POST to that address: the bytes, in one piece."""
        commands = request.headers.get("X-Goog-Upload-Command", "")
        mime_type = self._types.pop(request.match_info["ticket"], None)
        if mime_type is None or "finalize" not in commands:
            raise InvalidArgument("The upload is unknown, or its command is not supported.")
        file = await self._inputs.store_upload(await request.read(), mime_type)
        return web.json_response(
            {"file": self._describe_file(file)}, headers={"x-goog-upload-status": "final"}
        )


def _answer_refusals(handler: Handler) -> Handler:
    """Wrap a handler, so that a file that cannot be read is refused in the form of this API."""

    @functools.wraps(handler)
    async def handle_request(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except InteractionRefused as refusal:
            raise InvalidArgument(refusal.message) from refusal

    return answer_errors(handle_request)

"""Reading control requests and answering them."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.discord import lookup
from sandbox.discord.errors import ActionRefused, DiscordError
from sandbox.discord.lookup import EntityRef
from sandbox.discord.permissions import Permission, parse_permissions
from sandbox.discord.rest.routing import json_reply

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlRequest:
    """The JSON object of a control request."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body

    def __contains__(self, name: str) -> bool:
        return self.body.get(name) is not None

    def reference(self, name: str) -> EntityRef:
        """A required name or id. Raises PersonRefused."""
        return lookup.read_ref(self.body.get(name), name)

    def text_value(self, name: str, default: str | None = None) -> str:
        """A string. Raises PersonRefused when it is missing without a default."""
        value = self.body.get(name, default)
        if not isinstance(value, str):
            msg = f"{name} must be a string"
            raise ActionRefused(msg)
        return value

    def optional_text(self, name: str) -> str | None:
        """A string or nothing."""
        return self.text_value(name) if name in self else None

    def flag_value(self, name: str, *, default: bool = False) -> bool:
        """True or false. Raises PersonRefused."""
        value = self.body.get(name, default)
        if not isinstance(value, bool):
            msg = f"{name} must be true or false"
            raise ActionRefused(msg)
        return value

    def integer_value(self, name: str, default: int) -> int:
        """A whole number. Raises PersonRefused."""
        value = self.body.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            msg = f"{name} must be a whole number"
            raise ActionRefused(msg)
        return value

    def list_value(self, name: str) -> list[Any]:
        """A list; a single value counts as one of itself."""
        value = self.body.get(name)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def object_value(self, name: str) -> dict[str, Any]:
        """An object. Raises PersonRefused."""
        value = self.body.get(name) or {}
        if not isinstance(value, dict):
            msg = f"{name} must be an object"
            raise ActionRefused(msg)
        return value

    def permissions(self, name: str) -> Permission:
        """Permission names or bits. Raises PersonRefused."""
        return read_permissions(self.body.get(name))


def read_permissions(value: Any) -> Permission:
    """Permission names or bits. Raises PersonRefused."""
    try:
        return parse_permissions(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise ActionRefused(str(error)) from error


async def read_request(request: web.Request) -> ControlRequest:
    """The request's JSON object; an empty body is an empty object. Raises PersonRefused."""
    text = await request.text()
    try:
        body = json.loads(text) if text else {}
    except ValueError as error:
        msg = f"the body is not JSON: {error}"
        raise ActionRefused(msg) from error
    if not isinstance(body, dict):
        msg = "the body must be a JSON object"
        raise ActionRefused(msg)
    return ControlRequest(body)


def build_route(method: str, path: str, handler: Handler) -> web.RouteDef:
    """A control route whose handler may refuse."""

    async def handle_request(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ActionRefused as refused:
            return json_reply({"error": refused.kind, "message": str(refused)}, refused.status)
        except DiscordError as refused:
            return json_reply({"error": "discord", **refused.to_json()}, refused.status)

    return web.route(method, "/control" + path, handle_request)

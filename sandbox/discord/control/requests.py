"""Reads the bodies of control requests, and answers with refusals."""

import json
from typing import Any

from aiohttp import web

from sandbox.discord import lookup
from sandbox.discord.errors import ActionRefused, DiscordError
from sandbox.discord.lookup import EntityRef
from sandbox.discord.permissions import Permission, parse_permissions
from sandbox.error_responses import json_response
from sandbox.request_log import Handler


class ControlBody:
    """The JSON object of a control request. Readers raise ActionRefused for a wrong value."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __contains__(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def reference(self, name: str) -> EntityRef:
        """Return the name or id in a required field."""
        return lookup.read_ref(self.fields.get(name), name)

    def text_value(self, name: str, default: str | None = None) -> str:
        """Return a string, required without a default."""
        value = self.fields.get(name, default)
        if not isinstance(value, str):
            raise ActionRefused(f"{name} must be a string")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a string, or None if absent."""
        return self.text_value(name) if name in self else None

    def flag_value(self, name: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self.fields.get(name, default)
        if not isinstance(value, bool):
            raise ActionRefused(f"{name} must be true or false")
        return value

    def integer_value(self, name: str, default: int) -> int:
        """Return a whole number."""
        value = self.fields.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ActionRefused(f"{name} must be a whole number")
        return value

    def list_value(self, name: str) -> list[Any]:
        """Return a list. Any other value counts as a list of one."""
        value = self.fields.get(name)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def object_value(self, name: str) -> dict[str, Any]:
        """Return an object."""
        value = self.fields.get(name) or {}
        if not isinstance(value, dict):
            raise ActionRefused(f"{name} must be an object")
        return value

    def permissions(self, name: str) -> Permission:
        """Permission names or bits."""
        return read_permissions(self.fields.get(name))


def read_permissions(value: Any) -> Permission:
    """Permission names or bits. Raises ActionRefused."""
    try:
        return parse_permissions(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise ActionRefused(str(error)) from error


async def read_control_body(request: web.Request) -> ControlBody:
    """Return the request's JSON object; an empty body is an empty object. Raises ActionRefused."""
    text = await request.text()
    try:
        body = json.loads(text) if text else {}
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ActionRefused("half of a surrogate pair: no text of Discord's has that") from error
    except ValueError as error:
        raise ActionRefused(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ActionRefused("the body must be a JSON object")
    return ControlBody(body)


def build_route(method: str, path: str, handler: Handler) -> web.RouteDef:
    """Return a control route whose handler may raise ActionRefused or DiscordError."""

    async def handle_request(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ActionRefused as refusal:
            return json_response({"error": refusal.kind, "message": str(refusal)}, refusal.status)
        except DiscordError as refusal:
            return json_response({"error": "discord", **refusal.to_json()}, refusal.status)

    return web.route(method, "/control" + path, handle_request)

"""Reading control requests and answering them."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.discord import lookup
from sandbox.discord.errors import DiscordError, PersonRefused
from sandbox.discord.lookup import Ref
from sandbox.discord.permissions import Permission, parse
from sandbox.discord.rest.wire import reply

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Asked:
    """The JSON object of a control request."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body

    def __contains__(self, name: str) -> bool:
        return self.body.get(name) is not None

    def ref(self, name: str) -> Ref:
        """A required name or id. Raises PersonRefused."""
        return lookup.as_ref(self.body.get(name), name)

    def text(self, name: str, default: str | None = None) -> str:
        """A string. Raises PersonRefused when it is missing without a default."""
        value = self.body.get(name, default)
        if not isinstance(value, str):
            msg = f"{name} must be a string"
            raise PersonRefused(msg)
        return value

    def optional(self, name: str) -> str | None:
        """A string or nothing."""
        return self.text(name) if name in self else None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false. Raises PersonRefused."""
        value = self.body.get(name, default)
        if not isinstance(value, bool):
            msg = f"{name} must be true or false"
            raise PersonRefused(msg)
        return value

    def number(self, name: str, default: int) -> int:
        """A whole number. Raises PersonRefused."""
        value = self.body.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            msg = f"{name} must be a whole number"
            raise PersonRefused(msg)
        return value

    def listed(self, name: str) -> list[Any]:
        """A list; a single value counts as one of itself."""
        value = self.body.get(name)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def mapping(self, name: str) -> dict[str, Any]:
        """An object. Raises PersonRefused."""
        value = self.body.get(name) or {}
        if not isinstance(value, dict):
            msg = f"{name} must be an object"
            raise PersonRefused(msg)
        return value

    def permissions(self, name: str) -> Permission:
        """Permission names or bits. Raises PersonRefused."""
        return as_permissions(self.body.get(name))


def as_permissions(value: Any) -> Permission:
    """Permission names or bits. Raises PersonRefused."""
    try:
        return parse(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise PersonRefused(str(error)) from error


async def read(request: web.Request) -> Asked:
    """The request's JSON object; an empty body is an empty object. Raises PersonRefused."""
    text = await request.text()
    try:
        body = json.loads(text) if text else {}
    except ValueError as error:
        msg = f"the body is not JSON: {error}"
        raise PersonRefused(msg) from error
    if not isinstance(body, dict):
        msg = "the body must be a JSON object"
        raise PersonRefused(msg)
    return Asked(body)


def route(method: str, path: str, handler: Handler) -> web.RouteDef:
    """A control route whose handler may refuse."""

    async def answering(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except PersonRefused as refused:
            return reply({"error": refused.kind, "message": str(refused)}, refused.status)
        except DiscordError as refused:
            return reply({"error": "discord", **refused.body()}, refused.status)

    return web.route(method, "/control" + path, answering)

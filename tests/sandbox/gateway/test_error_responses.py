"""Responses to refusals, unknown routes and bugs."""

from collections.abc import AsyncIterator
from unittest.mock import Mock

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from sandbox.discord.errors import ActionForbidden, DiscordError
from sandbox.error_responses import InternalErrorLog, json_response
from sandbox.server_control import require_loopback


class Server:
    """Raises the given error."""

    def __init__(self) -> None:
        self.health = InternalErrorLog()
        self.error: Exception = ValueError("nothing set")
        self.http: aiohttp.ClientSession

    async def answer(self, request: web.Request) -> web.Response:
        raise self.error

    async def body(self, path: str) -> tuple[int, object]:
        async with self.http.get(path) as response:
            assert response.headers["Content-Type"] == "application/json"
            return response.status, await response.json()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    serving = Server()
    app = web.Application(middlewares=[serving.health.middleware])
    app.router.add_get("/{path:.*}", serving.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(f"http://{host}:{port}") as http:
        serving.http = http
        yield serving
    await runner.cleanup()


async def test_discord_errors_have_discords_body(server: Server) -> None:
    server.error = DiscordError(403, 50013, "Missing Permissions", {"a": 1})
    assert await server.body("/api/v10/x") == (
        403,
        {"message": "Missing Permissions", "code": 50013, "errors": {"a": 1}},
    )


async def test_refused_actions_name_their_kind(server: Server) -> None:
    server.error = ActionForbidden("Cem cannot see #staff")
    assert await server.body("/control/messages") == (
        403,
        {"error": "forbidden", "message": "Cem cannot see #staff"},
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v10/x", {"message": "500: Internal Server Error", "code": 0}),
        (
            "/google/x",
            {"error": {"code": 500, "message": "Internal Server Error.", "status": "INTERNAL"}},
        ),
        ("/control/x", {"error": "http", "message": "500: Internal Server Error"}),
    ],
)
async def test_a_bug_is_a_500_and_is_counted_and_logged(
    server: Server, caplog: pytest.LogCaptureFixture, path: str, body: object
) -> None:
    server.error = KeyError("oops")
    assert await server.body(path) == (500, body)
    assert server.health.internal_errors == 1
    assert list(server.health.latest_errors) == [f"GET {path}: KeyError('oops')"]
    assert "SANDBOX BUG" in caplog.text


async def test_too_large_is_discord_s_413(server: Server) -> None:
    server.error = web.HTTPRequestEntityTooLarge(1, 2)
    assert await server.body("/api/v10/x") == (
        413,
        {"message": "413: Request Entity Too Large", "code": 40005},
    )
    assert server.health.internal_errors == 0


@pytest.mark.parametrize(
    ("remote", "path", "status"),
    [
        ("127.0.0.1", "/control/world", 200),
        ("::1", "/control/world", 200),
        ("10.1.2.3", "/control/world", 403),
        (None, "/control/world", 403),
        ("10.1.2.3", "/api/v10/users/@me", 200),
    ],
)
async def test_control_api_is_limited_to_loopback(
    remote: str | None, path: str, status: int
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return json_response({})

    transport = Mock()
    transport.get_extra_info = {"peername": (remote, 1) if remote else None}.get
    request = make_mocked_request("GET", path, transport=transport)
    assert (await require_loopback(request, handler)).status == status

"""Injected faults affect real requests as ordered."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.fault_injection import FaultInjector, InvalidFault
from sandbox.request_log import RequestLog
from tests.harness.waiting import eventually

NOON = 1_790_000_000.0
FILE_SIZE = Path(__file__).stat().st_size


class Server:
    """A server that answers everything with 200 and counts the requests it carried out."""

    def __init__(self, clock: SandboxClock) -> None:
        self.clock = clock
        self.faults = FaultInjector(clock)
        self.traffic = RequestLog(clock)
        self.handled: list[str] = []
        self.http: aiohttp.ClientSession

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.handled.append(request.path)
        if request.path.endswith(".py"):
            return web.FileResponse(Path(__file__))
        return web.Response(body=b"x" * 1000)

    async def status(self, method: str, path: str) -> int:
        async with self.http.request(method, path) as response:
            await response.read()
            return response.status


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    serving = Server(SandboxClock(frozen_at=NOON))
    app = web.Application(middlewares=[serving.traffic.middleware, serving.faults.middleware])
    app.router.add_route("*", "/{path:.*}", serving.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(f"http://{host}:{port}") as http:
        serving.http = http
        yield serving
    await runner.cleanup()


async def test_headers_alone_replace_those_of_the_response(server: Server) -> None:
    date = "Mon, 30 Nov 2026 12:00:00 GMT"
    server.faults.add_fault({"server": "discord", "path": "/late", "headers": {"Date": date}})
    async with server.http.get("/late") as response:
        assert (response.status, len(await response.read())) == (200, 1000)
        assert response.headers["Date"] == date
    assert server.handled == ["/late"], "it is carried out"
    async with server.http.get("/late") as response:
        assert response.headers["Date"] != date


async def test_a_fault_strikes_the_given_number_of_times(server: Server) -> None:
    server.faults.add_fault({"server": "discord", "path": "/messages$", "times": 2, "status": 503})
    statuses = [await server.status("POST", "/api/v10/channels/1/messages") for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert len(server.handled) == 1


async def test_only_matching_requests_are_struck(server: Server) -> None:
    server.faults.add_fault(
        {"server": "discord", "method": "post", "path": "/messages$", "times": None, "status": 500}
    )
    assert await server.status("GET", "/api/v10/channels/1/messages") == 200
    assert await server.status("POST", "/api/v10/channels/1/typing") == 200
    assert await server.status("POST", "/google/v1beta/messages") == 200
    assert await server.status("POST", "/api/v10/channels/1/messages") == 500
    assert await server.status("POST", "/api/v10/channels/1/messages") == 500


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/google/v1beta/models", "google"),
        ("/google-files/1", "google"),
        ("/google-oauth/token", "google"),
        ("/vertex/v1/projects", "google"),
        ("/gcs/bucket", "google"),
        ("/api/v10/users/@me", "discord"),
        ("/attachments/1/2/a.mp4", "discord"),
        ("/gateway", "discord"),
    ],
)
async def test_each_path_belongs_to_a_server(server: Server, path: str, name: str) -> None:
    server.faults.add_fault({"server": name, "status": 418})
    assert await server.status("GET", path) == 418


async def test_faults_strike_in_order_and_are_counted(server: Server) -> None:
    first = server.faults.add_fault({"server": "discord", "status": 500})
    second = server.faults.add_fault({"server": "discord", "status": 502})
    assert [await server.status("GET", "/api/v10/x") for _ in range(3)] == [500, 502, 200]
    assert (first.strike_count, second.strike_count) == (1, 1)


async def test_body_and_headers_of_a_fault_are_used(server: Server) -> None:
    server.faults.add_fault(
        {"server": "google", "status": 429, "body": {"a": 1}, "headers": {"Retry-After": "7"}}
    )
    async with server.http.get("/google/x") as response:
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Retry-After"] == "7"
        assert await response.json() == {"a": 1}
    server.faults.add_fault({"server": "google", "status": 502, "body": "<html>"})
    async with server.http.get("/google/x") as response:
        assert (response.content_type, await response.text()) == ("text/html", "<html>")


async def test_a_discord_429_is_not_taken_for_cloudflare(server: Server) -> None:
    server.faults.add_fault({"server": "discord", "status": 429})
    async with server.http.get("/api/v10/x") as response:
        assert response.headers["Via"]
        assert (await response.json())["retry_after"] > 0


async def test_a_google_fault_has_google_s_shape(server: Server) -> None:
    server.faults.add_fault({"server": "google", "status": 503})
    async with server.http.get("/google/x") as response:
        assert (await response.json())["error"]["status"] == "UNAVAILABLE"


@pytest.mark.parametrize("drop", ["before", True])
async def test_drop_before_does_not_carry_out_the_request(server: Server, drop: Any) -> None:
    server.faults.add_fault({"server": "discord", "drop": drop})
    with pytest.raises(aiohttp.ClientConnectionError):
        await server.status("POST", "/api/v10/x")
    assert server.handled == []
    (entry,) = server.traffic.entries_after(0)
    assert (entry.status, entry.dropped) == (None, "before")


async def test_drop_after_carries_out_the_request(server: Server) -> None:
    server.faults.add_fault({"server": "discord", "drop": "after"})
    with pytest.raises(aiohttp.ClientConnectionError):
        await server.status("POST", "/api/v10/x")
    assert server.handled == ["/api/v10/x"]
    (entry,) = server.traffic.entries_after(0)
    assert (entry.status, entry.dropped) == (200, "after")


@pytest.mark.parametrize("name", ["a.mp4", "file.py"])
async def test_drop_in_the_middle_of_a_body(server: Server, name: str) -> None:
    whole = FILE_SIZE if name.endswith(".py") else 1000
    server.faults.add_fault({"server": "discord", "drop": "middle"})
    async with server.http.get(f"/attachments/1/2/{name}") as response:
        assert response.status == 200
        assert response.content_length == whole
        with pytest.raises(aiohttp.ClientError):
            await response.read()
    async with server.http.get(f"/attachments/1/2/{name}") as response:
        assert len(await response.read()) == whole


async def test_a_request_can_be_carried_out_and_answered_with_an_error(server: Server) -> None:
    """The answer is lost on the way back, and an error of the edge comes in its place.

    [discord-S7]
    """
    server.faults.add_fault({"server": "discord", "status": 502, "carry_out": True})
    assert await server.status("POST", "/api/v10/x") == 502
    assert server.handled == ["/api/v10/x"]
    (entry,) = server.traffic.entries_after(0)
    assert entry.status == 502


@pytest.mark.parametrize("fault", [{"status": 413, "unread": True}, {"drop": "upload"}])
async def test_an_edge_does_not_wait_for_a_large_body(
    server: Server, fault: dict[str, Any]
) -> None:
    """413 comes before the body was read, or the connection is reset; small bodies pass.

    [discord-S7]
    """
    server.faults.add_fault({"server": "discord", "times": None, "over_bytes": 1 << 20, **fault})
    async with server.http.post("/api/v10/x", data=b"x" * 1000) as response:
        assert response.status == 200
    try:
        async with server.http.post("/api/v10/x", data=io.BytesIO(bytes(32 << 20))) as response:
            assert response.status == 413
    except aiohttp.ClientConnectionError:
        pass  # the server closed before the client had written everything
    assert server.handled == ["/api/v10/x"]


async def test_a_code_is_enough_for_an_error_of_discord(server: Server) -> None:
    """The table gives status and message of each code. [discord-S7, discord-D14]"""
    server.faults.add_fault({"server": "discord", "code": 240000})
    async with server.http.post("/api/v10/x") as response:
        assert response.status == 400
        body = await response.json()
    assert (body["code"], body["message"]) == (240000, "Message blocked by harmful links filter")


async def test_a_ban_by_cloudflare_is_a_page_without_via(server: Server) -> None:
    """[discord-D04]"""
    server.faults.add_fault(
        {"server": "discord", "status": 429, "body": "banned", "headers": {"Retry-After": 3600}}
    )
    async with server.http.get("/api/v10/users/@me") as response:
        assert response.headers["Retry-After"] == "3600"
        assert "Via" not in response.headers


async def test_a_delay_follows_the_sandbox_clock(server: Server) -> None:
    server.faults.add_fault({"server": "discord", "delay_s": 3600})
    request = asyncio.create_task(server.status("GET", "/api/v10/x"))
    (entry,) = await server.traffic.wait_for_entries(0, 60.0)
    assert entry.status is None
    server.clock.advance(3599)
    await server.status("GET", "/api/v10/other")
    assert not request.done()
    server.clock.advance(1)
    assert await asyncio.wait_for(request, 60) == 200


async def test_a_held_response_was_carried_out_before(server: Server) -> None:
    server.faults.add_fault({"server": "discord", "hold_s": 3600})
    request = asyncio.create_task(server.status("GET", "/api/v10/x"))
    await eventually(lambda: server.handled == ["/api/v10/x"])
    server.clock.advance(3599)
    await server.status("GET", "/api/v10/other")
    assert not request.done()
    server.clock.advance(1)
    assert await request == 200


async def test_one_fault_or_all_can_be_removed(server: Server) -> None:
    first = server.faults.add_fault({"server": "discord", "status": 500})
    server.faults.add_fault({"server": "discord", "status": 502})
    assert server.faults.remove_faults(first.id) == 1
    assert [fault.status for fault in server.faults] == [502]
    assert server.faults.remove_faults() == 1
    assert await server.status("GET", "/api/v10/x") == 200


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"server": "telegram"},
        {"server": "discord", "path": "("},
        {"server": "discord", "times": 0},
        {"server": "discord", "status": 99},
        {"server": "discord", "delay_s": -1},
        {"server": "discord", "hold_s": "long"},
        {"server": "discord", "drop": "sometimes"},
        {"server": "discord", "stat": 500},
        {"server": "discord", "carry_out": True},
        {"server": "discord", "status": 413, "unread": True, "drop": "before"},
        {"server": "discord", "code": 1},
        {"server": "google", "code": 10008},
        {"server": "discord", "over_bytes": "many"},
    ],
)
def test_an_invalid_fault_is_refused(order: dict[str, Any]) -> None:
    with pytest.raises(InvalidFault):
        FaultInjector(SandboxClock()).add_fault(order)


async def test_a_client_that_gives_up_does_not_leave_the_fault_behind(server: Server) -> None:
    server.faults.add_fault({"server": "discord", "delay_s": 60})
    request = asyncio.create_task(server.status("GET", "/api/v10/x"))
    await server.traffic.wait_for_entries(0, 60.0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    server.clock.advance(60)
    await eventually(lambda: server.handled == ["/api/v10/x"])


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("path", ["/google/clip", "/google/clip.py"])
async def test_a_body_can_be_cut_but_end_as_if_complete(
    server: Server, framing: str, path: str
) -> None:
    server.faults.add_fault({"server": "google", "path": path, "cut_to": 400, "framing": framing})
    async with server.http.get(path) as response:
        assert len(await response.read()) == 400
        assert (response.content_length == 400) is (framing == "length")
    assert server.handled == [path]
    async with server.http.get(path) as response:
        assert len(await response.read()) > 400


async def test_a_body_may_be_binary_and_its_length_a_lie(server: Server) -> None:
    order = {"server": "google", "path": "/", "status": 200, "body_base64": "AAEC"}
    server.faults.add_fault(order)
    async with server.http.get("/google/a") as response:
        assert await response.read() == bytes([0, 1, 2])
    server.faults.add_fault(order | {"content_length": 10})
    with pytest.raises(aiohttp.ClientPayloadError):
        async with server.http.get("/google/a") as response:
            await response.read()
    assert not server.handled


@pytest.mark.parametrize(
    "order",
    [
        {"cut_to": -1},
        {"cut_to": 5, "status": 200},
        {"cut_to": 5, "drop": True},
        {"framing": "odd"},
        {"content_length": "5"},
        {"body_base64": "?"},
    ],
)
def test_odd_framing_orders_are_refused(order: dict[str, Any]) -> None:
    injector = FaultInjector(SandboxClock(frozen_at=NOON))
    with pytest.raises(InvalidFault):
        injector.add_fault({"server": "google", "path": "x", **order})


async def test_402_has_google_status_word(server: Server) -> None:
    server.faults.add_fault({"server": "google", "path": "/", "status": 402})
    async with server.http.get("/google/a") as response:
        assert (await response.json())["error"]["status"] == "RESOURCE_EXHAUSTED"

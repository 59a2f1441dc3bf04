"""Buckets, the global limit and the ban, and when each ends."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.discord.ratelimits import RateLimiter, RateLimitRoute

NOON = 1_790_000_000.0


class Discord:
    """An empty Discord behind the limits: every route answers 200 or the status asked for."""

    def __init__(
        self, http: aiohttp.ClientSession, limits: RateLimiter, clock: SandboxClock
    ) -> None:
        self.http = http
        self.limits = limits
        self.clock = clock

    async def call(
        self, method: str, path: str, *, status: int = 200, auth: str = "Bot a"
    ) -> aiohttp.ClientResponse:
        headers = {"Authorization": auth, "X-Answer": str(status)}
        async with self.http.request(method, f"/api/v10{path}", headers=headers) as response:
            await response.read()
            return response


async def _answer(request: web.Request) -> web.Response:
    return web.Response(status=int(request.headers["X-Answer"]))


@pytest_asyncio.fixture
async def discord() -> AsyncIterator[Discord]:
    clock = SandboxClock(frozen_at=NOON)
    limits = RateLimiter(clock, invalid_limit=20)
    app = web.Application(middlewares=[limits.middleware])
    app.router.add_route("*", "/{path:.*}", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(f"http://{host}:{port}") as http:
        yield Discord(http, limits, clock)
    await runner.cleanup()


async def test_headers_count_down(discord: Discord) -> None:
    first = await discord.call("POST", "/channels/1/messages")
    assert first.headers["X-RateLimit-Limit"] == "5"
    assert first.headers["X-RateLimit-Remaining"] == "4"
    assert first.headers["X-RateLimit-Reset-After"] == "5.000"
    assert float(first.headers["X-RateLimit-Reset"]) == NOON + 5
    discord.clock.advance(2)
    second = await discord.call("POST", "/channels/1/messages")
    assert second.headers["X-RateLimit-Remaining"] == "3"
    assert second.headers["X-RateLimit-Reset-After"] == "3.000"
    assert second.headers["X-RateLimit-Bucket"] == first.headers["X-RateLimit-Bucket"]


async def test_the_sixth_message_in_five_seconds_is_refused(discord: Discord) -> None:
    for _ in range(5):
        assert (await discord.call("POST", "/channels/1/messages")).status == 200
    refused = await discord.call("POST", "/channels/1/messages")
    assert refused.status == 429
    assert refused.headers["X-RateLimit-Scope"] == "user"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.headers["Via"]
    assert refused.headers["Retry-After"] == "5"
    assert refused.content_type == "application/json"
    assert await refused.json() == {
        "message": "You are being rate limited.",
        "code": 0,
        "retry_after": 5.0,
        "global": False,
    }
    discord.clock.advance(5)
    assert (await discord.call("POST", "/channels/1/messages")).status == 200


async def test_waiting_exactly_retry_after_is_enough(discord: Discord) -> None:
    for _ in range(5):
        await discord.call("POST", "/channels/1/messages")
    discord.clock.advance(1.2345678)
    refused = await discord.call("POST", "/channels/1/messages")
    discord.clock.advance((await refused.json())["retry_after"])
    assert (await discord.call("POST", "/channels/1/messages")).status == 200


async def test_another_channel_has_its_own_bucket(discord: Discord) -> None:
    for _ in range(6):
        await discord.call("POST", "/channels/1/messages")
    other = await discord.call("POST", "/channels/2/messages")
    assert (other.status, other.headers["X-RateLimit-Remaining"]) == (200, "4")


@pytest.mark.parametrize(
    ("method", "path", "template", "major", "limit"),
    [
        ("POST", "/channels/7/messages", "/channels/C/messages", "7", (5, 5.0)),
        ("PATCH", "/channels/7/messages/8", "/channels/C/messages/ID", "7", (5, 5.0)),
        ("PUT", "/channels/7/messages/8/reactions/x/@me", None, "7", (1, 0.25)),
        ("DELETE", "/channels/7/messages/8/reactions/y/@me", None, "7", (1, 0.25)),
        ("POST", "/webhooks/7/tok", "/webhooks/W/T", "7:tok", (5, 2.0)),
        ("PATCH", "/webhooks/7/tok/messages/@original", None, "7:tok", (5, 2.0)),
        ("GET", "/gateway/bot", "/gateway/bot", "", (2, 5.0)),
        ("GET", "/guilds/7", "/guilds/G", "7", (10, 2.0)),
    ],
)
def test_paths_map_to_rate_limit_routes(
    method: str, path: str, template: str | None, major: str, limit: tuple[int, float]
) -> None:
    route = RateLimitRoute.from_path(method, path)
    assert route.major == major
    assert (route.size.limit, route.size.window_s) == limit
    if template is not None:
        assert route.template == template


def test_adding_and_removing_reactions_share_a_bucket_whatever_the_message() -> None:
    assert RateLimitRoute.from_path(
        "PUT", "/channels/7/messages/8/reactions/x/@me"
    ) == RateLimitRoute.from_path("DELETE", "/channels/7/messages/9/reactions/y/@me")


async def test_the_global_limit_is_50_a_second(discord: Discord) -> None:
    for number in range(50):
        assert (await discord.call("GET", f"/channels/{number}")).status == 200
    refused = await discord.call("GET", "/channels/99")
    assert refused.status == 429
    assert refused.headers["X-RateLimit-Scope"] == "global"
    assert refused.headers["X-RateLimit-Global"] == "true"
    assert (await refused.json())["global"] is True
    other_caller = await discord.call("GET", "/channels/99", auth="")
    assert other_caller.status == 200
    discord.clock.advance(1)
    assert (await discord.call("GET", "/channels/99")).status == 200


async def test_interaction_callbacks_are_not_limited(discord: Discord) -> None:
    for number in range(60):
        answer = await discord.call("POST", f"/interactions/{number}/tok/callback")
        assert answer.status == 200
        assert "X-RateLimit-Limit" not in answer.headers


@pytest.mark.parametrize("status", [401, 403])
async def test_too_many_invalid_requests_are_a_ban_for_ten_minutes(
    discord: Discord, status: int
) -> None:
    for number in range(20):
        assert (await discord.call("GET", f"/channels/{number}", status=status)).status == status
    banned = await discord.call("GET", "/users/@me")
    assert banned.status == 429
    assert "Via" not in banned.headers
    assert banned.content_type == "text/html"
    discord.clock.advance(601)
    assert (await discord.call("GET", "/users/@me")).status == 200


async def test_other_refusals_do_not_count_as_invalid(discord: Discord) -> None:
    for number in range(40):
        await discord.call("GET", f"/channels/{number}", status=404)
    assert discord.limits.invalid_requests == 0


async def test_429s_count_as_invalid(discord: Discord) -> None:
    for _ in range(7):
        await discord.call("POST", "/channels/1/messages")
    assert discord.limits.invalid_requests == 2


async def test_the_scale_multiplies_and_none_switches_off(discord: Discord) -> None:
    discord.limits.set_scale(10)
    for _ in range(50):
        assert (await discord.call("POST", "/channels/1/messages")).status == 200
    assert (await discord.call("POST", "/channels/1/messages")).status == 429
    discord.limits.set_scale(None)
    for _ in range(70):
        assert (await discord.call("POST", "/channels/1/messages")).status == 200

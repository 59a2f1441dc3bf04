"""Webhooks: the unmodified google-genai client registers them; events are signed and repeated."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from google import genai
from google.genai import types

from tests.harness.waiting import eventually
from tests.sandbox.google.conftest import Server
from tests.sandbox.google.omni_requests import body, create, read

pytestmark = pytest.mark.filterwarnings(
    # Raised by google-genai itself when it first makes its aiohttp session.
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)
EVENTS = ["interaction.completed", "interaction.failed"]


@dataclass
class Listener:
    """A server for events; ``statuses`` are its next answers, then 204."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        self.received.append((request.headers.copy(), await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)

    async def wait_for(self, count: int) -> None:
        await eventually(lambda: len(self.received) >= count, what=f"{count} events")


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    listening = Listener()
    app = web.Application()
    app.router.add_post("/hook", listening.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listening.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield listening
    await runner.cleanup()


async def register(server: Server, listener: Listener, **more: Any) -> dict[str, Any]:
    document = {"uri": listener.url, "subscribed_events": EVENTS, **more}
    path = "/google/v1beta/webhooks"
    return await server.call("POST", path, json=document, headers=server.key)


async def end_interaction(server: Server, **more: Any) -> str:
    """Create an interaction, let it end, and return its id."""
    interaction: str = (await create(server, body("a ball", **more)))["id"]
    server.clock.advance(10)
    return interaction


def is_signed(headers: Mapping[str, str], content: bytes, secret: str) -> bool:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split()


async def test_the_official_client_manages_webhooks(server: Server, listener: Listener) -> None:
    client = genai.Client(
        api_key=server.google.api_key,
        http_options=types.HttpOptions(
            base_url=f"{server.base}/google",
            retry_options=types.HttpRetryOptions(attempts=1),
        ),
    )
    webhooks: Any = client.aio.webhooks
    created = await webhooks.create(name="n", uri=listener.url, subscribed_events=EVENTS)
    assert created.new_signing_secret.startswith("whsec_")
    assert (created.state, created.uri) == ("enabled", listener.url)
    [listed] = (await webhooks.list()).webhooks
    assert listed.id == created.id
    assert listed.new_signing_secret is None, "the secret is shown once"
    assert (await webhooks.get(id=created.id)).subscribed_events == EVENTS
    rotated = await webhooks.rotate_signing_secret(id=created.id)
    assert rotated.secret not in (None, created.new_signing_secret)
    await webhooks.ping(id=created.id)
    await listener.wait_for(1)
    headers, content = listener.received[0]
    assert is_signed(headers, content, created.new_signing_secret)
    assert is_signed(headers, content, rotated.secret)
    await webhooks.delete(id=created.id)
    assert not (await webhooks.list()).webhooks
    await client.aio.aclose()


async def test_an_end_is_told_until_it_is_accepted(server: Server, listener: Listener) -> None:
    secret = (await register(server, listener))["new_signing_secret"]
    listener.statuses = [503, 401]
    interaction = await end_interaction(server)
    for count in (1, 2, 3):
        await listener.wait_for(count)
        server.clock.advance(10)
    assert len({headers["webhook-id"] for headers, _ in listener.received}) == 1
    for headers, content in listener.received:
        assert is_signed(headers, content, secret)
        event = json.loads(content)
        assert (event["type"], event["data"]) == ("interaction.completed", {"id": interaction})
    deliveries = (await server.seen())["deliveries"]
    assert [delivery["status"] for delivery in deliveries] == [503, 401, 204]
    assert (await read(server, interaction))["status"] == "completed"


async def test_settings_lose_repeat_and_forge_events(server: Server, listener: Listener) -> None:
    secret = (await register(server, listener))["new_signing_secret"]
    await server.control(omni={"webhook_lost": True})
    lost = await end_interaction(server)

    async def is_lost() -> bool:
        deliveries = (await server.seen())["deliveries"]
        return [(each["interaction"], each["status"]) for each in deliveries] == [(lost, None)]

    await eventually(is_lost)
    assert (await read(server, lost))["status"] == "completed"
    await server.control(omni={"webhook_lost": False, "webhook_copies": 2})
    await end_interaction(server)
    await listener.wait_for(2)
    assert len({headers["webhook-id"] for headers, _ in listener.received}) == 1
    await server.control(omni={"webhook_copies": 1, "webhook_forged": True})
    await end_interaction(server)
    await listener.wait_for(3)
    assert not is_signed(*listener.received[2], secret)
    assert not any(lost.encode() in content for _, content in listener.received)


@pytest.mark.parametrize(
    "changes",
    [
        {"uri": "http://clips.example/hook"},
        {"subscribed_events": []},
        {"subscribed_events": ["interaction.cancelled"]},
        {"name": 7},
    ],
)
async def test_a_wrong_webhook_is_refused(
    server: Server, listener: Listener, changes: dict[str, Any]
) -> None:
    document = {"uri": listener.url, "subscribed_events": EVENTS} | changes
    path = "/google/v1/webhooks"
    answer = await server.call("POST", path, 400, json=document, headers=server.key)
    assert answer["error"]["code"] == "invalid_request"
    await server.call("GET", f"{path}/unknown", 404, headers=server.key)
    await server.call("GET", path, 403)

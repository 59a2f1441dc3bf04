"""The address for Google's webhook events: what is accepted, and what is refused without a word."""

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.webhook import WebhookRegistration
from bot.store.jobs.webhook_events import WebhookEventStore
from bot.store.jobs.webhook_registrations import WebhookRegistrationStore
from bot.web.webhook_signatures import (
    MessageRefused,
    Refusal,
    read_headers,
    verify_signature,
)
from bot.web.webhooks import MAX_BODY_BYTES, WEBHOOK_PATH, GeminiWebhookEndpoint
from tests.fakes.clock import FastClock
from tests.web.local_site import LocalSite, serve_locally

SECRET: Final = f"whsec_{base64.b64encode(b'a secret of thirty-two bytes    ').decode()}"
OLD_SECRET: Final = f"whsec_{base64.b64encode(b'another secret').decode()}"
NOW: Final = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
EVENT: Final = {
    "type": "interaction.completed",
    "version": "v1",
    "timestamp": "2026-11-30T12:00:00Z",
    "data": {"id": "v1_abc"},
}


def sign(body: bytes, *, event: str, at: int, secret: str = SECRET) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event}.{at}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def build_headers(
    body: bytes, *secrets: str, event: str = "msg_1", age_s: int = 0
) -> dict[str, str]:
    at = int(NOW.timestamp()) - age_s
    signatures = [sign(body, event=event, at=at, secret=secret) for secret in secrets or (SECRET,)]
    return {
        "webhook-id": event,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signatures),
    }


class TestSignatures:
    BODY: Final = b'{"type":"interaction.completed"}'

    def verify(self, headers: dict[str, str], body: bytes = BODY, secret: str = SECRET) -> None:
        verify_signature(read_headers(headers, now=NOW), body, secret=secret)

    def test_the_example_of_the_specification_is_genuine(self) -> None:
        """From the reference implementations of Standard Webhooks."""
        body = b'{"test": 2432232314}'
        headers = {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
        at = datetime.fromtimestamp(1614265330, UTC)
        verify_signature(
            read_headers(headers, now=at), body, secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        )

    def test_one_of_several_signatures_is_enough(self) -> None:
        """While the sender changes its secret, it signs with both."""
        self.verify(build_headers(self.BODY, OLD_SECRET, SECRET))
        self.verify(build_headers(self.BODY, SECRET, OLD_SECRET))

    @pytest.mark.parametrize(
        "headers",
        [
            build_headers(BODY, OLD_SECRET),
            build_headers(BODY) | {"webhook-id": "msg_2"},
            build_headers(BODY) | {"webhook-timestamp": str(int(NOW.timestamp()) - 1)},
            build_headers(BODY) | {"webhook-signature": "v1,"},
            build_headers(BODY) | {"webhook-signature": "v1,é"},
            build_headers(BODY)
            | {"webhook-signature": build_headers(BODY)["webhook-signature"].replace("v1", "v1a")},
        ],
    )
    def test_any_change_makes_it_forged(self, headers: dict[str, str]) -> None:
        with pytest.raises(MessageRefused) as refused:
            self.verify(headers)
        assert refused.value.refusal is Refusal.FORGED

    def test_another_body_is_forged(self) -> None:
        with pytest.raises(MessageRefused) as refused:
            self.verify(build_headers(self.BODY), self.BODY + b" ")
        assert refused.value.refusal is Refusal.FORGED

    @pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64"])
    def test_an_unusable_secret_accepts_nothing(self, secret: str) -> None:
        headers = build_headers(self.BODY, "whsec_")  # signed with the empty key
        with pytest.raises(MessageRefused) as refused:
            self.verify(headers, secret=secret)
        assert refused.value.refusal is Refusal.FORGED

    @pytest.mark.parametrize("age_s", [301, -301, 86_400])
    def test_a_time_far_from_ours_is_stale(self, age_s: int) -> None:
        with pytest.raises(MessageRefused) as refused:
            self.verify(build_headers(self.BODY, age_s=age_s))
        assert refused.value.refusal is Refusal.STALE
        self.verify(build_headers(self.BODY, age_s=299 if age_s > 0 else -299))

    @pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    @pytest.mark.parametrize("value", [None, "", " ", "ü"])
    def test_each_header_is_needed(self, missing: str, value: str | None) -> None:
        headers = build_headers(self.BODY)
        del headers[missing]
        if value is not None:
            headers[missing] = value
        with pytest.raises(MessageRefused) as refused:
            self.verify(headers)
        is_present = missing == "webhook-signature" and value == "ü"
        assert refused.value.refusal is (Refusal.FORGED if is_present else Refusal.UNSIGNED)


class EventsInMemory(WebhookEventStore):
    """Remembers what was stored; with ``is_down`` the database does not answer."""

    def __init__(self) -> None:
        self.events: dict[str, str] = {}
        self.is_down = False

    async def record_event(self, webhook_id: str, interaction_id: str) -> bool:
        if self.is_down:
            raise DatabaseUnavailable("down")
        is_new = webhook_id not in self.events
        self.events.setdefault(webhook_id, interaction_id)
        return is_new


class RegistrationInMemory(WebhookRegistrationStore):
    def __init__(self, secret: str | None) -> None:
        self.secret = secret

    async def load(self) -> WebhookRegistration | None:
        return WebhookRegistration(webhook_id="1", url="https://x", secret=self.secret)


class ServedEndpoint:
    """A running server with the endpoint, and a client."""

    def __init__(self, site: LocalSite, endpoint: GeminiWebhookEndpoint, wakes: list[None]) -> None:
        self.site = site
        self.wakes = wakes
        assert isinstance(endpoint.events, EventsInMemory)
        self.events = endpoint.events

    async def post(self, event: Any = EVENT, **more: Any) -> int:
        """Send an event, signed unless ``headers`` are given; return the status."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        headers = more.pop("headers", None) or build_headers(body, **more)
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.site.url.with_path(WEBHOOK_PATH), data=body, headers=headers) as got,
        ):
            text = await got.text()
            assert "secret" not in text.lower()
            return got.status

    def count(self, result: str) -> float:
        return self.site.read_metric("clapper_webhook_events_total", result=result)


@asynccontextmanager
async def serve_endpoint(
    directory: Path, *, secret: str | None = SECRET, **changes: Any
) -> AsyncIterator[ServedEndpoint]:
    wakes: list[None] = []
    endpoint = GeminiWebhookEndpoint(
        events=EventsInMemory(),
        registrations=RegistrationInMemory(secret),
        clock=FastClock(speed=1.0, start=NOW),
        on_event=lambda: wakes.append(None),
    )
    async with serve_locally(directory, features=[endpoint], **changes) as site:
        yield ServedEndpoint(site, endpoint, wakes)


async def test_an_event_is_stored_once_and_wakes_the_bot(tmp_path: Path) -> None:
    async with serve_endpoint(tmp_path) as served:
        assert await served.post() == 204
        assert await served.post() == 204
        assert served.events.events == {"msg_1": "v1_abc"}
        assert len(served.wakes) == 1
        assert (served.count("accepted"), served.count("duplicate")) == (1, 1)


@pytest.mark.parametrize(
    "event",
    [
        EVENT | {"type": "batch.succeeded"},
        EVENT | {"data": {}},
        EVENT | {"data": {"id": "../files/x y"}},
        EVENT | {"data": {"id": 7}},
        EVENT | {"type": ["interaction.completed"]},
        [EVENT],
        b"not json",
        b"[" * 60_000,
    ],
)
async def test_other_events_are_accepted_and_ignored(tmp_path: Path, event: Any) -> None:
    async with serve_endpoint(tmp_path) as served:
        assert await served.post(event) == 204
        assert not served.events.events
        assert not served.wakes
        assert served.count("ignored") == 1


async def test_what_cannot_be_verified_is_refused(tmp_path: Path) -> None:
    async with serve_endpoint(tmp_path) as served:
        body = json.dumps(EVENT).encode()
        assert await served.post(headers=build_headers(body, OLD_SECRET)) == 401
        assert await served.post(age_s=600) == 401
        assert await served.post(headers={"content-type": "application/json"}) == 401
        assert not served.events.events
        results = [served.count(result) for result in ("forged", "stale", "unsigned")]
        assert results == [1, 1, 1]


async def test_without_a_secret_nothing_is_accepted(tmp_path: Path) -> None:
    async with serve_endpoint(tmp_path, secret=None) as served:
        assert await served.post() == 401
        assert not served.events.events


async def test_a_large_body_is_not_read(tmp_path: Path) -> None:
    async with serve_endpoint(tmp_path) as served:
        assert await served.post(b" " * (MAX_BODY_BYTES + 1)) == 413
        head = "".join(f"{name}: {value}\r\n" for name, value in build_headers(b"").items())
        request = f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\n{head}"
        chunked = f"{request}Transfer-Encoding: chunked\r\n\r\n".encode()
        chunk = f"{MAX_BODY_BYTES + 1:x}\r\n".encode() + b" " * (MAX_BODY_BYTES + 1) + b"\r\n"
        connection: socket.socket = await served.site.send(chunked + chunk)
        assert " 413 " in (await served.site.read_head(connection)).splitlines()[0]
        assert served.count("too_large") == 2
        assert not served.events.events


async def test_google_is_asked_to_try_again_while_the_database_is_down(tmp_path: Path) -> None:
    async with serve_endpoint(tmp_path) as served:
        served.events.is_down = True
        assert await served.post() == 503
        served.events.is_down = False
        assert await served.post() == 204
        assert (served.count("postponed"), served.count("accepted")) == (1, 1)


async def test_forged_events_are_limited_like_other_requests(tmp_path: Path) -> None:
    """Genuine ones cost little, since all come from few addresses."""
    async with serve_endpoint(tmp_path, requests_per_minute=40) as served:
        for number in range(60):
            body = json.dumps(EVENT).encode()
            headers = build_headers(body, event=f"msg_{number}")
            assert await served.post(headers=headers) == 204
        body = json.dumps(EVENT).encode()
        statuses = [await served.post(headers=build_headers(body, OLD_SECRET)) for _ in range(40)]
        assert statuses[0] == 401
        assert statuses[-1] == 429


async def test_other_methods_are_not_allowed(tmp_path: Path) -> None:
    async with (
        serve_endpoint(tmp_path) as served,
        aiohttp.ClientSession() as client,
        client.get(served.site.url.with_path(WEBHOOK_PATH)) as answer,
    ):
        assert answer.status == 405

"""Static webhooks: endpoints of the whole project that are told when an interaction ends.

Deliveries are real HTTP requests, signed as the Standard Webhooks specification says, and repeated
until they are answered with 2xx. Settings make them late, lost, repeated or wrongly signed.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp

from sandbox.clock import SandboxClock
from sandbox.google.omni.interactions import InteractionStatus, StoredInteraction
from sandbox.google.omni.models import OmniRoute
from sandbox.google.omni.refusals import InteractionRefused, invalid_request
from sandbox.google.omni.service import OmniService
from sandbox.google.omni.settings import OmniSettings
from sandbox.google.settings import GoogleSettings

EVENT_TYPES: Final = frozenset(
    {
        "batch.succeeded",
        "batch.expired",
        "batch.failed",
        "interaction.requires_action",
        "interaction.completed",
        "interaction.failed",
        "video.generated",
    }
)
"""What google-genai 3.6.1 and the reference list. There is none for a cancellation."""
STATES: Final = frozenset({"enabled", "disabled", "disabled_due_to_failed_deliveries"})
OLD_SECRET_VALID_S: Final = 86_400.0
"""How long events are signed with the old secret too, after a rotation."""
_EVENTS_BY_STATUS: Final = {
    InteractionStatus.COMPLETED: "interaction.completed",
    InteractionStatus.FAILED: "interaction.failed",
}
_WATCH_INTERVAL_S: Final = 0.02
_FIRST_RETRY_S: Final = 1.0
_LONGEST_RETRY_S: Final = 3600.0
_GIVEN_UP_AFTER_S: Final = 86_400.0
_DELIVERY_TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0)
_MAX_KEPT_DELIVERIES: Final = 10_000


@dataclass(slots=True)
class SigningSecret:
    """A secret; it ends at ``expires_at`` (unix seconds), if it was replaced."""

    value: str
    expires_at: float | None = None

    def sign(self, message: str) -> str:
        """Return a signature in the form of the header."""
        key = base64.b64decode(self.value.removeprefix("whsec_"))
        digest = hmac.new(key, message.encode(), hashlib.sha256).digest()
        return f"v1,{base64.b64encode(digest).decode()}"


@dataclass(slots=True)
class StoredWebhook:
    """A registered endpoint."""

    id: str
    name: str | None
    uri: str
    events: frozenset[str]
    created: float
    updated: float
    secrets: list[SigningSecret]
    state: str = "enabled"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver an event; without a ``status`` it was lost or nobody answered."""

    webhook: str
    event: str
    type: str
    interaction: str
    attempt: int
    at: float
    status: int | None

    def to_json(self) -> dict[str, Any]:
        """Return it as the control API shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(eq=False)
class WebhookService:
    """All webhooks of the project. End it with ``close``."""

    omni: OmniService
    clock: SandboxClock
    read_settings: Callable[[], GoogleSettings]
    webhooks: dict[str, StoredWebhook] = field(default_factory=dict)
    deliveries: deque[Delivery] = field(default_factory=lambda: deque(maxlen=_MAX_KEPT_DELIVERIES))
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None
    _seen_count: int = 0
    _running: list[StoredInteraction] = field(default_factory=list)

    @property
    def _settings(self) -> OmniSettings:
        return self.read_settings().omni

    def create(self, body: dict[str, Any]) -> tuple[StoredWebhook, str]:
        """Register an endpoint; return it with its secret. Raises InteractionRefused."""
        uri, name = body.get("uri"), body.get("name")
        if not isinstance(uri, str) or not uri.startswith(("https://", "http://127.0.0.1:")):
            raise invalid_request("Invalid value for 'uri': an https URL is needed.")
        if name is not None and not isinstance(name, str):
            raise invalid_request("Invalid value for 'name'.")
        now = self.clock.now()
        webhook = StoredWebhook(
            id=secrets.token_hex(12),
            name=name,
            uri=uri,
            events=read_events(body.get("subscribed_events")),
            created=now,
            updated=now,
            secrets=[_new_secret()],
        )
        self.webhooks[webhook.id] = webhook
        if not self._tasks:
            self._start(self._watch())
        return webhook, webhook.secrets[0].value

    def get(self, webhook_id: str) -> StoredWebhook:
        """Return a webhook. Raises InteractionRefused."""
        webhook = self.webhooks.get(webhook_id)
        if webhook is None:
            raise InteractionRefused(404, "not_found", f"Webhook {webhook_id} not found.")
        return webhook

    def rotate_secret(self, webhook: StoredWebhook, *, revoke_now: bool) -> str:
        """Replace the secret; the old one ends at once or after a day. Return the new one."""
        now = self.clock.now()
        for old in webhook.secrets:
            old.expires_at = now if revoke_now else now + OLD_SECRET_VALID_S
        webhook.secrets.append(_new_secret())
        webhook.updated = now
        return webhook.secrets[-1].value

    def ping(self, webhook: StoredWebhook) -> None:
        """Send a test event, whose form is not documented."""
        self._start(self._deliver(webhook, "webhook.ping", ""))

    async def send(
        self, webhook: StoredWebhook, kind: str, interaction: str, *, event: str, age_s: float
    ) -> int | None:
        """Send one event, ``age_s`` seconds old, once; return the answer's status."""
        return await self._attempt(webhook, kind, interaction, event, attempt=1, age_s=age_s)

    async def close(self) -> None:
        """End all deliveries."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        """Send an event for each interaction that ends from now on."""
        store = self.omni.store
        self._seen_count = len(store.interactions)
        self._running = [
            item for item in store.interactions if item.status is InteractionStatus.IN_PROGRESS
        ]
        while True:
            await asyncio.sleep(_WATCH_INTERVAL_S)
            self._running += store.interactions[self._seen_count :]
            self._seen_count = len(store.interactions)
            for interaction in self._running:
                self.omni.refresh(interaction)
                self._announce(interaction)
            self._running = [
                item for item in self._running if item.status is InteractionStatus.IN_PROGRESS
            ]

    def _announce(self, interaction: StoredInteraction) -> None:
        kind = _EVENTS_BY_STATUS.get(interaction.status)
        request = interaction.request
        is_heard = request.route is OmniRoute.API_KEY and request.is_background
        if kind is None or not is_heard:
            return
        for webhook in self.webhooks.values():
            if webhook.state != "enabled" or kind not in webhook.events:
                continue
            if self._settings.webhook_lost:
                self._record(webhook, f"msg_{uuid.uuid4()}", kind, interaction.id, 1, None)
            else:
                self._start(self._deliver(webhook, kind, interaction.id))

    async def _deliver(self, webhook: StoredWebhook, kind: str, interaction: str) -> None:
        """Send an event until it is accepted, for a day at most."""
        settings, event = self._settings, f"msg_{uuid.uuid4()}"
        await self.clock.sleep(settings.webhook_delay_s)
        given_up_at = self.clock.monotonic() + _GIVEN_UP_AFTER_S
        pause, attempt, copies = _FIRST_RETRY_S, 1, settings.webhook_copies
        while copies and webhook.id in self.webhooks and self.clock.monotonic() < given_up_at:
            status = await self._attempt(webhook, kind, interaction, event, attempt=attempt)
            attempt += 1
            if status is not None and 200 <= status < 300:
                copies -= 1
            else:
                await self.clock.sleep(pause)
                pause = min(2 * pause, _LONGEST_RETRY_S)

    async def _attempt(
        self,
        webhook: StoredWebhook,
        kind: str,
        interaction: str,
        event: str,
        *,
        attempt: int,
        age_s: float = 0.0,
    ) -> int | None:
        now = self.clock.now()
        body = json.dumps(
            {
                "type": kind,
                "version": "v1",
                "timestamp": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "data": {"id": interaction},
            }
        )
        timestamp = int(now - age_s)
        keys = [key for key in webhook.secrets if key.expires_at is None or key.expires_at > now]
        if self._settings.webhook_forged:
            keys = [_new_secret()]
        message = f"{event}.{timestamp}.{body}"
        headers = {
            "content-type": "application/json",
            "webhook-id": event,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(key.sign(message) for key in keys),
        }
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_DELIVERY_TIMEOUT)
        status: int | None = None
        try:
            async with self._session.post(
                webhook.uri, data=body.encode(), headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        self._record(webhook, event, kind, interaction, attempt, status, at=now)
        return status

    def _record(
        self,
        webhook: StoredWebhook,
        event: str,
        kind: str,
        interaction: str,
        attempt: int,
        status: int | None,
        *,
        at: float | None = None,
    ) -> None:
        at = self.clock.now() if at is None else at
        self.deliveries.append(Delivery(webhook.id, event, kind, interaction, attempt, at, status))


def read_events(value: Any) -> frozenset[str]:
    """Return the subscribed events of a body. Raises InteractionRefused."""
    if not isinstance(value, list) or not value:
        raise invalid_request("`subscribed_events` is missing.")
    unknown = [str(item) for item in value if item not in EVENT_TYPES]
    if unknown:
        raise invalid_request(f"Invalid value for 'subscribed_events': {', '.join(unknown)}.")
    return frozenset(value)


def describe_webhook(webhook: StoredWebhook) -> dict[str, Any]:
    """Return a webhook as its owner reads it, without the secret itself."""
    payload: dict[str, Any] = {
        "id": webhook.id,
        "uri": webhook.uri,
        "subscribed_events": sorted(webhook.events),
        "state": webhook.state,
        "create_time": _format_time(webhook.created),
        "update_time": _format_time(webhook.updated),
        "signing_secrets": [
            {"truncated_secret": f"{secret.value[:10]}…"}
            | (
                {}
                if secret.expires_at is None
                else {"expire_time": _format_time(secret.expires_at)}
            )
            for secret in webhook.secrets
        ],
    }
    return payload if webhook.name is None else payload | {"name": webhook.name}


def _describe_secret(secret: SigningSecret) -> dict[str, str]:
    shown = {"truncated_secret": f"{secret.value[:10]}…"}
    if secret.expires_at is None:
        return shown
    return shown | {"expire_time": _format_time(secret.expires_at)}


def _new_secret() -> SigningSecret:
    return SigningSecret(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}")


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

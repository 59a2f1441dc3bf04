"""The webhooks of the Gemini API: ours in Google's project, and the labels of an event's submit.

Only static webhooks are used, because their events also name a submit whose answer was lost
(docs/decisions/0025).
"""

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from bot.domain.errors import AnswerNotFromGoogle, RemoteNotFound
from bot.domain.jobs.webhook import (
    WEBHOOK_EVENT_TYPES,
    CreatedWebhook,
    RegisteredWebhook,
    SubmitLabels,
)
from bot.domain.models import ModelCatalog
from bot.domain.ports import Clock
from bot.google.gemini import GEMINI_API_URL
from bot.google.omni.key_api import API_VERSION, build_connection, build_interactions

_PATH: Final = f"{API_VERSION}/webhooks"
_NAME: Final = "clapper"
_MAX_PAGES: Final = 20


class GeminiWebhooks:
    """Implements `bot.domain.ports.WebhookApi` with an API key. Nothing here costs money."""

    def __init__(
        self,
        *,
        api_key: str,
        data_dir: Path,
        catalog: ModelCatalog,
        clock: Clock,
        base_url: str = GEMINI_API_URL,
    ) -> None:
        self._connection = build_connection(api_key, base_url=base_url)
        self._interactions = build_interactions(
            self._connection, data_dir=data_dir, catalog=catalog, clock=clock
        )

    async def list_webhooks(self) -> list[RegisteredWebhook]:
        found: list[RegisteredWebhook] = []
        token = ""
        for _ in range(_MAX_PAGES):
            query = f"?page_token={quote(token, safe='')}" if token else ""
            answer = await self._connection.request_json("GET", f"{_PATH}{query}", label="webhooks")
            items = answer.get("webhooks", []) if isinstance(answer, dict) else None
            if not isinstance(items, list):
                raise AnswerNotFromGoogle("webhooks answered without a list")
            found += [_read_webhook(item) for item in items]
            token = str(answer.get("next_page_token") or "")
            if not token:
                break
        return found

    async def create_webhook(self, url: str) -> CreatedWebhook:
        document = {"name": _NAME, "uri": url, "subscribed_events": list(WEBHOOK_EVENT_TYPES)}
        answer = await self._connection.request_json(
            "POST", _PATH, document=document, label="new webhook"
        )
        created = _read_webhook(answer)
        secret = answer.get("new_signing_secret")
        if not isinstance(secret, str) or not secret:
            raise AnswerNotFromGoogle("new webhook answered without a secret")
        return CreatedWebhook(created.id, secret)

    async def delete_webhook(self, webhook_id: str) -> None:
        try:
            await self._connection.request_json(
                "DELETE", f"{_PATH}/{quote(webhook_id, safe='')}", label="old webhook"
            )
        except RemoteNotFound:
            return

    async def read_labels(self, interaction_id: str) -> SubmitLabels | None:
        return await self._interactions.read_labels(interaction_id)

    async def close(self) -> None:
        await self._connection.close()


def _read_webhook(item: Any) -> RegisteredWebhook:
    """Return a webhook in an answer. Raises `AnswerNotFromGoogle` if it has no id."""
    if not isinstance(item, dict):
        raise AnswerNotFromGoogle("webhooks answered with something else")
    # an earlier version of the API named the resource instead of giving its id
    webhook_id = str(item.get("id") or str(item.get("name") or "").partition("webhooks/")[2])
    if not webhook_id:
        raise AnswerNotFromGoogle("webhooks answered without an id")
    events = item.get("subscribed_events")
    return RegisteredWebhook(
        id=webhook_id,
        url=str(item.get("uri") or ""),
        is_enabled=item.get("state", "enabled") == "enabled",
        event_types=frozenset(map(str, events)) if isinstance(events, list) else frozenset(),
    )

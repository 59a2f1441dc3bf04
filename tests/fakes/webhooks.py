"""Google's webhooks in memory."""

from bot.domain.errors import VideoError
from bot.domain.jobs.webhook import (
    WEBHOOK_EVENT_TYPES,
    CreatedWebhook,
    RegisteredWebhook,
    SubmitLabels,
)
from bot.domain.ports import WebhookApi


class FakeWebhookApi(WebhookApi):
    """``labels`` are those of interactions, by id. ``failure`` is raised by every call, if set."""

    def __init__(self) -> None:
        self.webhooks: dict[str, RegisteredWebhook] = {}
        self.labels: dict[str, SubmitLabels] = {}
        self.failure: VideoError | None = None
        self.asked: list[str] = []
        self.created_count = 0

    async def list_webhooks(self) -> list[RegisteredWebhook]:
        self._fail()
        return list(self.webhooks.values())

    async def create_webhook(self, url: str) -> CreatedWebhook:
        self._fail()
        self.created_count += 1
        created = CreatedWebhook(f"w{self.created_count}", f"whsec_{self.created_count}")
        events = frozenset(WEBHOOK_EVENT_TYPES)
        self.webhooks[created.id] = RegisteredWebhook(created.id, url, True, events)
        return created

    async def delete_webhook(self, webhook_id: str) -> None:
        self._fail()
        self.webhooks.pop(webhook_id, None)

    async def read_labels(self, interaction_id: str) -> SubmitLabels | None:
        self.asked.append(interaction_id)
        self._fail()
        return self.labels.get(interaction_id)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

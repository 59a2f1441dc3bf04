"""Builds what hears from Google when a clip of Gemini Omni is finished."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.app.web import build_webhook_url
from bot.config.settings import Settings
from bot.domain.jobs.request import GoogleRoute
from bot.domain.models import ModelCatalog
from bot.domain.ports import Clock, VideoModels
from bot.google.gemini import GEMINI_API_URL
from bot.google.omni.webhooks import GeminiWebhooks
from bot.services.jobs.worker import Worker
from bot.services.webhooks.event_inbox import WebhookInbox
from bot.services.webhooks.registration import WebhookRegistrar
from bot.store.engine.database import Database
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.webhook_events import WebhookEventStore
from bot.store.jobs.webhook_registrations import WebhookRegistrationStore


@dataclass(frozen=True, slots=True)
class WebhookParts:
    """Without an API key there are none.

    While webhooks are off, there is only the ``registrar``, which removes what an earlier start has
    registered.
    """

    api: GeminiWebhooks | None = None
    registrar: WebhookRegistrar | None = None
    inbox: WebhookInbox | None = None

    def wake_inbox(self) -> None:
        """Deal with an event that was just stored."""
        if self.inbox is not None:
            self.inbox.wake()


def build_webhook_parts(
    settings: Settings,
    *,
    catalog: ModelCatalog,
    database: Database,
    jobs: JobStore,
    routes: Mapping[GoogleRoute, VideoModels],
    worker: Worker,
    clock: Clock,
) -> WebhookParts:
    """Return the parts that the settings call for."""
    if settings.gemini_api_key is None:
        return WebhookParts()
    api = GeminiWebhooks(
        api_key=settings.gemini_api_key.get_secret_value(),
        data_dir=settings.data_dir,
        catalog=catalog,
        clock=clock,
        base_url=settings.gemini_api_url or GEMINI_API_URL,
    )
    registrar = WebhookRegistrar(
        api=api,
        store=WebhookRegistrationStore(database),
        clock=clock,
        url=build_webhook_url(settings),
    )
    if not settings.gemini_webhooks:
        return WebhookParts(api, registrar)
    inbox = WebhookInbox(
        events=WebhookEventStore(database),
        jobs=jobs,
        api=api,
        routes=routes,
        worker=worker,
        clock=clock,
    )
    return WebhookParts(api, registrar, inbox)

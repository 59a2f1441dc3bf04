"""Keeps our webhook registered at Google, or removes it when webhooks are switched off.

Google shows a webhook's secret only once, so a webhook whose secret we do not have is replaced.
Every step can be repeated: a process that dies after any of them leaves nothing that the next check
does not mend.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from bot.domain.errors import VideoError
from bot.domain.jobs.webhook import (
    WEBHOOK_EVENT_TYPES,
    RegisteredWebhook,
    WebhookRegistration,
)
from bot.domain.ports import Clock, WebhookApi
from bot.services.repeated_work import repeat_work
from bot.store.jobs.webhook_registrations import WebhookRegistrationStore

_INTERVAL: Final = timedelta(minutes=10)
_RETRY_INTERVAL: Final = timedelta(minutes=1)
_TICK_S: Final = 30.0

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRegistrar:
    """Registers ``url``, in one process at a time. Without a ``url``, webhooks are off."""

    api: WebhookApi
    store: WebhookRegistrationStore
    clock: Clock
    url: str | None

    async def run(self) -> None:
        await repeat_work(
            self.check_once,
            pause=lambda _: self.clock.sleep(_TICK_S),
            log_postponed=partial(_log.warning, "webhook.check_postponed"),
        )

    async def check_once(self) -> None:
        """Register or remove the webhook if no process has checked it lately.

        Google's errors are logged and stored for `clapper doctor`. Raises `DatabaseUnavailable`.
        """
        known = await self.store.load()
        if self.url is None and known is None:
            return
        if self.url is not None:
            is_current = known is not None and known.url == self.url
            if not await self.store.claim_check(
                interval=_INTERVAL if is_current else _RETRY_INTERVAL,
                retry_interval=_RETRY_INTERVAL,
            ):
                return
            known = await self.store.load()
        known = known or WebhookRegistration()
        try:
            if self.url is None:
                await self._remove(known)
            else:
                await self._ensure_registered(known, self.url)
        except VideoError as error:
            _log.warning("webhook.registration_failed", error=str(error))
            await self.store.save(
                WebhookRegistration(
                    webhook_id=known.webhook_id,
                    url=known.url,
                    secret=known.secret,
                    problem=str(error),
                )
            )

    async def _ensure_registered(self, known: WebhookRegistration, url: str) -> None:
        ours = [
            webhook
            for webhook in await self.api.list_webhooks()
            if webhook.url == url or webhook.id == known.webhook_id
        ]
        if known.secret is not None and _has_usable(ours, known, url):
            if known.problem is not None:
                await self.store.save(
                    WebhookRegistration(
                        webhook_id=known.webhook_id, url=known.url, secret=known.secret
                    )
                )
            return
        for webhook in ours:
            await self.api.delete_webhook(webhook.id)
        created = await self.api.create_webhook(url)
        await self.store.save(
            WebhookRegistration(webhook_id=created.id, url=url, secret=created.secret)
        )
        _log.info("webhook.registered", webhook=created.id, replaced=len(ours))

    async def _remove(self, known: WebhookRegistration) -> None:
        if known.webhook_id is not None:
            await self.api.delete_webhook(known.webhook_id)
        await self.store.forget()
        _log.info("webhook.removed", webhook=known.webhook_id)


def _has_usable(
    webhooks: Sequence[RegisteredWebhook], known: WebhookRegistration, url: str
) -> bool:
    """Whether the webhook whose secret we have gets all events, and is the only one of ours.

    Google disables a webhook whose deliveries kept failing. A second one would deliver every event
    twice, under a secret that nobody has.
    """
    if [webhook.id for webhook in webhooks] != [known.webhook_id]:
        return False
    webhook = webhooks[0]
    has_all_events = webhook.event_types.issuperset(WEBHOOK_EVENT_TYPES)
    return webhook.url == url and webhook.is_enabled and has_all_events

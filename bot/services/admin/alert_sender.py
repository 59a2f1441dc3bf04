"""Tells the operator what went wrong: once, by one process, and never in the way of a job."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from bot.domain.alerts import Alert, AlertNotDelivered
from bot.domain.backoff import Backoff
from bot.domain.ports import Clock
from bot.services.repeated_work import repeat_work
from bot.store.operations.alerts import AlertStore

ATTEMPTS: Final = 8
"""How often a recipient is tried: for some three minutes, or eight if it asks for long pauses."""
_INITIAL_PAUSE_S: Final = 2.0
_MAXIMUM_PAUSE_S: Final = 60.0
CLAIM_FOR: Final = timedelta(minutes=15)
"""Longer than all attempts take. After that another process tells what a dead one has claimed."""

_log: Final = structlog.get_logger(__name__)


class AlertRecipient(Protocol):
    """Somewhere that an operator reads alerts."""

    @property
    def name(self) -> str:
        """The setting that names it."""
        ...

    async def send_alert(self, alert: Alert, *, message_id: str) -> None:
        """Send one message, once. Raises `AlertNotDelivered`.

        A repetition has the same ``message_id``, of up to 24 letters, digits and hyphens.
        """
        ...


@dataclass(kw_only=True, eq=False)
class AlertSender:
    """Looks every ``interval_s`` seconds for what is due, and sends it to all ``recipients``.

    ``count_alert`` is told for each recipient whether the alert has arrived.
    """

    find_alerts: Callable[[], Awaitable[list[Alert]]]
    store: AlertStore
    recipients: Sequence[AlertRecipient]
    clock: Clock
    interval_s: float
    count_alert: Callable[[str, bool], object]

    async def run(self) -> None:
        await repeat_work(
            self.send_due,
            pause=lambda _: self.clock.sleep(self.interval_s),
            log_postponed=partial(_log.warning, "alerts.postponed"),
        )

    async def send_due(self) -> None:
        """Send what is due and no other process is sending. Raises `DatabaseUnavailable`."""
        for alert in await self.store.list_due(await self.find_alerts()):
            message_id = await self.store.claim(alert, claim_for=CLAIM_FOR)
            if message_id is not None:
                _log.warning("alert.raised", kind=alert.kind, subject=alert.subject)
                await asyncio.gather(
                    *(self._deliver(alert, message_id, to) for to in self.recipients)
                )
                await self.store.record_told(alert, message_id)

    async def _deliver(self, alert: Alert, message_id: str, recipient: AlertRecipient) -> None:
        backoff = Backoff(initial=_INITIAL_PAUSE_S, maximum=_MAXIMUM_PAUSE_S)
        while True:
            try:
                await recipient.send_alert(alert, message_id=message_id)
            except AlertNotDelivered as error:
                pause_s = backoff.next_delay(min(error.retry_after_s or 0.0, _MAXIMUM_PAUSE_S))
                if error.is_final or backoff.attempts >= ATTEMPTS:
                    self._give_up(alert, recipient, error)
                    return
                await self.clock.sleep(pause_s)
            except Exception as error:  # or the others would get the alert again and again
                self._give_up(alert, recipient, error)
                return
            else:
                self.count_alert(recipient.name, True)
                return

    def _give_up(self, alert: Alert, recipient: AlertRecipient, error: Exception) -> None:
        self.count_alert(recipient.name, False)
        _log.error(
            "alert.given_up",
            recipient=recipient.name,
            kind=alert.kind,
            subject=alert.subject,
            error=str(error),
            exc_info=None if isinstance(error, AlertNotDelivered) else error,
        )

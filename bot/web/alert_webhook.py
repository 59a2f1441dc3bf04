"""Alerts to a server of the operator's, signed as the Standard Webhooks specification says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import aiohttp

from bot.domain.alerts import Alert, AlertNotDelivered
from bot.domain.ports import Clock
from bot.transfer.resolver import create_system_resolver
from bot.web.webhook_signatures import sign_message

_TIMEOUT_S: Final = 15.0
_TEMPORARY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertWebhook:
    """Implements `bot.services.admin.alert_sender.AlertRecipient`.

    ``secret`` is base64, with or without ``whsec_``. With ``uses_proxies`` requests go through
    those of the environment.
    """

    url: str = field(repr=False)
    secret: str = field(repr=False)
    clock: Clock
    uses_proxies: bool
    name: str = "ALERT_URL"

    async def send_alert(self, alert: Alert, *, message_id: str) -> None:
        now = self.clock.now()
        body = json.dumps(
            {
                "type": f"alert.{alert.kind}",
                "timestamp": now.isoformat(),
                "data": {
                    "kind": alert.kind,
                    "subject": alert.subject,
                    "message": alert.message,
                    "cure": alert.cure,
                    "guide": f"docs/operations.md, {alert.section}",
                },
            }
        ).encode()
        signed = sign_message(message_id, body, sent_at=now, secret=self.secret)
        status = await self._post(body, {**signed, "Content-Type": "application/json"})
        if status < HTTPStatus.OK or status >= HTTPStatus.MULTIPLE_CHOICES:
            is_temporary = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TEMPORARY
            raise AlertNotDelivered(f"it answered {status}", is_final=not is_temporary)

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """Send one request and return the answer's status. A redirect is not followed."""
        connector = aiohttp.TCPConnector(resolver=create_system_resolver())
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, trust_env=self.uses_proxies
                ) as session,
                session.post(
                    self.url, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                return response.status
        except (aiohttp.ClientError, OSError) as error:  # whose text may name the URL
            raise AlertNotDelivered(f"no answer ({type(error).__name__})") from error

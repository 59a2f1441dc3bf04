"""Alerts arrive signed; a recipient that does not answer is tried again, and then given up."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.discord.alert_channel import format_alert
from bot.domain.alerts import Alert, AlertKind, AlertNotDelivered
from bot.services.admin.alert_sender import ATTEMPTS, AlertSender
from bot.store.operations.alerts import AlertStore
from bot.web.alert_webhook import AlertWebhook
from bot.web.webhook_signatures import MessageRefused, read_headers, verify_signature
from tests.fakes.clock import VirtualClock
from tests.harness.alert_server import AlertServer

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
ALERT = Alert(kind=AlertKind.UNKNOWN_JOB, subject="jobs", message="One is.", cure="Look.")


def build_webhook(url: str) -> AlertWebhook:
    return AlertWebhook(url=url, secret=SECRET, clock=VirtualClock(start=NOON), uses_proxies=False)


async def test_an_alert_arrives_with_a_valid_signature() -> None:
    server = AlertServer()
    async with server.serve() as url:
        await build_webhook(url).send_alert(ALERT, message_id="alert-1")
    [(headers, body)] = server.requests
    signed = read_headers(headers, now=NOON)
    assert signed.message_id == "alert-1"
    server.verify_signatures(SECRET, now=NOON)
    with pytest.raises(MessageRefused):
        verify_signature(signed, body + b" ", secret=SECRET)
    [told] = server.alerts
    assert told["type"] == "alert.unknown_job"
    assert (told["data"]["message"], told["data"]["cure"]) == (ALERT.message, ALERT.cure)


@pytest.mark.parametrize(
    ("status", "is_final"), [(302, True), (404, True), (410, True), (429, False), (503, False)]
)
async def test_only_what_may_work_later_is_worth_another_attempt(
    status: int, is_final: bool
) -> None:
    server = AlertServer(statuses=[status])
    async with server.serve() as url:
        with pytest.raises(AlertNotDelivered) as caught:
            await build_webhook(url).send_alert(ALERT, message_id="alert-1")
    assert caught.value.is_final is is_final
    assert len(server.requests) == 1
    assert str(status) in str(caught.value)


async def test_a_server_that_is_not_there_is_no_secret_in_the_error() -> None:
    async with AlertServer().serve() as url:
        pass
    with pytest.raises(AlertNotDelivered) as caught:
        await build_webhook(url).send_alert(ALERT, message_id="alert-1")
    assert not caught.value.is_final
    assert "127.0.0.1" not in str(caught.value)


@dataclass
class ScriptedRecipient:
    """Raises ``errors`` and then takes alerts."""

    name: str
    errors: list[Exception] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    attempts: int = 0

    async def send_alert(self, alert: Alert, *, message_id: str) -> None:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(message_id)


class RememberingStore(AlertStore):
    """One alert that is due until it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def list_due(self, alerts: object) -> list[Alert]:
        return [] if self.told else [ALERT]

    async def claim(self, alert: Alert, *, claim_for: timedelta) -> str | None:
        return "alert-1"

    async def record_told(self, alert: Alert, message_id: str) -> None:
        self.told.append(message_id)


async def send(*recipients: ScriptedRecipient) -> tuple[RememberingStore, list[tuple[str, bool]]]:
    store, counted = RememberingStore(), list[tuple[str, bool]]()

    async def find_alerts() -> list[Alert]:
        return [ALERT]

    sender = AlertSender(
        find_alerts=find_alerts,
        store=store,
        recipients=recipients,
        clock=VirtualClock(start=NOON),
        interval_s=60.0,
        count_alert=lambda name, has_arrived: counted.append((name, has_arrived)),
    )
    await sender.send_due()
    await sender.send_due()
    return store, counted


def fail(times: int, *, is_final: bool = False) -> list[Exception]:
    return [AlertNotDelivered("away", is_final=is_final) for _ in range(times)]


async def test_a_recipient_that_is_away_gets_the_alert_when_it_is_back() -> None:
    late, other = ScriptedRecipient("ALERT_URL", fail(3)), ScriptedRecipient("ALERT_CHANNEL")
    store, counted = await send(late, other)
    assert (late.taken, other.taken) == (["alert-1"], ["alert-1"])
    assert sorted(counted) == [("ALERT_CHANNEL", True), ("ALERT_URL", True)]
    assert store.told == ["alert-1"]


@pytest.mark.parametrize(("is_final", "attempts"), [(True, 1), (False, ATTEMPTS)])
async def test_a_recipient_is_given_up_and_the_other_one_has_the_alert(
    is_final: bool, attempts: int
) -> None:
    dead = ScriptedRecipient("ALERT_CHANNEL", fail(50, is_final=is_final))
    other = ScriptedRecipient("ALERT_URL")
    store, counted = await send(dead, other)
    assert dead.attempts == attempts
    assert other.taken == ["alert-1"]
    assert ("ALERT_CHANNEL", False) in counted
    assert store.told == ["alert-1"], "what was tried is not told again"


async def test_an_unexpected_error_of_a_recipient_does_not_repeat_the_alert_for_the_other() -> None:
    broken = ScriptedRecipient("ALERT_CHANNEL", [ZeroDivisionError("a bug")])
    other = ScriptedRecipient("ALERT_URL", fail(1))
    store, counted = await send(broken, other)
    assert (broken.attempts, other.taken) == (1, ["alert-1"])
    assert sorted(counted) == [("ALERT_CHANNEL", False), ("ALERT_URL", True)]
    assert store.told == ["alert-1"]


def test_a_message_shows_names_as_they_are_and_where_to_read_more() -> None:
    text = format_alert(replace(ALERT, message="The task link_keys of _box_ failed."))
    assert r"link\_keys of \_box\_" in text, "Discord would read underscores as italics"
    assert ALERT.cure in text
    assert ALERT.section in text

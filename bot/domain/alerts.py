"""What the operator is told without asking: the kinds of alerts, when there is one, how often.

The rules get plain readings, so that they need neither a database nor Discord. The sentences are in
English like the log, because the operator reads them and not a member. They never hold a prompt, a
member or a secret (docs/decisions/0043-alerts.md).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.billing.limits import LIMIT_RULES_BY_NAME, LimitMeasure, QuotaLine, UsageAmount
from bot.domain.billing.money import Micros
from bot.domain.models import ModelSpec
from bot.domain.moderation.check_failures import CheckReading

MINIMUM_PAUSE: Final = timedelta(hours=1)
"""Between two alerts of one kind about one subject."""
NEWS_FOR: Final = timedelta(days=1)
"""How long a refusal or an unknown job is news, for a bot whose alerts were just switched on."""
SHUTDOWN_NEWS_FOR: Final = timedelta(days=7)
"""How long an announced shutdown is news."""
NEARLY_USED_PERCENT: Final = 80
MINIMUM_FREE_DISK_BYTES: Final = 1_000_000_000
"""Below this, clips of Gemini Omni in 4k and their re-encodes may not fit."""

_GIGABYTE: Final = 1_000_000_000
_REASON_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}")


class AlertKind(StrEnum):
    """What an alert is about. Receivers of ``ALERT_URL`` read these names."""

    MODEL_GONE = "model_gone"
    KEY_REFUSED = "key_refused"
    CREDIT_USED_UP = "credit_used_up"
    BUDGET_NEARLY_USED = "budget_nearly_used"
    BUDGET_USED_UP = "budget_used_up"
    UNKNOWN_JOB = "unknown_job"
    CHECK_FAILING = "check_failing"
    LOOP_FAILING = "loop_failing"
    DISK_NEARLY_FULL = "disk_nearly_full"
    NEWER_SCHEMA = "newer_schema"
    TEST = "test"


SECTIONS: Final[Mapping[AlertKind, str]] = {
    AlertKind.MODEL_GONE: "Google settings",
    AlertKind.KEY_REFUSED: "When Google refuses the account",
    AlertKind.CREDIT_USED_UP: "When Google refuses the account",
    AlertKind.BUDGET_NEARLY_USED: "Alerts",
    AlertKind.BUDGET_USED_UP: "Alerts",
    AlertKind.UNKNOWN_JOB: "Settling unknown jobs",
    AlertKind.CHECK_FAILING: "Check of prompts",
    AlertKind.LOOP_FAILING: "Background tasks",
    AlertKind.DISK_NEARLY_FULL: "Alerts",
    AlertKind.NEWER_SCHEMA: "Alerts",
    AlertKind.TEST: "Alerts",
}
"""The section of docs/operations.md that says more."""

REPEATED_AFTER: Final[Mapping[AlertKind, timedelta]] = {
    AlertKind.MODEL_GONE: timedelta(days=7),
    AlertKind.KEY_REFUSED: timedelta(days=1),
    AlertKind.CREDIT_USED_UP: timedelta(days=1),
    AlertKind.BUDGET_NEARLY_USED: timedelta(days=1),
    AlertKind.BUDGET_USED_UP: timedelta(days=1),
    AlertKind.CHECK_FAILING: timedelta(days=1),
    AlertKind.DISK_NEARLY_FULL: timedelta(days=1),
    AlertKind.NEWER_SCHEMA: timedelta(days=1),
}
"""When a kind is told again although nothing new has happened. The others are not."""


_BUDGET_CURES: Final = {
    AlertKind.BUDGET_NEARLY_USED: "Look at clapper status. To allow more, raise the setting and"
    " restart the bot.",
    AlertKind.BUDGET_USED_UP: "Until it frees up, no clip fits, and members are told so. To allow"
    " more, raise the setting and restart the bot.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that the operator should know: ``message`` says what happened, ``cure`` what to do.

    ``subject`` is what it is about, such as a model. ``occurrence`` is another text each time that
    it happens anew, and always the same while it lasts.
    """

    kind: AlertKind
    subject: str
    message: str
    cure: str
    occurrence: str = ""

    @property
    def section(self) -> str:
        """The section of docs/operations.md that says more."""
        return SECTIONS[self.kind]


@dataclass(frozen=True, slots=True)
class ToldAlert:
    """What is known of the last alert of a kind about a subject; times by the database's clock.

    Until ``claimed_until`` a process is delivering the next one.
    """

    occurrence: str = ""
    told_at: datetime | None = None
    claimed_until: datetime | None = None


class AlertNotDelivered(Exception):
    """A recipient has not taken an alert; another attempt may succeed unless ``is_final``.

    The message says why, without an address or a secret.
    """

    def __init__(
        self, reason: str, *, is_final: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.is_final = is_final
        self.retry_after_s = retry_after_s


def is_due(alert: Alert, told: ToldAlert, now: datetime) -> bool:
    """Return whether ``alert`` may be told now, given the last one about the same."""
    if told.claimed_until is not None and told.claimed_until > now:
        return False
    if told.told_at is None:
        return True
    if now - told.told_at < MINIMUM_PAUSE:
        return False
    if alert.occurrence != told.occurrence:
        return True
    repeated_after = REPEATED_AFTER.get(alert.kind)
    return repeated_after is not None and now - told.told_at >= repeated_after


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReading:
    """Whether a model is offered now, and whether this bot ever used it.

    With ``is_past_end`` it is off because its announced shutdown date has passed. ``replacement``
    is the name of its successor.
    """

    model: ModelSpec
    is_offered: bool
    was_used: bool
    is_past_end: bool = False
    replacement: str | None = None


def find_gone_models(readings: Iterable[ModelReading], today: date) -> list[Alert]:
    """Return an alert for each model that this bot used and that Google no longer offers.

    A model that the account never had is no news, nor one that was shut down long ago.
    """
    alerts = []
    for reading in readings:
        model, retires = reading.model, reading.model.retires
        if reading.is_offered or not reading.was_used:
            continue
        if reading.is_past_end and retires is not None and today - retires > SHUTDOWN_NEWS_FOR:
            continue
        instead = f", and offers {reading.replacement} instead" if reading.replacement else ""
        alerts.append(
            Alert(
                kind=AlertKind.MODEL_GONE,
                subject=model.id,
                message=f"Google no longer offers {model.name} ({model.id}) to this account.",
                cure=f"The bot has stopped offering it{instead}. Run clapper doctor to see why, and"
                " switch the model off in MODELS_FILE if it does not come back.",
            )
        )
    return alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalReading:
    """Google's last refusal of the operator's account on a route.

    ``account`` names the settings of the account, which several routes may share. ``refused_at`` is
    `None` if Google refuses it now, when it is only asked about models.
    """

    account: str
    reason: str | None
    is_about_credit: bool
    refused_at: datetime | None = None


def find_refusals(readings: Sequence[RefusalReading], now: datetime) -> list[Alert]:
    """Return an alert for each account that Google lately refused.

    Of several readings of an account the newest refused request counts.
    """
    alerts: dict[str, Alert] = {}
    requests = [reading for reading in readings if reading.refused_at is not None]
    questions = [reading for reading in readings if reading.refused_at is None]
    for reading in [*sorted(requests, key=_format_refusal_time, reverse=True), *questions]:
        if reading.account not in alerts and now - (reading.refused_at or now) <= NEWS_FOR:
            alerts[reading.account] = _build_refusal_alert(reading)
    return list(alerts.values())


def _format_refusal_time(reading: RefusalReading) -> str:
    return "" if reading.refused_at is None else reading.refused_at.isoformat()


def _build_refusal_alert(reading: RefusalReading) -> Alert:
    is_code = reading.reason is not None and _REASON_CODE.fullmatch(reading.reason)
    code = f" (reason {reading.reason})" if is_code else ""
    if reading.is_about_credit:
        kind, message = AlertKind.CREDIT_USED_UP, f"Google says that credit is used up{code}."
        cure = "Add credit, or enable billing for the project: until then no clips are made."
    else:
        kind, message = AlertKind.KEY_REFUSED, f"Google refuses the bot's key or account{code}."
        cure = "Run clapper doctor: it shows Google's sentence and what to do."
    return Alert(
        kind=kind,
        subject=reading.account,
        message=f"{message} It is set by {reading.account}.",
        cure=cure,
        occurrence=_format_refusal_time(reading),
    )


def find_budget_alerts(lines: Iterable[QuotaLine], cheapest: UsageAmount | None) -> list[Alert]:
    """Return an alert for each budget of the bot that is used up, or of which 80 % are used.

    Nothing is left if not even the ``cheapest`` request fits. A budget of 0 is the operator's wish.
    """
    alerts = []
    for line in lines:
        measure = LIMIT_RULES_BY_NAME[line.limit].measure
        if measure is None or line.allowed <= 0:
            continue
        least = 1 if cheapest is None else max(1, measure.measure_amount(cheapest))
        if line.remaining < least:
            kind, state = AlertKind.BUDGET_USED_UP, "is used up"
        elif line.used * 100 >= line.allowed * NEARLY_USED_PERCENT:
            kind, state = AlertKind.BUDGET_NEARLY_USED, f"has reached {NEARLY_USED_PERCENT} %"
        else:
            continue
        amounts = _format_amounts(measure, line.used, line.allowed)
        message = f"The bot's budget BOT_{line.limit.upper()} {state}: {amounts}."
        alerts.append(
            Alert(kind=kind, subject=line.limit, message=message, cure=_BUDGET_CURES[kind])
        )
    return alerts


def _format_amounts(measure: LimitMeasure, used: int, allowed: int) -> str:
    if measure is LimitMeasure.MICROS:
        return f"{used / 1e6:.2f} of {allowed / 1e6:.2f} US dollars"
    return f"{used} of {allowed} {measure}"


def find_cheapest_request(models: Iterable[ModelSpec]) -> UsageAmount | None:
    """Return what the cheapest request of any of ``models`` counts; `None` without a model."""
    prices, lengths = [], []
    for model in models:
        seconds = min(model.lengths)
        lengths.append(seconds)
        prices.append(min(model.prices.values()) * seconds + model.request_price)
    return UsageAmount(Micros(min(prices)), 1, min(lengths)) if prices else None


@dataclass(frozen=True, slots=True)
class UnknownJobsReading:
    """How many jobs are unknown, and which became so last, and when."""

    count: int
    latest_id: int
    latest_at: datetime


def find_unknown_jobs(reading: UnknownJobsReading | None, now: datetime) -> list[Alert]:
    """Return an alert if a job has lately become unknown."""
    if reading is None or now - reading.latest_at > NEWS_FOR:
        return []
    others = "" if reading.count == 1 else f" {reading.count} jobs are unknown in total."
    return [
        Alert(
            kind=AlertKind.UNKNOWN_JOB,
            subject="jobs",
            message=f"Job {reading.latest_id} is unknown: Google may have billed it, and the member"
            f" has no clip.{others}",
            cure="The bot goes on asking Google for two days. Then look at Google's bill and use"
            " clapper settle.",
            occurrence=f"{reading.latest_at.isoformat()} {reading.latest_id}",
        )
    ]


def find_failing_checks(reading: CheckReading | None, now: datetime) -> list[Alert]:
    """Return an alert if the model that checks contents lately refused or stayed away."""
    if reading is None or not reading.is_away or now - reading.failed_at > NEWS_FOR:
        return []
    model = f"{reading.model} (MODERATION_MODEL)"
    minutes = (reading.failed_at - reading.failing_since) // timedelta(minutes=1)
    if reading.refusal is not None:
        message = f"Google refuses to check contents with {model}: {reading.refusal}."
    else:
        message = f"No check of contents by {model} has given a verdict for {minutes} minutes."
    state = "accepted unchecked" if reading.accepts_unchecked else "refused"
    message += f" Requests are {state} meanwhile."
    if reading.waiting_clips:
        message += f" Finished clips that wait for their check: {reading.waiting_clips} jobs."
    return [
        Alert(
            kind=AlertKind.CHECK_FAILING,
            subject=reading.model,
            message=message,
            cure="Run clapper doctor: it asks Google about the model. If the model is gone, choose"
            " another one for MODERATION_MODEL and restart the bot.",
            occurrence=reading.refusal or "",
        )
    ]


def find_failing_loops(
    before: Mapping[str, int], after: Mapping[str, int], *, host: str, now: datetime
) -> list[Alert]:
    """Return an alert for each loop of this process that has failed since ``before``."""
    return [
        Alert(
            kind=AlertKind.LOOP_FAILING,
            subject=loop,
            message=f"The background task {loop} failed on {host}; the bot tries again.",
            cure="If it fails again, look for the traceback in the log, near"
            " background_task.failed, and report it.",
            occurrence=now.isoformat(),
        )
        for loop, failures in sorted(after.items())
        if failures > before.get(loop, 0)
    ]


def find_full_disk(free_bytes: int | None, *, host: str) -> list[Alert]:
    """Return an alert if the disk of ``DATA_DIR`` has hardly any space left.

    ``free_bytes`` is `None` if that is unknown.
    """
    if free_bytes is None or free_bytes >= MINIMUM_FREE_DISK_BYTES:
        return []
    return [
        Alert(
            kind=AlertKind.DISK_NEARLY_FULL,
            subject=host,
            message=f"Only {free_bytes / _GIGABYTE:.1f} GB are free for DATA_DIR on {host}.",
            cure="Free some space, or lower KEEP_CLIPS_GB or KEEP_CLIPS_DAYS: on a full disk no"
            " clip can be stored.",
        )
    ]


def find_newer_schema(newer_revisions: Sequence[str], *, host: str) -> list[Alert]:
    """Return an alert if the database has tables of a version that this process does not know."""
    return [
        Alert(
            kind=AlertKind.NEWER_SCHEMA,
            subject=host,
            message=f"A newer version has upgraded the database (revision {revision}), and {host}"
            " still runs an older one.",
            cure="Start the new version there too. The older one cannot start again on this"
            " database.",
            occurrence=revision,
        )
        for revision in newer_revisions
    ]


def build_test_alert() -> Alert:
    """Return what an operator sends to try the settings."""
    return Alert(
        kind=AlertKind.TEST,
        subject="test",
        message="This is a test: alerts arrive here.",
        cure="There is nothing to do.",
    )

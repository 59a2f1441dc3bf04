"""The database, its tables, and what the bot wrote there about Google."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.cli.doctor.findings import CheckStatus, Finding
from bot.cli.doctor.google_checks import find_cure
from bot.cli.operator_command import open_with
from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings
from bot.domain.clips.interaction_lifetime import LONGEST_LIFETIME
from bot.domain.errors import (
    DatabaseMissing,
    DatabaseOutdated,
    DatabaseUnavailable,
    DatabaseUnusable,
)
from bot.domain.jobs.request import GoogleRoute
from bot.domain.jobs.webhook import WebhookRegistration
from bot.store.engine.database import Database
from bot.store.engine.reader import open_reader
from bot.store.engine.schema import find_newest_revision, has_tables, require_current_schema
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.interaction_lifetimes import InteractionLifetimeStore
from bot.store.jobs.webhook_events import WebhookEventStore
from bot.store.jobs.webhook_registrations import WebhookRegistrationStore


async def check_database(settings: Settings, now: datetime) -> Sequence[Finding]:
    """Check the database without changing it."""
    try:
        async with open_with(open_reader, settings, upgrades=True) as database:
            return await _check_open_database(database, settings, now)
    except SettingsError as error:
        return [Finding("database", CheckStatus.FAILED, str(error), "correct DATABASE_URL")]


async def _check_open_database(
    database: Database, settings: Settings, now: datetime
) -> Sequence[Finding]:
    try:
        is_empty = not await has_tables(database)
    except DatabaseMissing:
        is_empty = True
    except DatabaseUnusable as error:
        return [Finding("database", CheckStatus.FAILED, str(error), "correct DATABASE_URL")]
    except DatabaseUnavailable as error:
        cure = "start the database, or correct DATABASE_URL"
        return [Finding("database", CheckStatus.FAILED, f"does not answer ({error})", cure)]
    if is_empty:
        message = "the bot has never used it; the first start creates the tables"
        cure = "if the bot has run before, correct DATABASE_URL or DATA_DIR"
        return [Finding("database", CheckStatus.WARNING, message, cure)]
    findings = [Finding("database", CheckStatus.OK, "answers")]
    try:
        await require_current_schema(database)
        findings.append(Finding("schema", CheckStatus.OK, f"revision {find_newest_revision()}"))
        findings += await _read_records(database, settings, now)
    except DatabaseOutdated as error:
        cure = "make a backup (docs/upgrading.md), then start the bot"
        findings.append(Finding("schema", CheckStatus.WARNING, str(error), cure))
    except DatabaseUnusable as error:
        cure = "install the newer version again, or restore an older backup (docs/upgrading.md)"
        findings.append(Finding("schema", CheckStatus.FAILED, str(error), cure))
    except DatabaseUnavailable as error:
        cure = "start the database, or correct DATABASE_URL"
        findings.append(Finding("schema", CheckStatus.FAILED, f"cannot be read ({error})", cure))
    return findings


async def _read_records(database: Database, settings: Settings, now: datetime) -> list[Finding]:
    """Return what the bot has seen of Google. Raises `DatabaseUnavailable`."""
    findings = []
    if settings.gemini_webhooks:
        findings.append(
            judge_webhook(
                await WebhookRegistrationStore(database).load(),
                await WebhookEventStore(database).find_latest_time(),
            )
        )
    for refusal in await AccountRefusalStore(database).list_refusals():
        later = "a later" if refusal.is_over else "no later"
        findings.append(
            Finding(
                f"last refusal on {refusal.route}",
                CheckStatus.OK if refusal.is_over else CheckStatus.FAILED,
                f"{_format_time(refusal.refused_at)}: {refusal.message}"
                f" ({later} request was accepted)",
                None if refusal.is_over else find_cure(GoogleRoute(refusal.route), refusal.reason),
                refusal.reason,
            )
        )
    for lifetime in await InteractionLifetimeStore(database).list_learned_lifetimes(now=now):
        message = (
            f"{lifetime.kept / timedelta(days=1):.1f} days (seen at"
            f" {_format_time(lifetime.learnt_at)}). Clips older than that are edited from the"
            f" bot's own copies. It is {LONGEST_LIFETIME.days} days with billing, or what is set in"
            " AI Studio."
        )
        check = f"{lifetime.route}: how long Google keeps interactions"
        findings.append(Finding(check, CheckStatus.OK, message))
    return findings


def judge_webhook(
    registration: WebhookRegistration | None, latest_event: datetime | None
) -> Finding:
    """Judge what the bot noted about its webhook, without showing the secret."""
    check = "webhooks for Gemini Omni"
    if registration is None:
        return Finding(check, CheckStatus.OK, "the bot registers them when it runs")
    if registration.problem is not None:
        message = f"cannot be registered: {registration.problem}"
        cure = "make PUBLIC_URL reachable for Google, with https"
        return Finding(check, CheckStatus.FAILED, message, cure)
    if registration.secret is None:
        return Finding(check, CheckStatus.OK, "being registered")
    latest = (
        "no event lately"
        if latest_event is None
        else f"latest event at {_format_time(latest_event)}"
    )
    return Finding(check, CheckStatus.OK, f"registered for {registration.url}, {latest}")


def _format_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

"""Check the settings, the database and the access to Google.

It changes nothing, costs nothing and may run beside the bot. A bucket in
MEDIA_URL gets a small file, which is read and deleted. Google is asked about
every model. Some problems (billing, location, used-up credit) only show
when a video is requested: the last refusal of that kind is read from the
database and shown in Google's words.

Examples:
  clapper doctor
  clapper doctor --json

Exit status:
  0  all checks passed
  1  a check failed
  2  a setting or the database cannot be used
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

import structlog

from bot.app.clock import SystemClock
from bot.app.media import describe_unusable, is_in_bucket, open_object_store
from bot.app.startup import ROUTE_SETTINGS, build_routes, open_catalog
from bot.cli.errors import EXIT_FAILED
from bot.cli.operator_command import load_settings, open_with
from bot.config.settings import Settings
from bot.domain.errors import (
    AccessRefused,
    DatabaseUnavailable,
    GoogleUnavailable,
    MediaUnavailable,
    MediaUnusable,
    VideoError,
)
from bot.domain.jobs.webhook import WebhookRegistration
from bot.domain.models import ModelSpec
from bot.domain.ports import VideoModels
from bot.observability.metrics import Instruments
from bot.store.engine.reader import open_reader
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.interaction_lifetimes import InteractionLifetimeStore
from bot.store.jobs.webhook_events import WebhookEventStore
from bot.store.jobs.webhook_registrations import WebhookRegistrationStore

_ONLY_CRITICAL = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``reason`` is Google's code, if it gave one."""

    check: str
    ok: bool
    message: str
    reason: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the checks as one JSON object")


def run_subcommand(arguments: argparse.Namespace) -> int:
    # the findings say what went wrong, and log lines between them would break the JSON
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_ONLY_CRITICAL))
    findings = asyncio.run(examine(load_settings()))
    is_well = all(finding.ok for finding in findings)
    if arguments.json:
        print(json.dumps({"ok": is_well, "checks": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            reason = f" [{finding.reason}]" if finding.reason else ""
            print(f"{'ok  ' if finding.ok else 'FAIL'} {finding.check}: {finding.message}{reason}")
    return 0 if is_well else EXIT_FAILED


async def examine(settings: Settings) -> list[Finding]:
    """Make all checks. Raises `SettingsError`."""
    clock = SystemClock()
    now = clock.now()
    findings = [
        Finding("settings", True, "complete and well-formed"),
        *await _examine_database(settings, now),
    ]
    if is_in_bucket(settings):
        findings.append(await _examine_bucket(settings))
    catalog = open_catalog(settings.models_file)
    today = now.date()
    routes = build_routes(settings, catalog, Instruments(), clock, media_folder=settings.data_dir)
    try:
        for route, models in routes.items():
            findings += await _examine_route(models, catalog.restrict_to(route).models, today)
    finally:
        for models in routes.values():
            await models.close()
    return findings


async def _examine_bucket(settings: Settings) -> Finding:
    async with open_object_store(settings) as object_store:
        try:
            await object_store.check()
        except MediaUnusable as error:
            return Finding("bucket", False, describe_unusable(error))
        except MediaUnavailable as error:
            return Finding("bucket", False, f"does not answer ({error})")
    return Finding("bucket", True, "can be written to, read and deleted from")


async def _examine_database(settings: Settings, now: datetime) -> list[Finding]:
    async with open_with(open_reader, settings) as database:
        try:
            refusals = await AccountRefusalStore(database).list_refusals()
            registration = await WebhookRegistrationStore(database).load()
            latest_event = await WebhookEventStore(database).find_latest_time()
            lifetimes = await InteractionLifetimeStore(database).list_learned_lifetimes(now=now)
        except DatabaseUnavailable as error:
            return [Finding("database", False, f"does not answer ({error})")]
    findings = [Finding("database", True, "answers")]
    if settings.gemini_webhooks:
        findings.append(_judge_webhook(registration, latest_event))
    for refusal in refusals:
        when = f"{refusal.refused_at:%Y-%m-%d %H:%M} UTC"
        later = "a later" if refusal.is_over else "no later"
        message = f"{when}: {refusal.message} ({later} request was accepted)"
        check = f"last refusal on {refusal.route}"
        findings.append(Finding(check, refusal.is_over, message, refusal.reason))
    for lifetime in lifetimes:
        message = (
            f"{lifetime.kept / timedelta(days=1):.1f} days (seen at"
            f" {lifetime.learnt_at:%Y-%m-%d %H:%M} UTC). Clips older than that are edited from the"
            " bot's own copies. It is 55 days with billing, or what is set in AI Studio."
        )
        findings.append(
            Finding(f"{lifetime.route}: how long Google keeps interactions", True, message)
        )
    return findings


def _judge_webhook(
    registration: WebhookRegistration | None, latest_event: datetime | None
) -> Finding:
    check = "webhooks for Gemini Omni"
    if registration is None:
        return Finding(check, True, "the bot registers them when it runs")
    if registration.problem is not None:
        return Finding(check, False, f"cannot be registered: {registration.problem}")
    if registration.secret is None:
        return Finding(check, True, "being registered")
    latest = "no event lately"
    if latest_event is not None:
        latest = f"latest event at {latest_event:%Y-%m-%d %H:%M} UTC"
    return Finding(check, True, f"registered for {registration.url}, {latest}")


async def _examine_route(
    models: VideoModels, specs: Sequence[ModelSpec], today: date
) -> list[Finding]:
    ids = [spec.id for spec in specs]
    try:
        answers = await models.check_reachability(ids)
    except AccessRefused as error:
        message = f"refused, check {ROUTE_SETTINGS[models.route]}: {error}"
        return [Finding(models.route, False, message, error.reason)]
    except GoogleUnavailable as error:
        return [Finding(models.route, False, f"does not answer ({error})")]
    except VideoError as error:
        return [Finding(models.route, False, str(error))]
    reachable = [answer.model for answer in answers if answer.is_reachable]
    answered = {answer.model for answer in answers}
    if reachable or not all(spec.has_retired(today) for spec in specs):
        count = f"Google offers {len(reachable)} of {len(ids)} models"
        findings = [Finding(models.route, bool(reachable), count)]
    else:  # the key is good for another route
        message = "Google has shut down all models of this route"
        findings = [Finding(models.route, True, message)]
    for answer in answers:
        if not answer.is_reachable:
            message = answer.reason or "Google does not know it"
            findings.append(
                Finding(f"{models.route} {answer.model}", True, f"not offered: {message}")
            )
    findings += [
        Finding(f"{models.route} {model}", False, "Google did not answer")
        for model in ids
        if model not in answered
    ]
    return findings

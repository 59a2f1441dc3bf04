"""Check the settings, the database and what Google allows the account; exit with 1 if one fails.

Google is asked about every model of the catalogue, which costs nothing. What it refused the account
at the last request is shown from the database, in Google's own words, because some of it (billing,
location, used-up credit) shows only then.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

import structlog

from bot.app.clock import SystemClock
from bot.app.startup import build_routes, open_catalogue
from bot.cli.errors import EXIT_FAILED
from bot.cli.operator_command import load_settings, open_with
from bot.config.settings import Settings
from bot.domain.errors import AccessRefused, DatabaseUnavailable, VideoError
from bot.domain.models import ModelSpec
from bot.domain.ports import VideoModels
from bot.observability.metrics import Instruments
from bot.store.engine.reader import open_reader
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.interaction_lifetimes import InteractionLifetimeStore

_ONLY_CRITICAL = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``reason`` is Google's code, if it gave one."""

    check: str
    ok: bool
    message: str
    reason: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_subcommand(arguments: argparse.Namespace) -> int:
    # what went wrong is in the findings; a log between them would be no JSON
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
    findings = [Finding("settings", True, "complete"), *await _examine_database(settings, now)]
    catalogue = open_catalogue(settings.models_file)
    routes, today = build_routes(settings, catalogue, Instruments(), clock), now.date()
    try:
        for route, models in routes.items():
            findings += await _examine_route(models, catalogue.restrict_to(route).models, today)
    finally:
        for models in routes.values():
            await models.close()
    return findings


async def _examine_database(settings: Settings, now: datetime) -> list[Finding]:
    async with open_with(open_reader, settings) as database:
        try:
            refusals = await AccountRefusalStore(database).list_refusals()
            lessons = await InteractionLifetimeStore(database).list_lessons(now=now)
        except DatabaseUnavailable as error:
            return [Finding("database", False, f"does not answer, or was never started: {error}")]
    findings = [Finding("database", True, "answers")]
    for refusal in refusals:
        when = f"{refusal.refused_at:%Y-%m-%d %H:%M} UTC"
        since = "Google has accepted requests since." if refusal.is_over else "None since."
        message = f"at {when} Google refused the account: {refusal.message} ({since})"
        check = f"last request to {refusal.route}"
        findings.append(Finding(check, refusal.is_over, message, refusal.reason))
    for lesson in lessons:
        message = (
            f"for {lesson.kept / timedelta(days=1):.1f} days at most, as seen at "
            f"{lesson.learnt_at:%Y-%m-%d %H:%M} UTC; older clips are changed by our copies. "
            "Google keeps requests for 55 days with billing, or as AI Studio is set"
        )
        findings.append(Finding(f"{lesson.route} keeps requests", True, message))
    return findings


async def _examine_route(
    models: VideoModels, specs: Sequence[ModelSpec], today: date
) -> list[Finding]:
    ids = [spec.id for spec in specs]
    try:
        answers = await models.check_reachability(ids)
    except AccessRefused as error:
        return [Finding(models.route, False, str(error), error.reason)]
    except VideoError as error:
        return [Finding(models.route, False, str(error))]
    reachable = [answer.model for answer in answers if answer.is_reachable]
    answered = {answer.model for answer in answers}
    if reachable or not all(spec.has_retired(today) for spec in specs):
        count = f"{len(reachable)} models answer"
        findings = [Finding(models.route, bool(reachable), count)]
    else:  # what the key is for today is another route
        message = "no model answers: Google has shut all of them down"
        findings = [Finding(models.route, True, message)]
    for answer in answers:
        if not answer.is_reachable:
            message = answer.reason or "is not known to Google"
            findings.append(
                Finding(f"{models.route} {answer.model}", True, f"not offered: {message}")
            )
    findings += [
        Finding(f"{models.route} {model}", False, "Google did not answer for it")
        for model in ids
        if model not in answered
    ]
    return findings

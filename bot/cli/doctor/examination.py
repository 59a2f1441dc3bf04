"""Makes all checks side by side."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final
from urllib.parse import unquote, urlsplit

from bot.app.clock import SystemClock
from bot.app.media import is_in_bucket
from bot.app.moderation import build_content_judge
from bot.app.startup import build_routes, open_catalog, open_word_list
from bot.cli.doctor.alert_checks import check_alerts
from bot.cli.doctor.certificate_checks import check_certificate
from bot.cli.doctor.database_checks import check_database
from bot.cli.doctor.discord_checks import check_discord
from bot.cli.doctor.findings import CheckGroup, CheckStatus, Finding, run_groups
from bot.cli.doctor.google_checks import (
    build_clock_check,
    build_judge_checks,
    build_route_checks,
    judge_check_prices,
)
from bot.cli.doctor.machine_checks import (
    MachineReadings,
    check_bucket,
    check_data_folder,
    judge_disk,
    judge_memory,
    read_machine,
)
from bot.cli.doctor.report import redact_findings
from bot.cli.doctor.web_checks import check_public_url
from bot.config.settings import Settings
from bot.domain.ports import Clock
from bot.observability.metrics import Instruments

_DISCORD_LIMIT_S: Final = 45.0
_NETWORK_LIMIT_S: Final = 30.0
_DATABASE_LIMIT_S: Final = 40.0
_MACHINE_LIMIT_S: Final = 20.0
_CERTIFICATE_LIMIT_S: Final = 100.0


async def examine(
    settings: Settings, *, readings: MachineReadings | None = None
) -> Sequence[Finding]:
    """Make all checks, and return what they found without secrets. Raises `SettingsError`.

    ``readings`` are used instead of measuring this machine.
    """
    clock = SystemClock()
    catalog = open_catalog(settings.models_file)
    open_word_list(settings.word_list_file)  # raises as the start of the bot does
    routes = build_routes(settings, catalog, Instruments(), clock, media_folder=settings.data_dir)
    judge = build_content_judge(settings)
    try:
        findings = await run_groups(
            [
                CheckGroup("settings", partial(_check_settings, settings), _MACHINE_LIMIT_S),
                CheckGroup("token", partial(check_discord, settings, clock), _DISCORD_LIMIT_S),
                CheckGroup("alerts", partial(check_alerts, settings), _NETWORK_LIMIT_S),
                *build_route_checks(routes, catalog, clock.now().date()),
                *build_judge_checks(judge),
                build_clock_check(settings, clock),
                *_build_storage_checks(settings, clock),
                CheckGroup(
                    "C2PA key",
                    partial(check_certificate, settings, clock.now()),
                    _CERTIFICATE_LIMIT_S,
                ),
                CheckGroup(
                    "machine", partial(_check_machine, settings, readings), _MACHINE_LIMIT_S
                ),
                CheckGroup(
                    "PUBLIC_URL", partial(check_public_url, settings, clock), _NETWORK_LIMIT_S
                ),
            ]
        )
    finally:
        for models in routes.values():
            await models.close()
        if judge is not None:
            await judge.close()
    return redact_findings(findings, list_secrets(settings))


def _build_storage_checks(settings: Settings, clock: Clock) -> Iterator[CheckGroup]:
    check = partial(check_database, settings, clock.now())
    yield CheckGroup("database", check, _DATABASE_LIMIT_S)
    if is_in_bucket(settings):
        yield CheckGroup("bucket", partial(check_bucket, settings), _NETWORK_LIMIT_S)


async def _check_settings(settings: Settings) -> Sequence[Finding]:
    findings = [Finding("settings", CheckStatus.OK, "complete and well-formed")]
    if settings.paid_calls == "forbid":
        message = "PAID_CALLS is forbid: no clips are made with Google's own servers"
        cure = "set PAID_CALLS=allow, unless this is a test"
        findings.append(Finding("paid calls", CheckStatus.WARNING, message, cure))
    if settings.paused:
        message = "PAUSED is true: the bot accepts no requests"
        findings.append(Finding("pause", CheckStatus.WARNING, message, "set PAUSED=false"))
    if settings.moderation_model is not None:
        findings.append(judge_check_prices(settings))
    return findings


async def _check_machine(settings: Settings, readings: MachineReadings | None) -> Sequence[Finding]:
    if readings is None:
        readings = await asyncio.to_thread(read_machine, settings.data_dir)
    return [
        await asyncio.to_thread(check_data_folder, settings.data_dir),
        judge_disk(readings, settings),
        judge_memory(readings),
    ]


def list_secrets(settings: Settings) -> Sequence[str]:
    """Return what no finding may show: the secret settings, and the database's password."""
    url = settings.resolved_database_url
    try:
        parts = urlsplit(url)
    except ValueError:  # so malformed that it cannot be told where the password is
        return [*settings.secret_values, url]
    if not parts.password or parts.password == parts.username:
        return settings.secret_values
    return [*settings.secret_values, parts.password, unquote(parts.password)]

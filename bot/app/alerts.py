"""Builds what tells the operator of alerts, from the settings."""

import asyncio
import base64
import hmac
import platform
import shutil
from functools import partial
from pathlib import Path
from typing import Final

import discord
import structlog
from yarl import URL

from bot.app.container import Container
from bot.app.startup import ROUTE_SETTINGS
from bot.config.settings import Settings
from bot.discord.alert_channel import DiscordAlertChannel
from bot.domain.moderation.check_failures import CheckReading
from bot.domain.ports import Clock
from bot.google.connection import LOOPBACK_HOSTS
from bot.services.admin.alert_finder import AlertFinder
from bot.services.admin.alert_sender import AlertRecipient, AlertSender
from bot.services.moderation.content_checks import ContentCheckService
from bot.store.engine.schema import list_newer_revisions
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.operations.alerts import AlertStore
from bot.web.alert_webhook import AlertWebhook
from bot.web.webhook_signatures import SECRET_PREFIX

_MAXIMUM_INTERVAL_S: Final = 60.0
_LEASES_BETWEEN_ROUNDS: Final = 2

_log: Final = structlog.get_logger(__name__)


def build_alert_sender(parts: Container) -> AlertSender | None:
    """Return the loop that tells the operator, or `None` if no setting says where."""
    settings = parts.settings
    recipients = [
        *build_alert_channel(settings, parts.client),
        *build_alert_webhook(settings, parts.clock),
    ]
    if not recipients:
        return None
    finder = AlertFinder(
        model_directory=parts.model_directory,
        model_states=parts.model_states,
        account_refusals=AccountRefusalStore(parts.database),
        ledger=parts.ledger,
        jobs=parts.jobs,
        clock=parts.clock,
        bot_limits=settings.policy.bot,
        route_refusals=parts.route_report.refusals,
        route_settings=ROUTE_SETTINGS,
        count_loop_failures=parts.instruments.count_background_failures,
        measure_free_disk=partial(measure_free_disk, settings.data_dir),
        list_newer_revisions=partial(list_newer_revisions, parts.database),
        read_check_failures=partial(read_check_failures, parts.content_checks),
        host=platform.node(),
    )
    return AlertSender(
        find_alerts=finder.find_alerts,
        store=AlertStore(parts.database),
        recipients=recipients,
        clock=parts.clock,
        interval_s=min(_MAXIMUM_INTERVAL_S, _LEASES_BETWEEN_ROUNDS * settings.lease_s),
        count_alert=lambda name, has_arrived: parts.instruments.count_alert(
            name, has_arrived=has_arrived
        ),
    )


def build_alert_channel(settings: Settings, client: discord.Client) -> list[AlertRecipient]:
    """Return the channel of ``ALERT_CHANNEL``, if there is one."""
    if settings.alert_channel is None:
        return []
    return [DiscordAlertChannel(client, settings.alert_channel)]


def build_alert_webhook(settings: Settings, clock: Clock) -> list[AlertRecipient]:
    """Return the server of ``ALERT_URL``, if there is one."""
    if settings.alert_url is None:
        return []
    url = settings.alert_url.get_secret_value()
    return [
        AlertWebhook(
            url=url,
            secret=get_alert_secret(settings),
            clock=clock,
            uses_proxies=URL(url).host not in LOOPBACK_HOSTS,
        )
    ]


def get_alert_secret(settings: Settings) -> str:
    """Return ``ALERT_SECRET``, or one that all processes with the same bot token make alike."""
    if settings.alert_secret is not None:
        return settings.alert_secret.get_secret_value()
    token = settings.discord_token.get_secret_value()
    key = hmac.digest(token.encode(), b"clapper alerts", "sha256")
    return SECRET_PREFIX + base64.b64encode(key).decode()


async def read_check_failures(checks: ContentCheckService | None) -> CheckReading | None:
    """Return what failed of the checks of contents, if there are checks."""
    return None if checks is None else await checks.read_failures()


async def measure_free_disk(folder: Path) -> int | None:
    """Return the bytes that are free on the disk of ``folder``, measured in a thread.

    `None` if this user may not see the folder: the other alerts must not wait for that.
    """
    try:
        return (await asyncio.to_thread(shutil.disk_usage, folder)).free
    except OSError as error:
        _log.warning("disk.not_measured", error=type(error).__name__)
        return None

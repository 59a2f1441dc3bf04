"""Send a test alert to ALERT_CHANNEL and ALERT_URL.

It says for each of them whether the alert arrived. The bot may be running or
stopped, and other alerts are not held back by this one.

With --show-secret nothing is sent. It prints the secret with which the server
at ALERT_URL verifies the signatures: ALERT_SECRET or, if that is not set, the
one that the bot makes from its token.

Examples:
  clapper alert-test
  clapper alert-test --show-secret

Exit status:
  0  the alert arrived everywhere
  1  it did not arrive somewhere; the line says why
  2  a setting cannot be used, or neither ALERT_CHANNEL nor ALERT_URL is set
"""

import argparse
import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.app.alerts import build_alert_channel, build_alert_webhook, get_alert_secret
from bot.app.clock import SystemClock
from bot.cli.errors import EXIT_FAILED
from bot.cli.operator_command import load_settings
from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings
from bot.discord.alert_channel import open_rest_client
from bot.discord.client import override_discord_urls
from bot.domain.alerts import AlertNotDelivered, build_test_alert
from bot.domain.errors import DeliveryError
from bot.services.admin.alert_sender import AlertRecipient


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--show-secret", action="store_true", help="print the secret for ALERT_URL; send nothing"
    )


def run_subcommand(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    if arguments.show_secret:
        print(get_alert_secret(settings))
        return 0
    if settings.alert_channel is None and settings.alert_url is None:
        raise SettingsError("Set ALERT_CHANNEL or ALERT_URL: without them, no alerts are sent.")
    return asyncio.run(send_everywhere(settings))


async def send_everywhere(settings: Settings) -> int:
    """Send the test to each recipient, print what became of it, and return the exit status."""
    has_arrived = True
    for recipient in build_alert_webhook(settings, SystemClock()):
        has_arrived &= await _try_recipient(recipient)
    if settings.alert_channel is not None:
        try:
            async with _open_channel(settings) as recipient:
                has_arrived &= await _try_recipient(recipient)
        except DeliveryError as error:
            has_arrived = False
            print(f"ALERT_CHANNEL  failed: Discord does not accept the bot ({error})")
    return 0 if has_arrived else EXIT_FAILED


@asynccontextmanager
async def _open_channel(settings: Settings) -> AsyncIterator[AlertRecipient]:
    override_discord_urls(
        api_url=settings.discord_api_url, gateway_url=settings.discord_gateway_url
    )
    async with open_rest_client(settings.discord_token.get_secret_value()) as client:
        [recipient] = build_alert_channel(settings, client)
        yield recipient


async def _try_recipient(recipient: AlertRecipient) -> bool:
    try:
        await recipient.send_alert(build_test_alert(), message_id=f"alert-{secrets.token_hex(9)}")
    except AlertNotDelivered as error:
        print(f"{recipient.name}  failed: {error}")
        return False
    print(f"{recipient.name}  ok")
    return True

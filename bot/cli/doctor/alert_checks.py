"""Where the operator's alerts go, without sending one."""

from collections.abc import Sequence

from bot.cli.doctor.findings import CheckStatus, Finding
from bot.config.settings import Settings
from bot.discord.alert_channel import find_missing_alert_permissions, open_rest_client
from bot.discord.client import override_discord_urls
from bot.domain.errors import ChannelUnavailable, DeliveryError

_CHANNEL_CHECK = "ALERT_CHANNEL"


async def check_alerts(settings: Settings) -> Sequence[Finding]:
    """Check that alerts may be posted. A server cannot be tried without a message to it."""
    findings = []
    if settings.alert_channel is not None:
        findings.append(await _check_channel(settings, settings.alert_channel))
    if settings.alert_url is not None:
        message = "set, but not tried here: clapper alert-test does that"
        findings.append(Finding("ALERT_URL", CheckStatus.OK, message))
    if not findings:
        message = "off: neither ALERT_CHANNEL nor ALERT_URL is set"
        findings.append(Finding("alerts", CheckStatus.OK, message))
    return findings


async def _check_channel(settings: Settings, channel_id: int) -> Finding:
    override_discord_urls(
        api_url=settings.discord_api_url, gateway_url=settings.discord_gateway_url
    )
    try:
        async with open_rest_client(settings.discord_token.get_secret_value()) as client:
            missing = await find_missing_alert_permissions(client, channel_id)
    except ChannelUnavailable as error:
        cure = "set the ID of a channel that the bot can see, in a server that it is in"
        return Finding(_CHANNEL_CHECK, CheckStatus.FAILED, f"cannot be used: {error}", cure)
    except DeliveryError as error:
        cure = "see the lines about the token and the gateway"
        return Finding(_CHANNEL_CHECK, CheckStatus.WARNING, f"not checked: {error}", cure)
    if missing:
        names = ", ".join(name.replace("_", " ").title() for name in missing)
        cure = "grant the bot what is missing in the channel's permissions"
        return Finding(_CHANNEL_CHECK, CheckStatus.FAILED, f"the bot lacks {names} there", cure)
    return Finding(_CHANNEL_CHECK, CheckStatus.OK, "alerts can be posted")

"""Alerts in a channel of the operator's, and what the bot lacks there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import discord

from bot.discord.api_errors import convert_discord_errors
from bot.domain.alerts import Alert, AlertNotDelivered
from bot.domain.errors import DeliveryError, DiscordUnavailable

_GUIDE: Final = "docs/operations.md"


@dataclass(frozen=True, slots=True)
class DiscordAlertChannel:
    """Implements `bot.services.admin.alert_sender.AlertRecipient`. A message mentions nobody."""

    client: discord.Client
    channel_id: int
    name: str = "ALERT_CHANNEL"

    async def send_alert(self, alert: Alert, *, message_id: str) -> None:
        channel = self.client.get_partial_messageable(self.channel_id)
        try:
            async with convert_discord_errors():
                await channel.send(
                    format_alert(alert),
                    nonce=message_id,
                    allowed_mentions=discord.AllowedMentions.none(),
                    suppress_embeds=True,
                )
        except DiscordUnavailable as error:
            raise AlertNotDelivered(str(error), retry_after_s=error.retry_after_s) from error
        except DeliveryError as error:
            raise AlertNotDelivered(str(error), is_final=True) from error


def format_alert(alert: Alert) -> str:
    """Return the text of a message. What happened is bold, because that is read first."""
    happened, cure = map(discord.utils.escape_markdown, (alert.message, alert.cure))
    return f"**{happened}**\n{cure}\n-# {_GUIDE}, “{alert.section}”"


@asynccontextmanager
async def open_rest_client(token: str) -> AsyncIterator[discord.Client]:
    """Open a client that only makes requests and has no session. Raises `DeliveryError`."""
    # Without this, discord.py warns that the libraries for voice are missing.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    async with discord.Client(intents=discord.Intents.none()) as client:
        async with convert_discord_errors():
            await client.login(token)
        yield client


async def find_missing_alert_permissions(client: discord.Client, channel_id: int) -> Sequence[str]:
    """Return the permissions, by discord.py's names, that the bot lacks for alerts in a channel.

    Raises `ChannelUnavailable` if it cannot see the channel, and `DiscordUnavailable`.
    """
    assert client.user is not None, "a client that has logged in has a user"
    async with convert_discord_errors():
        known = await client.fetch_channel(channel_id)
        if isinstance(known, discord.abc.PrivateChannel):
            return []
        guild = await client.fetch_guild(known.guild.id)
        member = await guild.fetch_member(client.user.id)
        if isinstance(known, discord.Thread):  # its channel has its permissions
            place_id, sending = known.parent_id, "send_messages_in_threads"
        else:
            place_id, sending = channel_id, "send_messages"
        place = await guild.fetch_channel(place_id)
    assert not isinstance(place, discord.Thread), "a thread is never in a thread"
    granted = place.permissions_for(member)
    return [name for name in ("view_channel", sending) if not getattr(granted, name)]

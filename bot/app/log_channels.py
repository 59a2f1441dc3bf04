"""Builds what posts servers' audit logs in channels."""

import discord

from bot.discord.log_messages import DiscordLogMessages
from bot.discord.server_language import ServerLanguages
from bot.domain.ports import Clock
from bot.services.moderation.log_channels import LogChannelChoice, LogChannelPoster
from bot.store.engine.database import Database
from bot.store.moderation.log_channels import LogChannelStore


def build_log_channels(
    database: Database, *, client: discord.Client, languages: ServerLanguages, clock: Clock
) -> tuple[LogChannelChoice, LogChannelPoster]:
    """Return what admins choose with, and what posts in the channels."""
    channels = LogChannelStore(database)
    messages = DiscordLogMessages(client=client, languages=languages)
    return (
        LogChannelChoice(channels=channels, clock=clock),
        LogChannelPoster(channels=channels, messages=messages, clock=clock),
    )

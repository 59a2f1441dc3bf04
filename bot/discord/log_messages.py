"""Servers' audit logs as messages in the channels that their admins choose.

It only uses REST and ids, because any process may post for any server.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import discord
import structlog

from bot.discord.api_errors import convert_discord_errors
from bot.discord.message_history import find_own_message
from bot.discord.server_language import ServerLanguages
from bot.domain.errors import ContentBlocked
from bot.domain.moderation.log_channel import LogPost
from bot.domain.showcase.post import AuditEntry
from bot.i18n.catalogs import translate
from bot.ui.audit_log import count_fitting_entries, format_log_post

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordLogMessages:
    """Implements `bot.services.moderation.log_channels.LogMessages`."""

    client: discord.Client
    languages: ServerLanguages

    async def count_fitting(self, guild_id: int, entries: Sequence[AuditEntry]) -> int:
        return count_fitting_entries(entries, await self.languages.find_locale(guild_id))

    async def find_post(self, post: LogPost) -> bool:
        locale = await self.languages.find_locale(post.guild_id)
        texts = {format_log_post(post.entries, locale), _format_blocked(post, locale)}
        found = await find_own_message(
            self.client,
            self._get_channel(post),
            after=post.since,
            matches=lambda message: message.content in texts,
        )
        return found is not None

    async def send_post(self, post: LogPost) -> None:
        locale = await self.languages.find_locale(post.guild_id)
        text = format_log_post(post.entries, locale)
        if not text:  # old entries without any change
            return
        try:
            await self._send(post, text)
        except ContentBlocked as error:
            _log.info("log_channel.content_blocked", guild=post.guild_id, filter=error.name)
            await self._send(post, _format_blocked(post, locale))

    async def _send(self, post: LogPost, text: str) -> None:
        async with convert_discord_errors():
            await self._get_channel(post).send(
                text,
                nonce=post.nonce,
                allowed_mentions=discord.AllowedMentions.none(),
                suppress_embeds=True,
            )

    def _get_channel(self, post: LogPost) -> discord.PartialMessageable:
        return self.client.get_partial_messageable(post.channel_id, guild_id=post.guild_id)


def _format_blocked(post: LogPost, locale: str) -> str:
    """Return what is posted instead of entries that Discord's filter refuses."""
    return translate("log.blocked_by_discord", locale, count=len(post.entries))

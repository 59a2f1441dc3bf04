"""Reports in Discord: the staff's messages, and what people are told in direct messages.

It only uses REST and ids, because any process may deal with any report.
"""

from dataclasses import dataclass
from datetime import datetime

import discord
import structlog

from bot.discord.api_errors import (
    DISCORD_ERRORS,
    UNKNOWN_CHANNEL_CODE,
    convert_discord_errors,
    raise_if_transient,
    summarize_error,
)
from bot.discord.message_history import find_own_message
from bot.discord.server_language import ServerLanguages
from bot.domain.clips.clip import Clip
from bot.domain.moderation.report import ReportCase, ReportNotice
from bot.domain.ports import EditResult
from bot.ui.components import find_button_number
from bot.ui.custom_ids import ButtonAction
from bot.ui.reports import build_report_view, format_notice

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordReportMessages:
    """Implements `bot.services.moderation.report_desk.ReportMessages`."""

    client: discord.Client
    languages: ServerLanguages

    async def post_case(self, case: ReportCase, clip: Clip | None, channel_id: int) -> int:
        channel = self._get_channel(channel_id, case.guild_id)
        view = build_report_view(case, clip, await self.languages.find_locale(case.guild_id))
        async with convert_discord_errors():
            message = await channel.send(
                view=view, nonce=case.post_nonce, allowed_mentions=discord.AllowedMentions.none()
            )
        return message.id

    async def find_case(self, case: ReportCase, channel_id: int) -> int | None:
        return await find_own_message(
            self.client,
            self._get_channel(channel_id, case.guild_id),
            after=case.first_reported_at,
            matches=lambda message: (
                find_button_number(message, ButtonAction.REPORT_DELETE) == case.clip_id
            ),
        )

    async def edit_case(self, case: ReportCase, clip: Clip | None) -> EditResult:
        assert case.channel_id is not None
        assert case.message_id is not None
        channel = self._get_channel(case.channel_id, case.guild_id)
        view = build_report_view(case, clip, await self.languages.find_locale(case.guild_id))
        try:
            await channel.get_partial_message(case.message_id).edit(
                view=view, allowed_mentions=discord.AllowedMentions.none()
            )
        except discord.NotFound as error:
            is_channel = error.code == UNKNOWN_CHANNEL_CODE
            return EditResult.CHANNEL_GONE if is_channel else EditResult.MESSAGE_GONE
        except discord.Forbidden as error:
            _log.warning("report.edit_refused", clip_id=case.clip_id, error=summarize_error(error))
            return EditResult.DONE if case.decision is not None else EditResult.CHANNEL_GONE
        except DISCORD_ERRORS as error:
            raise_if_transient(error)
            _log.warning("report.edit_refused", clip_id=case.clip_id, error=summarize_error(error))
        return EditResult.DONE

    async def delete_case(self, case: ReportCase) -> None:
        assert case.channel_id is not None
        assert case.message_id is not None
        channel = self._get_channel(case.channel_id, case.guild_id)
        try:
            await channel.get_partial_message(case.message_id).delete()
        except discord.NotFound:
            return
        except discord.HTTPException as error:
            raise_if_transient(error)
            reason = summarize_error(error)
            _log.warning("report.delete_refused", clip_id=case.clip_id, error=reason)

    async def send_notice(self, notice: ReportNotice, *, since: datetime) -> None:
        async with convert_discord_errors():
            server = self.client.get_guild(notice.guild_id)
            guild = server or await self.client.fetch_guild(notice.guild_id)
            user_id = guild.owner_id if notice.user_id is None else notice.user_id
            if user_id is None:
                return
            locale = notice.locale or await self.languages.find_locale(notice.guild_id)
            text = format_notice(notice, guild.name, locale)
            channel = await self.client.create_dm(discord.Object(user_id))
            known = await find_own_message(
                self.client, channel, after=since, matches=lambda sent: sent.content == text
            )
            if known is None:
                await channel.send(text, nonce=notice.nonce, suppress_embeds=True)

    def _get_channel(self, channel_id: int, guild_id: int) -> discord.PartialMessageable:
        return self.client.get_partial_messageable(channel_id, guild_id=guild_id)

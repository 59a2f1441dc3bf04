"""Takes the drafts that nobody chose out of their message.

Implements `bot.services.clips.draft_expiry.TakesMessages`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import discord
import structlog

from bot.discord.api_errors import DISCORD_ERRORS, raise_if_transient, summarize_error
from bot.domain.clips.clip import Clip
from bot.domain.clips.file_names import build_file_name
from bot.domain.jobs.job import Job
from bot.ui.takes_card import TakesCards

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordTakesMessages:
    client: discord.Client
    cards: TakesCards

    async def remove_drafts(self, first: Job, kept: Sequence[Clip]) -> None:
        origin, message_id = first.origin, first.posted_message_id
        if message_id is None or origin.user_install_reply is not None:
            return  # the token of a user install has expired by now
        channel = self.client.get_partial_messageable(origin.channel_id, guild_id=origin.guild_id)
        try:
            message = await channel.fetch_message(message_id)
            names = {build_file_name(clip): clip for clip in kept}
            files = [each for each in message.attachments if each.filename in names]
            shown = [names[each.filename] for each in files]
            view = self.cards.build_remainder(first, shown)
            await message.edit(
                view=view, attachments=files, allowed_mentions=discord.AllowedMentions.none()
            )
        except DISCORD_ERRORS as error:
            _log.info("drafts.edit_failed", job_id=first.id, error=summarize_error(error))
            raise_if_transient(error)

"""Takes the drafts that nobody chose out of their message.

Implements `bot.services.clips.draft_expiry.TakesMessages`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import discord
import structlog
from discord import ui

from bot.discord.api_errors import DISCORD_ERRORS, raise_if_transient, summarize_error
from bot.domain.clips.clip import Clip
from bot.domain.clips.file_names import build_file_name
from bot.domain.jobs.job import Job
from bot.ui.takes_card import TakesCards

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _PostedFile:
    """A file that a component shows, which discord.py has no attachment for."""

    id: int
    name: str

    def to_dict(self) -> dict[str, object]:
        """Return the part of an edit that keeps the file."""
        return {"id": self.id, "filename": self.name}


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
            posted = _find_files(message)
            shown = [clip for clip in kept if build_file_name(clip) in posted]
            files: Any = [posted[build_file_name(clip)] for clip in shown]
            view = self.cards.build_remainder(first, shown)
            await message.edit(
                view=view, attachments=files, allowed_mentions=discord.AllowedMentions.none()
            )
        except DISCORD_ERRORS as error:
            _log.info("drafts.edit_failed", job_id=first.id, error=summarize_error(error))
            raise_if_transient(error)


def _find_files(message: discord.Message) -> dict[str, _PostedFile]:
    """Return the files in a message by their names.

    Discord lists a file that a component shows only there.
    """
    view = ui.LayoutView.from_message(message, timeout=None)
    media = [
        item.media
        for gallery in view.walk_children()
        if isinstance(gallery, ui.MediaGallery)
        for item in gallery.items
    ]
    names = {each.attachment_id: urlsplit(each.url).path.rpartition("/")[2] for each in media}
    return {name: _PostedFile(number, name) for number, name in names.items() if number is not None}

"""The showcase channels of Discord: posts exhibits and digests, reads stars, deletes posts.

Works by REST with bare channel ids, as `bot.discord.job_messages` does and for the same reason: any process may
bring any row to its end. A post that was made but not recorded is recognised in the channel's
history by the number in its buttons.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import discord
import structlog
from discord import ui

from bot.discord.api_errors import (
    DISCORD_ERRORS,
    UNAVAILABLE_CHANNEL_CODES,
    UNKNOWN_MESSAGE_CODE,
    convert_discord_errors,
)
from bot.domain.clips.clip import Clip
from bot.domain.errors import DiscordUnavailable, FileTooLarge
from bot.domain.showcase.post import STAR_EMOJI, ShowcasePost, WeeklyDigest
from bot.ui.clip_card import build_file_name
from bot.ui.custom_ids import ButtonAction, find_button_number
from bot.ui.showcase_card import ShowcaseCards

_log: Final = structlog.get_logger(__name__)

_CLOCK_SKEW: Final = timedelta(minutes=2)
_UNAVAILABLE_CODES: Final = UNAVAILABLE_CHANNEL_CODES | {UNKNOWN_MESSAGE_CODE}


class DiscordShowcaseChannel:
    """`bot.domain.showcase.ports.Showroom` and `bot.domain.erasure.Posts` over discord.py."""

    def __init__(self, *, client: discord.Client, cards: ShowcaseCards, data_dir: Path) -> None:
        self._client = client
        self._cards = cards
        self._data_dir = data_dir

    async def publish(self, exhibit: ShowcasePost) -> int:
        """Post the exhibit with its video; a link to the clip's own post where that is too large.

        The post in the clip's channel was made to fit, so a large clip is seen there.
        """
        entry = exhibit.entry
        file = await self._open_file(entry.clip, exhibit)
        try:
            if file is not None:
                try:
                    return await self._send_message(
                        self._get_channel(exhibit),
                        self._cards.build_post_card(exhibit, with_file=True),
                        exhibit.post_nonce,
                        file,
                    )
                except FileTooLarge:
                    _log.info("exhibit without its file", clip=entry.clip.id)
            view = self._cards.build_post_card(exhibit, with_file=False)
            return await self._send_message(
                self._get_channel(exhibit), view, exhibit.post_nonce, None
            )
        finally:
            if file is not None:
                file.close()

    async def find_post(self, exhibit: ShowcasePost) -> int | None:
        """Look for the exhibit's card among the bot's messages of late."""
        return await self._find_in_history(
            self._get_channel(exhibit),
            since=exhibit.revision_at,
            matches=lambda message: (
                find_button_number(message, ButtonAction.WITHDRAW) == exhibit.id
            ),
        )

    async def refresh_post(self, exhibit: ShowcasePost) -> bool:
        """Edit the card; ``False`` when somebody has deleted it."""
        message_id = exhibit.entry.message_id
        assert message_id is not None
        message = self._get_channel(exhibit).get_partial_message(message_id)
        try:
            found = await message.fetch()
            view = self._cards.build_post_card(exhibit, with_file=_has_video(found))
            await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())
        except discord.NotFound:
            return False
        except discord.Forbidden as fault:
            _log.info("exhibit not renewed", exhibit=exhibit.id, code=fault.code)
        except DISCORD_ERRORS as fault:
            raise DiscordUnavailable("the exhibit could not be renewed") from fault
        return True

    async def fetch_creator_name(self, guild_id: int, user_id: int) -> str:
        """Return what a member is called in a server; a plain word where Discord does not say."""
        try:
            guild = self._client.get_guild(guild_id) or discord.Object(guild_id)
            if isinstance(guild, discord.Guild):
                return (await guild.fetch_member(user_id)).display_name
            return (await self._client.fetch_user(user_id)).display_name
        except DISCORD_ERRORS:
            return "?"

    async def unpublish(self, exhibit: ShowcasePost, message_id: int) -> None:
        """Delete the message."""
        assert exhibit.entry.channel_id is not None
        await self.delete_message(exhibit.entry.channel_id, message_id)

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete a message; one that is gone or out of reach is as good."""
        channel = self._client.get_partial_messageable(channel_id)
        try:
            await channel.get_partial_message(message_id).delete()
        except discord.NotFound:
            return
        except discord.Forbidden as fault:
            _log.info("message out of reach", channel=channel_id, code=fault.code)
        except DISCORD_ERRORS as fault:
            raise DiscordUnavailable("the message could not be deleted") from fault

    async def fetch_stars(self, channel_id: int, message_id: int) -> frozenset[int] | None:
        """Return the members, not bots, who star a message; ``None`` when there is none."""
        channel = self._client.get_partial_messageable(channel_id)
        try:
            message = await channel.fetch_message(message_id)
            for reaction in message.reactions:
                if is_star(reaction.emoji):
                    return frozenset([user.id async for user in reaction.users() if not user.bot])
        except discord.NotFound as fault:
            if fault.code == 10014:  # the last star went between the two questions
                return frozenset()
            return None
        except DISCORD_ERRORS as fault:
            raise DiscordUnavailable("the stars could not be read") from fault
        return frozenset()

    async def publish_digest(self, digest: WeeklyDigest) -> int:
        """Post a digest."""
        channel = self._client.get_partial_messageable(
            digest.channel_id, guild_id=digest.showcase_settings.guild_id
        )
        return await self._send_message(
            channel, self._cards.build_digest_card(digest), digest.post_nonce, None
        )

    async def refresh_digest(self, digest: WeeklyDigest, message_id: int) -> bool:
        """Edit a digest; ``False`` when somebody has deleted it."""
        channel = self._client.get_partial_messageable(digest.channel_id)
        try:
            await channel.get_partial_message(message_id).edit(
                view=self._cards.build_digest_card(digest),
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except discord.NotFound:
            return False
        except discord.Forbidden as fault:
            _log.info("digest not renewed", digest=digest.id, code=fault.code)
        except DISCORD_ERRORS as fault:
            raise DiscordUnavailable("the digest could not be renewed") from fault
        return True

    async def find_digest(self, digest: WeeklyDigest) -> int | None:
        """Look for the digest among the bot's messages since it was due."""
        channel = self._client.get_partial_messageable(
            digest.channel_id, guild_id=digest.showcase_settings.guild_id
        )
        return await self._find_in_history(
            channel,
            since=digest.due_at,
            matches=lambda message: find_button_number(message, ButtonAction.RANKING) == digest.id,
        )

    async def _send_message(
        self,
        channel: discord.PartialMessageable,
        view: ui.LayoutView,
        nonce: str,
        file: discord.File | None,
    ) -> int:
        async with convert_discord_errors():
            message = await channel.send(
                view=view, nonce=nonce, files=[] if file is None else [file]
            )
        return message.id

    async def _find_in_history(
        self,
        channel: discord.PartialMessageable,
        *,
        since: datetime,
        matches: Callable[[discord.Message], bool],
    ) -> int | None:
        me = self._client.user
        try:
            async for message in channel.history(limit=None, after=since - _CLOCK_SKEW):
                if (me is None or message.author.id == me.id) and matches(message):
                    return message.id
        except discord.NotFound:
            return None  # no channel, no post: posting will say so
        except discord.Forbidden as fault:
            if fault.code in _UNAVAILABLE_CODES:
                return None
            raise DiscordUnavailable("the channel's history may not be read") from fault
        except DISCORD_ERRORS as fault:
            raise DiscordUnavailable("the channel's history could not be read") from fault
        return None

    async def _open_file(self, clip: Clip, post: ShowcasePost) -> discord.File | None:
        guild = self._client.get_guild(post.entry.guild_id)
        if guild is not None and clip.size > guild.filesize_limit:
            return None
        path = self._data_dir / clip.path
        try:
            return await asyncio.to_thread(discord.File, path, build_file_name(clip))
        except OSError:  # kept for a time only; the clip's own post is linked
            return None

    def _get_channel(self, post: ShowcasePost) -> discord.PartialMessageable:
        channel_id = post.entry.channel_id
        assert channel_id is not None
        return self._client.get_partial_messageable(channel_id, guild_id=post.entry.guild_id)


def is_star(emoji: discord.PartialEmoji | discord.Emoji | str) -> bool:
    """Return whether an emoji is the star, with or without the mark that asks for colour."""
    return str(emoji).rstrip("\ufe0f") == STAR_EMOJI


def _has_video(message: discord.Message) -> bool:
    """Return whether a card was posted with its file; Discord lists no attachments with cards."""
    view = ui.LayoutView.from_message(message, timeout=None)
    return any(isinstance(item, ui.MediaGallery) for item in view.walk_children())

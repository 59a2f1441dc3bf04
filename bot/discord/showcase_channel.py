"""Showcase channels: posts, digests and stars, `bot.domain.ports.ShowcaseChannel` over discord.py.

It works by REST with bare channel ids, like `bot.discord.job_messages` and for the same reason:
any process may finish any post.
"""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Final

import discord
import structlog
from discord import ui

from bot.discord.api_errors import DISCORD_ERRORS, UNKNOWN_EMOJI_CODE, convert_discord_errors
from bot.discord.message_history import find_own_message
from bot.domain.clips.clip import Clip
from bot.domain.errors import DiscordUnavailable, FileTooLarge
from bot.domain.showcase.post import STAR_EMOJI, ShowcasePost, WeeklyDigest
from bot.ui.clip_card import build_file_name
from bot.ui.components import find_button_number
from bot.ui.custom_ids import ButtonAction
from bot.ui.showcase_card import ShowcaseCards

_log: Final = structlog.get_logger(__name__)


class DiscordShowcaseChannel:
    def __init__(self, *, client: discord.Client, cards: ShowcaseCards, data_dir: Path) -> None:
        self._client = client
        self._cards = cards
        self._data_dir = data_dir

    async def publish(self, post: ShowcasePost) -> int:
        """Post the card with its video, or without it if the file is missing or too large.

        Without the video the card links to the clip's own message, which holds one that fits.
        """
        channel, nonce = self._get_post_channel(post), post.post_nonce
        file = await self._open_file(post.entry.clip, post)
        try:
            if file is not None:
                try:
                    view = self._cards.build_post_card(post, with_file=True)
                    return await self._send_message(channel, view, nonce, file)
                except FileTooLarge:
                    _log.info("showcase_post.file_too_large", clip_id=post.entry.clip.id)
            view = self._cards.build_post_card(post, with_file=False)
            return await self._send_message(channel, view, nonce)
        finally:
            if file is not None:
                file.close()

    async def find_post(self, post: ShowcasePost) -> int | None:
        """Look for the post's card among the bot's messages since its revision."""
        return await find_own_message(
            self._client,
            self._get_post_channel(post),
            after=post.revision_at,
            matches=lambda message: find_button_number(message, ButtonAction.WITHDRAW) == post.id,
        )

    async def refresh_post(self, post: ShowcasePost) -> bool:
        """Edit the card; ``False`` if its message was deleted."""
        message_id = post.entry.message_id
        assert message_id is not None
        message = self._get_post_channel(post).get_partial_message(message_id)

        async def edit() -> None:
            has_video = _has_video(await message.fetch())
            view = self._cards.build_post_card(post, with_file=has_video)
            await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())

        return await _run_edit(edit(), "showcase_post.edit_refused", post_id=post.id)

    async def fetch_creator_name(self, guild_id: int, user_id: int) -> str:
        """Return a member's display name in a server; ``?`` if Discord does not tell."""
        try:
            guild = self._client.get_guild(guild_id)
            if guild is not None:
                return (await guild.fetch_member(user_id)).display_name
            return (await self._client.fetch_user(user_id)).display_name
        except DISCORD_ERRORS:
            return "?"

    async def unpublish(self, post: ShowcasePost, message_id: int) -> None:
        assert post.entry.channel_id is not None
        await self.delete_message(post.entry.channel_id, message_id)

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete a message; do nothing if it is gone or out of reach."""
        message = self._get_channel(channel_id).get_partial_message(message_id)
        await _run_edit(message.delete(), "message.delete_refused", channel_id=channel_id)

    async def fetch_stars(self, channel_id: int, message_id: int) -> frozenset[int] | None:
        """Return the members (no bots) who star a message; ``None`` if it does not exist."""
        try:
            message = await self._get_channel(channel_id).fetch_message(message_id)
            for reaction in message.reactions:
                if is_star(reaction.emoji):
                    return frozenset([user.id async for user in reaction.users() if not user.bot])
        except discord.NotFound as error:
            # the last star was removed between the two requests, or there is no message
            return frozenset() if error.code == UNKNOWN_EMOJI_CODE else None
        except DISCORD_ERRORS as error:
            raise DiscordUnavailable("the stars could not be read") from error
        return frozenset()

    async def publish_digest(self, digest: WeeklyDigest) -> int:
        view = self._cards.build_digest_card(digest)
        return await self._send_message(self._get_digest_channel(digest), view, digest.post_nonce)

    async def refresh_digest(self, digest: WeeklyDigest, message_id: int) -> bool:
        """Edit a digest; ``False`` if its message was deleted."""
        message = self._get_channel(digest.channel_id).get_partial_message(message_id)
        view = self._cards.build_digest_card(digest)
        edit = message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())
        return await _run_edit(edit, "digest.edit_refused", digest_id=digest.id)

    async def find_digest(self, digest: WeeklyDigest) -> int | None:
        return await find_own_message(
            self._client,
            self._get_digest_channel(digest),
            after=digest.due_at,
            matches=lambda message: find_button_number(message, ButtonAction.RANKING) == digest.id,
        )

    async def _send_message(
        self,
        channel: discord.PartialMessageable,
        view: ui.LayoutView,
        nonce: str,
        file: discord.File | None = None,
    ) -> int:
        files = [] if file is None else [file]
        async with convert_discord_errors():
            return (await channel.send(view=view, nonce=nonce, files=files)).id

    async def _open_file(self, clip: Clip, post: ShowcasePost) -> discord.File | None:
        guild = self._client.get_guild(post.entry.guild_id)
        if guild is not None and clip.size_bytes > guild.filesize_limit:
            return None
        path = self._data_dir / clip.path
        try:
            return await asyncio.to_thread(discord.File, path, build_file_name(clip))
        except OSError:  # originals are kept for a limited time
            return None

    def _get_channel(
        self, channel_id: int, guild_id: int | None = None
    ) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(channel_id, guild_id=guild_id)

    def _get_post_channel(self, post: ShowcasePost) -> discord.PartialMessageable:
        assert post.entry.channel_id is not None
        return self._get_channel(post.entry.channel_id, post.entry.guild_id)

    def _get_digest_channel(self, digest: WeeklyDigest) -> discord.PartialMessageable:
        return self._get_channel(digest.channel_id, digest.showcase_settings.guild_id)


async def _run_edit(edit: Awaitable[object], refusal_event: str, **facts: int) -> bool:
    """Return whether the message existed; log refusals. Raises `DiscordUnavailable`."""
    try:
        await edit
    except discord.NotFound:
        return False
    except discord.Forbidden as error:
        _log.info(refusal_event, code=error.code, **facts)
    except DISCORD_ERRORS as error:
        raise DiscordUnavailable("the message could not be changed") from error
    return True


def is_star(emoji: discord.PartialEmoji | discord.Emoji | str) -> bool:
    """Return whether an emoji is the star, with or without a variation selector."""
    return str(emoji).rstrip("\ufe0f") == STAR_EMOJI


def _has_video(message: discord.Message) -> bool:
    """Return whether a card has its video; Discord lists no attachments for such messages."""
    view = ui.LayoutView.from_message(message, timeout=None)
    return any(isinstance(item, ui.MediaGallery) for item in view.walk_children())

"""Posts, digests and stars in showcase channels.

Like `bot.discord.job_messages`, it only uses REST and channel ids, because any process may finish
any post.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

import discord
import structlog
from discord import ui

from bot.discord.api_errors import (
    DISCORD_ERRORS,
    EDIT_LIMIT_CODE,
    UNKNOWN_CHANNEL_CODE,
    UNKNOWN_EMOJI_CODE,
    convert_discord_errors,
    raise_if_transient,
    summarize_error,
    to_delivery_error,
)
from bot.discord.message_history import find_own_message
from bot.domain.clips.clip import Clip
from bot.domain.clips.file_names import build_file_name, build_file_stem
from bot.domain.clips.media_store import MediaFile, MediaStore
from bot.domain.errors import (
    ChannelUnavailable,
    DatabaseUnavailable,
    DiscordUnavailable,
    FileTooLarge,
)
from bot.domain.ports import EditResult
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.post import STAR_EMOJI, ShowcasePost, Star, WeeklyDigest
from bot.ui.components import find_button_number
from bot.ui.custom_ids import ButtonAction
from bot.ui.showcase_card import ShowcaseCards

_EDIT_LIMIT_WAIT_S: Final = 60.0
_STAR_TIMEOUT_S: Final = 5.0

_log: Final = structlog.get_logger(__name__)


class DiscordShowcaseChannel:
    """Implements `bot.domain.ports.ShowcaseChannel`.

    ``get_poster`` returns the thumbnail that is shown if a video is too large, and
    ``find_web_address`` the address of a post's page in the gallery, if it has one.
    """

    def __init__(
        self,
        *,
        client: discord.Client,
        cards: ShowcaseCards,
        media_store: MediaStore,
        get_poster: Callable[[Clip], Awaitable[MediaFile]],
        find_web_address: Callable[[ShowcasePost], Awaitable[str | None]],
    ) -> None:
        self._client = client
        self._cards = cards
        self._media_store = media_store
        self._get_poster = get_poster
        self._find_web_address = find_web_address

    def get_channels(self, guild_id: int) -> Mapping[int, bool] | None:
        """Return the ids of a server's channels and threads, and whether each is age-restricted."""
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return None
        channels = {channel.id: channel.is_nsfw() for channel in guild.channels}
        # A thread takes the restriction from its channel, so it is unknown without the channel.
        return channels | {
            thread.id: thread.is_nsfw() for thread in guild.threads if thread.parent is not None
        }

    async def publish(self, post: ShowcasePost) -> int:
        """Post the card with its video, or without it if the file is missing or too large.

        Without the video, the card links to the clip's own message, which has one that fits.
        """
        channel, nonce = self._get_post_channel(post), post.post_nonce
        file = await self._open_file(post.entry.clip, post.entry.guild_id)
        try:
            if file is not None:
                try:
                    view = await self._build_post_card(post, file.filename)
                    message = await self._send_message(channel, view, nonce, file)
                    return await _offer_star(message)
                except FileTooLarge:
                    _log.info("showcase_post.file_too_large", clip_id=post.entry.clip.id)
            view = await self._build_post_card(post, None)
            return await _offer_star(await self._send_message(channel, view, nonce))
        finally:
            if file is not None:
                file.close()

    async def _build_post_card(self, post: ShowcasePost, file_name: str | None) -> ui.LayoutView:
        address = None
        with suppress(DatabaseUnavailable):  # the card does not wait for it
            address = await self._find_web_address(post)
        return self._cards.build_post_card(post, file_name=file_name, web_address=address)

    async def find_post(self, post: ShowcasePost) -> int | None:
        """Look for the post's card in the bot's messages since its last revision."""
        return await find_own_message(
            self._client,
            self._get_post_channel(post),
            after=post.revision_at,
            matches=lambda message: find_button_number(message, ButtonAction.WITHDRAW) == post.id,
        )

    async def refresh_post(self, post: ShowcasePost) -> EditResult:
        message_id = post.entry.message_id
        assert message_id is not None
        partial_message = self._get_post_channel(post).get_partial_message(message_id)

        async def edit() -> None:
            message = await partial_message.fetch()
            # an older post's file may have another name than a new one would
            file_name = next(iter(_list_media_names(message)), None)
            view = await self._build_post_card(post, file_name)
            await partial_message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())
            await _offer_star(message)

        return await _run_edit(edit(), "showcase_post.edit_refused", post_id=post.id)

    async def fetch_creator_name(self, guild_id: int, user_id: int) -> str:
        """Return a member's display name in a server, or ``?`` if it cannot be read."""
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
        """Delete a message. Do nothing if it is gone or cannot be deleted."""
        message = self._get_channel(channel_id).get_partial_message(message_id)
        await _run_edit(message.delete(), "message.delete_refused", channel_id=channel_id)

    async def fetch_stars(self, channel_id: int, message_id: int) -> frozenset[Star] | None:
        """Return the stars of members (not bots) on a message; `None` if it does not exist."""
        try:
            message = await self._get_channel(channel_id).fetch_message(message_id)
            reaction = _find_star_reaction(message)
            if reaction is None:
                return frozenset()
            stars = {
                Star(user.id)
                async for user in reaction.users(limit=reaction.normal_count or reaction.count)
                if not user.bot
            }
            if reaction.burst_count:
                stars |= {
                    Star(user.id, is_super=True)
                    async for user in reaction.users(type=discord.ReactionType.burst)
                    if not user.bot
                }
            return frozenset(stars)
        except discord.NotFound as error:
            if error.code == UNKNOWN_CHANNEL_CODE:
                raise ChannelUnavailable("the channel is gone", is_gone=True) from error
            return None
        except DISCORD_ERRORS as error:
            if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_EMOJI_CODE:
                return frozenset()  # the last star was removed between the requests
            raise DiscordUnavailable("the stars could not be read") from error

    async def offer_star(self, channel_id: int, message_id: int) -> None:
        await _add_star(self._get_channel(channel_id).get_partial_message(message_id))

    async def publish_digest(self, digest: WeeklyDigest, *, mentions_winner: bool) -> int:
        """Post the digest with the winner's clip. It mentions at most the winner."""
        channel, winner = self._get_digest_channel(digest), digest.entries[0]
        winners = [discord.Object(winner.clip.user_id)] if mentions_winner else []
        mentioned = discord.AllowedMentions(everyone=False, roles=False, users=winners)
        for allows_video in (True, False):
            file = await self.open_clip_media(winner, winner.guild_id, allows_video=allows_video)
            try:
                view = self._cards.build_digest_card(
                    digest, None if file is None else file.filename
                )
                message = await self._send_message(
                    channel, view, digest.post_nonce, file, mentioned=mentioned
                )
            except FileTooLarge:
                _log.info("digest.file_too_large", clip_id=winner.clip.id)
            else:
                return message.id
            finally:
                if file is not None:
                    file.close()
        view = self._cards.build_digest_card(digest, None)
        message = await self._send_message(channel, view, digest.post_nonce, mentioned=mentioned)
        return message.id

    async def refresh_digest(self, digest: WeeklyDigest, message_id: int) -> EditResult:
        """Edit a digest, with the video of the clip that is first now."""
        partial_message = self._get_channel(digest.channel_id).get_partial_message(message_id)
        edit = self._edit_digest(partial_message, digest)
        return await _run_edit(edit, "digest.edit_refused", digest_id=digest.id)

    async def _edit_digest(self, message: discord.PartialMessage, digest: WeeklyDigest) -> None:
        first = digest.entries[0]
        shown = set(_list_media_names(await message.fetch()))
        name = next((each for each in _list_clip_media(first.clip) if each in shown), None)
        if name is not None:
            await message.edit(
                view=self._cards.build_digest_card(digest, name),
                allowed_mentions=discord.AllowedMentions.none(),
            )
            return
        file = await self.open_clip_media(first, first.guild_id)
        try:
            await message.edit(
                view=self._cards.build_digest_card(digest, None if file is None else file.filename),
                attachments=[] if file is None else [file],
                allowed_mentions=discord.AllowedMentions.none(),
            )
        finally:
            if file is not None:
                file.close()

    async def open_clip_media(
        self, entry: GalleryEntry, guild_id: int, *, allows_video: bool = True
    ) -> discord.File | None:
        """Return a clip's video, or its poster if the video is too large or missing, or `None`.

        The caller must close it.
        """
        file = await self._open_file(entry.clip, guild_id) if allows_video else None
        if file is not None:
            return file
        try:
            poster = await self._get_poster(entry.clip)
            _, name = _list_clip_media(entry.clip)
            return await self._open_key(poster.key, name)
        except (OSError, ValueError) as error:
            _log.info("poster.failed", clip_id=entry.clip.id, error=type(error).__name__)
            return None

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
        *,
        mentioned: discord.AllowedMentions | None = None,
    ) -> discord.Message:
        files = [] if file is None else [file]
        async with convert_discord_errors():
            return await channel.send(
                view=view,
                nonce=nonce,
                files=files,
                allowed_mentions=mentioned or discord.AllowedMentions.none(),
            )

    async def _open_file(self, clip: Clip, guild_id: int) -> discord.File | None:
        guild = self._client.get_guild(guild_id)
        if guild is not None and clip.size_bytes > guild.filesize_limit:
            return None
        try:
            return await self._open_key(clip.path, build_file_name(clip))
        except OSError:  # originals are kept for a limited time
            return None

    async def _open_key(self, key: str, name: str) -> discord.File:
        async with self._media_store.read(key) as path:  # an open file is readable after the block
            return await asyncio.to_thread(discord.File, path, name)

    def _get_channel(
        self, channel_id: int, guild_id: int | None = None
    ) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(channel_id, guild_id=guild_id)

    def _get_post_channel(self, post: ShowcasePost) -> discord.PartialMessageable:
        assert post.entry.channel_id is not None
        return self._get_channel(post.entry.channel_id, post.entry.guild_id)

    def _get_digest_channel(self, digest: WeeklyDigest) -> discord.PartialMessageable:
        return self._get_channel(digest.channel_id, digest.showcase_settings.guild_id)


def _list_clip_media(clip: Clip) -> tuple[str, str]:
    """Return the names under which a clip's video and its poster are attached."""
    return build_file_name(clip), f"{build_file_stem(clip)}-poster.jpg"


async def _run_edit(edit: Awaitable[object], refusal_event: str, **facts: int) -> EditResult:
    """Return the result of an edit or deletion, and log refusals. Raises `DiscordUnavailable`."""
    try:
        await edit
    except discord.NotFound as error:
        is_channel = error.code == UNKNOWN_CHANNEL_CODE
        return EditResult.CHANNEL_GONE if is_channel else EditResult.MESSAGE_GONE
    except discord.HTTPException as error:
        if error.code == EDIT_LIMIT_CODE:
            reason = "the message was edited too often"
            raise DiscordUnavailable(reason, retry_after_s=_EDIT_LIMIT_WAIT_S) from error
        raise_if_transient(error)
        # Discord would refuse every retry, too.
        _log.warning(refusal_event, status=error.status, code=error.code, **facts)
    except DISCORD_ERRORS as error:
        raise to_delivery_error(error) from error
    return EditResult.DONE


async def _offer_star(message: discord.Message) -> int:
    """Add the bot's own star to a post, so that one click votes. Return the message's id."""
    reaction = _find_star_reaction(message)
    if reaction is None or not reaction.me:
        await _add_star(message)
    return message.id


async def _add_star(message: discord.Message | discord.PartialMessage) -> None:
    try:
        async with asyncio.timeout(_STAR_TIMEOUT_S):
            await message.add_reaction(STAR_EMOJI)
    except (*DISCORD_ERRORS, TimeoutError) as error:
        _log.info("star.reaction_failed", message_id=message.id, error=summarize_error(error))


def _find_star_reaction(message: discord.Message) -> discord.Reaction | None:
    return next((each for each in message.reactions if is_star(each.emoji)), None)


def is_star(emoji: discord.PartialEmoji | discord.Emoji | str) -> bool:
    """Return whether ``emoji`` is the star, with or without a variation selector."""
    return str(emoji).rstrip("\ufe0f") == STAR_EMOJI


def _list_media_names(message: discord.Message) -> list[str]:
    """Return the names of the files in a card, for which Discord lists no attachments."""
    view = ui.LayoutView.from_message(message, timeout=None)
    return [
        PurePosixPath(urlsplit(media.media.url).path).name
        for item in view.walk_children()
        if isinstance(item, ui.MediaGallery)
        for media in item.items
    ]

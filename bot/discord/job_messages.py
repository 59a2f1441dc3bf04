"""Posts and edits the messages of jobs. Implements `bot.domain.jobs.job_messages.JobMessages`.

It only uses REST and channel ids, because any process may finish any job, even if the server is on
another process's shard. Two things prevent posting a clip twice: the job's nonce, which Discord
respects for some minutes, and `find_posted`, which finds the card by the job's number in its
buttons.

A mention of the requester is part of the post, or of the card that says why there is no clip,
because Discord does not notify anybody about edits. For a user install
(`bot.discord.user_install`) the job has only one message, which is edited until it shows the clip.
A failure to show a status never stops the job. The status is deleted after the clip was posted.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import discord
import structlog
from discord import ui

from bot.discord.api_errors import (
    DISCORD_ERRORS,
    EXPIRED_TOKEN_CODES,
    UNKNOWN_MESSAGE_CODE,
    convert_discord_errors,
    raise_if_transient,
    summarize_error,
    to_delivery_error,
)
from bot.discord.clip_files import open_attachments, open_picture
from bot.discord.displayed_statuses import DisplayedStatuses
from bot.discord.message_history import find_own_message
from bot.discord.permissions import find_missing_for_post
from bot.discord.price_display import PriceDisplay
from bot.discord.user_install import InteractionWebhooks
from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import MediaStore
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import ChannelUnavailable, DiscordUnavailable
from bot.domain.jobs.job import Job, JobState, Origin, UserInstallReply
from bot.domain.jobs.progress import JobProgress
from bot.domain.ports import Clock
from bot.ui.clip_card import ClipCards
from bot.ui.components import find_button_number
from bot.ui.custom_ids import ButtonAction

_log: Final = structlog.get_logger(__name__)

STATUS_TIMEOUT_S: Final = 10.0
"""Seconds that a job waits for its status message."""
_STATUS_SEARCH_LIMIT: Final = 200
"""How many messages after the request are searched for a lost status."""
_MINIMUM_BOOST_TIER: Final = 2
"""The boost tier from which a server's upload limit is above the default."""
_MINIMUM_SNOWFLAKE: Final = 1 << 40
"""All ids of messages and interactions are larger. Keys of other origins end in small numbers."""
_NONCE_LENGTH: Final = 25
"""Discord's maximum."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiscordJobMessages:
    """Implements `bot.domain.jobs.job_messages.JobMessages`, which documents the methods."""

    client: discord.Client
    cards: ClipCards
    media_store: MediaStore
    clock: Clock
    webhooks: InteractionWebhooks
    price_display: PriceDisplay
    _statuses: DisplayedStatuses = field(default_factory=DisplayedStatuses, init=False)

    async def show_status(self, progress: JobProgress) -> int | None:
        """Create or edit the status message, and skip edits that are too early or out of date."""
        job = progress.job
        status = self._statuses.get(job)
        message_id = job.status_message_id
        if (
            status.phase is None
            and job.state is JobState.POSTING
            and job.origin.user_install_reply is not None
        ):
            return message_id  # adopted from another process, so the clip may be there already
        if (
            status.closed
            or job.epoch < status.epoch
            or (
                message_id is not None
                and not status.is_edit_due(progress, now_s=self.clock.monotonic())
            )
        ):
            return message_id
        async with status.lock:
            try:
                async with (
                    asyncio.timeout(STATUS_TIMEOUT_S),
                    open_picture(progress.picture, media_store=self.media_store) as files,
                ):
                    if not files:  # there is none, or it was deleted meanwhile
                        progress = replace(progress, picture=None)
                    view = self.cards.build_status_card(progress)
                    if message_id is None:
                        message_id = await self._send_reply(job, view, job.nonce_for("s"), files)
                    else:
                        is_attached = bool(files) and progress.picture == status.picture
                        await self._edit_status(
                            job, message_id, view, files=None if is_attached else files
                        )
            except (*DISCORD_ERRORS, ChannelUnavailable) as error:
                _log.info("status_message.failed", job_id=job.id, error=summarize_error(error))
                status.may_be_lost |= message_id is None
                return None
            status.record(progress, now_s=self.clock.monotonic())
            return message_id

    def reported_limit(self, origin: Origin) -> int | None:
        """Return the upload limit of the interaction, or else of the server's boost tier.

        For lower tiers, discord.py's value is out of date, so it is not used.
        """
        if origin.upload_limit is not None or origin.guild_id is None:
            return origin.upload_limit
        guild = self.client.get_guild(origin.guild_id)
        if guild is None or guild.premium_tier < _MINIMUM_BOOST_TIER:
            return None
        return guild.filesize_limit

    async def post_clips(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        *,
        may_send: Callable[[], None],
        is_mentioned: bool = False,
        takes: Sequence[Job] = (),
    ) -> int:
        """Post the clips as one message. Also raises `RecordNotFound` if a file is missing."""
        if takes:
            view = self.cards.takes_cards.build_choice(takes, uploads, self.clock.now())
        else:
            with_price = await self.price_display.is_shown(job, job.origin)
            view = self.cards.build_clip_card(job, uploads, self.clock.now(), with_price=with_price)
        reply = job.origin.user_install_reply
        if reply is not None:
            # A late status must not replace the clip.
            async with self._close_after_edits(job):
                return await self._post_into_reply(reply, view, uploads, may_send)
        async with (
            self._open_files(uploads, may_send) as files,
            self._name_missing_permissions(job),
            convert_discord_errors(),
        ):
            may_send()
            return await self._send_reply(
                job, view, job.post_nonce, files, is_mentioned=is_mentioned
            )

    async def repost_clips(
        self, job: Job, uploads: Sequence[PreparedUpload], origin: Origin
    ) -> int:
        """Post finished clips again in the place of ``origin``. Raises as `post_clips` does."""
        locale = origin.guild_locale or origin.locale
        with_price = await self.price_display.is_shown(job, origin)
        view = self.cards.build_clip_card(
            job, uploads, self.clock.now(), locale, with_price=with_price
        )
        if origin.user_install_reply is not None:
            return await self._post_into_reply(origin.user_install_reply, view, uploads)
        channel = self.client.get_partial_messageable(origin.channel_id, guild_id=origin.guild_id)
        nonce = f"g{origin.dedupe_key.rpartition(':')[2]}"[:_NONCE_LENGTH]
        async with self._open_files(uploads) as files, convert_discord_errors():
            message = await channel.send(view=view, files=files, nonce=nonce)
        return message.id

    async def delete_job_messages(self, job: Job) -> None:
        """Delete the clip's post and the status."""
        for message_id in {job.posted_message_id, job.status_message_id} - {None}:
            assert message_id is not None
            await self._delete_message(job, message_id)

    async def find_posted(self, job: Job) -> int | None:
        """Look for the job's card in the bot's messages since the request.

        For a user install, raises `ChannelUnavailable` if the reply was deleted, because a
        follow-up that may have replaced it cannot be found.
        """

        def matches(message: discord.Message) -> bool:
            return find_button_number(message, ButtonAction.DETAILS) == job.id

        reply = job.origin.user_install_reply
        if reply is None:
            return await self._find_message(job, matches)
        try:
            message = await self._get_webhook(reply).fetch_message(reply.message_id)
        except discord.NotFound as error:
            raise ChannelUnavailable("the reply was deleted") from error
        except DISCORD_ERRORS as error:
            raise to_delivery_error(error) from error
        return message.id if matches(message) else None

    async def announce_outcome(
        self,
        job: Job,
        clips: Sequence[Clip],
        *,
        is_mentioned: bool,
        search_first: bool,
        takes: Sequence[Job] = (),
    ) -> int | None:
        """Show how the job ended. Without a mention, the status is edited if possible."""
        async with self._close_after_edits(job):
            try:
                if not is_mentioned and await self._try_edit_status(job, clips, takes):
                    return job.status_message_id
                card_id = await self._find_outcome_card(job) if search_first else None
                if card_id is None:
                    view = self.cards.build_outcome_card(job, clips, takes)
                    nonce = job.nonce_for("t")
                    card_id = await self._send_reply(job, view, nonce, is_mentioned=is_mentioned)
            except (*DISCORD_ERRORS, ChannelUnavailable) as error:
                _log.info("outcome.post_failed", job_id=job.id, error=summarize_error(error))
                if not isinstance(error, ChannelUnavailable):
                    raise_if_transient(error)
                if is_mentioned:  # an edit may be allowed even if a new message is not
                    with suppress(*DISCORD_ERRORS, ChannelUnavailable):
                        await self._try_edit_status(job, clips, takes)
                return None
            if job.status_message_id is not None and job.status_message_id != card_id:
                await self._delete_message(job, job.status_message_id)
            return card_id

    async def send_direct_notice(
        self,
        job: Job,
        clips: Sequence[Clip],
        *,
        search_first: bool,
        takes: Sequence[Job] = (),
    ) -> bool:
        """Send a direct message to the requester."""
        view = self.cards.build_direct_notice(job, clips, takes)

        def is_notice(message: discord.Message) -> bool:
            actions = (ButtonAction.DETAILS, ButtonAction.DELETE)
            return job.id in [find_button_number(message, action) for action in actions]

        try:
            channel = await self.client.create_dm(discord.Object(job.origin.user_id))
            if search_first and await find_own_message(
                self.client,
                channel,
                after=job.finished_at or job.created_at,
                matches=is_notice,
            ):
                return True
            await channel.send(view=view, nonce=job.nonce_for("d"))
        except DISCORD_ERRORS as error:
            _log.info("requester.dm_failed", job_id=job.id, error=summarize_error(error))
            raise_if_transient(error)
            return False
        return True

    async def remove_status(self, job: Job, *, search_first: bool) -> None:
        """Delete the status. For a user install, the clip has already replaced it."""
        if job.origin.user_install_reply is not None:
            return
        status = self._statuses.get(job)
        async with self._close_after_edits(job):
            if job.status_message_id is not None and job.status_message_id != job.posted_message_id:
                await self._delete_message(job, job.status_message_id)
            if search_first or status.may_be_lost:
                await self._delete_lost_status(job)

    async def _delete_lost_status(self, job: Job) -> None:
        """Try to find and delete a status that was sent but whose id was not stored."""

        def is_status(message: discord.Message) -> bool:
            return find_button_number(message, ButtonAction.CANCEL) == job.id

        # The status was sent before the submit, so search from the job's creation.
        unsubmitted = replace(job, submitted_at=None)
        try:
            message_id = await self._find_message(
                unsubmitted, is_status, limit=_STATUS_SEARCH_LIMIT
            )
            if message_id is not None:
                await self._delete_message(job, message_id)
        except DiscordUnavailable as error:
            _log.info("status_message.search_failed", job_id=job.id, error=str(error))

    async def _find_outcome_card(self, job: Job) -> int | None:
        """Look for the card that says how the job ended, without the job's status message."""

        def is_outcome_card(message: discord.Message) -> bool:
            return (
                message.id != job.status_message_id
                and find_button_number(message, ButtonAction.DELETE) == job.id
                and find_button_number(message, ButtonAction.DETAILS) is None
            )

        return await self._find_message(job, is_outcome_card)

    async def _find_message(
        self, job: Job, matches: Callable[[discord.Message], bool], *, limit: int | None = None
    ) -> int | None:
        known_ids = (job.status_message_id, job.origin.request_message_id)
        return await find_own_message(
            self.client,
            self._get_channel(job),
            after=_find_history_start(job),
            matches=matches,
            known_message_ids=[known for known in known_ids if known is not None],
            limit=limit,
        )

    async def _delete_message(self, job: Job, message_id: int) -> None:
        """Delete a message of the job if possible. Raises `DiscordUnavailable`."""
        try:
            if job.origin.user_install_reply is not None:
                await self._get_webhook(job.origin.user_install_reply).delete_message(message_id)
            else:
                await self._get_message(job, message_id).delete()
        except discord.NotFound:
            return
        except (*DISCORD_ERRORS, ChannelUnavailable) as error:
            _log.info("message.delete_failed", job_id=job.id, error=summarize_error(error))
            if not isinstance(error, ChannelUnavailable):
                raise_if_transient(error)

    async def _send_reply(
        self,
        job: Job,
        view: ui.LayoutView,
        nonce: str,
        files: Sequence[discord.File] = (),
        *,
        is_mentioned: bool = False,
    ) -> int:
        """Send a message to the job's channel, as a reply if the request was a message.

        With ``is_mentioned``, only the requester is notified, whose mention is in ``view``.
        """
        reference = None
        if job.origin.request_message_id is not None:
            reference = discord.MessageReference(
                message_id=job.origin.request_message_id,
                channel_id=job.origin.channel_id,
                guild_id=job.origin.guild_id,
                fail_if_not_exists=False,
            )
        mentioned = discord.AllowedMentions.none()
        if is_mentioned:
            mentioned.users = [discord.Object(job.origin.user_id)]
        message = await self._get_channel(job).send(
            view=view,
            files=files,
            nonce=nonce,
            reference=reference,  # type: ignore[arg-type]  # None is accepted
            allowed_mentions=mentioned,
            mention_author=False,
        )
        return message.id

    async def _edit_status(
        self,
        job: Job,
        message_id: int,
        view: ui.LayoutView,
        *,
        files: Sequence[discord.File] | None = (),
    ) -> None:
        """Edit a status; with `None` it keeps its files, otherwise it has only ``files``.

        Raises `ChannelUnavailable` if a user install's token has expired.
        """
        attachments: Any = discord.utils.MISSING if files is None else files
        if job.origin.user_install_reply is not None:
            webhook = self._get_webhook(job.origin.user_install_reply)
            await webhook.edit_message(message_id, view=view, attachments=attachments)
            return
        message = self._get_message(job, message_id)
        await message.edit(
            view=view, attachments=attachments, allowed_mentions=discord.AllowedMentions.none()
        )

    async def _try_edit_status(self, job: Job, clips: Sequence[Clip], takes: Sequence[Job]) -> bool:
        """Turn the status into the outcome. Return `False` if there is none or it was deleted.

        Raises `ChannelUnavailable` instead for a user install, which has no other message.
        """
        if job.status_message_id is None:
            return False
        try:
            view = self.cards.build_outcome_card(job, clips, takes)
            await self._edit_status(job, job.status_message_id, view)
        except discord.NotFound as error:
            if job.origin.user_install_reply is not None:
                raise ChannelUnavailable("the reply was deleted") from error
            return False
        except discord.HTTPException as error:
            if error.code in EXPIRED_TOKEN_CODES:
                raise ChannelUnavailable("the interaction's token has expired") from error
            raise
        return True

    async def _post_into_reply(
        self,
        reply: UserInstallReply,
        view: ui.LayoutView,
        uploads: Sequence[PreparedUpload],
        may_send: Callable[[], None] | None = None,
    ) -> int:
        """Edit the clips into a user install's reply, or send a follow-up if it was deleted."""
        webhook = self._get_webhook(reply)
        async with convert_discord_errors():
            try:
                async with self._open_files(uploads, may_send) as files:
                    if may_send is not None:
                        may_send()
                    await webhook.edit_message(reply.message_id, view=view, attachments=files)
                return reply.message_id
            except discord.NotFound as error:
                if error.code != UNKNOWN_MESSAGE_CODE:
                    raise
            async with self._open_files(uploads, may_send) as files:
                if may_send is not None:
                    may_send()
                message = await webhook.send(view=view, files=files, wait=True)
            return message.id

    @asynccontextmanager
    async def _name_missing_permissions(self, job: Job) -> AsyncIterator[None]:
        """Add the missing permissions to a refusal, because Discord does not name them."""
        try:
            yield
        except ChannelUnavailable as error:
            origin = job.origin
            if not error.missing:
                missing = find_missing_for_post(
                    self.client, guild_id=origin.guild_id, channel_id=origin.channel_id
                )
                error.missing = tuple(missing)
            raise

    @asynccontextmanager
    async def _close_after_edits(self, job: Job) -> AsyncIterator[None]:
        """Stop further edits of the status, and wait for a running one before the body."""
        status = self._statuses.get(job)
        status.closed = True
        async with status.lock:
            yield

    def _open_files(
        self, uploads: Sequence[PreparedUpload], may_send: Callable[[], None] | None = None
    ) -> AbstractAsyncContextManager[list[discord.File]]:
        return open_attachments(uploads, media_store=self.media_store, may_send=may_send)

    def _get_channel(self, job: Job) -> discord.PartialMessageable:
        origin = job.origin
        return self.client.get_partial_messageable(origin.channel_id, guild_id=origin.guild_id)

    def _get_message(self, job: Job, message_id: int) -> discord.PartialMessage:
        return self._get_channel(job).get_partial_message(message_id)

    def _get_webhook(self, reply: UserInstallReply) -> discord.Webhook:
        return self.webhooks.get_webhook(reply, self.clock.now())


def _find_history_start(job: Job) -> discord.Object | datetime:
    """Return a message or time that is before the job's post, by Discord's clock if possible.

    The status message does not qualify, because after a crash a new one may be sent after the post.
    """
    request_id = job.origin.request_message_id
    key_number = job.origin.dedupe_key.rpartition(":")[2]
    if request_id is None and key_number.isdecimal() and int(key_number) >= _MINIMUM_SNOWFLAKE:
        request_id = int(key_number)
    if request_id is not None:
        return discord.Object(request_id)
    return job.submitted_at or job.created_at

"""Posts and edits the messages of jobs: `bot.domain.ports.JobMessages` over discord.py.

It works by REST with bare channel ids, because any process may finish any job, even one whose
server is on another process's shard. Two things keep a clip from being posted twice: the job's
nonce, which Discord honours for some minutes, and `find_posted`, which recognises the card by the
job's number on its buttons. For a user install (`bot.discord.user_install`) the job's only
message is edited from the first status to the clip. Status messages are best effort: whatever
happens to them, the job goes on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

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
from bot.discord.clip_files import open_attachments
from bot.discord.message_history import find_own_message
from bot.discord.user_install import InteractionWebhooks
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import ChannelUnavailable
from bot.domain.jobs.job import Job, JobState, Origin, Outcome, UserInstallReply
from bot.domain.ports import Clock, JobProgress
from bot.ui.clip_card import ClipCards
from bot.ui.components import find_button_number
from bot.ui.custom_ids import ButtonAction

_log: Final = structlog.get_logger(__name__)

STATUS_EDIT_INTERVAL_S: Final = 5.0
"""Seconds between two edits of a status while the job's state stays the same."""
STATUS_TIMEOUT_S: Final = 10.0
"""Seconds that a job waits for its status message."""
_MAXIMUM_STATUS_STATES: Final = 4096
_MINIMUM_BOOST_TIER: Final = 2
"""The boost tier from which a server's upload limit is above the default."""
_MINIMUM_SNOWFLAKE: Final = 1 << 40
"""Every id of a message or interaction is larger; keys of other origins end in small numbers."""
_NONCE_LENGTH: Final = 25
"""Discord's maximum."""


@dataclass(slots=True)
class _StatusState:
    """What a job's status message last showed, and a lock for editing it.

    Progress of an epoch before ``shown_epoch`` is out of date. ``closed`` follows the last edit.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    shown_epoch: int = -1
    shown_state: JobState | None = None
    edited_at: float = float("-inf")
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiscordJobMessages:
    client: discord.Client
    cards: ClipCards
    data_dir: Path
    clock: Clock
    webhooks: InteractionWebhooks
    _status_states: OrderedDict[int, _StatusState] = field(default_factory=OrderedDict, init=False)

    async def show_status(self, progress: JobProgress) -> int | None:
        """Create or edit the status message; drop edits that come too soon or too late."""
        job = progress.job
        status = self._get_status_state(job)
        message_id = job.status_message_id
        if (
            status.shown_state is None
            and job.state is JobState.POSTING
            and job.origin.user_install_reply is not None
        ):
            return message_id  # adopted from another process: the clip may be there already
        if (
            status.closed
            or job.epoch < status.shown_epoch
            or (message_id is not None and not self._is_edit_due(status, job))
        ):
            return message_id
        async with status.lock:
            try:
                async with asyncio.timeout(STATUS_TIMEOUT_S):
                    view = self.cards.build_status_card(progress)
                    if message_id is None:
                        target, nonce = job.origin.request_message_id, job.nonce_for("s")
                        message_id = await self._send_reply(job, target, view, nonce)
                    else:
                        await self._edit_status(job, message_id, view)
            except (*DISCORD_ERRORS, ChannelUnavailable) as error:
                _log.info("status_message.failed", job_id=job.id, error=summarize_error(error))
                return None
            status.shown_state, status.edited_at = job.state, self.clock.monotonic()
            status.shown_epoch = job.epoch
            return message_id

    def reported_limit(self, origin: Origin) -> int | None:
        """Return the limit that came with the interaction, else that of the server's boosts.

        discord.py's own value for servers without boosts is out of date, so it is not used.
        """
        if origin.upload_limit is not None or origin.guild_id is None:
            return origin.upload_limit
        guild = self.client.get_guild(origin.guild_id)
        if guild is None or guild.premium_tier < _MINIMUM_BOOST_TIER:
            return None
        return guild.filesize_limit

    async def post_clips(
        self, job: Job, uploads: Sequence[PreparedUpload], *, may_send: Callable[[], None]
    ) -> int:
        """Post the clips as one message; see the port. Raises `RecordNotFound` for a lost file."""
        view = self.cards.build_clip_card(job, uploads, self.clock.now())
        reply = job.origin.user_install_reply
        if reply is not None:
            async with self._close_after_edits(job):  # a late status must not replace the clip
                return await self._post_into_reply(reply, view, uploads, may_send)
        target = job.origin.request_message_id or job.status_message_id
        async with self._open_files(uploads, may_send) as files, convert_discord_errors():
            may_send()
            return await self._send_reply(job, target, view, job.post_nonce, files)

    async def repost_clips(
        self, job: Job, uploads: Sequence[PreparedUpload], origin: Origin
    ) -> int:
        """Post finished clips again, where ``origin`` asked for them; raises as `post_clips`."""
        locale = origin.guild_locale or origin.locale
        view = self.cards.build_clip_card(job, uploads, self.clock.now(), locale)
        if origin.user_install_reply is not None:
            return await self._post_into_reply(origin.user_install_reply, view, uploads)
        channel = self.client.get_partial_messageable(origin.channel_id, guild_id=origin.guild_id)
        nonce = f"g{origin.dedupe_key.rpartition(':')[2]}"[:_NONCE_LENGTH]
        async with self._open_files(uploads) as files, convert_discord_errors():
            message = await channel.send(view=view, files=files, nonce=nonce)
        return message.id

    async def delete_clip_post(self, job: Job) -> None:
        """Delete the message with a job's clips, if there is one. Best effort."""
        if job.posted_message_id is None:
            return
        try:
            if job.origin.user_install_reply is not None:
                webhook = self._get_webhook(job.origin.user_install_reply)
                await webhook.delete_message(job.posted_message_id)
            else:
                await self._get_message(job, job.posted_message_id).delete()
        except discord.NotFound:
            return
        except (*DISCORD_ERRORS, ChannelUnavailable) as error:
            _log.warning("clip_post.delete_failed", job_id=job.id, error=summarize_error(error))

    async def find_posted(self, job: Job) -> int | None:
        """Look for the job's card among the bot's messages since the request.

        For a user install, raises `ChannelUnavailable` if the reply was deleted: a new message
        may or may not have been sent instead, and nothing lists those.
        """

        def matches(message: discord.Message) -> bool:
            return find_button_number(message, ButtonAction.DETAILS) == job.id

        reply = job.origin.user_install_reply
        if reply is None:
            known_ids = (job.status_message_id, job.origin.request_message_id)
            return await find_own_message(
                self.client,
                self._get_channel(job),
                after=_find_history_start(job),
                matches=matches,
                known_message_ids=[known for known in known_ids if known is not None],
            )
        try:
            message = await self._get_webhook(reply).fetch_message(reply.message_id)
        except discord.NotFound as error:
            raise ChannelUnavailable("the reply was deleted") from error
        except DISCORD_ERRORS as error:
            raise to_delivery_error(error) from error
        return message.id if matches(message) else None

    async def notify_requester(self, job: Job) -> None:
        """Tell how the job ended: in its status message, else in a new one, else in a DM.

        Raises `DiscordUnavailable` if another try may succeed; a refusal is logged.
        """
        view = self.cards.build_outcome_card(job)
        async with self._close_after_edits(job):
            try:
                if not await self._try_edit_status(job, view):
                    target = job.origin.request_message_id
                    await self._send_reply(job, target, view, job.nonce_for("t"))
            except (*DISCORD_ERRORS, ChannelUnavailable) as error:
                _log.info("outcome.post_failed", job_id=job.id, error=summarize_error(error))
                if not isinstance(error, ChannelUnavailable):
                    raise_if_transient(error)
                await self._notify_by_dm(job)

    async def close_status(self, job: Job) -> None:
        """Delete a status that replied to a member's message; cut any other to one line."""
        if job.status_message_id is None or job.status_message_id == job.posted_message_id:
            return  # there is none, or the clip has replaced it
        async with self._close_after_edits(job):
            try:
                if job.origin.request_message_id is not None:
                    await self._get_message(job, job.status_message_id).delete()
                else:
                    view = self.cards.build_closed_status_card(job)
                    await self._edit_status(job, job.status_message_id, view)
            except DISCORD_ERRORS as error:
                reason = summarize_error(error)
                _log.info("status_message.close_failed", job_id=job.id, error=reason)

    async def _send_reply(
        self,
        job: Job,
        target_id: int | None,
        view: ui.LayoutView,
        nonce: str,
        files: Sequence[discord.File] = (),
    ) -> int:
        """Send a message to the job's channel, as a reply to ``target_id`` if that still exists."""
        reference = None
        if target_id is not None:
            reference = discord.MessageReference(
                message_id=target_id,
                channel_id=job.origin.channel_id,
                guild_id=job.origin.guild_id,
                fail_if_not_exists=False,
            )
        message = await self._get_channel(job).send(
            view=view,
            files=files,
            nonce=nonce,
            reference=reference,  # type: ignore[arg-type]  # None is accepted
            mention_author=False,
        )
        return message.id

    async def _edit_status(self, job: Job, message_id: int, view: ui.LayoutView) -> None:
        """Edit a status. Raises `ChannelUnavailable` once a user install's token has expired."""
        if job.origin.user_install_reply is not None:
            webhook = self._get_webhook(job.origin.user_install_reply)
            await webhook.edit_message(message_id, view=view)
            return
        message = self._get_message(job, message_id)
        await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())

    async def _try_edit_status(self, job: Job, view: ui.LayoutView) -> bool:
        """Edit the status; return ``False`` if there is none or it was deleted.

        Raises `ChannelUnavailable` for a user install, which has no other message.
        """
        if job.status_message_id is None:
            return False
        try:
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
        """Edit the clips into the reply of a user install; send a new one if it was deleted."""
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

    async def _notify_by_dm(self, job: Job) -> None:
        if job.outcome is Outcome.CANCELLED:
            return
        try:
            user = await self.client.create_dm(discord.Object(job.origin.user_id))
            await user.send(view=self.cards.build_outcome_card(job), nonce=job.nonce_for("d"))
        except DISCORD_ERRORS as error:
            _log.info("requester.dm_failed", job_id=job.id, error=summarize_error(error))
            raise_if_transient(error)

    @asynccontextmanager
    async def _close_after_edits(self, job: Job) -> AsyncIterator[None]:
        """Wait for a running edit of the status, and allow none after the body."""
        status = self._get_status_state(job)
        status.closed = True
        async with status.lock:
            yield

    def _open_files(
        self, uploads: Sequence[PreparedUpload], may_send: Callable[[], None] | None = None
    ) -> AbstractAsyncContextManager[list[discord.File]]:
        return open_attachments(uploads, data_dir=self.data_dir, may_send=may_send)

    def _get_channel(self, job: Job) -> discord.PartialMessageable:
        origin = job.origin
        return self.client.get_partial_messageable(origin.channel_id, guild_id=origin.guild_id)

    def _get_message(self, job: Job, message_id: int) -> discord.PartialMessage:
        return self._get_channel(job).get_partial_message(message_id)

    def _get_webhook(self, reply: UserInstallReply) -> discord.Webhook:
        return self.webhooks.get_webhook(reply, self.clock.now())

    def _is_edit_due(self, status: _StatusState, job: Job) -> bool:
        if status.lock.locked():
            return False
        return (
            status.shown_state is not job.state
            or self.clock.monotonic() - status.edited_at >= STATUS_EDIT_INTERVAL_S
            or job.cancel_requested
        )

    def _get_status_state(self, job: Job) -> _StatusState:
        status = self._status_states.get(job.id)
        if status is None:
            status = self._status_states[job.id] = _StatusState()
            if len(self._status_states) > _MAXIMUM_STATUS_STATES:
                self._status_states.popitem(last=False)
        return status


def _find_history_start(job: Job) -> discord.Object | datetime:
    """Return a point that is certainly before the job's post, by Discord's clock if possible.

    The status message is no such point: after a crash it may be sent anew, later than the post.
    """
    request_id = job.origin.request_message_id
    key_number = job.origin.dedupe_key.rpartition(":")[2]
    if request_id is None and key_number.isdecimal() and int(key_number) >= _MINIMUM_SNOWFLAKE:
        request_id = int(key_number)
    if request_id is not None:
        return discord.Object(request_id)
    return job.submitted_at or job.created_at

"""Posts and edits the messages of jobs: the Discord side of the `Delivery` port.

It works by REST with bare channel ids, because any process may finish any job, also one whose
guild hangs on another process's shard. A clip's post is guarded twice against a repeat: by the
job's nonce, which Discord honours for some minutes, and by `find_posted`, which recognises the
card in the channel's history by the job's number in its buttons. Where the bot is no member
(`bot.discord.user_install`) a job's one message is edited from its first status to the clip. Status messages are
best effort: whatever Discord does to them, a job goes on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final

import discord
import structlog
from discord import ui

from bot.discord.api_errors import (
    DISCORD_ERRORS,
    EXPIRED_TOKEN_CODES,
    UNAVAILABLE_CHANNEL_CODES,
    UNKNOWN_MESSAGE_CODE,
    convert_discord_errors,
    raise_if_transient,
    summarize_error,
    to_delivery_error,
)
from bot.discord.user_install import InteractionWebhooks
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import ChannelUnavailable, DiscordUnavailable, RecordNotFound
from bot.domain.jobs.job import Job, JobState, Origin, Outcome, UserInstallReply
from bot.domain.ports import Clock, JobProgress
from bot.ui.clip_card import ClipCards, list_attachments
from bot.ui.custom_ids import ButtonAction, find_button_number

_log: Final = structlog.get_logger(__name__)

STATUS_EDIT_INTERVAL_S: Final = 5.0
"""Seconds between two edits of a status while the job's state stays the same."""
STATUS_TIMEOUT_S: Final = 10.0
"""Seconds that a status message may keep its job waiting."""
_CLOCK_SKEW: Final = timedelta(minutes=2)
"""How far our clock and Discord's may differ when the history is searched."""
_MAXIMUM_STATUS_STATES: Final = 4096
_MINIMUM_BOOST_TIER: Final = 2
"""The boost tier from which a server may send larger files than the default."""
_MINIMUM_SNOWFLAKE: Final = 1 << 40
"""Discord's numbers have been larger since its first hours."""


@dataclass(slots=True)
class _StatusState:
    """One job's status message: who is editing it, and what it last said.

    ``epoch`` is the job's when it was last shown: what was known before is late news.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    shown_epoch: int = -1
    shown_state: JobState | None = None
    edited_at: float = float("-inf")
    closed: bool = False


class DiscordJobMessages:
    """`bot.domain.ports.Delivery` over discord.py."""

    def __init__(
        self,
        *,
        client: discord.Client,
        cards: ClipCards,
        data_dir: Path,
        clock: Clock,
        webhooks: InteractionWebhooks,
    ) -> None:
        self._client = client
        self._webhooks = webhooks
        self._cards = cards
        self._data_dir = data_dir
        self._clock = clock
        self._status_states: OrderedDict[int, _StatusState] = OrderedDict()

    async def show_status(self, progress: JobProgress) -> int | None:
        """Create or edit the status message; an edit that comes too soon or too late is dropped."""
        job = progress.job
        lane = self._get_status_state(job)
        known = job.status_message_id
        if (
            lane.shown_state is None
            and job.state is JobState.POSTING
            and job.origin.user_install_reply is not None
        ):
            return known  # taken over from another process: the clip may stand there already
        if (
            lane.closed
            or job.epoch < lane.shown_epoch
            or (known is not None and (lane.lock.locked() or not self._is_edit_due(lane, job)))
        ):
            return known
        async with lane.lock:
            try:
                async with asyncio.timeout(STATUS_TIMEOUT_S):
                    view = self._cards.build_status_card(progress)
                    if known is None:
                        known = await self._send_status(job, view)
                    else:
                        await self._edit_status(job, known, view)
            except (*DISCORD_ERRORS, ChannelUnavailable) as fault:
                _log.info("status message not shown", job_id=job.id, error=summarize_error(fault))
                return None
            lane.shown_state, lane.edited_at = job.state, self._clock.monotonic()
            lane.shown_epoch = job.epoch
            return known

    def reported_limit(self, origin: Origin) -> int | None:
        """Return what Discord said with the interaction, else what the server's boosts give.

        discord.py's own figure for servers without boosts is out of date, so it is not asked.
        """
        if origin.upload_limit is not None or origin.guild_id is None:
            return origin.upload_limit
        guild = self._client.get_guild(origin.guild_id)
        if guild is None or guild.premium_tier < _MINIMUM_BOOST_TIER:
            return None
        return guild.filesize_limit

    async def post_clips(
        self, job: Job, uploads: Sequence[PreparedUpload], *, may_send: Callable[[], None]
    ) -> int:
        """Post the clips as one message, streamed from their files, and return its id.

        Raises `NotFound` where a file is gone, beside what the port says.
        """
        view = self._cards.build_clip_card(job, uploads, self._clock.now())
        if job.origin.user_install_reply is not None:
            async with self._close_after_edits(job):  # a late status must not take the clip's place
                return await self._post_into_reply(
                    job.origin.user_install_reply, view, uploads, may_send
                )
        target = job.origin.request_message_id or job.status_message_id
        async with self._open_files(uploads, may_send) as files, convert_discord_errors():
            may_send()
            message = await self._get_channel(job).send(
                view=view,
                files=files,
                nonce=job.post_nonce,
                reference=_build_reference(job, target),  # type: ignore[arg-type]  # None is taken
                mention_author=False,
            )
        return message.id

    async def repost_clips(
        self, job: Job, uploads: Sequence[PreparedUpload], origin: Origin
    ) -> int:
        """Post finished clips once more, where ``origin`` asked for them; raises as `post`."""
        locale = origin.guild_locale or origin.locale
        view = self._cards.build_clip_card(job, uploads, self._clock.now(), locale)
        if origin.user_install_reply is not None:
            return await self._post_into_reply(origin.user_install_reply, view, uploads)
        channel = self._client.get_partial_messageable(origin.channel_id, guild_id=origin.guild_id)
        async with self._open_files(uploads) as files, convert_discord_errors():
            message = await channel.send(view=view, files=files, nonce=_build_nonce(origin))
        return message.id

    async def delete_clip_post(self, job: Job) -> None:
        """Delete the message of a job's clips, if it still stands. Best effort."""
        if job.posted_message_id is None:
            return
        try:
            if job.origin.user_install_reply is not None:
                webhook = self._webhooks.get_webhook(
                    job.origin.user_install_reply, self._clock.now()
                )
                await webhook.delete_message(job.posted_message_id)
            else:
                message = self._get_channel(job).get_partial_message(job.posted_message_id)
                await message.delete()
        except discord.NotFound:
            return
        except (*DISCORD_ERRORS, ChannelUnavailable) as fault:
            _log.warning("post not deleted", job_id=job.id, error=summarize_error(fault))

    async def find_posted(self, job: Job) -> int | None:
        """Look for the job's card among the bot's own messages since it was asked for.

        On a visit raises `ChannelClosed` where it cannot be known any more.
        """
        if job.origin.user_install_reply is not None:
            return await self._find_posted_reply(job, job.origin.user_install_reply)
        me = self._client.user
        empty = True
        try:
            async for message in self._get_channel(job).history(
                limit=None, after=_find_history_start(job)
            ):
                empty = False
                if me is not None and message.author.id != me.id:
                    continue
                if find_button_number(message, ButtonAction.DETAILS) == job.id:
                    return message.id
        except discord.NotFound:
            return None  # no channel, no post: posting will say so
        except discord.Forbidden as fault:
            if fault.code in UNAVAILABLE_CHANNEL_CODES:
                return None
            raise DiscordUnavailable("the channel's history may not be read") from fault
        except DISCORD_ERRORS as fault:
            raise DiscordUnavailable("the channel's history could not be read") from fault
        if empty:
            await self._ensure_history_readable(job)
        return None

    async def _ensure_history_readable(self, job: Job) -> None:
        """Raise `DeliveryBusy` where an empty history may mean that it is kept from the bot.

        Without Read Message History Discord answers an empty list; a message asked for by its
        number is refused.
        """
        for message_id in (job.status_message_id, job.origin.request_message_id):
            if message_id is None:
                continue
            try:
                await self._get_channel(job).fetch_message(message_id)
            except DISCORD_ERRORS as fault:
                if isinstance(fault, discord.NotFound) and fault.code == UNKNOWN_MESSAGE_CODE:
                    continue  # somebody has deleted it: it proves nothing
                raise DiscordUnavailable("the channel's history may not be read") from fault
            return

    async def notify_requester(self, job: Job) -> None:
        """Say how the job ended: in its status message, else in a new one, else in a DM.

        Raises `DeliveryBusy` for a fault that passes; a refusal is logged.
        """
        view = self._cards.build_outcome_card(job)
        async with self._close_after_edits(job):
            try:
                if await self._try_edit_status(job, view):
                    return
                await self._get_channel(job).send(
                    view=view,
                    nonce=job.nonce_for("t"),
                    reference=_build_reference(job, job.origin.request_message_id),  # type: ignore[arg-type]
                    mention_author=False,
                )
            except (*DISCORD_ERRORS, ChannelUnavailable) as fault:
                _log.info(
                    "channel closed to the outcome", job_id=job.id, error=summarize_error(fault)
                )
                if not isinstance(fault, ChannelUnavailable):
                    raise_if_transient(fault)
                await self._notify_by_dm(job)

    async def close_status(self, job: Job) -> None:
        """Retire the status: beside a person's own message it goes, else one line remains."""
        if job.status_message_id is None or job.status_message_id == job.posted_message_id:
            return  # there is none, or the clip has taken its place
        async with self._close_after_edits(job):
            try:
                if job.origin.request_message_id is not None:
                    message = self._get_channel(job).get_partial_message(job.status_message_id)
                    await message.delete()
                else:
                    await self._edit_status(
                        job, job.status_message_id, self._cards.build_closed_status_card(job)
                    )
            except DISCORD_ERRORS as fault:
                _log.info("status message not closed", job_id=job.id, error=summarize_error(fault))

    async def _send_status(self, job: Job, view: ui.LayoutView) -> int:
        message = await self._get_channel(job).send(
            view=view,
            nonce=job.nonce_for("s"),
            reference=_build_reference(job, job.origin.request_message_id),  # type: ignore[arg-type]
            mention_author=False,
        )
        return message.id

    async def _edit_status(self, job: Job, message_id: int, view: ui.LayoutView) -> None:
        """Edit a status. Raises `ChannelClosed` on a visit that is over."""
        if job.origin.user_install_reply is not None:
            webhook = self._webhooks.get_webhook(job.origin.user_install_reply, self._clock.now())
            await webhook.edit_message(message_id, view=view)
            return
        message = self._get_channel(job).get_partial_message(message_id)
        await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())

    async def _try_edit_status(self, job: Job, view: ui.LayoutView) -> bool:
        """Edit the status; ``False`` where there is none, or somebody has deleted it.

        Raises `ChannelClosed` on a visit: there is no other way to be heard there.
        """
        if job.status_message_id is None:
            return False
        try:
            await self._edit_status(job, job.status_message_id, view)
        except discord.NotFound as fault:
            if job.origin.user_install_reply is not None:
                raise ChannelUnavailable("the answer is gone") from fault
            return False
        except discord.HTTPException as fault:
            if fault.code in EXPIRED_TOKEN_CODES:
                raise ChannelUnavailable("the interaction's time is over") from fault
            raise
        return True

    async def _post_into_reply(
        self,
        reply: UserInstallReply,
        view: ui.LayoutView,
        uploads: Sequence[PreparedUpload],
        may_send: Callable[[], None] | None = None,
    ) -> int:
        """Put the clips into the message of a visit; where it was deleted, into a new one."""
        webhook = self._webhooks.get_webhook(reply, self._clock.now())
        async with convert_discord_errors():
            try:
                async with self._open_files(uploads, may_send) as files:
                    if may_send is not None:
                        may_send()
                    await webhook.edit_message(reply.message_id, view=view, attachments=files)
                return reply.message_id
            except discord.NotFound as fault:
                if fault.code != UNKNOWN_MESSAGE_CODE:
                    raise
            async with self._open_files(uploads, may_send) as files:
                if may_send is not None:
                    may_send()
                message = await webhook.send(view=view, files=files, wait=True)
            return message.id

    async def _find_posted_reply(self, job: Job, reply: UserInstallReply) -> int | None:
        webhook = self._webhooks.get_webhook(reply, self._clock.now())
        try:
            message = await webhook.fetch_message(reply.message_id)
        except discord.NotFound as fault:
            # a new one may or may not have been made in its place, and no list would tell
            raise ChannelUnavailable("the answer is gone") from fault
        except DISCORD_ERRORS as fault:
            raise to_delivery_error(fault) from fault
        return message.id if find_button_number(message, ButtonAction.DETAILS) == job.id else None

    async def _notify_by_dm(self, job: Job) -> None:
        if job.outcome is Outcome.CANCELLED:
            return
        try:
            user = await self._client.create_dm(discord.Object(job.origin.user_id))
            await user.send(view=self._cards.build_outcome_card(job), nonce=job.nonce_for("d"))
        except DISCORD_ERRORS as fault:
            _log.info("requester not reached", job_id=job.id, error=summarize_error(fault))
            raise_if_transient(fault)

    @asynccontextmanager
    async def _close_after_edits(self, job: Job) -> AsyncIterator[None]:
        """Say the last word: edits under way end first, later ones are dropped."""
        lane = self._get_status_state(job)
        lane.closed = True
        async with lane.lock:
            yield

    @asynccontextmanager
    async def _open_files(
        self, uploads: Sequence[PreparedUpload], may_send: Callable[[], None] | None = None
    ) -> AsyncIterator[list[discord.File]]:
        """Open the files; discord.py and aiohttp read them piece by piece while sending."""
        files: list[discord.File] = []
        try:
            for path, name in (file for each in uploads for file in list_attachments(each)):
                files.append(
                    await asyncio.to_thread(_open_file, self._data_dir / path, name, may_send)
                )
            yield files
        except FileNotFoundError as fault:
            raise RecordNotFound("clip_file") from fault
        finally:
            for file in files:
                file.close()
                file.fp.close()  # which discord.py leaves open where it has not opened it

    def _get_channel(self, job: Job) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(
            job.origin.channel_id, guild_id=job.origin.guild_id
        )

    def _is_edit_due(self, status_state: _StatusState, job: Job) -> bool:
        passed = self._clock.monotonic() - status_state.edited_at
        return (
            status_state.shown_state is not job.state
            or passed >= STATUS_EDIT_INTERVAL_S
            or job.cancel_requested
        )

    def _get_status_state(self, job: Job) -> _StatusState:
        lane = self._status_states.get(job.id)
        if lane is None:
            lane = self._status_states[job.id] = _StatusState()
            if len(self._status_states) > _MAXIMUM_STATUS_STATES:
                self._status_states.popitem(last=False)
        return lane


class _GuardedFile(BufferedReader):
    """A file that asks before each piece: in discord.py a post may wait for a long time."""

    def __init__(self, path: Path, may_send: Callable[[], None]) -> None:
        super().__init__(FileIO(path))
        self._may_send = may_send

    def read(self, size: int | None = -1, /) -> bytes:
        self._may_send()
        return super().read(size)


def _open_file(path: Path, name: str, may_send: Callable[[], None] | None) -> discord.File:
    return discord.File(path if may_send is None else _GuardedFile(path, may_send), name)


def _build_nonce(origin: Origin) -> str:
    """Return a nonce for what an interaction asked for; Discord takes 25 characters."""
    return f"g{origin.key.rpartition(':')[2]}"[:25]


def _find_history_start(job: Job) -> discord.Object | datetime:
    """Return what is surely older than the job's post, by Discord's own clock where it can be.

    Not the status message: after a crash it may have been made anew, later than the post.
    """
    asked = job.origin.request_message_id
    tail = job.origin.key.rpartition(":")[2]
    if asked is None and tail.isdecimal() and int(tail) >= _MINIMUM_SNOWFLAKE:
        asked = int(tail)
    if asked is not None:
        return discord.Object(asked)
    return (job.submitted_at or job.created_at) - _CLOCK_SKEW


def _build_reference(job: Job, message_id: int | None) -> discord.MessageReference | None:
    if message_id is None:
        return None
    return discord.MessageReference(
        message_id=message_id,
        channel_id=job.origin.channel_id,
        guild_id=job.origin.guild_id,
        fail_if_not_exists=False,
    )

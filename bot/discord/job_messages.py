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
    CHANNEL_GONE,
    FAULTS,
    NO_MESSAGE,
    TOKEN_OVER,
    as_delivery_errors,
    brief,
    delivery_error,
    raise_if_it_passes,
)
from bot.discord.user_install import Webhooks
from bot.domain.clips.upload_options import Enclosure
from bot.domain.errors import ChannelClosed, DeliveryBusy, NotFound
from bot.domain.jobs.job import Job, JobState, Origin, Outcome, Visit
from bot.domain.ports import Clock, Progress
from bot.ui.clip_card import Cards, files_of
from bot.ui.custom_ids import Action, number_on

_log: Final = structlog.get_logger(__name__)

EDIT_EVERY_S: Final = 5.0
"""Seconds between two edits of a status while the job's state stays the same."""
STATUS_PATIENCE_S: Final = 10.0
"""Seconds that a status message may keep its job waiting."""
_CLOCK_SKEW: Final = timedelta(minutes=2)
"""How far our clock and Discord's may differ when the history is searched."""
_MOST_LANES: Final = 4096
_TIER_WITH_MORE: Final = 2
"""The boost tier from which a server may send larger files than the default."""
_FIRST_SNOWFLAKE: Final = 1 << 40
"""Discord's numbers have been larger since its first hours."""


@dataclass(slots=True)
class _Lane:
    """One job's status message: who is editing it, and what it last said.

    ``epoch`` is the job's when it was last shown: what was known before is late news.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    epoch: int = -1
    state: JobState | None = None
    edited_at: float = float("-inf")
    closed: bool = False


class DiscordDelivery:
    """`bot.domain.ports.Delivery` over discord.py."""

    def __init__(
        self,
        *,
        client: discord.Client,
        cards: Cards,
        data_dir: Path,
        clock: Clock,
        webhooks: Webhooks,
    ) -> None:
        self._client = client
        self._webhooks = webhooks
        self._cards = cards
        self._data_dir = data_dir
        self._clock = clock
        self._lanes: OrderedDict[int, _Lane] = OrderedDict()

    async def show(self, progress: Progress) -> int | None:
        """Create or edit the status message; an edit that comes too soon or too late is dropped."""
        job = progress.job
        lane = self._lane(job)
        known = job.status_message_id
        if lane.state is None and job.state is JobState.POSTING and job.origin.visit is not None:
            return known  # taken over from another process: the clip may stand there already
        if (
            lane.closed
            or job.epoch < lane.epoch
            or (known is not None and (lane.lock.locked() or not self._due(lane, job)))
        ):
            return known
        async with lane.lock:
            try:
                async with asyncio.timeout(STATUS_PATIENCE_S):
                    view = self._cards.status(progress)
                    if known is None:
                        known = await self._send_status(job, view)
                    else:
                        await self._edit(job, known, view)
            except (*FAULTS, ChannelClosed) as fault:
                _log.info("status message not shown", job_id=job.id, error=brief(fault))
                return None
            lane.state, lane.edited_at = job.state, self._clock.monotonic()
            lane.epoch = job.epoch
            return known

    def told_limit(self, origin: Origin) -> int | None:
        """Return what Discord said with the interaction, else what the server's boosts give.

        discord.py's own figure for servers without boosts is out of date, so it is not asked.
        """
        if origin.upload_limit is not None or origin.guild_id is None:
            return origin.upload_limit
        guild = self._client.get_guild(origin.guild_id)
        if guild is None or guild.premium_tier < _TIER_WITH_MORE:
            return None
        return guild.filesize_limit

    async def post(
        self, job: Job, enclosures: Sequence[Enclosure], *, may_send: Callable[[], None]
    ) -> int:
        """Post the clips as one message, streamed from their files, and return its id.

        Raises `NotFound` where a file is gone, beside what the port says.
        """
        view = self._cards.clip(job, enclosures, self._clock.now())
        if job.origin.visit is not None:
            async with self._closing(job):  # a late status must not take the clip's place
                return await self._fill(job.origin.visit, view, enclosures, may_send)
        target = job.origin.request_message_id or job.status_message_id
        async with self._files(enclosures, may_send) as files, as_delivery_errors():
            may_send()
            message = await self._channel(job).send(
                view=view,
                files=files,
                nonce=job.nonce,
                reference=_reference(job, target),  # type: ignore[arg-type]  # None is taken
                mention_author=False,
            )
        return message.id

    async def post_again(self, job: Job, enclosures: Sequence[Enclosure], origin: Origin) -> int:
        """Post finished clips once more, where ``origin`` asked for them; raises as `post`."""
        locale = origin.guild_locale or origin.locale
        view = self._cards.clip(job, enclosures, self._clock.now(), locale)
        if origin.visit is not None:
            return await self._fill(origin.visit, view, enclosures)
        channel = self._client.get_partial_messageable(origin.channel_id, guild_id=origin.guild_id)
        async with self._files(enclosures) as files, as_delivery_errors():
            message = await channel.send(view=view, files=files, nonce=_nonce_of(origin))
        return message.id

    async def withdraw(self, job: Job) -> None:
        """Delete the message of a job's clips, if it still stands. Best effort."""
        if job.posted_message_id is None:
            return
        try:
            if job.origin.visit is not None:
                webhook = self._webhooks.of(job.origin.visit, self._clock.now())
                await webhook.delete_message(job.posted_message_id)
            else:
                message = self._channel(job).get_partial_message(job.posted_message_id)
                await message.delete()
        except discord.NotFound:
            return
        except (*FAULTS, ChannelClosed) as fault:
            _log.warning("post not deleted", job_id=job.id, error=brief(fault))

    async def find_posted(self, job: Job) -> int | None:
        """Look for the job's card among the bot's own messages since it was asked for.

        On a visit raises `ChannelClosed` where it cannot be known any more.
        """
        if job.origin.visit is not None:
            return await self._find_filled(job, job.origin.visit)
        me = self._client.user
        empty = True
        try:
            async for message in self._channel(job).history(limit=None, after=_since(job)):
                empty = False
                if me is not None and message.author.id != me.id:
                    continue
                if number_on(message, Action.DETAILS) == job.id:
                    return message.id
        except discord.NotFound:
            return None  # no channel, no post: posting will say so
        except discord.Forbidden as fault:
            if fault.code in CHANNEL_GONE:
                return None
            raise DeliveryBusy("the channel's history may not be read") from fault
        except FAULTS as fault:
            raise DeliveryBusy("the channel's history could not be read") from fault
        if empty:
            await self._prove_readable(job)
        return None

    async def _prove_readable(self, job: Job) -> None:
        """Raise `DeliveryBusy` where an empty history may mean that it is kept from the bot.

        Without Read Message History Discord answers an empty list; a message asked for by its
        number is refused.
        """
        for message_id in (job.status_message_id, job.origin.request_message_id):
            if message_id is None:
                continue
            try:
                await self._channel(job).fetch_message(message_id)
            except FAULTS as fault:
                if isinstance(fault, discord.NotFound) and fault.code == NO_MESSAGE:
                    continue  # somebody has deleted it: it proves nothing
                raise DeliveryBusy("the channel's history may not be read") from fault
            return

    async def tell(self, job: Job) -> None:
        """Say how the job ended: in its status message, else in a new one, else in a DM.

        Raises `DeliveryBusy` for a fault that passes; a refusal is logged.
        """
        view = self._cards.outcome(job)
        async with self._closing(job):
            try:
                if await self._edited(job, view):
                    return
                await self._channel(job).send(
                    view=view,
                    nonce=job.nonce_for("t"),
                    reference=_reference(job, job.origin.request_message_id),  # type: ignore[arg-type]
                    mention_author=False,
                )
            except (*FAULTS, ChannelClosed) as fault:
                _log.info("channel closed to the outcome", job_id=job.id, error=brief(fault))
                if not isinstance(fault, ChannelClosed):
                    raise_if_it_passes(fault)
                await self._tell_privately(job)

    async def close_status(self, job: Job) -> None:
        """Retire the status: beside a person's own message it goes, else one line remains."""
        if job.status_message_id is None or job.status_message_id == job.posted_message_id:
            return  # there is none, or the clip has taken its place
        async with self._closing(job):
            try:
                if job.origin.request_message_id is not None:
                    message = self._channel(job).get_partial_message(job.status_message_id)
                    await message.delete()
                else:
                    await self._edit(job, job.status_message_id, self._cards.closing(job))
            except FAULTS as fault:
                _log.info("status message not closed", job_id=job.id, error=brief(fault))

    async def _send_status(self, job: Job, view: ui.LayoutView) -> int:
        message = await self._channel(job).send(
            view=view,
            nonce=job.nonce_for("s"),
            reference=_reference(job, job.origin.request_message_id),  # type: ignore[arg-type]
            mention_author=False,
        )
        return message.id

    async def _edit(self, job: Job, message_id: int, view: ui.LayoutView) -> None:
        """Edit a status. Raises `ChannelClosed` on a visit that is over."""
        if job.origin.visit is not None:
            webhook = self._webhooks.of(job.origin.visit, self._clock.now())
            await webhook.edit_message(message_id, view=view)
            return
        message = self._channel(job).get_partial_message(message_id)
        await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())

    async def _edited(self, job: Job, view: ui.LayoutView) -> bool:
        """Edit the status; ``False`` where there is none, or somebody has deleted it.

        Raises `ChannelClosed` on a visit: there is no other way to be heard there.
        """
        if job.status_message_id is None:
            return False
        try:
            await self._edit(job, job.status_message_id, view)
        except discord.NotFound as fault:
            if job.origin.visit is not None:
                raise ChannelClosed("the answer is gone") from fault
            return False
        except discord.HTTPException as fault:
            if fault.code in TOKEN_OVER:
                raise ChannelClosed("the interaction's time is over") from fault
            raise
        return True

    async def _fill(
        self,
        visit: Visit,
        view: ui.LayoutView,
        enclosures: Sequence[Enclosure],
        may_send: Callable[[], None] | None = None,
    ) -> int:
        """Put the clips into the message of a visit; where it was deleted, into a new one."""
        webhook = self._webhooks.of(visit, self._clock.now())
        async with as_delivery_errors():
            try:
                async with self._files(enclosures, may_send) as files:
                    if may_send is not None:
                        may_send()
                    await webhook.edit_message(visit.message_id, view=view, attachments=files)
                return visit.message_id
            except discord.NotFound as fault:
                if fault.code != NO_MESSAGE:
                    raise
            async with self._files(enclosures, may_send) as files:
                if may_send is not None:
                    may_send()
                message = await webhook.send(view=view, files=files, wait=True)
            return message.id

    async def _find_filled(self, job: Job, visit: Visit) -> int | None:
        webhook = self._webhooks.of(visit, self._clock.now())
        try:
            message = await webhook.fetch_message(visit.message_id)
        except discord.NotFound as fault:
            # a new one may or may not have been made in its place, and no list would tell
            raise ChannelClosed("the answer is gone") from fault
        except FAULTS as fault:
            raise delivery_error(fault) from fault
        return message.id if number_on(message, Action.DETAILS) == job.id else None

    async def _tell_privately(self, job: Job) -> None:
        if job.outcome is Outcome.CANCELLED:
            return
        try:
            user = await self._client.create_dm(discord.Object(job.origin.user_id))
            await user.send(view=self._cards.outcome(job), nonce=job.nonce_for("d"))
        except FAULTS as fault:
            _log.info("requester not reached", job_id=job.id, error=brief(fault))
            raise_if_it_passes(fault)

    @asynccontextmanager
    async def _closing(self, job: Job) -> AsyncIterator[None]:
        """Say the last word: edits under way end first, later ones are dropped."""
        lane = self._lane(job)
        lane.closed = True
        async with lane.lock:
            yield

    @asynccontextmanager
    async def _files(
        self, enclosures: Sequence[Enclosure], may_send: Callable[[], None] | None = None
    ) -> AsyncIterator[list[discord.File]]:
        """Open the files; discord.py and aiohttp read them piece by piece while sending."""
        files: list[discord.File] = []
        try:
            for path, name in (file for each in enclosures for file in files_of(each)):
                files.append(await asyncio.to_thread(_file, self._data_dir / path, name, may_send))
            yield files
        except FileNotFoundError as fault:
            raise NotFound("clip_file") from fault
        finally:
            for file in files:
                file.close()
                file.fp.close()  # which discord.py leaves open where it has not opened it

    def _channel(self, job: Job) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(
            job.origin.channel_id, guild_id=job.origin.guild_id
        )

    def _due(self, lane: _Lane, job: Job) -> bool:
        passed = self._clock.monotonic() - lane.edited_at
        return lane.state is not job.state or passed >= EDIT_EVERY_S or job.cancel_requested

    def _lane(self, job: Job) -> _Lane:
        lane = self._lanes.get(job.id)
        if lane is None:
            lane = self._lanes[job.id] = _Lane()
            if len(self._lanes) > _MOST_LANES:
                self._lanes.popitem(last=False)
        return lane


class _Guarded(BufferedReader):
    """A file that asks before each piece: in discord.py a post may wait for a long time."""

    def __init__(self, path: Path, may_send: Callable[[], None]) -> None:
        super().__init__(FileIO(path))
        self._may_send = may_send

    def read(self, size: int | None = -1, /) -> bytes:
        self._may_send()
        return super().read(size)


def _file(path: Path, name: str, may_send: Callable[[], None] | None) -> discord.File:
    return discord.File(path if may_send is None else _Guarded(path, may_send), name)


def _nonce_of(origin: Origin) -> str:
    """Return a nonce for what an interaction asked for; Discord takes 25 characters."""
    return f"g{origin.key.rpartition(':')[2]}"[:25]


def _since(job: Job) -> discord.Object | datetime:
    """Return what is surely older than the job's post, by Discord's own clock where it can be.

    Not the status message: after a crash it may have been made anew, later than the post.
    """
    asked = job.origin.request_message_id
    tail = job.origin.key.rpartition(":")[2]
    if asked is None and tail.isdecimal() and int(tail) >= _FIRST_SNOWFLAKE:
        asked = int(tail)
    if asked is not None:
        return discord.Object(asked)
    return (job.submitted_at or job.created_at) - _CLOCK_SKEW


def _reference(job: Job, message_id: int | None) -> discord.MessageReference | None:
    if message_id is None:
        return None
    return discord.MessageReference(
        message_id=message_id,
        channel_id=job.origin.channel_id,
        guild_id=job.origin.guild_id,
        fail_if_not_exists=False,
    )

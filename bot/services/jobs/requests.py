"""Asking for a clip: rules, price, admission, cancelling. What every command and reply calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import structlog

from bot.domain.billing.limits import Policy, Standing
from bot.domain.billing.money import Micros
from bot.domain.errors import NotAllowed, NotFound, Paused, StoreAway
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Job, JobState, Origin
from bot.domain.jobs.people_policy import effective_rule, strictest
from bot.domain.jobs.plan_resolution import Offer, resolve
from bot.domain.jobs.queue import order, places
from bot.domain.jobs.request import Mode, Region, VideoPlan, VideoRequest
from bot.domain.models import Model
from bot.domain.ports import Clock
from bot.domain.stores import Ask
from bot.services.jobs.admission import Door
from bot.services.jobs.estimates import Estimates
from bot.store.billing.ledger import LedgerStore
from bot.store.guilds import GuildStore
from bot.store.jobs.jobs import JobStore

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules have to know of the place of a request; a thread has a parent channel."""

    nsfw: bool = False
    dm: bool = False
    parent_channel_id: int | None = None


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """What a plan costs, how the limits stand before it, and whether it needs a yes."""

    price: Micros
    standing: Standing
    needs_confirmation: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted request: its place in the queue from 1 (0: nobody could say), the time it will
    take as far as it was measured, and what is left now."""

    job: Job
    place: int
    eta: tuple[datetime, datetime] | None
    left: Standing


class Cancellation(StrEnum):
    """What became of a wish to cancel."""

    CANCELLED = "cancelled"
    """It was still queued: nothing was spent, everything is refunded."""
    REQUESTED = "requested"
    """Google works on it and cannot be stopped: it may still be billed, and is charged if so."""
    TOO_LATE = "too_late"
    """It is being posted, or has ended."""


class Offered(Protocol):
    """The models that can be had now."""

    def offered(self, mode: Mode | None = None) -> Sequence[Model]:
        """Return them in the catalogue's order."""
        ...


class Desk(Protocol):
    """The worker of this process, as far as requests need it."""

    @property
    def worker_id(self) -> str:
        """The name under which it owns jobs."""
        ...

    def wake(self) -> None:
        """There may be something to start."""
        ...

    def attend(self, job_id: int) -> None:
        """A job was cancelled."""
        ...


class Requests:
    """The one way in for jobs."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        ledger: LedgerStore,
        guilds: GuildStore,
        models: Offered,
        desk: Desk,
        door: Door,
        estimates: Estimates,
        clock: Clock,
        policy: Policy,
        region: Region = Region.ELSEWHERE,
        paid_calls: bool = True,
        confirm_above: Micros | None = None,
    ) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._guilds = guilds
        self._models = models
        self._desk = desk
        self._door = door
        self._estimates = estimates
        self._clock = clock
        self._policy = policy
        self._region = region
        self._paid_calls = paid_calls
        self._confirm_above = confirm_above

    async def plan(
        self, request: VideoRequest, origin: Origin, surroundings: Surroundings
    ) -> VideoPlan:
        """Return what would be sent and charged.

        Raises `ChannelNotAllowed`, or `RuleBroken` and its kinds.
        """
        rules = await self._rules(origin)
        if rules is not None:
            rules.require_open(origin.channel_id, surroundings.parent_channel_id)
        return resolve(request, self._offer(rules, origin, surroundings))

    async def offer(self, origin: Origin, surroundings: Surroundings) -> Offer:
        """Return what can be had where ``origin`` asks: models, region and the person rule."""
        return self._offer(await self._rules(origin), origin, surroundings)

    async def _rules(self, origin: Origin) -> GuildRules | None:
        return None if origin.guild_id is None else await self._guilds.rules(origin.guild_id)

    def _offer(self, rules: GuildRules | None, origin: Origin, surroundings: Surroundings) -> Offer:
        server = channel = None
        if rules is not None:
            server, by_channel = rules.person_rule, rules.channel_person_rules
            rooms = (origin.channel_id, surroundings.parent_channel_id)  # a thread, and its channel
            channel = strictest(*(by_channel.get(room) for room in rooms if room is not None))
        return Offer(
            models=tuple(self._models.offered()),
            now=self._clock.now().timestamp(),
            region=self._region,
            person_rule=effective_rule(
                server,
                channel,
                age_restricted=surroundings.nsfw,
                direct_message=surroundings.dm,
            ),
        )

    async def price_check(self, plan: VideoPlan, origin: Origin) -> PriceCheck:
        """Return the price and what is left, before anything is reserved.

        Where a server has not said from which price on it wants to be asked, the operator has.
        """
        above = None
        if origin.guild_id is not None:
            above = (await self._guilds.rules(origin.guild_id)).confirm_above
        if above is None:
            above = self._confirm_above
        standing = await self._ledger.standing(origin, policy=self._policy)
        return PriceCheck(plan.price, standing, above is not None and plan.price >= above)

    async def submit(self, plan: VideoPlan, origin: Origin) -> Accepted:
        """Check every limit, reserve the money and write the job, in one transaction.

        Raises `LimitReached`, `Paused`, `AlreadyAccepted` or `StoreAway`.
        """
        if not self._paid_calls:
            raise Paused(by_operator=True, reason="PAID_CALLS=forbid")
        job = await self._door.admit(Ask(plan, origin), owner=self._desk.worker_id)
        _log.info("job.accepted", job_id=job.id, key=origin.key, model=plan.model, mode=plan.mode)
        self._desk.wake()
        try:
            return await self._described(job)
        except StoreAway:  # accepted it is; what is left can be asked for later
            return Accepted(job, place=0, eta=None, left=Standing())

    async def _described(self, job: Job) -> Accepted:
        place = places(order(*await self._jobs.waiting())).get(job.id, 1)
        return Accepted(
            job=job,
            place=place,
            eta=await self._estimates.queued(job.plan, place),
            left=await self._ledger.standing(job.origin, policy=self._policy),
        )

    async def attach_status(self, job_id: int, message_id: int) -> None:
        """Record a status message that the caller has made; the first one stays."""
        await self._jobs.attach_status(job_id, message_id)

    async def cancel(
        self, job_id: int, *, user_id: int, moderator: bool, guild_id: int | None = None
    ) -> Cancellation:
        """Cancel a job for its requester, or for a moderator of its own server ``guild_id``.

        Raises `NotFound`, `NotAllowed` or `StoreAway`.
        """
        job = await self._jobs.get(job_id)
        if job is None:
            raise NotFound("job")
        if job.origin.user_id != user_id:
            if guild_id is None or job.origin.guild_id != guild_id:
                raise NotFound("job")
            if not moderator:
                raise NotAllowed("cancel")
        if job.state.ended:
            return Cancellation.TOO_LATE
        after = await self._jobs.cancel(job_id, owner=self._desk.worker_id, now=self._clock.now())
        self._desk.attend(job_id)
        if after is None or after.state in (JobState.POSTING, JobState.DONE, JobState.FAILED):
            return Cancellation.TOO_LATE
        if after.state is JobState.CANCELLED:
            return Cancellation.CANCELLED
        return Cancellation.TOO_LATE if after.state.ended else Cancellation.REQUESTED

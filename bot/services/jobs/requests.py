"""Asking for a clip: rules, price, admission, cancelling. What every command and reply calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import structlog

from bot.domain.billing.limits import QuotaStatus, SpendingPolicy
from bot.domain.billing.money import Micros
from bot.domain.errors import DatabaseUnavailable, NotAllowed, RecordNotFound, RequestsPaused
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import AdmissionRequest, Job, JobState, Origin
from bot.domain.jobs.people_policy import pick_strictest, resolve_person_rule
from bot.domain.jobs.plan_resolution import RuleContext, resolve_plan
from bot.domain.jobs.queue import order_fairly, queue_positions
from bot.domain.jobs.request import GenerationMode, OperatorRegion, VideoPlan, VideoRequest
from bot.domain.models import ModelSpec
from bot.domain.ports import Clock
from bot.services.jobs.admission import AdmissionBatcher
from bot.services.jobs.estimates import WaitEstimates
from bot.store.billing.ledger import LedgerStore
from bot.store.guilds import GuildStore
from bot.store.jobs.jobs import JobStore

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What the rules have to know of the place of a request; a thread has a parent channel."""

    age_restricted: bool = False
    direct_message: bool = False
    parent_channel_id: int | None = None


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """What a plan costs, how the limits stand before it, and whether it needs a yes."""

    price: Micros
    quota_status: QuotaStatus
    needs_confirmation: bool


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """An accepted request: its place in the queue from 1 (0: nobody could say), the time it will
    take as far as it was measured, and what is left now."""

    job: Job
    place: int
    eta: tuple[datetime, datetime] | None
    quota_status: QuotaStatus


class CancellationResult(StrEnum):
    """What became of a wish to cancel."""

    CANCELLED = "cancelled"
    """It was still queued: nothing was spent, everything is refunded."""
    REQUESTED = "requested"
    """Google works on it and cannot be stopped: it may still be billed, and is charged if so."""
    TOO_LATE = "too_late"
    """It is being posted, or has ended."""


class OfferedModels(Protocol):
    """The models that can be had now."""

    def list_offered(self, mode: GenerationMode | None = None) -> Sequence[ModelSpec]:
        """Return them in the catalogue's order."""
        ...


class JobWatcher(Protocol):
    """The worker of this process, as far as requests need it."""

    @property
    def worker_id(self) -> str:
        """The name under which it owns jobs."""
        ...

    def wake(self) -> None:
        """There may be something to start."""
        ...

    def notify_job_changed(self, job_id: int) -> None:
        """A job was cancelled."""
        ...


class RequestService:
    """The one way in for jobs."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        ledger: LedgerStore,
        guilds: GuildStore,
        offered_models: OfferedModels,
        worker: JobWatcher,
        admission_batcher: AdmissionBatcher,
        wait_estimates: WaitEstimates,
        clock: Clock,
        policy: SpendingPolicy,
        region: OperatorRegion = OperatorRegion.ELSEWHERE,
        paid_calls: bool = True,
        confirm_above_price: Micros | None = None,
    ) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._guilds = guilds
        self._offered_models = offered_models
        self._worker = worker
        self._admission_batcher = admission_batcher
        self._wait_estimates = wait_estimates
        self._clock = clock
        self._policy = policy
        self._region = region
        self._paid_calls = paid_calls
        self._confirm_above_price = confirm_above_price

    async def plan_video(
        self, request: VideoRequest, origin: Origin, channel_context: ChannelContext
    ) -> VideoPlan:
        """Return what would be sent and charged.

        Raises `ChannelNotAllowed`, or `RuleBroken` and its kinds.
        """
        rules = await self._load_guild_rules(origin)
        if rules is not None:
            rules.require_allowed_channel(origin.channel_id, channel_context.parent_channel_id)
        return resolve_plan(request, self._build_rule_context(rules, origin, channel_context))

    async def get_rule_context(
        self, origin: Origin, channel_context: ChannelContext
    ) -> RuleContext:
        """Return what can be had where ``origin`` asks: models, region and the person rule."""
        return self._build_rule_context(
            await self._load_guild_rules(origin), origin, channel_context
        )

    async def _load_guild_rules(self, origin: Origin) -> GuildRules | None:
        return None if origin.guild_id is None else await self._guilds.load_rules(origin.guild_id)

    def _build_rule_context(
        self, rules: GuildRules | None, origin: Origin, channel_context: ChannelContext
    ) -> RuleContext:
        server = channel = None
        if rules is not None:
            server, by_channel = rules.person_rule, rules.channel_person_rules
            rooms = (
                origin.channel_id,
                channel_context.parent_channel_id,
            )  # a thread, and its channel
            channel = pick_strictest(*(by_channel.get(room) for room in rooms if room is not None))
        return RuleContext(
            models=tuple(self._offered_models.list_offered()),
            now=self._clock.now().timestamp(),
            region=self._region,
            person_rule=resolve_person_rule(
                server,
                channel,
                age_restricted=channel_context.age_restricted,
                direct_message=channel_context.direct_message,
            ),
        )

    async def check_price(self, plan: VideoPlan, origin: Origin) -> PriceCheck:
        """Return the price and what is left, before anything is reserved.

        Where a server has not said from which price on it wants to be asked, the operator has.
        """
        above = None
        if origin.guild_id is not None:
            above = (await self._guilds.load_rules(origin.guild_id)).confirm_above
        if above is None:
            above = self._confirm_above_price
        standing = await self._ledger.quota_status(origin, policy=self._policy)
        return PriceCheck(plan.price, standing, above is not None and plan.price >= above)

    async def submit(self, plan: VideoPlan, origin: Origin) -> AcceptedRequest:
        """Check every limit, reserve the money and write the job, in one transaction.

        Raises `LimitReached`, `Paused`, `AlreadyAccepted` or `StoreAway`.
        """
        if not self._paid_calls:
            raise RequestsPaused(by_operator=True, reason="PAID_CALLS=forbid")
        job = await self._admission_batcher.admit_request(
            AdmissionRequest(plan, origin), owner=self._worker.worker_id
        )
        _log.info(
            "job.accepted", job_id=job.id, key=origin.dedupe_key, model=plan.model, mode=plan.mode
        )
        self._worker.wake()
        try:
            return await self._describe_accepted(job)
        except DatabaseUnavailable:  # accepted it is; what is left can be asked for later
            return AcceptedRequest(job, place=0, eta=None, quota_status=QuotaStatus())

    async def _describe_accepted(self, job: Job) -> AcceptedRequest:
        place = queue_positions(order_fairly(*await self._jobs.load_queue())).get(job.id, 1)
        return AcceptedRequest(
            job=job,
            place=place,
            eta=await self._wait_estimates.estimate_queued(job.plan, place),
            quota_status=await self._ledger.quota_status(job.origin, policy=self._policy),
        )

    async def attach_status_message(self, job_id: int, message_id: int) -> None:
        """Record a status message that the caller has made; the first one stays."""
        await self._jobs.attach_status(job_id, message_id)

    async def cancel(
        self, job_id: int, *, user_id: int, moderator: bool, guild_id: int | None = None
    ) -> CancellationResult:
        """Cancel a job for its requester, or for a moderator of its own server ``guild_id``.

        Raises `NotFound`, `NotAllowed` or `StoreAway`.
        """
        job = await self._jobs.get(job_id)
        if job is None:
            raise RecordNotFound("job")
        if job.origin.user_id != user_id:
            if guild_id is None or job.origin.guild_id != guild_id:
                raise RecordNotFound("job")
            if not moderator:
                raise NotAllowed("cancel")
        if job.state.has_ended:
            return CancellationResult.TOO_LATE
        after = await self._jobs.cancel(job_id, owner=self._worker.worker_id, now=self._clock.now())
        self._worker.notify_job_changed(job_id)
        if after is None or after.state in (JobState.POSTING, JobState.DONE, JobState.FAILED):
            return CancellationResult.TOO_LATE
        if after.state is JobState.CANCELLED:
            return CancellationResult.CANCELLED
        return (
            CancellationResult.TOO_LATE if after.state.has_ended else CancellationResult.REQUESTED
        )

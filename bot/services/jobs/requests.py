"""Requests for clips: checks, price, admission and canceling, for every command and reply.

As much as possible is checked before a picture is downloaded or decoded. The rules are checked
again with the imported pictures, and the limits in the transaction of the admission.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, Self

import structlog

from bot.domain.billing.limits import QuotaStatus, SpendingPolicy
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.errors import (
    AlreadyAccepted,
    DatabaseUnavailable,
    NotAllowed,
    RecordNotFound,
    RequestsPaused,
    RuleBroken,
)
from bot.domain.jobs.continuations import LastFrame, list_continuations
from bot.domain.jobs.job import AdmissionRequest, Job, JobState, Origin
from bot.domain.jobs.job_messages import JobMessages
from bot.domain.jobs.person_rule_effect import (
    PersonRuleCost,
    PersonRuleEffect,
    assess_person_rule,
    find_rule_effect,
)
from bot.domain.jobs.pictures import PictureNote, list_picture_notes, list_pictures
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.request import (
    GenerationMode,
    OperatorRegion,
    PersonRule,
    VideoPlan,
    VideoRequest,
)
from bot.domain.jobs.takes import choose_full_request, describe_frame, resolve_request
from bot.domain.jobs.violations import RuleContext
from bot.domain.models import ModelSpec
from bot.domain.moderation.clip_review import ReviewDecision
from bot.domain.moderation.question import ModeratorQuestion
from bot.domain.places import ANY_PLACE, PlacePolicy
from bot.domain.ports import Clock
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.services.admin.guild_rules import GuildContext
from bot.services.clips.input_images import AttachedImage, InputImages
from bot.services.jobs.admission import AdmissionBatcher
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.worker import Worker
from bot.services.moderation.content_checks import ContentCheckService
from bot.store.billing.ledger import LedgerStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.takes import TakesStore
from bot.store.moderation.reviews import ReviewStore

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """An accepted request with what the requester is told.

    ``place`` is the position in the queue from 1. It is 0 if the job does not wait, or if the
    position is unknown. ``eta`` is a range of times, if enough durations were measured.
    """

    job: Job
    place: int
    eta: tuple[datetime, datetime] | None
    quota_status: QuotaStatus


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request with imported pictures, its plan, and notes on the pictures for the member."""

    request: VideoRequest
    plan: VideoPlan
    notes: tuple[PictureNote, ...] = ()

    @classmethod
    def from_plan(cls, request: VideoRequest, plan: VideoPlan) -> Self:
        return cls(request, plan, list_picture_notes(request, plan.aspect_ratio))


class CancellationResult(StrEnum):
    CANCELLED = "cancelled"
    """The job was still queued, so everything is refunded."""
    REQUESTED = "requested"
    """Google is already working on it and cannot be stopped; what it bills is charged."""
    STOPPING = "stopping"
    """Google is asked to stop working on it; what it still bills is charged."""
    TOO_LATE = "too_late"
    """The job is being posted or has ended."""
    WITHDRAWN = "withdrawn"
    """Moderators had not decided about the finished clip. It is deleted, and charged."""


class OfferedModels(Protocol):
    def list_offered(self, mode: GenerationMode | None = None) -> Sequence[ModelSpec]: ...

    def list_retired(self) -> Sequence[ModelSpec]: ...


class RequestService:
    def __init__(
        self,
        *,
        jobs: JobStore,
        takes: TakesStore,
        clips: ClipStore,
        ledger: LedgerStore,
        offered_models: OfferedModels,
        input_images: InputImages,
        job_messages: JobMessages,
        worker: Worker,
        admission_batcher: AdmissionBatcher,
        wait_estimates: WaitEstimates,
        reviews: ReviewStore,
        clock: Clock,
        policy: SpendingPolicy,
        region: OperatorRegion = OperatorRegion.ELSEWHERE,
        paid_calls: bool = True,
        place_policy: PlacePolicy = ANY_PLACE,
        confirm_above_price: Micros | None = None,
        reply_undo_s: float = 0.0,
        show_accepted: Callable[[Job], Awaitable[None]] | None = None,
        content_checks: ContentCheckService | None = None,
    ) -> None:
        """``show_accepted`` shows the status of a job at once if it can be undone.

        ``content_checks`` are made if the operator has chosen a model for them.
        """
        self._jobs = jobs
        self._takes = takes
        self._clips = clips
        self._ledger = ledger
        self._offered_models = offered_models
        self._input_images = input_images
        self._job_messages = job_messages
        self._worker = worker
        self._admission_batcher = admission_batcher
        self._wait_estimates = wait_estimates
        self._reviews = reviews
        self._clock = clock
        self._policy = policy
        self._region = region
        self._paid_calls = paid_calls
        self._place_policy = place_policy
        self._confirm_above_price = confirm_above_price
        self._reply_undo_s = reply_undo_s
        self._show_accepted = show_accepted
        self._content_checks = content_checks

    async def require_open(self, context: GuildContext) -> None:
        """Check whether requests are accepted here at all.

        Raises `NotAllowed` or `ChannelNotAllowed` if the operator or the server does not allow the
        bot here, and `MemberBlocked` if the server keeps the member from making clips. Raises
        `RequestsPaused`, or `AlreadyAccepted` for a repeated event.
        """
        self._place_policy.require_allowed_origin(context.origin)
        context.require_allowed_channel()
        context.require_age_restricted_channel()
        context.require_not_blocked()
        pause = context.pause
        if self._policy.paused:
            pause = RequestsPaused(by_operator=True)
        elif not self._paid_calls:
            pause = _build_paid_calls_refusal()
        if pause is not None:
            if (job := await self._jobs.find_by_key(context.origin.dedupe_key)) is not None:
                raise AlreadyAccepted(job)
            raise pause

    async def prepare_request(
        self, request: VideoRequest, context: GuildContext
    ) -> PreparedRequest:
        """Return the request with imported pictures, and what would be sent and charged.

        Nothing is downloaded if the attachments cannot be used according to their descriptions.
        Raises `WordsRefused`, `RuleBroken`, `ImageRefused`, `DiscordUnavailable`, or the limits'
        refusal.
        """
        request = await self._refresh_source(request)
        plan = self.plan_video(request, context)
        if not AttachedImage.list_in(request) and not isinstance(request.image, LastFrame):
            return PreparedRequest.from_plan(request, plan)
        for option, image in list_pictures(request):
            if isinstance(image, AttachedImage):
                image.require_usable(option)
        await self.require_acceptable(plan, context.origin)
        request = await self._input_images.import_attached(request)
        return PreparedRequest.from_plan(request, self.plan_video(request, context))

    async def require_acceptable(self, plan: VideoPlan, origin: Origin) -> None:
        """Raise what `submit` would raise now, without its check of contents."""
        refusal = await self._jobs.preview_admission(
            AdmissionRequest(plan, origin), policy=self._policy
        )
        if refusal is not None:
            raise refusal

    async def _refresh_source(self, request: VideoRequest) -> VideoRequest:
        """Return the request with the current expiry of its source's interaction.

        A repeated request still has the expiry that was known when it was first made.
        """
        source = request.source
        if source is None or source.interaction_id is None:
            return request
        clip = await self._clips.get(source.clip_id)
        if clip is None:
            return request
        current = clip.as_source()
        return request.evolve(
            source=replace(source, interaction_expires_at=current.interaction_expires_at)
        )

    async def shape_pictures(self, prepared: PreparedRequest) -> VideoPlan:
        """Return the plan with its frames in the clip's shape. Raises `ImageRefused`."""
        return await self._input_images.shape_pictures(prepared.plan, prepared.request.picture_fit)

    def plan_video(self, request: VideoRequest, context: GuildContext) -> VideoPlan:
        """Return what would be sent and charged.

        Every request comes through here, so the word lists are applied here. Raises `WordsRefused`,
        and `RuleBroken` or a subclass.
        """
        context.require_allowed_words(request)
        return resolve_request(request, self._build_rules(context))

    def choose_full_request(self, take: Job, draft: Clip, context: GuildContext) -> VideoRequest:
        """Return the request that makes a draft in full; its first frame may have to be taken."""
        frame, rules = describe_frame(draft), self._build_rules(context)
        return choose_full_request(take.plan, draft, frame, rules)

    def plan_continuation(
        self, refused: VideoRequest, context: GuildContext
    ) -> tuple[VideoRequest, VideoPlan] | None:
        """Return what could be made from the last frame instead of a refused extension."""
        for request in list_continuations(refused):
            with suppress(RuleBroken):
                return request, self.plan_video(request, context)
        return None

    def find_rule_effect(
        self, request: VideoRequest, plan: VideoPlan, context: GuildContext
    ) -> PersonRuleEffect | None:
        """Return how the rule for people changes ``plan``, so that the member can be asked."""
        return find_rule_effect(request, plan, self._build_rules(context))

    def assess_person_rule(self, rule: PersonRule) -> PersonRuleCost:
        """Return what ``rule`` means for clips, extensions and edits with the offered models."""
        return assess_person_rule(replace(self._build_rules(None), person_rule=rule))

    def _build_rules(self, context: GuildContext | None) -> RuleContext:
        return RuleContext(
            models=tuple(self._offered_models.list_offered()),
            now=self._clock.now().timestamp(),
            region=self._region,
            person_rule=None if context is None else context.person_rule,
            preferred_person_rule=None if context is None else context.preferred_person_rule,
            retired_models=tuple(self._offered_models.list_retired()),
        )

    def needs_confirmation(self, plan: VideoPlan, context: GuildContext) -> bool:
        """Return whether the price reaches the server's threshold, or else the operator's."""
        threshold = context.rules.confirm_above
        if threshold is None:
            threshold = self._confirm_above_price
        return threshold is not None and plan.price >= threshold

    @property
    def default_confirmation_price(self) -> Micros | None:
        """The operator's threshold for confirmations, for servers that have none."""
        return self._confirm_above_price

    async def load_quota_status(self, origin: Origin) -> QuotaStatus:
        return await self._ledger.quota_status(origin, policy=self._policy)

    async def submit(
        self, plan: VideoPlan, origin: Origin, *, question: ModeratorQuestion | None = None
    ) -> AcceptedRequest:
        """Check every limit, reserve the price and insert the job, in one transaction.

        A request made by a message is held back for the undo time, unless it has waited for a
        moderator (``question``). Every request comes through here, so its contents are checked
        here, after the checks that cost nothing.

        Raises `NotAllowed`, `MemberBlocked`, `LimitReached`, `RequestsPaused`, `ContentRefused`,
        `ContentUnchecked`, `AlreadyAccepted` or `DatabaseUnavailable`.
        """
        self._place_policy.require_allowed_origin(origin)
        if not self._paid_calls:
            raise _build_paid_calls_refusal()
        if self._content_checks is not None:
            await self._content_checks.require_allowed(plan, origin)
        admission = await self._admission_batcher.admit_request(
            self._build_admission(plan, origin, question),
            owner=self._worker.worker_id,
        )
        job, quota_status = admission.job, admission.quota_status
        _log.info(
            "job.accepted", job_id=job.id, key=origin.dedupe_key, model=plan.model, mode=plan.mode
        )
        self._worker.wake()
        try:
            if job.undo_until is not None and self._show_accepted is not None:
                await self._show_accepted(job)
            place, running = None, []
            if self._policy.pace.in_flight is not None:  # otherwise nothing waits for a slot
                # in this order, or a job that starts in between would wait for itself
                running = await self._jobs.list_running_operations()
                place = await self._jobs.find_queue_place(job)
            if place is None or self._wait_estimates.may_start_now(place, len(running)):
                place, running = 0, []  # it has started already, or will at once
            ahead_models = [job.plan.model] * (place - 1)  # an approximation: theirs may differ
            eta = await self._wait_estimates.estimate_queued(
                job.plan, ahead_models=ahead_models, running=running
            )
            if quota_status is None:
                quota_status = await self.load_quota_status(job.origin)
            return AcceptedRequest(job, place, eta, quota_status)
        except DatabaseUnavailable:  # the request is accepted nevertheless
            return AcceptedRequest(
                job, place=0, eta=None, quota_status=quota_status or QuotaStatus()
            )

    def _build_admission(
        self, plan: VideoPlan, origin: Origin, question: ModeratorQuestion | None
    ) -> AdmissionRequest:
        if question is not None:
            return AdmissionRequest(plan, origin, question_id=question.id)
        undo_s = self._reply_undo_s if origin.came_by_message else 0.0
        return AdmissionRequest(plan, origin, start_after_s=undo_s)

    async def cancel(
        self, job_id: int, *, user_id: int, moderator: bool, guild_id: int | None = None
    ) -> CancellationResult:
        """Cancel a job for its requester, or for a moderator of its own server ``guild_id``.

        Raises `RecordNotFound`, `NotAllowed` or `DatabaseUnavailable`.
        """
        job = await self._jobs.get(job_id)
        if job is None:
            raise RecordNotFound("job")
        if job.origin.user_id != user_id:
            if guild_id is None or job.origin.guild_id != guild_id:
                raise RecordNotFound("job")
            if not moderator:
                raise NotAllowed("cancel")
        if job.is_open_take:
            return await self._cancel_takes(job, user_id)
        if job.state.has_ended:
            return CancellationResult.TOO_LATE
        if job.is_under_review and await self._withdraw_reviewed(job_id, user_id):
            return CancellationResult.WITHDRAWN
        now = self._clock.now()
        after = await self._jobs.cancel(
            job_id,
            owner=self._worker.worker_id,
            now=now,
            audit_entry=_build_cancellation_entry(job, user_id, now),
        )
        if after is not None and after.cancel_requested:
            self._worker.notify_job_changed(job_id)
        if after is not None and after.state is JobState.CANCELLED:
            return CancellationResult.CANCELLED
        if after is None or after.state is JobState.POSTING or after.state.has_ended:
            return CancellationResult.TOO_LATE
        if after.owner != self._worker.worker_id:  # its own process will notice it later
            await self._job_messages.show_status(JobProgress(after))
        is_made = after.state is JobState.FETCHING
        can_be_stopped = after.can_be_stopped and not is_made
        return CancellationResult.STOPPING if can_be_stopped else CancellationResult.REQUESTED

    async def _cancel_takes(self, job: Job, user_id: int) -> CancellationResult:
        """Cancel all drafts of a request, of which this is one."""
        before = await self._jobs.list_takes(job)
        withdrawn = [
            take.is_under_review and await self._withdraw_reviewed(take.id, user_id)
            for take in before
        ]
        now, worker = self._clock.now(), self._worker
        entry = _build_cancellation_entry(job, user_id, now)
        after = await self._takes.cancel(job, owner=worker.worker_id, now=now, audit_entry=entry)
        running = [each for each in after if each.cancel_requested and not each.state.has_ended]
        for take in after:
            if take.cancel_requested:
                worker.notify_job_changed(take.id)
        if running:
            can_be_stopped = any(
                each.can_be_stopped and each.state is not JobState.FETCHING for each in running
            )
            return CancellationResult.STOPPING if can_be_stopped else CancellationResult.REQUESTED
        ended = {each.id for each in before if each.state.has_ended}
        if any(each.state is JobState.CANCELLED and each.id not in ended for each in after):
            return CancellationResult.CANCELLED
        return CancellationResult.WITHDRAWN if any(withdrawn) else CancellationResult.TOO_LATE

    async def _withdraw_reviewed(self, job_id: int, user_id: int) -> bool:
        decided = await self._reviews.decide(
            job_id,
            ReviewDecision.WITHDRAW,
            actor_id=user_id,
            owner=self._worker.worker_id,
            now=self._clock.now(),
        )
        self._worker.notify_job_changed(job_id)  # its check may be waiting for the text model
        return decided is not None


def _build_cancellation_entry(job: Job, user_id: int, now: datetime) -> AuditEntry | None:
    """Return what the server's log says about a moderator who cancels another member's job."""
    requester_id, guild_id = job.origin.user_id, job.origin.guild_id
    if guild_id is None or requester_id == user_id:
        return None
    action, number = AuditAction.CANCEL_JOB, str(job.id)
    return AuditEntry(guild_id, user_id, action, now, target_user_id=requester_id, comment=number)


def _build_paid_calls_refusal() -> RequestsPaused:
    return RequestsPaused(by_operator=True, reason="PAID_CALLS=forbid")

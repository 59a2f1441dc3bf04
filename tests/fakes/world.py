"""The job services over a real database and fakes, as several simulated processes in one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import PacingLimits, SpendingPolicy
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import MediaStore
from bot.domain.jobs.job import AdmissionRequest, Job, JobState, Origin
from bot.domain.jobs.request import AspectRatio, GenerationMode, GoogleRoute, Resolution, VideoPlan
from bot.domain.models import ModelSpec
from bot.domain.ports import VideoModels
from bot.media.local_store import LocalMediaStore
from bot.services.clips.input_images import InputImages
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Thumbnails
from bot.services.jobs.admission import AdmissionBatcher
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.job_task import JobStages, JobTaskFactory
from bot.services.jobs.poll_schedules import PollSchedules
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.queue_status import QueueStatusUpdater
from bot.services.jobs.requests import OfferedModels, RequestService
from bot.services.jobs.stages.announcing import JobAnnouncer
from bot.services.jobs.stages.delivery import ClipDelivery
from bot.services.jobs.stages.download import ClipDownloader
from bot.services.jobs.stages.event_trust import EventTrust
from bot.services.jobs.stages.joining import ShotJoiner
from bot.services.jobs.stages.polling import JobPoller
from bot.services.jobs.stages.result_check import ResultCheck
from bot.services.jobs.stages.review import ReviewDesk
from bot.services.jobs.stages.running_job import (
    BillingRules,
    JobDependencies,
    ModelAvailability,
    PollingTimes,
)
from bot.services.jobs.stages.submission import JobSubmitter
from bot.services.jobs.stages.takes import TakesAnnouncer
from bot.services.jobs.status_pictures import StatusPictures
from bot.services.jobs.unknown_jobs import UnknownJobPoller
from bot.services.jobs.upload import UploadPreparer
from bot.services.jobs.worker import Worker
from bot.services.moderation.content_checks import ContentCheckService
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.admission import Admission
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore
from bot.store.jobs.takes import TakesStore
from bot.store.jobs.workers import WorkerStore
from bot.store.member_preferences import MemberPreferenceStore
from bot.store.moderation.reviews import ReviewStore
from tests.fakes.clock import FastClock
from tests.fakes.discord import FakeJobMessages, FakeReviewMessages
from tests.fakes.google import FakeGoogle, FakeMediaProbe
from tests.fakes.transcoder import FakeTranscoder
from tests.harness.waiting import eventually

GUILD, CHANNEL, MEMBER = 700, 800, 900
NOTHING_STARTS = SpendingPolicy(pace=PacingLimits(in_flight=0))
"""For a process that accepts requests and claims none."""
MODEL = "veo-3.1-lite-generate-preview"
PRICE = Micros(400_000)
# Half a second: leases are long, so that a busy machine loses none, and a test waits for this.
_RECONCILE_INTERVAL_S = 100.0


def make_plan(**changes: Any) -> VideoPlan:
    """Return a plan of one clip of eight seconds."""
    facts: dict[str, Any] = {
        "model": MODEL,
        "route": GoogleRoute.GEMINI,
        "mode": GenerationMode.TEXT,
        "prompt": "a heron at dawn",
        "aspect_ratio": AspectRatio.LANDSCAPE,
        "resolution": Resolution.P720,
        "seconds": 8,
        "result_seconds": 8,
        "videos": 1,
        "price": PRICE,
    }
    return VideoPlan(**facts | changes)


_ORIGIN_FACTS = ("user_id", "guild_id", "age_restricted")


def make_origin(key: str | int, **changes: Any) -> Origin:
    """Return the origin of a member's command."""
    facts: dict[str, Any] = {
        "dedupe_key": f"interaction:{key}",
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "user_id": MEMBER,
    }
    return Origin(**facts | changes)


class FakeModelAvailability(ModelAvailability, OfferedModels):
    """Remembers which models were marked as unavailable."""

    def __init__(self) -> None:
        self.unavailable_models: dict[str, str] = {}
        self.offered: tuple[ModelSpec, ...] = ()

    async def mark_unavailable(self, model_id: str, reason: str | None) -> None:
        """Remember it."""
        self.unavailable_models[model_id] = reason or ""

    def list_offered(self, mode: GenerationMode | None = None) -> tuple[ModelSpec, ...]:
        """Offer nothing unless a test says so: most bring their own plans."""
        return self.offered

    def list_retired(self) -> tuple[()]:
        """Name none either."""
        return ()


def find_noon() -> datetime:
    """Return noon of today: at other hours a limit of Google or of a member may be reset soon.

    Times that the database takes from its own clock are up to twelve hours away from it.
    """
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@dataclass
class SimulatedWorld:
    """What is outside of every process: the database, Google, Discord and time."""

    database: Database
    data_dir: Path
    policy: SpendingPolicy = field(default_factory=SpendingPolicy)
    polling_times: PollingTimes = field(default_factory=PollingTimes)
    billing_rules: BillingRules = field(default_factory=BillingRules)
    searchable_routes: frozenset[GoogleRoute] = frozenset()
    event_trust: EventTrust | None = None
    clock: FastClock = field(default_factory=lambda: FastClock(start=find_noon()))
    google: FakeGoogle = field(default_factory=FakeGoogle)
    discord: FakeJobMessages = field(default_factory=FakeJobMessages)
    review_messages: FakeReviewMessages = field(default_factory=FakeReviewMessages)
    model_availability: FakeModelAvailability = field(default_factory=FakeModelAvailability)
    transcoder: FakeTranscoder = field(default_factory=FakeTranscoder)

    def __post_init__(self) -> None:
        self.media_store: MediaStore = LocalMediaStore(self.data_dir)
        self.processes: list[SimulatedProcess] = []
        self.starred_jobs: list[int] = []
        self.jobs = JobStore(self.database, now=self.now)
        self.clips = ClipStore(self.database)
        self.ledger = LedgerStore(self.database, now=self.now)
        self.guilds = GuildStore(self.database)
        self.member_preferences = MemberPreferenceStore(self.database)
        self.model_store = ModelStateStore(self.database)
        self.workers = WorkerStore(self.database)
        self.reviews = ReviewStore(self.database)

    @property
    def routes(self) -> dict[GoogleRoute, VideoModels]:
        """The one route of this world."""
        return {self.google.route: self.google}

    async def offer_star(self, job: Job, clips: Sequence[Clip]) -> None:
        """Remember under which job's post the bot put its star."""
        self.starred_jobs.append(job.id)

    async def now(self, _: AsyncConnection) -> datetime:
        """Tell the database's time: here everybody's clock is the same."""
        return self.clock.now()

    def create_process(self, **changes: Any) -> "SimulatedProcess":
        """Return a process's worth of services, not yet started."""
        self.processes.append(SimulatedProcess(self, **changes))
        return self.processes[-1]

    async def start_process(self, **changes: Any) -> "SimulatedProcess":
        """Return a running process."""
        process = self.create_process(**changes)
        await process.worker.start()
        return process

    async def admit_job(self, key: str | int, **changes: Any) -> Job:
        """Accept a request that no worker watches."""
        [answer] = await self.jobs.admit_requests(
            [AdmissionRequest(make_plan(**changes), make_origin(key))],
            policy=self.policy,
            owner=None,
        )
        assert isinstance(answer, Admission)
        return answer.job

    async def get_job(self, job_id: int) -> Job:
        """Return a job that must be there."""
        job = await self.jobs.get(job_id)
        assert job is not None
        return job

    async def wait_for_state(self, job: Job, state: JobState) -> None:
        """Wait until the job has reached ``state``."""

        async def is_reached() -> bool:
            return (await self.get_job(job.id)).state is state

        await eventually(is_reached)

    async def wait_for_end(self, job: Job, state: JobState | None = None) -> Job:
        """Wait until the job has ended (in ``state``) and the requester was told; return it."""

        async def find_ended() -> Job | None:
            current = await self.get_job(job.id)
            has_ended = current.state.has_ended if state is None else current.state is state
            return current if has_ended and current.owner is None else None

        ended = await eventually(find_ended)
        assert ended is not None
        return ended


class SimulatedProcess:
    """One pretended process."""

    def __init__(
        self,
        world: SimulatedWorld,
        *,
        lease_s: float = 6000.0,
        reconcile_interval_s: float = _RECONCILE_INTERVAL_S,
        jobs: JobStore | None = None,
        workers: WorkerStore | None = None,
        worker_policy: SpendingPolicy | None = None,
        queue_status_updater: QueueStatusUpdater | None = None,
        confirm_above_price: Micros | None = None,
        reply_undo_s: float = 0.0,
        build_checks: Callable[[CriticalSections], ContentCheckService] | None = None,
        keep_for: timedelta | None = None,
    ) -> None:
        self.world = world
        self.reported_failures: list[str] = []
        self.critical_sections = CriticalSections(world.clock)
        jobs, routes, media_probe = jobs or world.jobs, world.routes, FakeMediaProbe()
        wait_estimates = WaitEstimates(
            model_states=world.model_store, clock=world.clock, pace=world.policy.pace
        )
        originals = Originals(
            routes=routes,
            media_probe=media_probe,
            media_store=world.media_store,
            clock=world.clock,
        )
        thumbnails = Thumbnails(
            poster_transcoder=world.transcoder,
            preview_transcoder=world.transcoder,
            media_probe=media_probe,
            media_store=world.media_store,
        )
        upload_preparer = UploadPreparer(
            job_messages=world.discord,
            transcoder=world.transcoder,
            originals=originals,
            media_store=world.media_store,
            thumbnails=thumbnails,
            links=None,
            clock=world.clock,
        )
        clip_publisher = ClipPublisher(
            clips=world.clips,
            job_messages=world.discord,
            upload_preparer=upload_preparer,
            clock=world.clock,
            critical_sections=self.critical_sections,
        )
        review_desk = ReviewDesk(
            reviews=world.reviews,
            guilds=world.guilds,
            clips=world.clips,
            clip_publisher=clip_publisher,
            review_messages=world.review_messages,
        )
        result_check = ResultCheck(
            checks=None if build_checks is None else build_checks(self.critical_sections),
            clips=world.clips,
            reviews=world.reviews,
            review_desk=review_desk,
            transcoder=world.transcoder,
            originals=originals,
            keep_for=keep_for,
        )
        self.job_task_factory = JobTaskFactory(
            JobDependencies(
                jobs=jobs,
                routes=routes,
                job_messages=world.discord,
                clock=world.clock,
                critical_sections=self.critical_sections,
                account_refusals=AccountRefusalStore(world.database),
                polling_times=world.polling_times,
                billing_rules=world.billing_rules,
                searchable_routes=world.searchable_routes,
                event_trust=world.event_trust,
            ),
            JobStages(
                submitter=JobSubmitter(
                    media_store=world.media_store,
                    model_states=world.model_store,
                    model_availability=world.model_availability,
                ),
                poller=JobPoller(
                    wait_estimates=wait_estimates,
                    poll_schedules=PollSchedules(
                        model_states=world.model_store,
                        clock=world.clock,
                        interval_s=world.polling_times.poll_interval_s,
                    ),
                    status_pictures=StatusPictures(
                        clips=world.clips, thumbnails=thumbnails, clock=world.clock
                    ),
                    model_availability=world.model_availability,
                    model_states=world.model_store,
                ),
                downloader=ClipDownloader(
                    media_probe=media_probe,
                    media_store=world.media_store,
                    result_check=result_check,
                    shot_joiner=ShotJoiner(
                        video_joiner=Mock(),
                        media_probe=media_probe,
                        media_store=world.media_store,
                    ),
                ),
                result_check=result_check,
                review_desk=review_desk,
                delivery=ClipDelivery(
                    clips=world.clips,
                    member_preferences=world.member_preferences,
                    clip_publisher=clip_publisher,
                    review_desk=review_desk,
                    originals=originals,
                ),
                announcer=JobAnnouncer(
                    clips=world.clips,
                    member_preferences=world.member_preferences,
                    takes_announcer=TakesAnnouncer(
                        takes=TakesStore(world.database),
                        clips=world.clips,
                        member_preferences=world.member_preferences,
                        clip_publisher=clip_publisher,
                    ),
                    offer_star=world.offer_star,
                ),
            ),
        )
        queue_status_updater = queue_status_updater or QueueStatusUpdater(
            jobs=jobs,
            job_messages=world.discord,
            wait_estimates=wait_estimates,
            model_states=world.model_store,
            clock=world.clock,
        )
        self.worker = Worker(
            jobs=jobs,
            workers=workers or world.workers,
            job_task_factory=self.job_task_factory,
            queue_status_updater=queue_status_updater,
            critical_sections=self.critical_sections,
            clock=world.clock,
            policy=worker_policy or world.policy,
            lease_s=lease_s,
            reconcile_interval_s=min(reconcile_interval_s, lease_s / 3),
            report_failure=self.reported_failures.append,
        )
        self.unknown_job_poller = UnknownJobPoller(
            jobs=jobs,
            routes=routes,
            worker=self.worker,
            clock=world.clock,
            interval_s=6000.0,  # half a minute of a test's time
            searchable_routes=world.searchable_routes,
        )
        self.request_service = RequestService(
            jobs=jobs,
            takes=TakesStore(world.database),
            clips=world.clips,
            ledger=world.ledger,
            offered_models=world.model_availability,
            input_images=InputImages(
                attachments=Mock(),
                image_decoder=Mock(),
                media_store=world.media_store,
                video_joiner=Mock(),
            ),
            job_messages=world.discord,
            worker=self.worker,
            admission_batcher=AdmissionBatcher(
                jobs=jobs, policy=world.policy, clock=world.clock, retry_window_s=400.0
            ),
            wait_estimates=wait_estimates,
            reviews=world.reviews,
            clock=world.clock,
            policy=world.policy,
            paid_calls=world.billing_rules.paid_calls,
            confirm_above_price=confirm_above_price,
            reply_undo_s=reply_undo_s,
            show_accepted=queue_status_updater.show_accepted,
        )

    async def submit_job(self, key: str | int, **changes: Any) -> Job:
        """Ask for a clip as a member would."""
        origin = {name: changes.pop(name) for name in _ORIGIN_FACTS if name in changes}
        plan, asked_by = make_plan(**changes), make_origin(key, **origin)
        return (await self.request_service.submit(plan, asked_by)).job

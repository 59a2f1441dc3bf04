"""The jobs' machinery over a real database and the fakes: one object a pretended process."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import SpendingPolicy
from bot.domain.billing.money import Micros
from bot.domain.jobs.job import Job, Origin
from bot.domain.jobs.request import AspectRatio, GenerationMode, GoogleRoute, Resolution, VideoPlan
from bot.domain.stores import AdmissionRequest
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Thumbnails
from bot.services.jobs.admission import AdmissionBatcher
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.job_steps import BillingRules, PollingTimes
from bot.services.jobs.job_task import JobTaskFactory
from bot.services.jobs.queue_status import QueueStatusUpdater
from bot.services.jobs.requests import RequestService
from bot.services.jobs.unknown_jobs import UnknownJobPoller
from bot.services.jobs.upload import UploadPreparer
from bot.services.jobs.worker import Worker
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore
from bot.store.jobs.workers import WorkerStore
from tests.fakes.clock import FastClock
from tests.fakes.discord import FakeJobMessages
from tests.fakes.fitting import FakeTranscoder
from tests.fakes.google import FakeGoogle, FakeMediaProbe

GUILD, CHANNEL, MEMBER = 700, 800, 900
MODEL = "veo-3.1-lite-generate-preview"
PRICE = Micros(400_000)


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


def make_origin(key: str | int, **changes: Any) -> Origin:
    """Return the origin of a member's command."""
    facts: dict[str, Any] = {
        "key": f"interaction:{key}",
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "user_id": MEMBER,
    }
    return Origin(**facts | changes)


class FakeModelAvailability:
    """Remembers which models were taken off the shelf."""

    def __init__(self) -> None:
        self.switched_off: dict[str, str] = {}

    async def mark_unavailable(self, model_id: str, reason: str | None) -> None:
        """Remember it."""
        self.switched_off[model_id] = reason or ""

    def list_offered(self, mode: GenerationMode | None = None) -> tuple[()]:
        """Offer nothing: these tests bring their own plans."""
        return ()


@dataclass
class SimulatedWorld:
    """What is outside of every process: the database, Google, Discord and time."""

    database: Database
    data_dir: Path
    policy: SpendingPolicy = field(default_factory=SpendingPolicy)
    polling_times: PollingTimes = field(default_factory=PollingTimes)
    billing_rules: BillingRules = field(default_factory=BillingRules)
    findable: frozenset[GoogleRoute] = frozenset()
    clock: FastClock = field(default_factory=FastClock)
    google: FakeGoogle = field(default_factory=FakeGoogle)
    discord: FakeJobMessages = field(default_factory=FakeJobMessages)
    model_availability: FakeModelAvailability = field(default_factory=FakeModelAvailability)
    transcoder: FakeTranscoder = field(default_factory=FakeTranscoder)

    def __post_init__(self) -> None:
        self.processes: list[SimulatedProcess] = []
        self.jobs = JobStore(self.database, now=self.now)
        self.clips = ClipStore(self.database)
        self.ledger = LedgerStore(self.database, now=self.now)
        self.guilds = GuildStore(self.database)
        self.model_store = ModelStateStore(self.database)
        self.workers = WorkerStore(self.database)

    async def now(self, _: AsyncConnection) -> datetime:
        """Tell the database's time: here everybody's clock is the same."""
        return self.clock.now()

    def create_process(self, **changes: Any) -> "SimulatedProcess":
        """Return a process's worth of services, not yet started."""
        self.processes.append(SimulatedProcess(self, **changes))
        return self.processes[-1]

    async def admit_job(self, key: str | int, **changes: Any) -> Job:
        """Accept a request that no worker watches."""
        [answer] = await self.jobs.admit_requests(
            [AdmissionRequest(make_plan(**changes), make_origin(key))],
            policy=self.policy,
            owner=None,
        )
        assert isinstance(answer, Job)
        return answer

    async def get_job(self, job_id: int) -> Job:
        """Return a job that must be there."""
        found = await self.jobs.get(job_id)
        assert found is not None
        return found


class SimulatedProcess:
    """One pretended process."""

    def __init__(self, world: SimulatedWorld, *, lease_s: float = 6000.0, **overrides: Any) -> None:
        self.world = world
        self.critical_sections = CriticalSections(world.clock)
        self.jobs = overrides.get("jobs", world.jobs)
        estimates = WaitEstimates(
            model_states=world.model_store, clock=world.clock, pace=world.policy.pace
        )
        media = FakeMediaProbe()
        originals = Originals(
            routes=overrides.get("routes", {world.google.route: world.google}),
            media_probe=media,
            data_dir=world.data_dir,
            clock=world.clock,
        )
        self.upload_preparer = UploadPreparer(
            job_messages=world.discord,
            transcoder=world.transcoder,
            originals=originals,
            thumbnails=Thumbnails(
                transcoder=world.transcoder, media_probe=media, originals=originals
            ),
            links=overrides.get("links"),
            clock=world.clock,
        )
        runner = JobTaskFactory(
            jobs=self.jobs,
            clips=world.clips,
            model_states=world.model_store,
            routes=overrides.get("routes", {world.google.route: world.google}),
            job_messages=world.discord,
            media_probe=media,
            clock=world.clock,
            critical_sections=self.critical_sections,
            wait_estimates=estimates,
            upload_preparer=self.upload_preparer,
            model_availability=world.model_availability,
            data_dir=world.data_dir,
            polling_times=world.polling_times,
            billing_rules=world.billing_rules,
            searchable_routes=world.findable,
        )
        self.worker = Worker(
            jobs=self.jobs,
            workers=overrides.get("workers", world.workers),
            job_task_factory=runner,
            queue_status_updater=QueueStatusUpdater(
                jobs=self.jobs, job_messages=world.discord, wait_estimates=estimates
            ),
            critical_sections=self.critical_sections,
            clock=world.clock,
            policy=world.policy,
            lease_s=lease_s,
        )
        self.unknown_job_poller = UnknownJobPoller(
            jobs=self.jobs,
            routes=overrides.get("routes", {world.google.route: world.google}),
            worker=self.worker,
            clock=world.clock,
            interval_s=60.0,
            searchable_routes=world.findable,
        )
        self.request_service = RequestService(
            jobs=self.jobs,
            ledger=world.ledger,
            guilds=world.guilds,
            offered_models=world.model_availability,
            worker=self.worker,
            admission_batcher=AdmissionBatcher(
                jobs=self.jobs, policy=world.policy, clock=world.clock, retry_window_s=400.0
            ),
            wait_estimates=estimates,
            clock=world.clock,
            policy=world.policy,
            paid_calls=world.billing_rules.paid_calls,
        )

    async def submit_job(self, key: str | int, **changes: Any) -> Job:
        """Ask for a clip as a member would."""
        about = {name: changes.pop(name) for name in ("user_id", "guild_id") if name in changes}
        accepted = await self.request_service.submit(
            make_plan(**changes), make_origin(key, **about)
        )
        return accepted.job

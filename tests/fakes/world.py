"""The jobs' machinery over a real database and the fakes: one object a pretended process."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import Policy
from bot.domain.billing.money import Micros
from bot.domain.jobs.job import Job, Origin
from bot.domain.jobs.request import AspectRatio, Mode, Resolution, Route, VideoPlan
from bot.domain.stores import Ask
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Stills
from bot.services.jobs.admission import Door
from bot.services.jobs.critical_sections import Steady
from bot.services.jobs.estimates import Estimates
from bot.services.jobs.job_steps import Money, Timing
from bot.services.jobs.job_task import Runner
from bot.services.jobs.queue_status import Board
from bot.services.jobs.requests import Requests
from bot.services.jobs.unknown_jobs import LostJobs
from bot.services.jobs.upload import Packer
from bot.services.jobs.worker import Worker
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStore
from bot.store.jobs.workers import WorkerStore
from tests.fakes.clock import FastClock
from tests.fakes.discord import FakeDelivery
from tests.fakes.fitting import FakeFitting
from tests.fakes.google import FakeGoogle, FakeMedia

GUILD, CHANNEL, MEMBER = 700, 800, 900
MODEL = "veo-3.1-lite-generate-preview"
PRICE = Micros(400_000)


def plan(**changes: Any) -> VideoPlan:
    """Return a plan of one clip of eight seconds."""
    facts: dict[str, Any] = {
        "model": MODEL,
        "route": Route.GEMINI,
        "mode": Mode.TEXT,
        "prompt": "a heron at dawn",
        "aspect_ratio": AspectRatio.LANDSCAPE,
        "resolution": Resolution.P720,
        "seconds": 8,
        "result_seconds": 8,
        "videos": 1,
        "price": PRICE,
    }
    return VideoPlan(**facts | changes)


def origin(key: str | int, **changes: Any) -> Origin:
    """Return the origin of a member's command."""
    facts: dict[str, Any] = {
        "key": f"interaction:{key}",
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "user_id": MEMBER,
    }
    return Origin(**facts | changes)


class NoShelf:
    """Remembers which models were taken off the shelf."""

    def __init__(self) -> None:
        self.off: dict[str, str] = {}

    async def switch_off(self, model_id: str, reason: str | None) -> None:
        """Remember it."""
        self.off[model_id] = reason or ""

    def offered(self, mode: Mode | None = None) -> tuple[()]:
        """Offer nothing: these tests bring their own plans."""
        return ()


@dataclass
class World:
    """What is outside of every process: the database, Google, Discord and time."""

    database: Database
    data_dir: Path
    policy: Policy = field(default_factory=Policy)
    timing: Timing = field(default_factory=Timing)
    money: Money = field(default_factory=Money)
    findable: frozenset[Route] = frozenset()
    clock: FastClock = field(default_factory=FastClock)
    google: FakeGoogle = field(default_factory=FakeGoogle)
    discord: FakeDelivery = field(default_factory=FakeDelivery)
    shelf: NoShelf = field(default_factory=NoShelf)
    fitting: FakeFitting = field(default_factory=FakeFitting)

    def __post_init__(self) -> None:
        self.processes: list[Process] = []
        self.jobs = JobStore(self.database, now=self.now)
        self.clips = ClipStore(self.database)
        self.ledger = LedgerStore(self.database, now=self.now)
        self.guilds = GuildStore(self.database)
        self.states = ModelStore(self.database)
        self.workers = WorkerStore(self.database)

    async def now(self, _: AsyncConnection) -> datetime:
        """Tell the database's time: here everybody's clock is the same."""
        return self.clock.now()

    def process(self, **changes: Any) -> "Process":
        """Return a process's worth of services, not yet started."""
        self.processes.append(Process(self, **changes))
        return self.processes[-1]

    async def admit(self, key: str | int, **changes: Any) -> Job:
        """Accept a request that no worker watches."""
        [answer] = await self.jobs.admit(
            [Ask(plan(**changes), origin(key))],
            policy=self.policy,
            owner=None,
        )
        assert isinstance(answer, Job)
        return answer

    async def job(self, job_id: int) -> Job:
        """Return a job that must be there."""
        found = await self.jobs.get(job_id)
        assert found is not None
        return found


class Process:
    """One pretended process."""

    def __init__(self, world: World, *, lease_s: float = 6000.0, **overrides: Any) -> None:
        self.world = world
        self.steady = Steady(world.clock)
        self.jobs = overrides.get("jobs", world.jobs)
        estimates = Estimates(states=world.states, clock=world.clock, pace=world.policy.pace)
        media = FakeMedia()
        originals = Originals(
            routes=overrides.get("routes", {world.google.route: world.google}),
            media=media,
            data_dir=world.data_dir,
            clock=world.clock,
        )
        self.packer = Packer(
            delivery=world.discord,
            fitting=world.fitting,
            originals=originals,
            stills=Stills(fitting=world.fitting, media=media, originals=originals),
            links=overrides.get("links"),
            clock=world.clock,
        )
        runner = Runner(
            jobs=self.jobs,
            clips=world.clips,
            states=world.states,
            routes=overrides.get("routes", {world.google.route: world.google}),
            delivery=world.discord,
            media=media,
            clock=world.clock,
            steady=self.steady,
            estimates=estimates,
            packer=self.packer,
            shelf=world.shelf,
            data_dir=world.data_dir,
            timing=world.timing,
            money=world.money,
            findable=world.findable,
        )
        self.worker = Worker(
            jobs=self.jobs,
            workers=overrides.get("workers", world.workers),
            runner=runner,
            board=Board(jobs=self.jobs, delivery=world.discord, estimates=estimates),
            steady=self.steady,
            clock=world.clock,
            policy=world.policy,
            lease_s=lease_s,
        )
        self.lost = LostJobs(
            jobs=self.jobs,
            routes=overrides.get("routes", {world.google.route: world.google}),
            desk=self.worker,
            clock=world.clock,
            every_s=60.0,
            findable=world.findable,
        )
        self.requests = Requests(
            jobs=self.jobs,
            ledger=world.ledger,
            guilds=world.guilds,
            models=world.shelf,
            desk=self.worker,
            door=Door(jobs=self.jobs, policy=world.policy, clock=world.clock, patience_s=400.0),
            estimates=estimates,
            clock=world.clock,
            policy=world.policy,
            paid_calls=world.money.paid_calls,
        )

    async def submit(self, key: str | int, **changes: Any) -> Job:
        """Ask for a clip as a member would."""
        about = {name: changes.pop(name) for name in ("user_id", "guild_id") if name in changes}
        accepted = await self.requests.submit(plan(**changes), origin(key, **about))
        return accepted.job

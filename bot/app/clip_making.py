"""The making and keeping of clips, as part of the composition root.

Built by `bot.app.run`, which hands it the settings, the database, Google's routes and Discord.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.app.startup import all_on_this_machine
from bot.app.web import pictures, signed_links
from bot.config.settings import Settings
from bot.discord.job_messages import DiscordDelivery
from bot.domain.billing.ledger import Settlement
from bot.domain.jobs.request import Route
from bot.domain.ports import Clock, VideoModels
from bot.media.probe import PyAvMedia
from bot.media.transcode import ProcessFitting
from bot.services.admin.model_directory import Models
from bot.services.clips.originals import Originals
from bot.services.clips.removal import Removal
from bot.services.clips.retention import Retention
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
from bot.store.operations.file_references import KeepingStore
from bot.web.downloads import Downloads
from bot.web.links import SignedLinks

_RARELY: Final = 30
"""Poll intervals between two looks at an operation that nobody waits for any more."""


@dataclass(frozen=True, slots=True)
class Files:
    """What has to do with the files of clips; ``links`` and ``downloads`` need a PUBLIC_URL.

    ``stills`` are for visitors of the gallery; deliveries make their own.
    """

    stills: Stills
    links: SignedLinks | None
    packer: Packer
    removal: Removal
    retention: Retention
    downloads: Downloads | None


@dataclass(frozen=True, slots=True)
class Production:
    """The worker of this process, the way in to it, and who looks after operations that nobody
    waits for any more."""

    worker: Worker
    requests: Requests
    lost: LostJobs


async def clip_files(
    settings: Settings,
    database: Database,
    routes: Mapping[Route, VideoModels],
    delivery: DiscordDelivery,
    clock: Clock,
) -> Files:
    """Build what keeps clips, makes them small enough for Discord, and hands out originals."""
    data_dir, clips, media, fitting = (
        settings.data_dir,
        ClipStore(database),
        PyAvMedia(),
        ProcessFitting(),
    )
    originals = Originals(routes=routes, media=media, data_dir=data_dir, clock=clock)
    links = await signed_links(settings, clock)
    days, gigabytes = settings.keep_clips_days, settings.keep_clips_gb
    return Files(
        stills=pictures(media=media, originals=originals),
        links=links,
        packer=Packer(
            delivery=delivery,
            fitting=fitting,
            originals=originals,
            stills=Stills(fitting=fitting, media=media, originals=originals),
            links=links,
            clock=clock,
        ),
        removal=Removal(clips=clips, originals=originals),
        retention=Retention(
            files=KeepingStore(database),
            data_dir=data_dir,
            clock=clock,
            keep_for=None if days is None else timedelta(days=days),
            keep_bytes=None if gigabytes is None else int(gigabytes * 1_000_000_000),
        ),
        downloads=None if links is None else Downloads(links=links, clips=clips, data_dir=data_dir),
    )


def production(
    settings: Settings,
    database: Database,
    routes: Mapping[Route, VideoModels],
    models: Models,
    delivery: DiscordDelivery,
    packer: Packer,
    steady: Steady,
    clock: Clock,
) -> Production:
    """Build what makes clips."""
    policy = settings.policy
    jobs, states = JobStore(database), ModelStore(database)
    estimates = Estimates(states=states, clock=clock, pace=policy.pace)
    may_pay = settings.paid_calls == "allow" or all_on_this_machine(settings)
    unknown = Settlement.HOUSE if settings.unknown_settlement == "refund" else Settlement.CHARGE
    can_find = Route.VERTEX in routes and settings.google_output_uri is not None
    findable = frozenset({Route.VERTEX} if can_find else ())
    runner = Runner(
        jobs=jobs,
        clips=ClipStore(database),
        states=states,
        routes=routes,
        delivery=delivery,
        media=PyAvMedia(),
        clock=clock,
        steady=steady,
        estimates=estimates,
        packer=packer,
        shelf=models,
        data_dir=settings.data_dir,
        timing=Timing(
            poll_interval_s=settings.poll_interval_s,
            time_limit_s=settings.job_time_limit_s,
            late_name_s=max(5.0, settings.lease_s),
        ),
        money=Money(paid_calls=may_pay, unknown=unknown),
        findable=findable,
    )
    worker = Worker(
        jobs=jobs,
        workers=WorkerStore(database),
        runner=runner,
        board=Board(jobs=jobs, delivery=delivery, estimates=estimates),
        steady=steady,
        clock=clock,
        policy=policy,
        lease_s=settings.lease_s,
    )
    requests = Requests(
        jobs=jobs,
        ledger=LedgerStore(database),
        guilds=GuildStore(database),
        models=models,
        desk=worker,
        door=Door(jobs=jobs, policy=policy, clock=clock),
        estimates=estimates,
        clock=clock,
        policy=policy,
        region=settings.google_region,
        paid_calls=may_pay,
        confirm_above=settings.confirm_above,
    )
    lost = LostJobs(
        jobs=jobs,
        routes=routes,
        desk=worker,
        clock=clock,
        every_s=_RARELY * settings.poll_interval_s,
        findable=findable,
    )
    return Production(worker, requests, lost)

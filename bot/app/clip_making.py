"""The making and keeping of clips, as part of the composition root.

Built by `bot.app.run`, which hands it the settings, the database, Google's routes and Discord.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.app.startup import uses_only_local_endpoints
from bot.app.web import build_gallery_thumbnails, build_signed_links
from bot.config.settings import Settings
from bot.discord.job_messages import DiscordJobMessages
from bot.domain.billing.ledger import Settlement
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, VideoModels
from bot.media.probe import PyAvMediaProbe
from bot.media.transcode import ProcessTranscoder
from bot.services.admin.model_directory import ModelDirectory
from bot.services.clips.input_images import InputImages
from bot.services.clips.originals import Originals
from bot.services.clips.removal import ClipRemoval
from bot.services.clips.retention import FileRetention
from bot.services.clips.thumbnails import Thumbnails
from bot.services.jobs.admission import AdmissionBatcher
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.job_task import JobStages, JobTaskFactory
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.queue_status import QueueStatusUpdater
from bot.services.jobs.requests import RequestService
from bot.services.jobs.stages.delivery import ClipDelivery
from bot.services.jobs.stages.download import ClipDownloader
from bot.services.jobs.stages.polling import JobPoller
from bot.services.jobs.stages.running_job import BillingRules, JobDependencies, PollingTimes
from bot.services.jobs.stages.submission import JobSubmitter
from bot.services.jobs.unknown_jobs import UnknownJobPoller
from bot.services.jobs.upload import UploadPreparer
from bot.services.jobs.worker import Worker
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.database import Database
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore
from bot.store.jobs.workers import WorkerStore
from bot.store.operations.file_references import FileReferenceStore
from bot.web.downloads import OriginalDownloads
from bot.web.links import SignedLinks

_UNKNOWN_POLL_FACTOR: Final = 30
"""Poll intervals between two looks at an operation that nobody waits for any more."""


@dataclass(frozen=True, slots=True)
class ClipFileServices:
    """What has to do with the files of clips; ``links`` and ``downloads`` need a PUBLIC_URL.

    ``stills`` are for visitors of the gallery; deliveries make their own.
    """

    thumbnails: Thumbnails
    links: SignedLinks | None
    upload_preparer: UploadPreparer
    clip_removal: ClipRemoval
    file_retention: FileRetention
    downloads: OriginalDownloads | None


@dataclass(frozen=True, slots=True)
class JobServices:
    """The worker of this process, the way in to it, and who looks after operations that nobody
    waits for any more."""

    worker: Worker
    request_service: RequestService
    unknown_job_poller: UnknownJobPoller


async def build_clip_file_services(
    settings: Settings,
    database: Database,
    routes: Mapping[GoogleRoute, VideoModels],
    job_messages: DiscordJobMessages,
    clock: Clock,
) -> ClipFileServices:
    """Build what keeps clips, makes them small enough for Discord, and hands out originals."""
    data_dir, clips, media, fitting = (
        settings.data_dir,
        ClipStore(database),
        PyAvMediaProbe(),
        ProcessTranscoder(),
    )
    originals = Originals(routes=routes, media_probe=media, data_dir=data_dir, clock=clock)
    links = await build_signed_links(settings, clock)
    days, gigabytes = settings.keep_clips_days, settings.keep_clips_gb
    return ClipFileServices(
        thumbnails=build_gallery_thumbnails(media=media, originals=originals),
        links=links,
        upload_preparer=UploadPreparer(
            job_messages=job_messages,
            transcoder=fitting,
            originals=originals,
            thumbnails=Thumbnails(transcoder=fitting, media_probe=media, originals=originals),
            links=links,
            clock=clock,
        ),
        clip_removal=ClipRemoval(clips=clips, originals=originals),
        file_retention=FileRetention(
            file_references=FileReferenceStore(database),
            data_dir=data_dir,
            clock=clock,
            keep_for=None if days is None else timedelta(days=days),
            keep_bytes=None if gigabytes is None else int(gigabytes * 1_000_000_000),
        ),
        downloads=None
        if links is None
        else OriginalDownloads(links=links, clips=clips, data_dir=data_dir),
    )


def build_job_services(
    settings: Settings,
    database: Database,
    routes: Mapping[GoogleRoute, VideoModels],
    model_directory: ModelDirectory,
    job_messages: DiscordJobMessages,
    clip_publisher: ClipPublisher,
    critical_sections: CriticalSections,
    input_images: InputImages,
    clock: Clock,
) -> JobServices:
    """Build what makes clips."""
    policy = settings.policy
    jobs, states = JobStore(database), ModelStateStore(database)
    estimates = WaitEstimates(model_states=states, clock=clock, pace=policy.pace)
    may_pay = settings.paid_calls == "allow" or uses_only_local_endpoints(settings)
    charged = settings.charge_member_for_unconfirmed_submits
    unknown = Settlement.CHARGE if charged else Settlement.ABSORBED
    can_find = GoogleRoute.VERTEX in routes and settings.google_output_uri is not None
    findable = frozenset({GoogleRoute.VERTEX} if can_find else ())
    runner = JobTaskFactory(
        JobDependencies(
            jobs=jobs,
            routes=routes,
            job_messages=job_messages,
            clock=clock,
            critical_sections=critical_sections,
            polling_times=PollingTimes(
                poll_interval_s=settings.poll_interval_s,
                time_limit_s=settings.job_time_limit_s,
                late_operation_wait_s=max(5.0, settings.lease_s),
            ),
            billing_rules=BillingRules(paid_calls=may_pay, unknown_settlement=unknown),
            searchable_routes=findable,
        ),
        JobStages(
            submitter=JobSubmitter(model_states=states, model_availability=model_directory),
            poller=JobPoller(wait_estimates=estimates, model_availability=model_directory),
            downloader=ClipDownloader(media_probe=PyAvMediaProbe(), data_dir=settings.data_dir),
            delivery=ClipDelivery(clips=ClipStore(database), clip_publisher=clip_publisher),
        ),
    )
    worker = Worker(
        jobs=jobs,
        workers=WorkerStore(database),
        job_task_factory=runner,
        queue_status_updater=QueueStatusUpdater(
            jobs=jobs, job_messages=job_messages, wait_estimates=estimates, clock=clock
        ),
        critical_sections=critical_sections,
        clock=clock,
        policy=policy,
        lease_s=settings.lease_s,
    )
    requests = RequestService(
        jobs=jobs,
        ledger=LedgerStore(database),
        offered_models=model_directory,
        input_images=input_images,
        worker=worker,
        admission_batcher=AdmissionBatcher(jobs=jobs, policy=policy, clock=clock),
        wait_estimates=estimates,
        clock=clock,
        policy=policy,
        region=settings.google_region,
        paid_calls=may_pay,
        confirm_above_price=settings.confirm_above,
    )
    lost = UnknownJobPoller(
        jobs=jobs,
        routes=routes,
        worker=worker,
        clock=clock,
        interval_s=_UNKNOWN_POLL_FACTOR * settings.poll_interval_s,
        searchable_routes=findable,
    )
    return JobServices(worker, requests, lost)

"""Builds the stages that a job runs through, from its submission to its announcement."""

from bot.app.reviews import find_keeping_time
from bot.config.settings import Settings
from bot.discord.showcase_channel import DiscordShowcaseChannel
from bot.domain.clips.joining import VideoJoiner
from bot.domain.clips.media_store import MediaStore
from bot.domain.ports import Clock
from bot.media.probe import PyAvMediaProbe
from bot.media.transcode import ProcessTranscoder
from bot.services.admin.model_directory import ModelDirectory
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Thumbnails
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.job_task import JobStages
from bot.services.jobs.poll_schedules import PollSchedules
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.stages.announcing import JobAnnouncer
from bot.services.jobs.stages.delivery import ClipDelivery
from bot.services.jobs.stages.download import ClipDownloader
from bot.services.jobs.stages.joining import ShotJoiner
from bot.services.jobs.stages.polling import JobPoller
from bot.services.jobs.stages.result_check import ResultCheck
from bot.services.jobs.stages.review import ReviewDesk
from bot.services.jobs.stages.submission import JobSubmitter
from bot.services.jobs.stages.takes import TakesAnnouncer
from bot.services.jobs.status_pictures import StatusPictures
from bot.services.moderation.content_checks import ContentCheckService
from bot.services.showcase.first_star import FirstStar
from bot.store.engine.database import Database
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.model_states import ModelStateStore
from bot.store.jobs.takes import TakesStore
from bot.store.member_preferences import MemberPreferenceStore
from bot.store.moderation.reviews import ReviewStore
from bot.store.showcase.settings import ShowcaseSettingsStore


def build_job_stages(
    settings: Settings,
    database: Database,
    *,
    model_directory: ModelDirectory,
    wait_estimates: WaitEstimates,
    media_probe: PyAvMediaProbe,
    video_joiner: VideoJoiner,
    media_store: MediaStore,
    originals: Originals,
    thumbnails: Thumbnails,
    review_desk: ReviewDesk,
    content_checks: ContentCheckService | None,
    clip_publisher: ClipPublisher,
    showcase_channel: DiscordShowcaseChannel,
    clock: Clock,
) -> JobStages:
    clips, model_states = ClipStore(database), ModelStateStore(database)
    member_preferences = MemberPreferenceStore(database)
    result_check = ResultCheck(
        checks=content_checks if settings.moderate_results else None,
        clips=clips,
        reviews=ReviewStore(database),
        review_desk=review_desk,
        transcoder=ProcessTranscoder(),  # frames need not wait for whole clips to be re-encoded
        originals=originals,
        keep_for=find_keeping_time(settings),
    )
    return JobStages(
        submitter=JobSubmitter(
            media_store=media_store,
            model_states=model_states,
            model_availability=model_directory,
        ),
        poller=JobPoller(
            wait_estimates=wait_estimates,
            poll_schedules=PollSchedules(
                model_states=model_states, clock=clock, interval_s=settings.poll_interval_s
            ),
            status_pictures=StatusPictures(clips=clips, thumbnails=thumbnails, clock=clock),
            model_availability=model_directory,
            model_states=model_states,
        ),
        downloader=ClipDownloader(
            media_probe=media_probe,
            media_store=media_store,
            result_check=result_check,
            shot_joiner=ShotJoiner(
                video_joiner=video_joiner, media_probe=media_probe, media_store=media_store
            ),
        ),
        result_check=result_check,
        review_desk=review_desk,
        delivery=ClipDelivery(
            clips=clips,
            member_preferences=member_preferences,
            clip_publisher=clip_publisher,
            review_desk=review_desk,
            originals=originals,
        ),
        announcer=JobAnnouncer(
            clips=clips,
            member_preferences=member_preferences,
            takes_announcer=TakesAnnouncer(
                takes=TakesStore(database),
                clips=clips,
                member_preferences=member_preferences,
                clip_publisher=clip_publisher,
            ),
            offer_star=FirstStar(
                showcase_settings_store=ShowcaseSettingsStore(database),
                showcase_channel=showcase_channel,
            ).offer,
        ),
    )

"""Builds each part of the bot once and passes it the parts that it needs.

Only this module knows which class implements which interface. It starts, connects and closes
nothing; `bot.app.run` does.
"""

from datetime import timedelta

from bot.app.bucket_watch import build_bucket_watch
from bot.app.content_credentials import build_file_signer, build_manifest_reader
from bot.app.log_channels import build_log_channels
from bot.app.media import build_file_retention
from bot.app.moderation import build_content_checks, build_content_judge
from bot.app.reviews import build_clip_reviews, build_review_desk
from bot.app.shards import ProcessShards
from bot.app.start_report import RouteReport
from bot.app.startup import (
    build_routes,
    list_dated_routes,
    uses_only_local_endpoints,
)
from bot.app.web import build_downloads, build_gallery_thumbnails
from bot.app.webhooks import build_webhook_parts
from bot.config.settings import Settings
from bot.discord.attachments import DiscordAttachments
from bot.discord.job_messages import DiscordJobMessages
from bot.discord.price_display import PriceDisplay
from bot.discord.report_messages import DiscordReportMessages
from bot.discord.server_icons import DiscordServerIcons
from bot.discord.server_language import ServerLanguages
from bot.discord.showcase_channel import DiscordShowcaseChannel
from bot.discord.user_install import InteractionWebhooks, TokenCipher
from bot.domain.billing.ledger import Settlement
from bot.domain.clips.media_store import MediaStore
from bot.domain.jobs.request import GoogleRoute
from bot.domain.models import ModelCatalog
from bot.domain.moderation.word_list import WordList
from bot.domain.ports import Clock
from bot.media.images import ProcessImageDecoder
from bot.media.probe import PyAvMediaProbe
from bot.media.transcode import ProcessTranscoder
from bot.observability.metrics import Instruments
from bot.observability.web_metrics import WebInstruments
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.model_directory import ModelDirectory
from bot.services.admin.privacy import PrivacyService
from bot.services.admin.quotas import QuotaService
from bot.services.clips.history import ClipHistory
from bot.services.clips.input_images import InputImages
from bot.services.clips.interaction_lifetimes import InteractionLifetimes
from bot.services.clips.library import ClipLibrary
from bot.services.clips.origin_checks import OriginChecks
from bot.services.clips.originals import Originals
from bot.services.clips.remote_deletions import RemoteDeletions
from bot.services.clips.removal import ClipRemoval
from bot.services.clips.thumbnails import Thumbnails
from bot.services.jobs.admission import AdmissionBatcher
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.job_task import JobStages, JobTaskFactory
from bot.services.jobs.poll_schedules import PollSchedules
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.queue_status import QueueStatusUpdater
from bot.services.jobs.requests import RequestService
from bot.services.jobs.stages.announcing import JobAnnouncer
from bot.services.jobs.stages.delivery import ClipDelivery
from bot.services.jobs.stages.download import ClipDownloader
from bot.services.jobs.stages.event_trust import EventTrust
from bot.services.jobs.stages.polling import JobPoller
from bot.services.jobs.stages.running_job import BillingRules, JobDependencies, PollingTimes
from bot.services.jobs.stages.submission import JobSubmitter
from bot.services.jobs.status_pictures import StatusPictures
from bot.services.jobs.unknown_jobs import POLL_FACTOR, UnknownJobPoller
from bot.services.jobs.upload import UploadPreparer
from bot.services.jobs.worker import WORKER_LOOPS, Worker
from bot.services.moderation.report_desk import ReportDesk
from bot.services.moderation.reports import ReportDecisions, ReportIntake
from bot.services.moderation.request_blocks import RequestBlockService
from bot.services.moderation.word_lists import WordListService
from bot.services.showcase.channel_lanes import ChannelLanes
from bot.services.showcase.creator_names import CreatorNames
from bot.services.showcase.creator_pages import CreatorPages
from bot.services.showcase.first_star import FirstStar
from bot.services.showcase.publisher import ShowcasePublisher
from bot.services.showcase.server_icons import ServerIcons
from bot.services.showcase.server_pages import ServerPages
from bot.services.showcase.showcase import ShowcaseService
from bot.services.showcase.votes import VoteCounter
from bot.services.showcase.web_addresses import WebAddresses
from bot.services.showcase.weekly_digest import DigestScheduler
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore, WelcomeStore
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.interaction_lifetimes import InteractionLifetimeStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore
from bot.store.jobs.remote_deletions import RemoteDeletionStore
from bot.store.jobs.workers import WorkerStore
from bot.store.member_preferences import MemberPreferenceStore
from bot.store.moderation.report_notices import ReportNoticeStore
from bot.store.moderation.reports import ReportStore
from bot.store.moderation.request_blocks import RequestBlockStore
from bot.store.moderation.reviews import ReviewStore
from bot.store.moderation.word_lists import WordListStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.channels import ShowcaseChannelStore
from bot.store.showcase.creator_pages import CreatorPageStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.server_pages import ServerPageStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore
from bot.ui.clip_card import ClipCards
from bot.ui.model_info import ModelInfo
from bot.ui.showcase_card import ShowcaseCards
from bot.web.links import SignedLinks


class Container:
    """The parts of one bot process, built in the order of their dependencies."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        gallery_database: Database,
        catalog: ModelCatalog,
        operator_words: WordList,
        media_store: MediaStore,
        signed_links: SignedLinks | None,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.database = database
        self.gallery_database = gallery_database
        self.catalog = catalog
        self.operator_words = operator_words
        self.media_store = media_store
        self.signed_links = signed_links
        self.clock = clock
        self._build_stores(database)
        self._build_adapters(settings, clock)
        self._build_file_services(settings, clock)
        self._build_job_services(settings, clock)
        self.webhooks = build_webhook_parts(
            settings,
            catalog=catalog,
            database=database,
            jobs=self.jobs,
            routes=self.routes,
            worker=self.worker,
            clock=clock,
        )
        self._build_showcase_services(settings, clock)
        self._build_member_services(settings, clock)

    def _build_stores(self, database: Database) -> None:
        self.jobs = JobStore(database)
        self.clips = ClipStore(database)
        self.ledger = LedgerStore(database)
        self.guilds = GuildStore(database)
        self.welcomed_guilds = WelcomeStore(database)
        self.member_preferences = MemberPreferenceStore(database)
        self.model_states = ModelStateStore(database)
        self.showcase_posts = ShowcasePostStore(database)
        self.showcase_settings = ShowcaseSettingsStore(database)
        self.showcase_channels = ShowcaseChannelStore(database)

    def _build_adapters(self, settings: Settings, clock: Clock) -> None:
        self.instruments = Instruments()
        self.web_instruments = WebInstruments(self.instruments.registry)
        self.bucket_watch = build_bucket_watch(self.media_store, self.instruments.registry, clock)
        self.interaction_lifetimes = InteractionLifetimes(
            store=InteractionLifetimeStore(self.database), clock=clock
        )
        self.routes = build_routes(
            settings,
            self.catalog,
            self.instruments,
            clock,
            media_folder=self.media_store.working_folder,
            interaction_watcher=self.interaction_lifetimes,
        )
        self.content_judge = build_content_judge(settings)
        self.route_report = RouteReport()
        self.model_directory = ModelDirectory(
            watcher=self.route_report,
            catalog=self.catalog,
            routes=self.routes,
            clock=clock,
            model_states=self.model_states,
            dated_routes=list_dated_routes(settings),
        )
        self.model_info = ModelInfo(
            model_directory=self.model_directory, region=settings.google_region
        )
        self.attachments = DiscordAttachments(api_url=settings.discord_api_url)
        token_cipher = TokenCipher(settings.discord_token.get_secret_value())
        self.shards = ProcessShards(settings, self.database, self.instruments, clock)
        self.client = self.shards.build_client(token_cipher)
        self.clip_cards = ClipCards(model_info=self.model_info)
        self.job_messages = DiscordJobMessages(
            client=self.client,
            cards=self.clip_cards,
            media_store=self.media_store,
            clock=clock,
            webhooks=InteractionWebhooks(self.client, token_cipher),
            price_display=PriceDisplay(self.guilds),
        )
        self.media_probe = PyAvMediaProbe()

    def _build_file_services(self, settings: Settings, clock: Clock) -> None:
        self.originals = Originals(
            routes=self.routes,
            media_probe=self.media_probe,
            media_store=self.media_store,
            clock=clock,
        )
        self.gallery_thumbnails = build_gallery_thumbnails(
            signer=build_file_signer(settings),
            media_probe=self.media_probe,
            media_store=self.media_store,
            instruments=self.web_instruments,
        )
        self.showcase_channel = DiscordShowcaseChannel(
            client=self.client,
            cards=ShowcaseCards(model_info=self.model_info),
            media_store=self.media_store,
            get_poster=self.gallery_thumbnails.get_poster,
            find_web_address=WebAddresses(
                showcase_settings_store=self.showcase_settings, gallery_url=settings.public_url
            ).find_address,
        )
        self.original_downloads = build_downloads(
            self.signed_links, clips=ClipStore(self.gallery_database), media_store=self.media_store
        )
        transcoder = ProcessTranscoder(signer=build_file_signer(settings))
        self.upload_preparer = UploadPreparer(
            job_messages=self.job_messages,
            transcoder=transcoder,
            originals=self.originals,
            media_store=self.media_store,
            thumbnails=Thumbnails(
                poster_transcoder=transcoder,
                preview_transcoder=transcoder,
                media_probe=self.media_probe,
                media_store=self.media_store,
            ),
            links=self.signed_links,
            clock=clock,
        )
        self.clip_library = ClipLibrary(jobs=self.jobs, clips=self.clips)
        self.clip_history = ClipHistory(
            clips=self.clips, is_extendable=self.model_info.is_extendable, clock=clock
        )
        self.origin_checks = OriginChecks(
            attachments=self.attachments,
            manifest_reader=build_manifest_reader(settings),
            media_store=self.media_store,
            clips=self.clips,
        )
        self.file_retention = build_file_retention(settings, self.database, self.media_store, clock)
        self.input_images = InputImages(
            attachments=self.attachments,
            image_decoder=ProcessImageDecoder(),
            media_store=self.media_store,
        )

    def _build_job_services(self, settings: Settings, clock: Clock) -> None:
        policy = settings.policy
        paid_calls = settings.paid_calls == "allow" or uses_only_local_endpoints(settings)
        can_search = GoogleRoute.VERTEX in self.routes and settings.google_output_uri is not None
        searchable_routes = frozenset({GoogleRoute.VERTEX} if can_search else ())
        charge = settings.charge_member_for_unconfirmed_submits
        critical_sections = CriticalSections(clock)
        wait_estimates = WaitEstimates(
            model_states=self.model_states, clock=clock, pace=policy.pace
        )
        self.clip_publisher = ClipPublisher(
            clips=self.clips,
            job_messages=self.job_messages,
            upload_preparer=self.upload_preparer,
            clock=clock,
            critical_sections=critical_sections,
        )
        self.reviews = ReviewStore(self.database)
        review_desk = build_review_desk(
            self.database,
            client=self.client,
            cards=self.clip_cards,
            media_store=self.media_store,
            clip_publisher=self.clip_publisher,
        )
        queue_status_updater = QueueStatusUpdater(
            jobs=self.jobs,
            job_messages=self.job_messages,
            wait_estimates=wait_estimates,
            model_states=self.model_states,
            clock=clock,
        )
        self.worker = Worker(
            jobs=self.jobs,
            workers=WorkerStore(self.database),
            job_task_factory=JobTaskFactory(
                JobDependencies(
                    jobs=self.jobs,
                    routes=self.routes,
                    job_messages=self.job_messages,
                    clock=clock,
                    critical_sections=critical_sections,
                    account_refusals=AccountRefusalStore(self.database),
                    polling_times=PollingTimes(
                        poll_interval_s=settings.poll_interval_s,
                        time_limit_s=settings.job_time_limit_s,
                        late_operation_wait_s=max(5.0, settings.lease_s),
                    ),
                    billing_rules=BillingRules(
                        paid_calls=paid_calls,
                        unknown_settlement=Settlement.CHARGE if charge else Settlement.ABSORBED,
                    ),
                    searchable_routes=searchable_routes,
                    event_trust=EventTrust(clock) if settings.gemini_webhooks else None,
                ),
                JobStages(
                    submitter=JobSubmitter(
                        media_store=self.media_store,
                        model_states=self.model_states,
                        model_availability=self.model_directory,
                    ),
                    poller=JobPoller(
                        wait_estimates=wait_estimates,
                        poll_schedules=PollSchedules(
                            model_states=self.model_states,
                            clock=clock,
                            interval_s=settings.poll_interval_s,
                        ),
                        status_pictures=StatusPictures(
                            clips=self.clips, thumbnails=self.gallery_thumbnails, clock=clock
                        ),
                        model_availability=self.model_directory,
                        model_states=self.model_states,
                    ),
                    downloader=ClipDownloader(
                        media_probe=self.media_probe,
                        media_store=self.media_store,
                        review_desk=review_desk,
                    ),
                    review_desk=review_desk,
                    delivery=ClipDelivery(
                        clips=self.clips,
                        member_preferences=self.member_preferences,
                        clip_publisher=self.clip_publisher,
                        review_desk=review_desk,
                        originals=self.originals,
                    ),
                    announcer=JobAnnouncer(
                        clips=self.clips,
                        member_preferences=self.member_preferences,
                        offer_star=FirstStar(
                            showcase_settings_store=self.showcase_settings,
                            showcase_channel=self.showcase_channel,
                        ).offer,
                    ),
                ),
            ),
            queue_status_updater=queue_status_updater,
            critical_sections=critical_sections,
            clock=clock,
            policy=policy,
            lease_s=settings.lease_s,
            report_failure=self.instruments.count_background_failure,
        )
        for loop in WORKER_LOOPS:
            self.instruments.background_failures.labels(loop)  # the series exists from the start
        self.request_service = RequestService(
            reviews=self.reviews,
            jobs=self.jobs,
            clips=self.clips,
            ledger=self.ledger,
            input_images=self.input_images,
            job_messages=self.job_messages,
            offered_models=self.model_directory,
            worker=self.worker,
            admission_batcher=AdmissionBatcher(jobs=self.jobs, policy=policy, clock=clock),
            wait_estimates=wait_estimates,
            clock=clock,
            policy=policy,
            region=settings.google_region,
            paid_calls=paid_calls,
            place_policy=settings.place_policy,
            confirm_above_price=settings.confirm_above,
            reply_undo_s=settings.reply_undo_s,
            show_accepted=queue_status_updater.show_accepted,
            content_checks=build_content_checks(
                settings,
                self.content_judge,
                database=self.database,
                media_store=self.media_store,
                clock=clock,
            ),
        )
        self.unknown_job_poller = UnknownJobPoller(
            jobs=self.jobs,
            routes=self.routes,
            worker=self.worker,
            clock=clock,
            interval_s=POLL_FACTOR * settings.poll_interval_s,
            searchable_routes=searchable_routes,
        )
        self.remote_deletions = RemoteDeletions(
            store=RemoteDeletionStore(self.database),
            routes=self.routes,
            worker=self.worker,
            clock=clock,
            count_given_up=self.instruments.remote_deletions_given_up.inc,
        )

    def _build_showcase_services(self, settings: Settings, clock: Clock) -> None:
        self.post_lanes = ChannelLanes(kind="showcase_post", clock=clock)
        self.digest_lanes = ChannelLanes(kind="digest", clock=clock)
        self.showcase_publisher = ShowcasePublisher(
            showcase_posts=self.showcase_posts,
            showcase_channels=self.showcase_channels,
            clock=clock,
            lanes=self.post_lanes,
            showcase_channel=self.showcase_channel,
            published_files=self.media_store,
            worker=self.worker,
        )
        self.showcase_service = ShowcaseService(
            showcase_posts=self.showcase_posts,
            showcase_settings_store=self.showcase_settings,
            showcase_channel=self.showcase_channel,
            showcase_channels=self.showcase_channels,
            publisher=self.showcase_publisher,
            worker=self.worker,
            clock=clock,
            gallery_url=settings.public_url,
        )
        self.creator_names = CreatorNames(posts=self.showcase_posts)
        self.creator_pages = CreatorPages(
            store=CreatorPageStore(self.database), clock=clock, gallery_url=settings.public_url
        )
        self.server_pages = ServerPages(store=ServerPageStore(self.database), clock=clock)
        self.server_icons = ServerIcons(
            server_pages=self.server_pages.store,
            icon_source=DiscordServerIcons(
                client=self.client, attachments=self.attachments, api_url=settings.discord_api_url
            ),
            image_decoder=self.input_images.image_decoder,
            media_store=self.media_store,
            clock=clock,
        )
        self.vote_counter = VoteCounter(
            stars=StarStore(self.database),
            showcase_posts=self.showcase_posts,
            showcase_settings_store=self.showcase_settings,
            clips=self.clips,
            showcase_channel=self.showcase_channel,
            showcase_service=self.showcase_service,
            publisher=self.showcase_publisher,
            clock=clock,
        )
        self.digest_scheduler = DigestScheduler(
            digests=DigestStore(self.database),
            showcase_settings_store=self.showcase_settings,
            showcase_posts=self.showcase_posts,
            showcase_channel=self.showcase_channel,
            vote_counter=self.vote_counter,
            worker=self.worker,
            clock=clock,
            lanes=self.digest_lanes,
            member_preferences=self.member_preferences,
        )
        self.clip_removal = ClipRemoval(
            clips=self.clips,
            originals=self.originals,
            job_messages=self.job_messages,
            discord_messages=self.showcase_channel,
            withdraw_callbacks=[self.showcase_service.withdraw_deleted_clip],
            request_remote_deletion=self.remote_deletions.wake,
        )

    def _build_member_services(self, settings: Settings, clock: Clock) -> None:
        self.word_lists = WordListService(
            word_lists=WordListStore(self.database),
            guilds=self.guilds,
            audit_log=self.showcase_settings,
            clock=clock,
            operator_list=self.operator_words,
        )
        self.request_blocks = RequestBlockService(
            request_blocks=RequestBlockStore(self.database), worker=self.worker
        )
        reports, languages = ReportStore(self.database), ServerLanguages(self.client, self.guilds)
        self.log_channel_choice, self.log_channel_poster = build_log_channels(
            self.database, client=self.client, languages=languages, clock=clock
        )
        self.report_desk = ReportDesk(
            reports=reports,
            notices=ReportNoticeStore(self.database),
            guilds=self.guilds,
            clips=self.clips,
            jobs=self.jobs,
            showcase_posts=self.showcase_posts,
            publisher=self.showcase_publisher,
            clip_removal=self.clip_removal,
            messages=DiscordReportMessages(client=self.client, languages=languages),
            worker_id=self.worker.worker_id,
            clock=clock,
        )
        self.report_intake = ReportIntake(reports=reports, on_report=self.report_desk.wake)
        self.report_decisions = ReportDecisions(reports=reports, request_blocks=self.request_blocks)
        self.server_rules = ServerRulesService(
            guilds=self.guilds,
            clock=clock,
            word_lists=self.word_lists,
            age_restricted_only=settings.adults_only,
        )
        rules, worker = self.server_rules, self.worker
        self.clip_reviews = build_clip_reviews(
            settings, self.database, server_rules=rules, worker=worker, clock=clock
        )
        self.quota_service = QuotaService(
            jobs=self.jobs, ledger=self.ledger, clock=clock, policy=settings.policy
        )
        self.privacy_service = PrivacyService(
            erasure_requests=ErasureStore(self.database),
            exports=ExportStore(self.database),
            showcase_posts=self.showcase_posts,
            jobs=self.jobs,
            job_canceller=self.request_service,
            publisher=self.showcase_publisher,
            discord_messages=self.showcase_channel,
            erasable_files=self.media_store,
            worker=self.worker,
            clock=clock,
            grace_period=timedelta(days=settings.keep_left_servers_days),
        )

"""Builds each part of the bot once and passes it the parts that it needs.

Only this room knows which class implements which interface; modules beside this one build parts
that belong together. None of them starts, connects or closes anything; `bot.app.run` does.
"""

from datetime import timedelta

from bot.app.bucket_watch import build_bucket_watch
from bot.app.content_credentials import build_file_signer, build_manifest_reader
from bot.app.job_stages import build_job_stages
from bot.app.media import build_file_retention
from bot.app.moderation import (
    build_content_checks,
    build_content_judge,
    build_moderation_parts,
    build_word_lists,
)
from bot.app.questions import build_question_desk
from bot.app.reviews import build_review_desk
from bot.app.shards import ProcessShards
from bot.app.showcase import build_showcase_parts
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
from bot.discord.review_messages import DiscordReviewMessages
from bot.discord.showcase_channel import DiscordShowcaseChannel
from bot.discord.takes_messages import DiscordTakesMessages
from bot.discord.user_install import InteractionWebhooks, TokenCipher
from bot.domain.billing.ledger import Settlement
from bot.domain.clips.media_store import MediaStore
from bot.domain.jobs.request import GoogleRoute
from bot.domain.models import ModelCatalog
from bot.domain.moderation.word_list import WordList
from bot.domain.ports import Clock
from bot.media.images import ProcessImageDecoder
from bot.media.joining import ProcessVideoJoiner
from bot.media.probe import PyAvMediaProbe
from bot.media.transcode import ProcessTranscoder
from bot.observability.metrics import Instruments
from bot.observability.web_metrics import WebInstruments
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.model_directory import ModelDirectory
from bot.services.admin.privacy import PrivacyService
from bot.services.admin.quotas import QuotaService
from bot.services.clips.draft_expiry import DraftExpiry
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
from bot.services.jobs.job_task import JobTaskFactory
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.queue_status import QueueStatusUpdater
from bot.services.jobs.requests import RequestService
from bot.services.jobs.stages.event_trust import EventTrust
from bot.services.jobs.stages.running_job import BillingRules, JobDependencies, PollingTimes
from bot.services.jobs.unknown_jobs import POLL_FACTOR, UnknownJobPoller
from bot.services.jobs.upload import UploadPreparer
from bot.services.jobs.worker import WORKER_LOOPS, Worker
from bot.services.showcase.web_addresses import WebAddresses
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore, WelcomeStore
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.interaction_lifetimes import InteractionLifetimeStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore
from bot.store.jobs.remote_deletions import RemoteDeletionStore
from bot.store.jobs.takes import TakesStore
from bot.store.jobs.workers import WorkerStore
from bot.store.member_preferences import MemberPreferenceStore
from bot.store.moderation.reviews import ReviewStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
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
        self.video_joiner = ProcessVideoJoiner(signer=build_file_signer(settings))
        self.input_images = InputImages(
            attachments=self.attachments,
            image_decoder=ProcessImageDecoder(),
            media_store=self.media_store,
            video_joiner=self.video_joiner,
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
        self.review_messages = DiscordReviewMessages(
            client=self.client, cards=self.clip_cards, media_store=self.media_store
        )
        review_desk = build_review_desk(
            self.database,
            review_messages=self.review_messages,
            clip_publisher=self.clip_publisher,
        )
        self.content_checks = build_content_checks(
            settings,
            self.content_judge,
            database=self.database,
            media_store=self.media_store,
            clock=clock,
            critical_sections=critical_sections,
            paid_calls=paid_calls,
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
                build_job_stages(
                    settings,
                    self.database,
                    model_directory=self.model_directory,
                    wait_estimates=wait_estimates,
                    media_probe=self.media_probe,
                    video_joiner=self.video_joiner,
                    media_store=self.media_store,
                    originals=self.originals,
                    thumbnails=self.gallery_thumbnails,
                    review_desk=review_desk,
                    content_checks=self.content_checks,
                    clip_publisher=self.clip_publisher,
                    showcase_channel=self.showcase_channel,
                    clock=clock,
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
            takes=TakesStore(self.database),
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
            content_checks=self.content_checks,
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
        self.showcase = build_showcase_parts(
            settings,
            self.database,
            client=self.client,
            attachments=self.attachments,
            image_decoder=self.input_images.image_decoder,
            media_store=self.media_store,
            showcase_channel=self.showcase_channel,
            worker=self.worker,
            clock=clock,
        )
        self.clip_removal = ClipRemoval(
            clips=self.clips,
            originals=self.originals,
            job_messages=self.job_messages,
            discord_messages=self.showcase_channel,
            withdraw_callbacks=[self.showcase.service.withdraw_deleted_clip],
            request_remote_deletion=self.remote_deletions.wake,
        )

        self.draft_expiry = DraftExpiry(
            takes=TakesStore(self.database),
            jobs=self.jobs,
            clips=self.clips,
            messages=DiscordTakesMessages(
                client=self.client, cards=self.job_messages.cards.takes_cards
            ),
            originals=self.originals,
            clock=clock,
        )

    def _build_member_services(self, settings: Settings, clock: Clock) -> None:
        self.word_lists = build_word_lists(self.database, self.operator_words, clock=clock)
        self.server_rules = ServerRulesService(
            guilds=self.guilds,
            clock=clock,
            word_lists=self.word_lists,
            age_restricted_only=settings.adults_only,
        )
        self.question_desk = build_question_desk(
            self.database,
            client=self.client,
            model_info=self.model_info,
            thumbnails=self.gallery_thumbnails,
            media_store=self.media_store,
            server_rules=self.server_rules,
            request_service=self.request_service,
            clock=clock,
        )
        self.moderation = build_moderation_parts(
            settings,
            self.database,
            client=self.client,
            review_messages=self.review_messages,
            server_rules=self.server_rules,
            showcase_publisher=self.showcase.publisher,
            clip_removal=self.clip_removal,
            question_desk=self.question_desk,
            worker=self.worker,
            clock=clock,
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
            publisher=self.showcase.publisher,
            discord_messages=self.showcase_channel,
            erasable_files=self.media_store,
            worker=self.worker,
            clock=clock,
            grace_period=timedelta(days=settings.keep_left_servers_days),
        )

"""Builds what keeps out what nobody should see: word lists, blocks, checks, reviews and reports."""

import os
from dataclasses import dataclass

from bot.app.reviews import build_clip_reviews
from bot.config.settings import Settings
from bot.discord.client import DiscordClient
from bot.discord.log_messages import DiscordLogMessages
from bot.discord.report_messages import DiscordReportMessages
from bot.discord.server_language import ServerLanguages
from bot.domain.clips.media_store import MediaStore
from bot.domain.moderation.review_messages import ReviewMessages
from bot.domain.moderation.word_list import WordList
from bot.domain.ports import Clock
from bot.google.content_judge import GeminiContentJudge, build_key_judge, build_vertex_judge
from bot.google.credentials import DefaultCredentials
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.clips.removal import ClipRemoval
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.worker import Worker
from bot.services.moderation.clip_reviews import ClipReviewService
from bot.services.moderation.content_checks import ContentCheckService
from bot.services.moderation.log_channels import LogChannelChoice, LogChannelPoster
from bot.services.moderation.questions import QuestionDesk
from bot.services.moderation.report_desk import ReportDesk
from bot.services.moderation.reports import ReportDecisions, ReportIntake
from bot.services.moderation.request_blocks import RequestBlockService
from bot.services.moderation.staff_channel import StaffChannelService
from bot.services.moderation.word_lists import WordListService
from bot.services.showcase.publisher import ShowcasePublisher
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.moderation.content_checks import ContentCheckStore
from bot.store.moderation.log_channels import LogChannelStore
from bot.store.moderation.report_notices import ReportNoticeStore
from bot.store.moderation.reports import ReportStore
from bot.store.moderation.request_blocks import RequestBlockStore
from bot.store.moderation.word_lists import WordListStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationParts:
    """What moderators decide with. Jobs and requests have their own parts, built before these."""

    request_blocks: RequestBlockService
    report_desk: ReportDesk
    report_intake: ReportIntake
    report_decisions: ReportDecisions
    clip_reviews: ClipReviewService
    staff_channels: StaffChannelService
    log_channel_choice: LogChannelChoice
    log_channel_poster: LogChannelPoster


def build_moderation_parts(
    settings: Settings,
    database: Database,
    *,
    client: DiscordClient,
    review_messages: ReviewMessages,
    server_rules: ServerRulesService,
    showcase_publisher: ShowcasePublisher,
    clip_removal: ClipRemoval,
    question_desk: QuestionDesk,
    worker: Worker,
    clock: Clock,
) -> ModerationParts:
    guilds, reports, log_channels = (
        GuildStore(database),
        ReportStore(database),
        LogChannelStore(database),
    )
    languages = ServerLanguages(client, guilds)
    request_blocks = RequestBlockService(request_blocks=RequestBlockStore(database), worker=worker)
    report_desk = ReportDesk(
        reports=reports,
        notices=ReportNoticeStore(database),
        guilds=guilds,
        clips=ClipStore(database),
        jobs=JobStore(database),
        showcase_posts=ShowcasePostStore(database),
        publisher=showcase_publisher,
        clip_removal=clip_removal,
        messages=DiscordReportMessages(client=client, languages=languages),
        worker_id=worker.worker_id,
        clock=clock,
    )
    clip_reviews = build_clip_reviews(
        settings,
        database,
        review_messages=review_messages,
        server_rules=server_rules,
        worker=worker,
        clock=clock,
    )
    return ModerationParts(
        request_blocks=request_blocks,
        report_desk=report_desk,
        report_intake=ReportIntake(reports=reports, on_report=report_desk.wake),
        report_decisions=ReportDecisions(reports=reports, request_blocks=request_blocks),
        clip_reviews=clip_reviews,
        staff_channels=StaffChannelService(
            clip_reviews=clip_reviews, report_desk=report_desk, question_desk=question_desk
        ),
        log_channel_choice=LogChannelChoice(channels=log_channels, clock=clock),
        log_channel_poster=LogChannelPoster(
            channels=log_channels,
            messages=DiscordLogMessages(client=client, languages=languages),
            clock=clock,
        ),
    )


def build_word_lists(
    database: Database, operator_words: WordList, *, clock: Clock
) -> WordListService:
    """Return the one service of a process: it keeps compiled lists."""
    return WordListService(
        word_lists=WordListStore(database),
        guilds=GuildStore(database),
        audit_log=ShowcaseSettingsStore(database),
        clock=clock,
        operator_list=operator_words,
    )


def build_content_judge(settings: Settings) -> GeminiContentJudge | None:
    """Return the model of the settings, with the API key or else in the project. Close it."""
    model = settings.moderation_model
    if model is None:
        return None
    if settings.gemini_api_key is not None:
        key = settings.gemini_api_key.get_secret_value()
        return build_key_judge(model, api_key=key, base_url=settings.gemini_api_url)
    if settings.google_application_credentials is not None:  # google-auth reads the environment
        file = str(settings.google_application_credentials)
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = file
    return build_vertex_judge(
        model,
        project=settings.google_cloud_project or "",
        credentials=DefaultCredentials(),
        base_url=settings.vertex_api_url,
    )


def build_content_checks(
    settings: Settings,
    judge: GeminiContentJudge | None,
    *,
    database: Database,
    media_store: MediaStore,
    clock: Clock,
    critical_sections: CriticalSections,
    paid_calls: bool,
) -> ContentCheckService | None:
    if judge is None:
        return None
    return ContentCheckService(
        store=ContentCheckStore(database),
        judge=judge,
        media_store=media_store,
        rules=settings.content_rules,
        prices=settings.moderation_prices,
        accepts_unchecked=settings.moderation_if_away == "accept",
        policy=settings.policy,
        clock=clock,
        critical_sections=critical_sections,
        paid_calls=paid_calls,
    )

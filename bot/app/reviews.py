"""Builds what shows moderators clips before anybody else."""

from datetime import timedelta

from bot.config.settings import Settings
from bot.domain.moderation.review_messages import ReviewMessages
from bot.domain.ports import Clock
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.stages.review import ReviewDesk
from bot.services.jobs.worker import Worker
from bot.services.moderation.clip_reviews import ClipReviewService
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.moderation.reviews import ReviewStore


def find_keeping_time(settings: Settings) -> timedelta | None:
    """Return how long originals are kept, `None` for ever."""
    days = settings.keep_clips_days
    return None if days is None else timedelta(days=days)


def build_review_desk(
    database: Database,
    *,
    review_messages: ReviewMessages,
    clip_publisher: ClipPublisher,
) -> ReviewDesk:
    """Return the stage of a job in which moderators see its clips."""
    return ReviewDesk(
        reviews=ReviewStore(database),
        guilds=GuildStore(database),
        clips=ClipStore(database),
        clip_publisher=clip_publisher,
        review_messages=review_messages,
    )


def build_clip_reviews(
    settings: Settings,
    database: Database,
    *,
    review_messages: ReviewMessages,
    server_rules: ServerRulesService,
    worker: Worker,
    clock: Clock,
) -> ClipReviewService:
    """Return what decides about clips, which wait as long as the operator keeps originals."""
    return ClipReviewService(
        reviews=ReviewStore(database),
        jobs=JobStore(database),
        messages=review_messages,
        server_rules=server_rules,
        worker=worker,
        clock=clock,
        keep_for=find_keeping_time(settings),
    )

"""Builds the checks of requests and of results, if the operator has chosen a model for them."""

import os
from datetime import timedelta

from bot.config.settings import Settings
from bot.domain.clips.media_store import MediaStore
from bot.domain.ports import Clock
from bot.google.content_judge import GeminiContentJudge, build_key_judge, build_vertex_judge
from bot.google.credentials import DefaultCredentials
from bot.media.transcode import ProcessTranscoder
from bot.services.clips.originals import Originals
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.stages.result_check import ResultCheck
from bot.services.jobs.stages.review import ReviewDesk
from bot.services.moderation.content_checks import ContentCheckService
from bot.store.engine.database import Database
from bot.store.jobs.clips import ClipStore
from bot.store.moderation.content_checks import ContentCheckStore
from bot.store.moderation.reviews import ReviewStore


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


def build_result_check(
    settings: Settings,
    checks: ContentCheckService | None,
    *,
    database: Database,
    review_desk: ReviewDesk,
    originals: Originals,
) -> ResultCheck:
    """Return the stage in which the model rates finished clips, or lets them pass."""
    days = settings.keep_clips_days
    return ResultCheck(
        checks=checks if settings.moderate_results else None,
        clips=ClipStore(database),
        reviews=ReviewStore(database),
        review_desk=review_desk,
        transcoder=ProcessTranscoder(),  # frames need not wait for whole clips to be re-encoded
        originals=originals,
        keep_for=None if days is None else timedelta(days=days),
    )

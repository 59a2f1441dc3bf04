"""Builds the check of prompts and pictures, if the operator has chosen a model for it."""

import os

from bot.config.settings import Settings
from bot.domain.clips.media_store import MediaStore
from bot.domain.ports import Clock
from bot.google.content_judge import GeminiContentJudge, build_key_judge, build_vertex_judge
from bot.google.credentials import DefaultCredentials
from bot.services.moderation.content_checks import ContentCheckService
from bot.store.engine.database import Database
from bot.store.moderation.content_checks import ContentCheckStore


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
    )

"""Says what this installation does with people's data, for the web server's pages on that."""

from collections.abc import Iterator
from typing import Final

from yarl import URL

from bot.app.media import is_in_bucket
from bot.config.settings import Settings
from bot.domain.billing.limits import MONTH
from bot.domain.clips.interaction_lifetime import LONGEST_LIFETIME
from bot.domain.clips.remote_deletion import GIVE_UP_AFTER
from bot.domain.jobs.job import GOOGLE_FILE_LIFETIME
from bot.domain.jobs.request import GoogleRoute
from bot.domain.models import ModelCatalog
from bot.domain.moderation.question import ANSWER_TIME, QUESTION_RETENTION
from bot.services.admin.privacy import AUDIT_LOG_RETENTION, CLEANUP_INTERVAL_S
from bot.store.engine.database_url import read_database_url
from bot.store.moderation.content_checks import KEPT_FOR
from bot.web.adults import ADULT_COOKIE_LIFETIME
from bot.web.legal_facts import LegalFacts
from bot.web.pages import COOKIE_LIFETIME

_GEMINI_API: Final = "Gemini API"
_VERTEX_AI: Final = "Google Cloud Vertex AI"


def build_legal_facts(settings: Settings, catalog: ModelCatalog) -> LegalFacts:
    """Return the facts for these settings. Raises `ValueError` for a malformed database URL."""
    database_url = read_database_url(settings.resolved_database_url)
    public_url = settings.public_url
    return LegalFacts(
        operator_name=settings.operator_name,
        operator_contact=settings.operator_contact,
        keep_files_days=settings.keep_clips_days,
        keep_files_gigabytes=settings.keep_clips_gb,
        keep_charges_days=settings.keep_ledger_days,
        keep_moderation_days=AUDIT_LOG_RETENTION.days,
        keep_questions_days=(ANSWER_TIME + QUESTION_RETENTION).days,
        keep_left_servers_days=settings.keep_left_servers_days,
        pseudonym_days=MONTH.days,
        cookie_days=COOKIE_LIFETIME.days,
        adult_cookie_days=ADULT_COOKIE_LIFETIME.days,
        adults_only=settings.adults_only,
        download_link_days=None if public_url is None else settings.link_lifetime_days,
        uses_database_server=database_url.get_backend_name() != "sqlite",
        file_host=_find_file_host(settings),
        google_services=[*_list_google_services(settings)],
        gateways=[*_list_gateways(settings)],
        check_service=_find_check_service(settings),
        check_gateway=_find_check_gateway(settings),
        checks_results=settings.moderate_results,
        keep_checks_minutes=int((KEPT_FOR.total_seconds() + CLEANUP_INTERVAL_S) // 60),
        signs_files=settings.c2pa_certificate is not None,
        time_stamp_host=_find_time_stamp_host(settings),
        uses_omni=_uses_googles_omni(settings, catalog),
        keep_omni_days=LONGEST_LIFETIME.days,
        keep_google_files_days=GOOGLE_FILE_LIFETIME.days,
        delete_at_google_days=GIVE_UP_AFTER.days,
        fills_google_bucket=settings.google_cloud_project is not None
        and settings.google_output_uri is not None,
        gallery_address=public_url,
    )


def _find_file_host(settings: Settings) -> str | None:
    if not is_in_bucket(settings) or settings.media_url is None:
        return None
    if settings.media_url.startswith("gs://"):
        return "Google Cloud Storage"
    if settings.aws_endpoint_url is not None:
        return URL(settings.aws_endpoint_url).host
    return "Amazon S3"


def _list_google_services(settings: Settings) -> Iterator[str]:
    if settings.gemini_api_key is not None and settings.gemini_api_url is None:
        yield _GEMINI_API
    if settings.google_cloud_project is not None and settings.vertex_api_url is None:
        yield _VERTEX_AI


def _list_gateways(settings: Settings) -> Iterator[str]:
    for is_used, url in (
        (settings.gemini_api_key is not None, settings.gemini_api_url),
        (settings.google_cloud_project is not None, settings.vertex_api_url),
    ):
        host = URL(url).host if is_used and url is not None else None
        if host is not None:
            yield host


def _find_check_service(settings: Settings) -> str | None:
    """Return who rates requests, with the key or else in the project (`bot.app.moderation`)."""
    if settings.moderation_model is None or _find_check_gateway(settings) is not None:
        return None
    return _GEMINI_API if settings.gemini_api_key is not None else _VERTEX_AI


def _find_check_gateway(settings: Settings) -> str | None:
    has_key = settings.gemini_api_key is not None
    url = settings.gemini_api_url if has_key else settings.vertex_api_url
    if settings.moderation_model is None or url is None:
        return None
    return URL(url).host


def _find_time_stamp_host(settings: Settings) -> str | None:
    if settings.c2pa_certificate is None or settings.c2pa_timestamp_url is None:
        return None
    return URL(settings.c2pa_timestamp_url).host


def _uses_googles_omni(settings: Settings, catalog: ModelCatalog) -> bool:
    if settings.gemini_api_key is not None and settings.gemini_api_url is None:
        return True
    has_project = settings.google_cloud_project is not None and settings.vertex_api_url is None
    return has_project and bool(catalog.restrict_to(GoogleRoute.VERTEX_OMNI).models)

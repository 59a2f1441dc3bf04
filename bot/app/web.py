"""Builds the web server for the bot and for `clapper web`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import literal, select
from yarl import URL

from bot.app.descriptors import raise_descriptor_limit
from bot.app.legal import build_legal_facts
from bot.config.settings import Settings
from bot.domain.clips.media_store import MediaStore
from bot.domain.models import ModelCatalog
from bot.domain.ports import Clock, MediaProbe
from bot.media.manifests import FileSigner
from bot.media.transcode import ProcessTranscoder
from bot.observability.metrics import Instruments, MetricsEndpoint
from bot.observability.web_metrics import WebInstruments
from bot.services.clips.thumbnails import Thumbnails
from bot.services.moderation.reports import ReportIntake
from bot.store.engine.database import Database
from bot.store.engine.reader import open_reader
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.webhook_events import WebhookEventStore
from bot.store.jobs.webhook_registrations import WebhookRegistrationStore
from bot.store.moderation.reports import ReportStore
from bot.store.operations.statistics import StatisticsStore
from bot.store.showcase.creator_pages import CreatorPageStore
from bot.store.showcase.gallery import GalleryStore
from bot.store.showcase.server_pages import ServerPageStore
from bot.web.application import Feature, build_application
from bot.web.downloads import OriginalDownloads
from bot.web.links import SignedLinks, load_or_rotate_keys
from bot.web.open_limits import compute_capacity
from bot.web.operations import ReadinessCheck
from bot.web.reports import ReportPages
from bot.web.server import build_local_url, serve_application
from bot.web.site import GallerySite
from bot.web.webhooks import WEBHOOK_PATH, GeminiWebhookEndpoint

_POSTER_NICENESS: Final = 10
_PREVIEW_NICENESS: Final = 15
"""Process niceness of encoders for visitors. For deliveries it is 5, for the bot 0."""
_MAX_WAITING_THUMBNAILS: Final = 200
"""More than `WebCapacity.requests_per_visitor`, so that one visitor cannot fill the queue."""


@asynccontextmanager
async def serve_website(
    settings: Settings,
    *,
    catalog: ModelCatalog,
    database: Database,
    thumbnails: Thumbnails,
    media_store: MediaStore,
    instruments: Instruments,
    web_instruments: WebInstruments,
    clock: Clock,
    checks: Mapping[str, ReadinessCheck],
    features: Sequence[Feature] = (),
) -> AsyncIterator[URL]:
    """Serve the website and yield its URL. Raises `PortInUse`.

    ``database`` has its own connections, so that visitors never make the bot wait for one.
    """
    site = GallerySite(
        base_url=URL(settings.public_url or build_local_url(settings.web_host, settings.web_port)),
        gallery=GalleryStore(database, lists_adults=settings.adults_only),
        server_pages=ServerPageStore(database),
        creator_pages=CreatorPageStore(database),
        thumbnails=thumbnails,
        media_store=media_store,
        clock=clock,
        legal_facts=build_legal_facts(settings, catalog),
        adults_only=settings.adults_only,
        model_names={model.id: model.name for model in catalog.models},
    )

    app = build_application(
        site,
        checks=checks,
        metrics_source=MetricsEndpoint(instruments, StatisticsStore(database), clock),
        trusted_proxies=settings.trusted_proxies,
        metrics_allowed_networks=settings.metrics_allowed_networks,
        capacity=compute_capacity(raise_descriptor_limit()),
        instruments=web_instruments,
        requests_per_minute=settings.web_requests_per_minute,
        features=features,
    )
    async with serve_application(app, host=settings.web_host, port=settings.web_port) as port:
        if settings.public_url is None:
            site.base_url = URL(build_local_url(settings.web_host, port))
        yield site.base_url


async def ping_database(database: Database) -> bool:
    """Return true if the database answers. Raises `DatabaseUnavailable`."""
    await database.read(lambda connection: connection.execute(select(literal(1))))
    return True


async def build_signed_links(settings: Settings, clock: Clock) -> SignedLinks | None:
    """Return the signer of links to originals, or `None` without ``PUBLIC_URL``."""
    if settings.public_url is None:
        return None
    lifetime = timedelta(days=settings.link_lifetime_days)

    def read_signing_keys() -> list[str]:
        configured = list(settings.signing_keys)
        return configured or load_or_rotate_keys(
            settings.data_dir, now=clock.now(), lifetime=lifetime
        )

    return SignedLinks(
        public_url=settings.public_url,
        keys=await asyncio.to_thread(read_signing_keys),
        lifetime=lifetime,
        clock=clock,
        reload_keys=read_signing_keys,
    )


def build_downloads(
    links: SignedLinks | None, *, clips: ClipStore, media_store: MediaStore
) -> Sequence[Feature]:
    """Return the feature that serves originals by signed links, if ``PUBLIC_URL`` is set."""
    if links is None:
        return ()
    return (OriginalDownloads(links=links, clips=clips, media_store=media_store),)


def build_webhook_endpoint(
    settings: Settings,
    database: Database,
    clock: Clock,
    *,
    on_event: Callable[[], None] = lambda: None,
) -> Sequence[Feature]:
    """Return the feature that receives Google's webhook events, if they are switched on.

    ``database`` must allow writes. ``on_event`` is called after a new event was stored.
    """
    if not settings.gemini_webhooks:
        return ()
    return (
        GeminiWebhookEndpoint(
            events=WebhookEventStore(database),
            registrations=WebhookRegistrationStore(database),
            clock=clock,
            on_event=on_event,
        ),
    )


def build_report_pages(
    database: Database, clock: Clock, *, on_report: Callable[[], None] = lambda: None
) -> Sequence[Feature]:
    """Return the feature that takes visitors' reports. ``database`` must allow writes."""
    intake = ReportIntake(reports=ReportStore(database), on_report=on_report)
    return (ReportPages(intake, clock),)


def build_webhook_url(settings: Settings) -> str | None:
    """Return the address that Google sends events to, `None` if webhooks are off."""
    if not settings.gemini_webhooks or settings.public_url is None:
        return None
    return settings.public_url.rstrip("/") + WEBHOOK_PATH


def build_gallery_thumbnails(
    *,
    media_probe: MediaProbe,
    media_store: MediaStore,
    instruments: WebInstruments,
    signer: FileSigner | None,
) -> Thumbnails:
    """Return posters and previews with their own encoders, so that no delivery waits for them."""
    posters = ProcessTranscoder(max_processes=1, niceness=_POSTER_NICENESS)
    previews = ProcessTranscoder(max_processes=1, niceness=_PREVIEW_NICENESS, signer=signer)
    for name, encoder in (("poster", posters), ("preview", previews)):
        instruments.watch_encoder(
            name,
            count_waiting=partial(getattr, encoder, "waiting_count"),
            count_running=partial(getattr, encoder, "running_count"),
        )
    return Thumbnails(
        poster_transcoder=posters,
        preview_transcoder=previews,
        media_probe=media_probe,
        media_store=media_store,
        max_waiting=_MAX_WAITING_THUMBNAILS,
    )


def open_gallery_database(settings: Settings) -> Database:
    """Open the bot's database a second time, read-only, for visitors."""
    return open_reader(settings.resolved_database_url)

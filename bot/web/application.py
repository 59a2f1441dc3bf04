"""Builds the web application: its routes, limits and middleware."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiohttp import web

from bot.domain.legal_pages import PRIVACY_PATH, TERMS_PATH
from bot.domain.showcase.page_paths import CLIPS_PREFIX, build_creator_path, build_server_path
from bot.observability.metrics import MetricsEndpoint
from bot.observability.web_metrics import WebInstruments
from bot.services.clips.thumbnails import WEBP_POSTER_SIDES
from bot.web import (
    accents,
    adults,
    api,
    discovery,
    feeds,
    legal,
    media,
    operations,
    pages,
    security,
)
from bot.web.open_limits import OpenLimit, WebCapacity
from bot.web.openapi import API_PREFIX
from bot.web.operations import ReadinessCheck
from bot.web.rate_limit import Network, TokenBucket
from bot.web.site import SITE, WEB_CAPACITY, WEB_INSTRUMENTS, GallerySite

CLIP_SEGMENT: Final = "{clip:[1-9][0-9]{0,17}}"
"""A clip's number. Numbers that are too large for the database do not match."""
SIDE_SEGMENT: Final = f"{{side:{'|'.join(map(str, WEBP_POSTER_SIDES))}}}"
"""The longer side of a small poster."""
SERVER_SEGMENT: Final = "{server:[^/]{1,200}}"
"""A server's name in the form of `bot.web.servers.build_slug`, or its id."""
CREATOR_SEGMENT: Final = "{creator:[0-9a-z]{1,32}}"
"""The key of a creator's page."""
ACCENT_SEGMENT: Final = "{accent:[0-9a-f]{6}}"

Feature = Callable[[web.Application], None]
"""Adds routes to the application before it starts."""


def build_application(
    site: GallerySite,
    *,
    checks: Mapping[str, ReadinessCheck],
    metrics_source: MetricsEndpoint,
    trusted_proxies: Sequence[Network] = (),
    metrics_allowed_networks: Sequence[Network] = (),
    capacity: WebCapacity,
    instruments: WebInstruments,
    requests_per_minute: float = 300.0,
    features: Sequence[Feature] = (),
) -> web.Application:
    """Return the application. ``features`` add routes that are not part of the gallery.

    `/readyz` responds with 200 only if all ``checks`` succeed.
    """
    middlewares = [security.security_middleware, adults.adults_middleware]
    app = web.Application(middlewares=middlewares, client_max_size=1024)
    app[SITE] = site
    app[operations.READINESS_CHECKS] = checks
    app[operations.METRICS_SOURCE] = metrics_source
    app[operations.METRICS_ALLOWED_NETWORKS] = tuple(metrics_allowed_networks)
    app[security.TRUSTED_PROXIES] = tuple(trusted_proxies)
    app[security.TOKEN_BUCKET] = TokenBucket(
        per_minute=requests_per_minute,
        burst=requests_per_minute / 2,
        monotonic=site.clock.monotonic,
    )
    app[WEB_CAPACITY] = capacity
    app[security.REQUEST_LIMIT] = OpenLimit(
        "requests",
        per_visitor=capacity.requests_per_visitor,
        in_all=capacity.connections,
    )
    app[security.STREAM_LIMIT] = streams = OpenLimit(
        "streams", per_visitor=capacity.streams_per_visitor, in_all=capacity.streams
    )
    app[WEB_INSTRUMENTS] = instruments
    instruments.streams.set_function(lambda: streams.open_count)
    app.on_response_prepare.append(security.set_security_headers)
    clip, server = f"{CLIPS_PREFIX}/{CLIP_SEGMENT}", build_server_path(SERVER_SEGMENT)
    app.add_routes(
        [
            web.get("/", pages.show_gallery),
            web.get(server, pages.show_server),
            web.get(f"{server}/icon.webp", media.send_server_icon),
            web.get(build_creator_path(CREATOR_SEGMENT), pages.show_creator),
            web.get(clip, pages.show_clip),
            web.get(f"{clip}/player", pages.show_player),
            web.get(f"{clip}/video.mp4", media.send_video),
            web.get(f"{clip}/poster.jpg", media.send_poster),
            web.get(f"{clip}/poster-{SIDE_SEGMENT}.webp", media.send_webp_poster),
            web.get(f"{clip}/preview.mp4", media.send_preview),
            web.get(TERMS_PATH, legal.show_terms),
            web.get(PRIVACY_PATH, legal.show_privacy),
            web.get("/language", pages.switch_language),
            web.post(adults.ADULTS_PATH, adults.confirm_adult),
            web.get(f"/static/accent-{ACCENT_SEGMENT}.css", accents.send_accent_sheet),
            web.get("/static/{name}", media.send_asset),
            web.get("/favicon.ico", media.send_favicon),
            web.get("/robots.txt", discovery.get_robots),
            web.get("/sitemap.xml", discovery.get_sitemap_index),
            web.get("/sitemap-pages.xml", discovery.get_page_sitemap),
            web.get("/sitemap-clips-{number:[0-9]{1,9}}.xml", discovery.get_clip_sitemap),
            web.get("/manifest.webmanifest", discovery.get_manifest),
            web.get("/feed.atom", feeds.get_atom_feed),
            web.get("/oembed", feeds.get_oembed),
            web.get(f"{API_PREFIX}/clips", api.list_clips),
            web.get(f"{API_PREFIX}/clips/{CLIP_SEGMENT}", api.get_clip),
            web.get(f"{API_PREFIX}/clips/{CLIP_SEGMENT}/chain", api.get_chain),
            web.get(f"{API_PREFIX}/servers", api.list_servers),
            web.get(f"{API_PREFIX}/models", api.list_models),
            web.get("/api/openapi.json", api.get_openapi),
            web.get("/healthz", operations.report_health),
            web.get("/readyz", operations.report_readiness),
            web.get("/metrics", operations.report_metrics),
        ]
    )
    for feature in features:
        feature(app)
    return app

"""The web application: which address leads to which handler, and what surrounds them all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiohttp import web

from bot.web import api, feeds, media, operations, pages, security
from bot.web.openapi import API_PREFIX
from bot.web.operations import MetricsSource, ReadinessCheck
from bot.web.rate_limit import Network, TokenBucket
from bot.web.site import SITE, GallerySite

CLIP_SEGMENT: Final = "{clip:[1-9][0-9]{0,17}}"
"""A clip's number: all that an address can name, and always one that fits the database."""

Feature = Callable[[web.Application], None]
"""Adds routes (and what they need) to the application, before it starts."""


def build_application(
    site: GallerySite,
    *,
    checks: Mapping[str, ReadinessCheck],
    metrics_source: MetricsSource,
    trusted_proxies: Sequence[Network] = (),
    metrics_clients: Sequence[Network] = (),
    requests_per_minute: float = 300.0,
    features: Sequence[Feature] = (),
) -> web.Application:
    """Return the application; ``features`` add what is not part of the gallery."""
    app = web.Application(middlewares=[security.security_middleware], client_max_size=1024)
    app[SITE] = site
    app[operations.READINESS_CHECKS] = checks
    app[operations.METRICS_SOURCE] = metrics_source
    app[operations.METRICS_CLIENTS] = tuple(metrics_clients)
    app[security.TRUSTED_PROXIES] = tuple(trusted_proxies)
    app[security.TOKEN_BUCKET] = TokenBucket(
        per_minute=requests_per_minute,
        burst=requests_per_minute / 2,
        monotonic=site.clock.monotonic,
    )
    app.on_response_prepare.append(security.set_security_headers)
    app.add_routes(
        [
            web.get("/", pages.show_gallery),
            web.get(f"/clips/{CLIP_SEGMENT}", pages.show_clip),
            web.get(f"/clips/{CLIP_SEGMENT}/player", pages.show_player),
            web.get(f"/clips/{CLIP_SEGMENT}/video.mp4", media.send_video),
            web.get(f"/clips/{CLIP_SEGMENT}/poster.jpg", media.send_poster),
            web.get(f"/clips/{CLIP_SEGMENT}/preview.mp4", media.send_preview),
            web.get("/language", pages.switch_language),
            web.get("/static/{name}", media.send_asset),
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

"""The web application: which address leads to which handler, and what surrounds them all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiohttp import web

from bot.web import api, feeds, media, operations, pages, security
from bot.web.openapi import PREFIX
from bot.web.operations import Check, Figures
from bot.web.rate_limit import Allowance, Network
from bot.web.site import SITE, Site

CLIP: Final = "{clip:[1-9][0-9]{0,17}}"
"""A clip's number: all that an address can name, and always one that fits the database."""

Feature = Callable[[web.Application], None]
"""Adds routes (and what they need) to the application, before it starts."""


def build(
    site: Site,
    *,
    checks: Mapping[str, Check],
    figures: Figures,
    trusted: Sequence[Network] = (),
    watchers: Sequence[Network] = (),
    requests_per_minute: float = 300.0,
    features: Sequence[Feature] = (),
) -> web.Application:
    """Return the application; ``features`` add what is not part of the gallery."""
    app = web.Application(middlewares=[security.guard], client_max_size=1024)
    app[SITE] = site
    app[operations.CHECKS] = checks
    app[operations.FIGURES] = figures
    app[operations.WATCHERS] = tuple(watchers)
    app[security.TRUSTED] = tuple(trusted)
    app[security.ALLOWANCE] = Allowance(
        per_minute=requests_per_minute,
        burst=requests_per_minute / 2,
        monotonic=site.clock.monotonic,
    )
    app.on_response_prepare.append(security.protect)
    app.add_routes(
        [
            web.get("/", pages.gallery),
            web.get(f"/clips/{CLIP}", pages.clip),
            web.get(f"/clips/{CLIP}/player", pages.player),
            web.get(f"/clips/{CLIP}/video.mp4", media.video),
            web.get(f"/clips/{CLIP}/poster.jpg", media.poster),
            web.get(f"/clips/{CLIP}/preview.mp4", media.preview),
            web.get("/language", pages.switch_language),
            web.get("/static/{name}", media.static),
            web.get("/feed.atom", feeds.atom),
            web.get("/oembed", feeds.oembed),
            web.get(f"{PREFIX}/clips", api.clips),
            web.get(f"{PREFIX}/clips/{CLIP}", api.clip),
            web.get(f"{PREFIX}/clips/{CLIP}/chain", api.chain),
            web.get(f"{PREFIX}/servers", api.servers),
            web.get(f"{PREFIX}/models", api.models),
            web.get("/api/openapi.json", api.openapi),
            web.get("/healthz", operations.healthz),
            web.get("/readyz", operations.readyz),
            web.get("/metrics", operations.metrics),
        ]
    )
    for feature in features:
        feature(app)
    return app

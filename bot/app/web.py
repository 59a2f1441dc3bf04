"""Builds the web server for whatever process has it: the bot's own, or `python -m bot.web`."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from sqlalchemy import literal, select
from yarl import URL

from bot.config.settings import Settings
from bot.domain.models import Catalogue
from bot.domain.ports import Clock, Media
from bot.media.transcode import ProcessFitting
from bot.observability.metrics import Exposition, Meters
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Stills
from bot.store.engine.database import Database
from bot.store.operations.statistics import FigureStore
from bot.store.showcase.gallery import GalleryStore
from bot.web.application import Feature, build
from bot.web.links import SignedLinks, kept_keys
from bot.web.operations import Check
from bot.web.server import address, listening
from bot.web.site import Site

_BEHIND: Final = 10
"""The niceness of what is made for visitors; what is made for a delivery has 5, the bot 0."""


@asynccontextmanager
async def website(
    settings: Settings,
    *,
    catalogue: Catalogue,
    database: Database,
    stills: Stills,
    meters: Meters,
    clock: Clock,
    checks: Mapping[str, Check],
    features: Sequence[Feature] = (),
) -> AsyncIterator[URL]:
    """Serve the gallery and all that goes with it; yield its address. Raises `PortTaken`."""
    site = Site(
        base=URL(settings.public_url or address(settings.web_host, settings.web_port)),
        gallery=GalleryStore(database),
        stills=stills,
        data_dir=settings.data_dir,
        clock=clock,
        model_names={model.id: model.name for model in catalogue.models},
    )

    async def answers() -> bool:
        await database.read(lambda connection: connection.execute(select(literal(1))))
        return True

    app = build(
        site,
        checks={"database": answers, **checks},
        figures=Exposition(meters, FigureStore(database), clock),
        trusted=settings.trusted_proxies,
        watchers=settings.metrics_clients,
        requests_per_minute=settings.web_requests_per_minute,
        features=features,
    )
    async with listening(app, host=settings.web_host, port=settings.web_port) as port:
        if settings.public_url is None:
            site.base = URL(address(settings.web_host, port))
        yield site.base


async def signed_links(settings: Settings, clock: Clock) -> SignedLinks | None:
    """Return what signs addresses of originals and believes them; needs a PUBLIC_URL."""
    if settings.public_url is None:
        return None
    lifetime = timedelta(days=settings.link_days)

    def keys() -> list[str]:
        given = list(settings.signing_keys)
        return given or kept_keys(settings.data_dir, now=clock.now(), lifetime=lifetime)

    return SignedLinks(
        public_url=settings.public_url,
        keys=await asyncio.to_thread(keys),
        lifetime=lifetime,
        clock=clock,
        reread=keys,
    )


def pictures(*, media: Media, originals: Originals) -> Stills:
    """Return what makes posters and previews for visitors: one at a time, behind everything else.

    With an encoder of its own, so that a rush to the gallery does not keep a delivery waiting.
    """
    fitting = ProcessFitting(at_once=1, niceness=_BEHIND)
    return Stills(fitting=fitting, media=media, originals=originals)

"""`python -m bot.web`: the web server beside the bot, a composition root of its own.

It reads the same settings, the same database and the same files, and writes nothing but stills.
"""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from bot.app.clock import SystemClock
from bot.app.web import build_gallery_thumbnails, build_signed_links, serve_website
from bot.config.model_catalogue import CatalogueError, load_catalogue
from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings, read_settings
from bot.domain.models import ModelCatalogue
from bot.media.probe import PyAvMediaProbe
from bot.observability.logging import configure_logging
from bot.observability.metrics import Instruments
from bot.services.clips.originals import Originals
from bot.store.engine.reader import open_reader
from bot.store.jobs.clips import ClipStore
from bot.web.downloads import OriginalDownloads
from bot.web.server import PortInUse

CANNOT_RUN = 1
BAD_SETTING = 2


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `PortTaken`, `SettingsError`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock()
    catalogue = await asyncio.to_thread(_load_catalogue, settings.models_file)
    async with AsyncExitStack() as stack:
        database = open_reader(settings.resolved_database_url)
        stack.push_async_callback(database.close)
        media = PyAvMediaProbe()
        originals = Originals(routes={}, media_probe=media, data_dir=settings.data_dir, clock=clock)
        features = []
        links = await build_signed_links(settings, clock)
        if links is not None:
            features.append(
                OriginalDownloads(
                    links=links, clips=ClipStore(database), data_dir=settings.data_dir
                )
            )
        base = await stack.enter_async_context(
            serve_website(
                settings,
                catalogue=catalogue,
                database=database,
                thumbnails=build_gallery_thumbnails(media=media, originals=originals),
                instruments=Instruments(),
                clock=clock,
                checks={},
                features=features,
            )
        )
        print(base, flush=True)
        await stop.wait()


def _load_catalogue(models_file: Path | None) -> ModelCatalogue:
    try:
        return load_catalogue(None if models_file is None else models_file.read_text("utf-8"))
    except (OSError, CatalogueError, UnicodeDecodeError) as error:
        raise SettingsError(f"MODELS_FILE cannot be used: {error}") from error


def main() -> int:
    """Serve and return the exit status."""
    try:
        settings = read_settings()
        configure_logging(
            log_format=settings.log_format, level=settings.log_level, secrets=settings.secret_values
        )
        asyncio.run(serve(settings))
    except SettingsError as error:
        print(f"clapper: {error}", file=sys.stderr)
        return BAD_SETTING
    except PortInUse as error:
        print(f"clapper: {error}", file=sys.stderr)
        return CANNOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(main())

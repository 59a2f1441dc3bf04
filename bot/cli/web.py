"""`python -m bot.web`: the web server beside the bot, a composition root of its own.

It reads the same settings, the same database and the same files, and writes nothing but stills.
"""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from bot.app.clock import SystemClock
from bot.app.web import pictures, signed_links, website
from bot.config.model_catalogue import CatalogueError, load
from bot.config.settings import Settings, SettingsError, read_settings
from bot.domain.models import Catalogue
from bot.media.probe import PyAvMedia
from bot.observability.logging import set_up
from bot.observability.metrics import Meters
from bot.services.clips.originals import Originals
from bot.store.engine.reader import open_for_reading
from bot.store.jobs.clips import ClipStore
from bot.web.downloads import Downloads
from bot.web.server import PortTaken

CANNOT_RUN = 1
BAD_SETTING = 2


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `PortTaken`, `SettingsError`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock()
    catalogue = await asyncio.to_thread(_catalogue, settings.models_file)
    async with AsyncExitStack() as stack:
        database = open_for_reading(settings.database)
        stack.push_async_callback(database.close)
        media = PyAvMedia()
        originals = Originals(routes={}, media=media, data_dir=settings.data_dir, clock=clock)
        features = []
        links = await signed_links(settings, clock)
        if links is not None:
            features.append(
                Downloads(links=links, clips=ClipStore(database), data_dir=settings.data_dir)
            )
        base = await stack.enter_async_context(
            website(
                settings,
                catalogue=catalogue,
                database=database,
                stills=pictures(media=media, originals=originals),
                meters=Meters(),
                clock=clock,
                checks={},
                features=features,
            )
        )
        print(base, flush=True)
        await stop.wait()


def _catalogue(extra: Path | None) -> Catalogue:
    try:
        return load(None if extra is None else extra.read_text("utf-8"))
    except (OSError, CatalogueError, UnicodeDecodeError) as error:
        raise SettingsError(f"MODELS_FILE cannot be used: {error}") from error


def main() -> int:
    """Serve and return the exit status."""
    try:
        settings = read_settings()
        set_up(form=settings.log_format, level=settings.log_level, secrets=settings.secrets)
        asyncio.run(serve(settings))
    except SettingsError as error:
        print(f"clapper: {error}", file=sys.stderr)
        return BAD_SETTING
    except PortTaken as error:
        print(f"clapper: {error}", file=sys.stderr)
        return CANNOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Run the web server in a process of its own, beside the bot.

With it, the gallery stays online while the bot restarts. It needs the bot's
settings, database and clips (DATA_DIR or MEDIA_URL), and writes only posters,
previews, received webhook events and reports of clips. The bot keeps its own
web server: set another WEB_PORT for one of the two.

It prints its address and runs until Ctrl-C or SIGTERM.

Example:
  WEB_PORT=8081 clapper web

Exit status:
  0  stopped by Ctrl-C or SIGTERM
  1  cannot listen on WEB_HOST and WEB_PORT
  2  a setting or the database cannot be used
"""

import argparse
import asyncio
import signal
from contextlib import AsyncExitStack
from functools import partial

from bot.app.bucket_watch import build_bucket_watch, build_media_checks
from bot.app.clock import SystemClock
from bot.app.content_credentials import build_file_signer
from bot.app.media import open_media_store
from bot.app.startup import open_catalog
from bot.app.supervisor import BackgroundSupervisor
from bot.app.web import (
    build_downloads,
    build_gallery_thumbnails,
    build_report_pages,
    build_signed_links,
    build_webhook_endpoint,
    ping_database,
    serve_website,
)
from bot.cli.errors import CommandFailed
from bot.cli.operator_command import load_settings, open_with
from bot.config.settings import Settings
from bot.media.probe import PyAvMediaProbe
from bot.observability.metrics import Instruments
from bot.observability.web_metrics import WebInstruments
from bot.store.engine.reader import open_reader
from bot.store.engine.side_writer import open_side_writer
from bot.store.jobs.clips import ClipStore
from bot.web.server import PortInUse


def run_subcommand(_arguments: argparse.Namespace) -> int:
    settings = load_settings(with_logging=True)
    try:
        asyncio.run(serve_until_stopped(settings))
    except PortInUse as error:
        raise CommandFailed(str(error)) from error
    return 0


async def serve_until_stopped(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `PortInUse` and `SettingsError`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock()
    catalog = await asyncio.to_thread(open_catalog, settings.models_file)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_with(open_reader, settings))
        writer = await stack.enter_async_context(open_with(open_side_writer, settings))
        media_probe = PyAvMediaProbe()
        media_store = await stack.enter_async_context(open_media_store(settings, clock))
        instruments = Instruments()
        web_instruments = WebInstruments(instruments.registry)
        bucket_watch = build_bucket_watch(media_store, instruments.registry, clock)
        supervisor = BackgroundSupervisor(
            {} if bucket_watch is None else {"bucket_watch": bucket_watch.run},
            failures=instruments.background_failures,
            clock=clock,
        )
        supervisor.start()
        stack.push_async_callback(supervisor.stop)
        links = await build_signed_links(settings, clock)
        url = await stack.enter_async_context(
            serve_website(
                settings,
                catalog=catalog,
                database=database,
                thumbnails=build_gallery_thumbnails(
                    signer=build_file_signer(settings),
                    media_probe=media_probe,
                    media_store=media_store,
                    instruments=web_instruments,
                ),
                media_store=media_store,
                instruments=instruments,
                web_instruments=web_instruments,
                clock=clock,
                checks={
                    "database": partial(ping_database, database),
                    **supervisor.checks,
                    **build_media_checks(bucket_watch),
                },
                features=[
                    *build_downloads(links, clips=ClipStore(database), media_store=media_store),
                    *build_webhook_endpoint(settings, writer, clock),
                    *build_report_pages(writer, clock),
                ],
            )
        )
        print(url, flush=True)
        await stop.wait()

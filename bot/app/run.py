"""Starts the bot, keeps it connected, and stops it within ten seconds of a signal."""

import asyncio
import signal
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import discord
import structlog

from bot.app.background_loops import build_supervisor
from bot.app.bucket_watch import build_media_checks
from bot.app.clock import SystemClock
from bot.app.commands import build_cogs
from bot.app.container import Container
from bot.app.garbage_collection import leave_out_what_stays
from bot.app.media import open_media_store
from bot.app.start_report import report_start
from bot.app.startup import (
    StartupError,
    make_data_dir,
    open_catalog,
    open_migrated_database,
    open_word_list,
)
from bot.app.supervisor import BackgroundSupervisor, make_readiness_check
from bot.app.web import (
    build_report_pages,
    build_signed_links,
    build_webhook_endpoint,
    open_gallery_database,
    ping_database,
    serve_website,
)
from bot.config.settings import Settings
from bot.discord.age_restricted_commands import restrict_commands_to_adults
from bot.discord.client import DiscordClient, DiscordTokenRejected, override_discord_urls
from bot.google.libraries import import_libraries
from bot.services.jobs.worker import WORKER_LOOPS
from bot.store.engine.database import Database
from bot.web.server import PortInUse

_log: Final = structlog.get_logger(__name__)

STOP_TIMEOUT_S: Final = 6.0
"""Seconds that jobs get to finish their critical sections when the bot stops."""
_EXIT_TIMEOUT_S: Final = 9.0
"""Seconds after which the process exits even if something is still running."""

_CLOSE_CODE_ADVICE: Final = {
    4004: "copy DISCORD_TOKEN again from the developer portal",
    4010: "check SHARD_COUNT and SHARD_IDS",
    4011: "it needs more shards, so raise SHARD_COUNT or set it to auto",
}
"""Advice for the close codes of Discord's gateway."""


async def run_bot(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises `SettingsError` or `StartupError` if it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(serve(settings), name="clapper")
    stopped = asyncio.create_task(stop.wait(), name="stop signal")
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not serving.done():
        _log.info("bot.stop_requested")
        serving.cancel()
        await asyncio.wait({serving}, timeout=_EXIT_TIMEOUT_S)
    if serving.done() and not serving.cancelled():
        await serving


async def serve(settings: Settings) -> None:
    """Start and connect everything, and clean up when cancelled."""
    clock = SystemClock()
    catalog = await asyncio.to_thread(
        open_catalog,
        settings.models_file,
        omni_satisfies_adults=settings.omni_satisfies_adults,
    )
    operator_words = await asyncio.to_thread(open_word_list, settings.word_list_file)
    await asyncio.to_thread(make_data_dir, settings.data_dir)
    override_discord_urls(
        api_url=settings.discord_api_url, gateway_url=settings.discord_gateway_url
    )
    async with AsyncExitStack() as stack:
        parts = Container(
            settings,
            database=await stack.enter_async_context(open_migrated_database(settings, clock)),
            gallery_database=await _open_gallery_database(settings, stack),
            catalog=catalog,
            operator_words=operator_words,
            media_store=await stack.enter_async_context(open_media_store(settings, clock)),
            signed_links=await build_signed_links(settings, clock),
            clock=clock,
        )
        client, worker, supervisor = parts.client, parts.worker, build_supervisor(parts)
        libraries = asyncio.create_task(
            asyncio.to_thread(import_libraries, parts.routes), name="import libraries"
        )
        stack.push_async_callback(_cancel_task, libraries)
        if parts.content_judge is not None:
            stack.push_async_callback(parts.content_judge.close)
        for route in parts.routes.values():
            stack.push_async_callback(route.close)
        if parts.webhooks.api is not None:
            stack.push_async_callback(parts.webhooks.api.close)
        stack.push_async_callback(parts.attachments.close)
        stack.push_async_callback(_close_client, client)
        for cog in build_cogs(parts):
            await client.add_cog(cog)
        if settings.adults_only:
            restrict_commands_to_adults(client.tree)
        url = await _start_website(parts, supervisor, stack)
        stack.push_async_callback(supervisor.stop)
        supervisor.start("measurements")
        await _log_in(client, settings.discord_token.get_secret_value())
        _log.info("gallery.opened", url=url)
        await libraries
        supervisor.start("model_directory")
        await worker.start()
        stack.push_async_callback(worker.stop, STOP_TIMEOUT_S)
        stack.push_async_callback(parts.shards.hand_over)
        stack.push_async_callback(supervisor.stop)  # stops before the worker, which the loops use
        supervisor.start()
        stack.push_async_callback(
            _cancel_task,
            asyncio.create_task(
                report_start(client, parts.route_report, gallery_url=url), name="start report"
            ),
        )
        stack.push_async_callback(
            _cancel_task,
            asyncio.create_task(leave_out_what_stays(client), name="garbage collection"),
        )
        await parts.model_directory.wait_for_first_round()
        await _stay_connected(client)


async def _open_gallery_database(settings: Settings, stack: AsyncExitStack) -> Database:
    database = open_gallery_database(settings)
    stack.push_async_callback(database.close)
    return database


async def _start_website(
    parts: Container, supervisor: BackgroundSupervisor, stack: AsyncExitStack
) -> str:
    """Serve the gallery until ``stack`` is closed, and return its URL. Raises `StartupError`."""
    website = serve_website(
        parts.settings,
        catalog=parts.catalog,
        database=parts.gallery_database,
        thumbnails=parts.gallery_thumbnails,
        media_store=parts.media_store,
        instruments=parts.instruments,
        web_instruments=parts.web_instruments,
        clock=parts.clock,
        checks={
            "database": partial(ping_database, parts.database),
            "gateway": make_readiness_check(lambda: parts.client.is_connected),
            **{
                loop: make_readiness_check(partial(parts.worker.is_loop_healthy, loop))
                for loop in WORKER_LOOPS
            },
            **supervisor.checks,
            **build_media_checks(parts.bucket_watch),
        },
        features=[
            *parts.original_downloads,
            *build_webhook_endpoint(
                parts.settings,
                parts.database,
                parts.clock,
                on_event=parts.webhooks.wake_inbox,
            ),
            *build_report_pages(
                parts.database, parts.clock, on_report=parts.moderation.report_desk.wake
            ),
        ],
    )
    try:
        return str(await stack.enter_async_context(website))
    except PortInUse as error:
        raise StartupError(str(error)) from error


async def _log_in(client: DiscordClient, token: str) -> None:
    try:
        await client.log_in_with_retry(token)
    except DiscordTokenRejected as error:
        raise StartupError(
            "Discord rejects DISCORD_TOKEN: copy the token again from the developer portal (your"
            " application, Bot, Reset Token)."
        ) from error


async def _stay_connected(client: DiscordClient) -> None:
    """Connect and let discord.py reconnect. Raises `StartupError` when it gives up."""
    try:
        await client.connect()
    except discord.PrivilegedIntentsRequired as error:
        raise StartupError(
            "Discord rejects this bot's intents (code 4014), though it asks for no privileged ones:"
            " check in the developer portal whether your application is limited."
        ) from error
    except discord.ConnectionClosed as error:
        advice = _CLOSE_CODE_ADVICE.get(error.code, "start it again, or look up the code")
        raise StartupError(f"Discord rejects this bot (code {error.code}): {advice}.") from error
    raise StartupError("The connection to Discord has ended: start the bot again.")


async def _cancel_task(task: asyncio.Task[None]) -> None:
    task.cancel()
    [result] = await asyncio.gather(task, return_exceptions=True)
    if isinstance(result, Exception):
        _log.error("background_task.failed", task=task.get_name(), exc_info=result)


async def _close_client(client: DiscordClient) -> None:
    if client.is_logged_in:
        await client.close()

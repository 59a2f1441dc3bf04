"""The composition root: builds every part, hands each what it needs, starts and stops them.

The only module that knows all others, and the only one that reads the settings.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final

import discord
import structlog
from discord.ext import commands

from bot.app.clip_making import build_clip_file_services, build_job_services
from bot.app.clock import SystemClock
from bot.app.community import CommunityServices, build_community_services
from bot.app.startup import (
    StartupError,
    build_routes,
    make_data_dir,
    open_catalogue,
    open_migrated_database,
)
from bot.app.web import serve_website
from bot.config.settings import Settings
from bot.discord.attachments import DiscordAttachments
from bot.discord.client import DiscordClient, DiscordTokenRejected, override_discord_urls
from bot.discord.job_messages import DiscordJobMessages
from bot.discord.user_install import InteractionWebhooks, TokenCipher
from bot.domain.ports import Clock
from bot.media.images import ProcessImageDecoder
from bot.observability.heartbeat import run_heartbeat
from bot.observability.metrics import Instruments
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.model_directory import ModelDirectory
from bot.services.admin.quotas import QuotaService
from bot.services.admin.welcome import WelcomeService
from bot.services.clips.history import ClipHistory
from bot.services.clips.input_images import InputImages
from bot.services.clips.library import ClipLibrary
from bot.services.clips.removal import ClipRemoval
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.requests import RequestService
from bot.services.jobs.worker import Worker
from bot.store.billing.ledger import LedgerStore
from bot.store.guilds import GuildStore, WelcomeStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore
from bot.ui.clip_card import ClipCards
from bot.ui.model_info import ModelInfo
from bot.web.server import PortInUse
from cogs._common.options import Autocompleter
from cogs._common.pending import PendingConfirmations
from cogs._common.request_flow import RequestFlow
from cogs.buttons import ButtonActions
from cogs.help import HelpCommands
from cogs.menus import MessageMenus
from cogs.quota import QuotaCommands
from cogs.replies import ReplyListener
from cogs.server import ServerCommands
from cogs.video import VideoCommands

_log: Final = structlog.get_logger(__name__)

STOP_TIMEOUT_S: Final = 6.0
"""Seconds that running jobs get to end their critical sections at a stop."""
_EXIT_TIMEOUT_S: Final = 9.0
"""Seconds after which the process goes, whatever has not ended."""


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then stop within ten seconds.

    Raises `SettingsError` or `StartRefused` when it cannot start.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(serve(settings), name="clapper")
    stopped = asyncio.create_task(stop.wait(), name="stop signal")
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not serving.done():
        _log.info("stopping")
        serving.cancel()
        await asyncio.wait({serving}, timeout=_EXIT_TIMEOUT_S)
    if serving.done() and not serving.cancelled():
        await serving


async def serve(settings: Settings) -> None:
    """Build, start and connect everything; clean up when cancelled."""
    clock = SystemClock()
    catalogue = await asyncio.to_thread(open_catalogue, settings.models_file)
    await asyncio.to_thread(make_data_dir, settings.data_dir)
    override_discord_urls(
        api_url=settings.discord_api_url, gateway_url=settings.discord_gateway_url
    )
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_migrated_database(settings, clock))
        meters = Instruments()
        routes = build_routes(settings, catalogue, meters, clock)
        for route in routes.values():
            stack.push_async_callback(route.close)
        attachments = DiscordAttachments(api_url=settings.discord_api_url)
        stack.push_async_callback(attachments.close)
        models = ModelDirectory(
            catalogue=catalogue, routes=routes, clock=clock, model_states=ModelStateStore(database)
        )
        seal = TokenCipher(settings.discord_token.get_secret_value())
        client = DiscordClient(
            data_dir=settings.data_dir,
            shard_count=settings.shard_count,
            shard_ids=settings.shard_ids,
            http_trace=meters.build_discord_trace(),
            token_cipher=seal,
        )
        stack.push_async_callback(_close_client, client)
        abilities = ModelInfo(model_directory=models, region=settings.google_region)
        delivery = DiscordJobMessages(
            client=client,
            cards=ClipCards(model_info=abilities),
            data_dir=settings.data_dir,
            clock=clock,
            webhooks=InteractionWebhooks(client, seal),
        )
        files = await build_clip_file_services(settings, database, routes, delivery, clock)
        steady = CriticalSections(clock)
        making = build_job_services(
            settings, database, routes, models, delivery, files.upload_preparer, steady, clock
        )
        worker, requests = making.worker, making.request_service
        jobs, ledger = JobStore(database), LedgerStore(database)
        library = ClipLibrary(jobs=jobs, clips=ClipStore(database))
        showing = build_community_services(
            client=client,
            database=database,
            clip_library=library,
            request_service=requests,
            worker=worker,
            model_info=abilities,
            data_dir=settings.data_dir,
            clock=clock,
            interval_s=settings.lease_s / 3,
            grace_period=timedelta(days=settings.guild_grace_days),
        )
        files.clip_removal.add_withdraw_callback(showing.showcase.withdraw_deleted_clip)
        client.set_cogs(
            _build_cogs(
                client=client,
                request_service=requests,
                worker=worker,
                clip_library=library,
                clip_history=ClipHistory(
                    clips=ClipStore(database), is_extendable=abilities.is_extendable, clock=clock
                ),
                welcome_service=WelcomeService(welcomed_guilds=WelcomeStore(database), clock=clock),
                community=showing,
                quota_service=QuotaService(
                    jobs=jobs, ledger=ledger, clock=clock, policy=settings.policy
                ),
                server_rules=ServerRulesService(guilds=GuildStore(database), clock=clock),
                input_images=InputImages(
                    attachments=attachments,
                    image_decoder=ProcessImageDecoder(),
                    data_dir=settings.data_dir,
                ),
                model_directory=models,
                model_info=abilities,
                job_messages=delivery,
                clip_removal=files.clip_removal,
                clip_publisher=ClipPublisher(
                    job_messages=delivery,
                    upload_preparer=files.upload_preparer,
                    clock=clock,
                    critical_sections=steady,
                ),
                autocompleter=Autocompleter(
                    model_directory=models,
                    request_service=requests,
                    region=settings.google_region,
                    clock=clock,
                ),
                clock=clock,
            )
        )
        gallery = serve_website(
            settings,
            catalogue=catalogue,
            database=database,
            thumbnails=files.thumbnails,
            instruments=meters,
            clock=clock,
            checks={
                "gateway": _make_async_check(lambda: client.is_connected),
                "dispatcher": _make_async_check(lambda: worker.is_alive),
            },
            features=() if files.downloads is None else (files.downloads,),
        )
        try:
            address = await stack.enter_async_context(gallery)
        except PortInUse as fault:
            raise StartupError(str(fault)) from fault
        await stack.enter_async_context(
            _run_in_background(meters.run_measurements(clock, lambda: client.is_connected))
        )
        await _log_in(client, settings.discord_token.get_secret_value())
        _log.info("gallery open", url=str(address))
        await stack.enter_async_context(_run_in_background(models.run_refresh_loop()))
        await stack.enter_async_context(_run_in_background(files.file_retention.run()))
        if files.links is not None:
            await stack.enter_async_context(_run_in_background(files.links.run_key_refresh()))
        await worker.start()
        stack.push_async_callback(worker.stop, STOP_TIMEOUT_S)
        await stack.enter_async_context(
            _run_in_background(
                run_heartbeat(settings.data_dir, is_healthy=lambda: worker.is_alive, clock=clock)
            )
        )
        await stack.enter_async_context(_run_in_background(making.unknown_job_poller.run()))
        await stack.enter_async_context(_run_in_background(showing.maintenance_loop.run()))
        await _stay_connected(client)


def _build_cogs(
    *,
    client: DiscordClient,
    request_service: RequestService,
    worker: Worker,
    clip_library: ClipLibrary,
    clip_history: ClipHistory,
    welcome_service: WelcomeService,
    community: CommunityServices,
    quota_service: QuotaService,
    server_rules: ServerRulesService,
    input_images: InputImages,
    model_directory: ModelDirectory,
    model_info: ModelInfo,
    job_messages: DiscordJobMessages,
    clip_removal: ClipRemoval,
    clip_publisher: ClipPublisher,
    autocompleter: Autocompleter,
    clock: Clock,
) -> Sequence[commands.Cog]:
    """Build what people touch."""
    offers = PendingConfirmations()
    asking = RequestFlow(
        request_service=request_service,
        server_rules=server_rules,
        confirmations=offers,
        model_info=model_info,
    )
    buttons = ButtonActions(
        router=client.router,
        request_flow=asking,
        confirmations=offers,
        request_service=request_service,
        clip_library=clip_library,
        clip_history=clip_history,
        input_images=input_images,
        model_info=model_info,
        clip_removal=clip_removal,
        job_messages=job_messages,
        clock=clock,
    )
    video = VideoCommands(
        request_flow=asking,
        autocompleter=autocompleter,
        request_service=request_service,
        clip_library=clip_library,
        clip_history=clip_history,
        server_rules=server_rules,
        model_directory=model_directory,
        model_info=model_info,
        input_images=input_images,
        clip_publisher=clip_publisher,
    )
    menus = MessageMenus(
        router=client.router,
        request_flow=asking,
        confirmations=offers,
        clip_library=clip_library,
        input_images=input_images,
        clock=clock,
    )
    menus.add_to(client.tree)
    return [
        video,
        buttons,
        menus,
        ReplyListener(
            client=client,
            request_flow=asking,
            server_rules=server_rules,
            clip_library=clip_library,
            clock=clock,
        ),
        QuotaCommands(quota_service=quota_service),
        HelpCommands(
            quota_service=quota_service, server_rules=server_rules, welcome_service=welcome_service
        ),
        ServerCommands(
            router=client.router,
            quota_service=quota_service,
            server_rules=server_rules,
            showcase_service=community.showcase,
            clock=clock,
        ),
        *community.cogs,
    ]


def _make_async_check(check: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    """Return a check of the web server that asks ``check``."""

    async def run_check() -> bool:
        return check()

    return run_check


async def _log_in(client: DiscordClient, token: str) -> None:
    try:
        await client.log_in_with_retry(token)
    except DiscordTokenRejected as fault:
        raise StartupError(
            "Discord refuses DISCORD_TOKEN: copy it anew from the developer portal, Bot, Token."
        ) from fault


async def _stay_connected(client: DiscordClient) -> None:
    """Stay connected; discord.py reconnects by itself. Raises `StartRefused`."""
    try:
        await client.connect()
    except discord.ConnectionClosed as fault:
        raise StartupError(f"Discord's gateway refuses this bot (code {fault.code}).") from fault
    raise StartupError("Discord's gateway closed the connection for good.")


async def _close_client(client: DiscordClient) -> None:
    if client.is_logged_in:
        await client.close()


@asynccontextmanager
async def _run_in_background(coroutine: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run ``work`` beside everything else until the end."""
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

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

from bot.app.clip_making import clip_files, production
from bot.app.clock import SystemClock
from bot.app.community import Community, community
from bot.app.startup import (
    StartRefused,
    build_routes,
    make_data_dir,
    open_catalogue,
    opened_database,
)
from bot.app.web import website
from bot.config.settings import Settings
from bot.discord.attachments import DiscordAttachments
from bot.discord.client import Client, TokenRefused, redirect
from bot.discord.job_messages import DiscordDelivery
from bot.discord.user_install import Seal, Webhooks
from bot.domain.ports import Clock
from bot.media.images import ProcessPictures
from bot.observability.heartbeat import beat
from bot.observability.metrics import Meters
from bot.services.admin.guild_rules import Servers
from bot.services.admin.model_directory import Models
from bot.services.admin.quotas import Quotas
from bot.services.admin.welcome import Greeting
from bot.services.clips.history import History
from bot.services.clips.input_images import Inputs
from bot.services.clips.library import Library
from bot.services.clips.removal import Removal
from bot.services.jobs.critical_sections import Steady
from bot.services.jobs.publishing import Poster
from bot.services.jobs.requests import Requests
from bot.services.jobs.worker import Worker
from bot.store.billing.ledger import LedgerStore
from bot.store.guilds import GreetingStore, GuildStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStore
from bot.ui.clip_card import Cards
from bot.ui.model_info import ModelAbilities
from bot.web.server import PortTaken
from cogs._common.options import Suggestions
from cogs._common.pending import Offers
from cogs._common.request_flow import Asking
from cogs.buttons import Buttons
from cogs.help import Help
from cogs.menus import Menus
from cogs.quota import Quota
from cogs.replies import Replies
from cogs.server import Server
from cogs.video import Video

_log: Final = structlog.get_logger(__name__)

STOP_WITHIN_S: Final = 6.0
"""Seconds that running jobs get to end their critical sections at a stop."""
_GIVE_UP_AFTER_S: Final = 9.0
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
        await asyncio.wait({serving}, timeout=_GIVE_UP_AFTER_S)
    if serving.done() and not serving.cancelled():
        await serving


async def serve(settings: Settings) -> None:
    """Build, start and connect everything; clean up when cancelled."""
    clock = SystemClock()
    catalogue = await asyncio.to_thread(open_catalogue, settings.models_file)
    await asyncio.to_thread(make_data_dir, settings.data_dir)
    redirect(api_url=settings.discord_api_url, gateway_url=settings.discord_gateway_url)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened_database(settings, clock))
        meters = Meters()
        routes = build_routes(settings, catalogue, meters, clock)
        for route in routes.values():
            stack.push_async_callback(route.close)
        attachments = DiscordAttachments(api_url=settings.discord_api_url)
        stack.push_async_callback(attachments.close)
        models = Models(
            catalogue=catalogue, adapters=routes, clock=clock, states=ModelStore(database)
        )
        seal = Seal(settings.discord_token.get_secret_value())
        client = Client(
            data_dir=settings.data_dir,
            shard_count=settings.shard_count,
            shard_ids=settings.shard_ids,
            http_trace=meters.discord_trace(),
            seal=seal,
        )
        stack.push_async_callback(_close_client, client)
        abilities = ModelAbilities(models=models, region=settings.google_region)
        delivery = DiscordDelivery(
            client=client,
            cards=Cards(abilities=abilities),
            data_dir=settings.data_dir,
            clock=clock,
            webhooks=Webhooks(client, seal),
        )
        files = await clip_files(settings, database, routes, delivery, clock)
        steady = Steady(clock)
        making = production(
            settings, database, routes, models, delivery, files.packer, steady, clock
        )
        worker, requests = making.worker, making.requests
        jobs, ledger = JobStore(database), LedgerStore(database)
        library = Library(jobs=jobs, clips=ClipStore(database))
        showing = community(
            client=client,
            database=database,
            library=library,
            requests=requests,
            desk=worker,
            abilities=abilities,
            data_dir=settings.data_dir,
            clock=clock,
            every_s=settings.lease_s / 3,
            grace=timedelta(days=settings.guild_grace_days),
        )
        files.removal.withdraw_by(showing.showcase.withdraw_deleted)
        client.install(
            _cogs(
                client=client,
                requests=requests,
                worker=worker,
                library=library,
                history=History(
                    clips=ClipStore(database), extendable=abilities.extendable, clock=clock
                ),
                greeting=Greeting(greetings=GreetingStore(database), clock=clock),
                showing=showing,
                quotas=Quotas(jobs=jobs, ledger=ledger, clock=clock, policy=settings.policy),
                servers=Servers(guilds=GuildStore(database), clock=clock),
                inputs=Inputs(
                    attachments=attachments,
                    pictures=ProcessPictures(),
                    data_dir=settings.data_dir,
                ),
                models=models,
                abilities=abilities,
                delivery=delivery,
                removal=files.removal,
                poster=Poster(delivery=delivery, packer=files.packer, clock=clock, steady=steady),
                suggestions=Suggestions(
                    models=models,
                    requests=requests,
                    region=settings.google_region,
                    clock=clock,
                ),
                clock=clock,
            )
        )
        gallery = website(
            settings,
            catalogue=catalogue,
            database=database,
            stills=files.stills,
            meters=meters,
            clock=clock,
            checks={
                "gateway": _answer(lambda: client.is_connected),
                "dispatcher": _answer(lambda: worker.alive),
            },
            features=() if files.downloads is None else (files.downloads,),
        )
        try:
            address = await stack.enter_async_context(gallery)
        except PortTaken as fault:
            raise StartRefused(str(fault)) from fault
        await stack.enter_async_context(
            _background(meters.watch(clock, lambda: client.is_connected))
        )
        await _log_in(client, settings.discord_token.get_secret_value())
        _log.info("gallery open", url=str(address))
        await stack.enter_async_context(_background(models.keep_fresh()))
        await stack.enter_async_context(_background(files.retention.keep_tidy()))
        if files.links is not None:
            await stack.enter_async_context(_background(files.links.keep_fresh()))
        await worker.start()
        stack.push_async_callback(worker.stop, STOP_WITHIN_S)
        await stack.enter_async_context(
            _background(beat(settings.data_dir, well=lambda: worker.alive, clock=clock))
        )
        await stack.enter_async_context(_background(making.lost.keep_looking()))
        await stack.enter_async_context(_background(showing.upkeep.run()))
        await _connect(client)


def _cogs(
    *,
    client: Client,
    requests: Requests,
    worker: Worker,
    library: Library,
    history: History,
    greeting: Greeting,
    showing: Community,
    quotas: Quotas,
    servers: Servers,
    inputs: Inputs,
    models: Models,
    abilities: ModelAbilities,
    delivery: DiscordDelivery,
    removal: Removal,
    poster: Poster,
    suggestions: Suggestions,
    clock: Clock,
) -> Sequence[commands.Cog]:
    """Build what people touch."""
    offers = Offers()
    asking = Asking(requests=requests, servers=servers, offers=offers, abilities=abilities)
    buttons = Buttons(
        presses=client.presses,
        asking=asking,
        offers=offers,
        requests=requests,
        library=library,
        history=history,
        inputs=inputs,
        abilities=abilities,
        removal=removal,
        delivery=delivery,
        clock=clock,
    )
    video = Video(
        asking=asking,
        suggestions=suggestions,
        requests=requests,
        library=library,
        history=history,
        servers=servers,
        models=models,
        abilities=abilities,
        inputs=inputs,
        poster=poster,
    )
    menus = Menus(
        presses=client.presses,
        asking=asking,
        offers=offers,
        library=library,
        inputs=inputs,
        clock=clock,
    )
    menus.add_to(client.tree)
    return [
        video,
        buttons,
        menus,
        Replies(client=client, asking=asking, servers=servers, library=library, clock=clock),
        Quota(quotas=quotas),
        Help(quotas=quotas, servers=servers, greeting=greeting),
        Server(
            presses=client.presses,
            quotas=quotas,
            servers=servers,
            showcase=showing.showcase,
            clock=clock,
        ),
        *showing.cogs,
    ]


def _answer(check: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    """Return a check of the web server that asks ``check``."""

    async def answer() -> bool:
        return check()

    return answer


async def _log_in(client: Client, token: str) -> None:
    try:
        await client.log_in(token)
    except TokenRefused as fault:
        raise StartRefused(
            "Discord refuses DISCORD_TOKEN: copy it anew from the developer portal, Bot, Token."
        ) from fault


async def _connect(client: Client) -> None:
    """Stay connected; discord.py reconnects by itself. Raises `StartRefused`."""
    try:
        await client.connect()
    except discord.ConnectionClosed as fault:
        raise StartRefused(f"Discord's gateway refuses this bot (code {fault.code}).") from fault
    raise StartRefused("Discord's gateway closed the connection for good.")


async def _close_client(client: Client) -> None:
    if client.is_logged_in:
        await client.close()


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run ``work`` beside everything else until the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

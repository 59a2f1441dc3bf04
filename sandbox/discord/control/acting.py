"""Acting as people: commands, menus, components, modals, completions, messages, reactions."""

import asyncio

from aiohttp import web

from sandbox.clock import Clock
from sandbox.discord import lookup, people, usage
from sandbox.discord.control import views
from sandbox.discord.control.asking import Asked, read, route
from sandbox.discord.errors import Conflict, PersonRefused
from sandbox.discord.interaction import ACKNOWLEDGE_WITHIN_S, Interaction
from sandbox.discord.model import Channel, Message, User
from sandbox.discord.rest.wire import reply
from sandbox.discord.world import World


def routes(world: World, clock: Clock) -> list[web.RouteDef]:
    def actor(asked: Asked) -> User:
        person = lookup.user(world, asked.ref("user"))
        if person.bot:
            msg = "the bot acts by itself"
            raise PersonRefused(msg)
        return person

    def place(asked: Asked, person: User, *, default: Channel | None = None) -> Channel:
        if "channel" not in asked and default is not None:
            return default
        within = lookup.guild(world, asked.ref("guild")) if "guild" in asked else None
        channel = lookup.channel(world, asked.ref("channel"), acting=person, within=within)
        private = channel.guild_id is None and person.id not in channel.recipient_ids
        if private:
            msg = f"{person.display_name} is not part of that conversation"
            raise Conflict(msg)
        return channel

    def home(message: Message) -> Channel:
        return world.channels[message.channel_id]

    def shown(interaction: Interaction) -> web.Response:
        return reply({"interaction": views.interaction(world, interaction)})

    async def command(request: web.Request) -> web.Response:
        asked = await read(request)
        person = actor(asked)
        return shown(
            await usage.use_command(
                world,
                person,
                place(asked, person),
                asked.text("command"),
                {**asked.mapping("options"), **asked.mapping("attachments")},
                locale=asked.optional("locale"),
                user_install=asked.flag("user_install", default=person.has_app),
            )
        )

    async def context_menu(request: web.Request) -> web.Response:
        asked = await read(request)
        person = actor(asked)
        target: Message | User
        if "message" in asked:
            target = lookup.visible_message(world, asked.ref("message"), person)
            channel = place(asked, person, default=home(target))
            if home(target) is not channel:
                msg = "the message is in another channel"
                raise PersonRefused(msg)
        else:
            target = lookup.user(world, asked.ref("target"))
            channel = place(asked, person)
        return shown(
            usage.use_menu(
                world,
                person,
                asked.text("command"),
                target=target,
                channel=channel,
                locale=asked.optional("locale"),
                user_install=asked.flag("user_install", default=person.has_app),
            )
        )

    async def component(request: web.Request) -> web.Response:
        asked = await read(request)
        person = actor(asked)
        message = lookup.visible_message(world, asked.ref("message"), person)
        return shown(
            usage.use_component(
                world,
                person,
                message,
                asked.text("custom_id"),
                asked.listed("values"),
                locale=asked.optional("locale"),
            )
        )

    async def modal(request: web.Request) -> web.Response:
        asked = await read(request)
        interaction = lookup.interaction(world, asked.ref("interaction"))
        return shown(
            await usage.submit_modal(
                world,
                actor(asked),
                interaction,
                asked.mapping("fields"),
                locale=asked.optional("locale"),
            )
        )

    async def autocomplete(request: web.Request) -> web.Response:
        asked = await read(request)
        person = actor(asked)
        interaction = await usage.use_command(
            world,
            person,
            place(asked, person),
            asked.text("command"),
            asked.mapping("options"),
            locale=asked.optional("locale"),
            user_install=asked.flag("user_install", default=person.has_app),
            focused=asked.text("focused"),
        )
        await _acknowledged(interaction, clock)
        view = views.interaction(world, interaction)
        return reply({"choices": view.get("choices", []), "interaction": view})

    async def say(request: web.Request) -> web.Response:
        asked = await read(request)
        person = actor(asked)
        reply_to = None
        if "reply_to" in asked:
            reply_to = lookup.visible_message(world, asked.ref("reply_to"), person)
        message = await people.say(
            world,
            person,
            place(asked, person, default=home(reply_to) if reply_to else None),
            asked.text("content", ""),
            reply_to=reply_to,
            ping=asked.flag("ping", default=True),
            paths=[str(path) for path in asked.listed("attachments")],
        )
        return reply({"message": views.message(world, message)})

    async def rewrite(request: web.Request) -> web.Response:
        asked = await read(request)
        person = actor(asked)
        message = lookup.visible_message(world, request.match_info["message"], person)
        people.rewrite(world, person, message, asked.text("content"))
        return reply({"message": views.message(world, message)})

    async def remove(request: web.Request) -> web.Response:
        asked = Asked(dict(request.query)) if request.query else await read(request)
        person = actor(asked)
        message = lookup.visible_message(world, request.match_info["message"], person)
        people.remove(world, person, message)
        return reply({"message": views.message(world, message)})

    async def react(request: web.Request) -> web.Response:
        asked = await read(request)
        person = actor(asked)
        message = lookup.visible_message(world, asked.ref("message"), person)
        people.react(world, person, message, asked.text("emoji"), remove=asked.flag("remove"))
        return reply({"message": views.message(world, message)})

    async def thread(request: web.Request) -> web.Response:
        asked = await read(request)
        person = actor(asked)
        under = None
        if "message" in asked:
            under = lookup.visible_message(world, asked.ref("message"), person)
        opened = await people.open_thread(
            world,
            person,
            place(asked, person, default=home(under) if under else None),
            asked.text("name"),
            under=under,
            private=asked.flag("private"),
            content=asked.text("content", ""),
            paths=[str(path) for path in asked.listed("attachments")],
            tags=[str(tag) for tag in asked.listed("tags")],
        )
        return reply({"channel": views.channel(world, opened)})

    return [
        route("POST", "/commands", command),
        route("POST", "/context-menus", context_menu),
        route("POST", "/components", component),
        route("POST", "/modals", modal),
        route("POST", "/autocomplete", autocomplete),
        route("POST", "/messages", say),
        route("PATCH", "/messages/{message}", rewrite),
        route("DELETE", "/messages/{message}", remove),
        route("POST", "/reactions", react),
        route("POST", "/threads", thread),
    ]


async def _acknowledged(interaction: Interaction, clock: Clock) -> None:
    """Waits for the bot's answer, at most as long as Discord does."""
    answered = asyncio.Event()
    interaction.on_acknowledged = answered.set
    waits = {
        asyncio.create_task(answered.wait()),
        asyncio.create_task(clock.sleep(ACKNOWLEDGE_WITHIN_S)),
    }
    try:
        if interaction.acknowledged_at is None:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        interaction.on_acknowledged = None
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

"""Routes that act as people: commands, menus, components, modals, messages, reactions, threads."""

import asyncio

from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.discord import lookup, person_actions, person_interactions, rich_messages
from sandbox.discord.control import views
from sandbox.discord.control.requests import ControlBody, build_route, read_control_body
from sandbox.discord.entities import Channel, Message, User
from sandbox.discord.errors import ActionRefused, StateConflict
from sandbox.discord.interaction import ACKNOWLEDGE_TIMEOUT_S, Interaction
from sandbox.discord.rich_messages import RichParts
from sandbox.discord.world import DiscordWorld
from sandbox.error_responses import json_response


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    def find_author(body: ControlBody) -> User:
        author = lookup.find_user(world, body.reference("user"))
        if author is world.bot:
            raise ActionRefused("the bot acts by itself")
        return author

    def find_actor(body: ControlBody) -> User:
        person = find_author(body)
        if person.bot:
            raise ActionRefused("only people use commands, buttons, forms and threads")
        return person

    def read_parts(body: ControlBody, author: User) -> RichParts:
        forward = None
        if "forward" in body:
            forward = lookup.find_visible_message(world, body.reference("forward"), author)
        return RichParts(
            poll=rich_messages.read_poll(world, body.object_value("poll"))
            if "poll" in body
            else None,
            stickers=rich_messages.read_stickers(world, body.list_value("stickers")),
            forward=forward,
            is_voice=body.flag_value("voice"),
        )

    def find_channel(body: ControlBody, person: User, *, default: Channel | None = None) -> Channel:
        if "channel" not in body and default is not None:
            return default
        within = lookup.find_guild(world, body.reference("guild")) if "guild" in body else None
        channel = lookup.find_channel(
            world,
            body.reference("channel"),
            acting=None if person.webhook else person,
            within=within,
        )
        if channel.guild_id is None and person.id not in channel.recipient_ids:
            raise StateConflict(f"{person.display_name} is not part of that conversation")
        return channel

    def channel_of_message(message: Message) -> Channel:
        return world.channels[message.channel_id]

    def interaction_response(interaction: Interaction) -> web.Response:
        return json_response({"interaction": views.view_interaction(world, interaction)})

    async def use_command(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        person = find_actor(body)
        return interaction_response(
            await person_interactions.use_command(
                world,
                person,
                find_channel(body, person),
                body.text_value("command"),
                {**body.object_value("options"), **body.object_value("attachments")},
                locale=body.optional_text("locale"),
                user_install=body.flag_value("user_install", default=person.has_app),
            )
        )

    async def use_context_menu(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        person = find_actor(body)
        target: Message | User
        if "message" in body:
            target = lookup.find_visible_message(world, body.reference("message"), person)
            channel = find_channel(body, person, default=channel_of_message(target))
            if channel_of_message(target) is not channel:
                raise ActionRefused("the message is in another channel")
        else:
            target = lookup.find_user(world, body.reference("target"))
            channel = find_channel(body, person)
        return interaction_response(
            person_interactions.use_context_menu(
                world,
                person,
                body.text_value("command"),
                target=target,
                channel=channel,
                locale=body.optional_text("locale"),
                user_install=body.flag_value("user_install", default=person.has_app),
            )
        )

    async def use_component(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        person = find_actor(body)
        message = lookup.find_visible_message(world, body.reference("message"), person)
        return interaction_response(
            person_interactions.use_component(
                world,
                person,
                message,
                body.text_value("custom_id"),
                body.list_value("values"),
                locale=body.optional_text("locale"),
            )
        )

    async def submit_modal(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        interaction = lookup.find_interaction(world, body.reference("interaction"))
        return interaction_response(
            await person_interactions.submit_modal(
                world,
                find_actor(body),
                interaction,
                body.object_value("fields"),
                locale=body.optional_text("locale"),
            )
        )

    async def autocomplete_option(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        person = find_actor(body)
        interaction = await person_interactions.use_command(
            world,
            person,
            find_channel(body, person),
            body.text_value("command"),
            body.object_value("options"),
            locale=body.optional_text("locale"),
            user_install=body.flag_value("user_install", default=person.has_app),
            focused=body.text_value("focused"),
        )
        await _wait_for_acknowledgement(interaction, world.clock)
        view = views.view_interaction(world, interaction)
        return json_response({"choices": view.get("choices", []), "interaction": view})

    async def post_message(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        person = find_author(body)
        reply_to = None
        if "reply_to" in body:
            reply_to = lookup.find_visible_message(world, body.reference("reply_to"), person)
        message = await person_actions.post_as_person(
            world,
            person,
            find_channel(body, person, default=channel_of_message(reply_to) if reply_to else None),
            body.text_value("content", ""),
            reply_to=reply_to,
            ping=body.flag_value("ping", default=True),
            paths=[str(path) for path in body.list_value("attachments")],
            parts=read_parts(body, person),
        )
        return json_response({"message": views.view_message(world, message)})

    async def edit_message(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        person = find_actor(body)
        message = lookup.find_visible_message(world, request.match_info["message"], person)
        person_actions.edit_as_person(world, person, message, body.text_value("content"))
        return json_response({"message": views.view_message(world, message)})

    async def delete_message(request: web.Request) -> web.Response:
        body = (
            ControlBody(dict(request.query)) if request.query else await read_control_body(request)
        )
        person = find_actor(body)
        message = lookup.find_visible_message(world, request.match_info["message"], person)
        person_actions.delete_as_person(world, person, message)
        return json_response({"message": views.view_message(world, message)})

    async def change_reaction(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        person = find_author(body)
        message = lookup.find_visible_message(world, body.reference("message"), person)
        person_actions.react_as_person(
            world,
            person,
            message,
            body.text_value("emoji"),
            is_removal=body.flag_value("remove"),
            is_super=body.flag_value("super"),
        )
        return json_response({"message": views.view_message(world, message)})

    async def open_thread(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        person = find_actor(body)
        source = None
        if "message" in body:
            source = lookup.find_visible_message(world, body.reference("message"), person)
        thread = await person_actions.open_thread_as_person(
            world,
            person,
            find_channel(body, person, default=channel_of_message(source) if source else None),
            body.text_value("name"),
            source=source,
            private=body.flag_value("private"),
            content=body.text_value("content", ""),
            paths=[str(path) for path in body.list_value("attachments")],
            tags=[str(tag) for tag in body.list_value("tags")],
        )
        return json_response({"channel": views.view_channel(world, thread)})

    return [
        build_route("POST", "/commands", use_command),
        build_route("POST", "/context-menus", use_context_menu),
        build_route("POST", "/components", use_component),
        build_route("POST", "/modals", submit_modal),
        build_route("POST", "/autocomplete", autocomplete_option),
        build_route("POST", "/messages", post_message),
        build_route("PATCH", "/messages/{message}", edit_message),
        build_route("DELETE", "/messages/{message}", delete_message),
        build_route("POST", "/reactions", change_reaction),
        build_route("POST", "/threads", open_thread),
    ]


async def _wait_for_acknowledgement(interaction: Interaction, clock: SandboxClock) -> None:
    """Wait for the bot's response, for as long as Discord would."""
    answered = asyncio.Event()
    interaction.on_acknowledged = answered.set
    waits = {
        asyncio.create_task(answered.wait()),
        asyncio.create_task(clock.sleep(ACKNOWLEDGE_TIMEOUT_S)),
    }
    try:
        if interaction.acknowledged_at is None:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        interaction.on_acknowledged = None
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

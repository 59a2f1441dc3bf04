"""Acting as people: commands, menus, components, modals, completions, messages, reactions."""

import asyncio

from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.discord import lookup, person_actions, person_interactions
from sandbox.discord.control import views
from sandbox.discord.control.requests import ControlRequest, build_route, read_request
from sandbox.discord.entities import Channel, Message, User
from sandbox.discord.errors import ActionRefused, StateConflict
from sandbox.discord.interaction import ACKNOWLEDGE_TIMEOUT_S, Interaction
from sandbox.discord.rest.routing import json_reply
from sandbox.discord.world import DiscordWorld


def build_routes(world: DiscordWorld, clock: SandboxClock) -> list[web.RouteDef]:
    def find_actor(asked: ControlRequest) -> User:
        person = lookup.find_user(world, asked.reference("user"))
        if person.bot:
            msg = "the bot acts by itself"
            raise ActionRefused(msg)
        return person

    def find_channel(
        asked: ControlRequest, person: User, *, default: Channel | None = None
    ) -> Channel:
        if "channel" not in asked and default is not None:
            return default
        within = lookup.find_guild(world, asked.reference("guild")) if "guild" in asked else None
        channel = lookup.find_channel(
            world, asked.reference("channel"), acting=person, within=within
        )
        private = channel.guild_id is None and person.id not in channel.recipient_ids
        if private:
            msg = f"{person.display_name} is not part of that conversation"
            raise StateConflict(msg)
        return channel

    def channel_of_message(message: Message) -> Channel:
        return world.channels[message.channel_id]

    def interaction_response(interaction: Interaction) -> web.Response:
        return json_reply({"interaction": views.view_interaction(world, interaction)})

    async def use_command(request: web.Request) -> web.Response:
        asked = await read_request(request)
        person = find_actor(asked)
        return interaction_response(
            await person_interactions.use_command(
                world,
                person,
                find_channel(asked, person),
                asked.text_value("command"),
                {**asked.object_value("options"), **asked.object_value("attachments")},
                locale=asked.optional_text("locale"),
                user_install=asked.flag_value("user_install", default=person.has_app),
            )
        )

    async def use_context_menu(request: web.Request) -> web.Response:
        asked = await read_request(request)
        person = find_actor(asked)
        target: Message | User
        if "message" in asked:
            target = lookup.find_visible_message(world, asked.reference("message"), person)
            channel = find_channel(asked, person, default=channel_of_message(target))
            if channel_of_message(target) is not channel:
                msg = "the message is in another channel"
                raise ActionRefused(msg)
        else:
            target = lookup.find_user(world, asked.reference("target"))
            channel = find_channel(asked, person)
        return interaction_response(
            person_interactions.use_context_menu(
                world,
                person,
                asked.text_value("command"),
                target=target,
                channel=channel,
                locale=asked.optional_text("locale"),
                user_install=asked.flag_value("user_install", default=person.has_app),
            )
        )

    async def use_component(request: web.Request) -> web.Response:
        asked = await read_request(request)
        person = find_actor(asked)
        message = lookup.find_visible_message(world, asked.reference("message"), person)
        return interaction_response(
            person_interactions.use_component(
                world,
                person,
                message,
                asked.text_value("custom_id"),
                asked.list_value("values"),
                locale=asked.optional_text("locale"),
            )
        )

    async def submit_modal(request: web.Request) -> web.Response:
        asked = await read_request(request)
        interaction = lookup.find_interaction(world, asked.reference("interaction"))
        return interaction_response(
            await person_interactions.submit_modal(
                world,
                find_actor(asked),
                interaction,
                asked.object_value("fields"),
                locale=asked.optional_text("locale"),
            )
        )

    async def autocomplete_option(request: web.Request) -> web.Response:
        asked = await read_request(request)
        person = find_actor(asked)
        interaction = await person_interactions.use_command(
            world,
            person,
            find_channel(asked, person),
            asked.text_value("command"),
            asked.object_value("options"),
            locale=asked.optional_text("locale"),
            user_install=asked.flag_value("user_install", default=person.has_app),
            focused=asked.text_value("focused"),
        )
        await _wait_for_acknowledgement(interaction, clock)
        view = views.view_interaction(world, interaction)
        return json_reply({"choices": view.get("choices", []), "interaction": view})

    async def post_message(request: web.Request) -> web.Response:
        asked = await read_request(request)
        person = find_actor(asked)
        reply_to = None
        if "reply_to" in asked:
            reply_to = lookup.find_visible_message(world, asked.reference("reply_to"), person)
        message = await person_actions.post_message(
            world,
            person,
            find_channel(asked, person, default=channel_of_message(reply_to) if reply_to else None),
            asked.text_value("content", ""),
            reply_to=reply_to,
            ping=asked.flag_value("ping", default=True),
            paths=[str(path) for path in asked.list_value("attachments")],
        )
        return json_reply({"message": views.view_message(world, message)})

    async def edit_message(request: web.Request) -> web.Response:
        asked = await read_request(request)
        person = find_actor(asked)
        message = lookup.find_visible_message(world, request.match_info["message"], person)
        person_actions.edit_message(world, person, message, asked.text_value("content"))
        return json_reply({"message": views.view_message(world, message)})

    async def delete_message(request: web.Request) -> web.Response:
        asked = (
            ControlRequest(dict(request.query)) if request.query else await read_request(request)
        )
        person = find_actor(asked)
        message = lookup.find_visible_message(world, request.match_info["message"], person)
        person_actions.delete_message(world, person, message)
        return json_reply({"message": views.view_message(world, message)})

    async def change_reaction(request: web.Request) -> web.Response:
        asked = await read_request(request)
        person = find_actor(asked)
        message = lookup.find_visible_message(world, asked.reference("message"), person)
        person_actions.change_reaction(
            world, person, message, asked.text_value("emoji"), is_removal=asked.flag_value("remove")
        )
        return json_reply({"message": views.view_message(world, message)})

    async def open_thread(request: web.Request) -> web.Response:
        asked = await read_request(request)
        person = find_actor(asked)
        under = None
        if "message" in asked:
            under = lookup.find_visible_message(world, asked.reference("message"), person)
        opened = await person_actions.open_thread(
            world,
            person,
            find_channel(asked, person, default=channel_of_message(under) if under else None),
            asked.text_value("name"),
            under=under,
            private=asked.flag_value("private"),
            content=asked.text_value("content", ""),
            paths=[str(path) for path in asked.list_value("attachments")],
            tags=[str(tag) for tag in asked.list_value("tags")],
        )
        return json_reply({"channel": views.view_channel(world, opened)})

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
    """Waits for the bot's answer, at most as long as Discord does."""
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

"""Routes that return guilds, messages, interactions and registered commands."""

from aiohttp import web

from sandbox.discord import lookup
from sandbox.discord.control import views
from sandbox.discord.control.requests import build_route
from sandbox.discord.rest.routing import query_flag
from sandbox.discord.world import DiscordWorld
from sandbox.error_responses import json_response


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    async def get_world(_: web.Request) -> web.Response:
        return json_response(views.view_world(world))

    async def get_interaction(request: web.Request) -> web.Response:
        interaction = lookup.find_interaction(world, request.match_info["interaction"])
        return json_response(views.view_interaction(world, interaction))

    async def list_interactions(_: web.Request) -> web.Response:
        return json_response(
            [views.view_interaction(world, i) for i in world.interactions.values()]
        )

    async def list_messages(request: web.Request) -> web.Response:
        """Return the messages, oldest first.

        ``?deleted=1`` adds deleted ones, ``?user=`` that person's ephemeral ones.
        """
        channel = lookup.find_channel(world, request.match_info["channel"])
        person = lookup.find_user(world, request.query["user"]) if "user" in request.query else None
        visible = [
            message
            for message in world.messages.get(channel.id, {}).values()
            if (message.deleted_at is None or query_flag(request, "deleted"))
            and (message.ephemeral_to is None or (person and message.ephemeral_to == person.id))
        ]
        return json_response([views.view_message(world, message) for message in visible])

    async def get_message(request: web.Request) -> web.Response:
        message = lookup.find_message(world, request.match_info["message"])
        return json_response(views.view_message(world, message))

    async def list_commands(_: web.Request) -> web.Response:
        scopes = [None, *world.guilds]
        return json_response(
            [c.to_payload() for scope in scopes for c in world.commands.list_commands(scope)]
        )

    return [
        build_route("GET", "/world", get_world),
        build_route("GET", "/interactions", list_interactions),
        build_route("GET", "/interactions/{interaction}", get_interaction),
        build_route("GET", "/channels/{channel}/messages", list_messages),
        build_route("GET", "/messages/{message}", get_message),
        build_route("GET", "/commands", list_commands),
    ]

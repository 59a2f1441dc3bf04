"""Looking at the world: who is there, what was said, what became of an interaction."""

from aiohttp import web

from sandbox.discord import lookup
from sandbox.discord.control import views
from sandbox.discord.control.asking import route
from sandbox.discord.rest.wire import flag, reply
from sandbox.discord.world import World


def routes(world: World) -> list[web.RouteDef]:
    async def everything(_: web.Request) -> web.Response:
        return reply(views.world_view(world))

    async def interaction(request: web.Request) -> web.Response:
        found = lookup.interaction(world, request.match_info["interaction"])
        return reply(views.interaction(world, found))

    async def interactions(_: web.Request) -> web.Response:
        return reply([views.interaction(world, i) for i in world.interactions.values()])

    async def messages(request: web.Request) -> web.Response:
        """Oldest first; ``?deleted=1`` adds deleted ones, ``?user=`` that person's ephemeral."""
        channel = lookup.channel(world, request.match_info["channel"])
        person = lookup.user(world, request.query["user"]) if "user" in request.query else None
        shown = [
            message
            for message in world.messages.get(channel.id, {}).values()
            if (message.deleted_at is None or flag(request, "deleted"))
            and (message.ephemeral_to is None or (person and message.ephemeral_to == person.id))
        ]
        return reply([views.message(world, message) for message in shown])

    async def message(request: web.Request) -> web.Response:
        found = lookup.message(world, request.match_info["message"])
        return reply(views.message(world, found))

    async def commands(_: web.Request) -> web.Response:
        scopes = [None, *world.guilds]
        return reply([c.payload() for scope in scopes for c in world.commands.all(scope)])

    return [
        route("GET", "/world", everything),
        route("GET", "/interactions", interactions),
        route("GET", "/interactions/{interaction}", interaction),
        route("GET", "/channels/{channel}/messages", messages),
        route("GET", "/messages/{message}", message),
        route("GET", "/commands", commands),
    ]

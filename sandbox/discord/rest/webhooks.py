"""/webhooks/A/T: follow-ups and the original response. The token in the path is the authority."""

from aiohttp import web

from sandbox.discord import followups, showing
from sandbox.discord.interaction import Interaction
from sandbox.discord.rest.wire import Wire, nothing, path_id, reply

_HOOK = "/webhooks/{webhook_id}/{token}"
_ONE = _HOOK + "/messages/{message_id}"


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world

    def interaction_of(request: web.Request) -> Interaction:
        return followups.find(world, path_id(request, "webhook_id"), request.match_info["token"])

    async def create(request: web.Request) -> web.Response:
        interaction = interaction_of(request)
        async with wire.body(request, interaction.guild_id) as body:
            message = await followups.follow_up(world, interaction, body.fields(), body.uploads)
        # An interaction's webhook always answers with the message, whatever ``wait`` says.
        return reply(showing.message(world, message))

    async def one(request: web.Request) -> web.Response:
        interaction = interaction_of(request)
        message = followups.message_of(world, interaction, request.match_info["message_id"])
        return reply(showing.message(world, message))

    async def edit(request: web.Request) -> web.Response:
        interaction = interaction_of(request)
        message = followups.message_of(world, interaction, request.match_info["message_id"])
        async with wire.body(request, interaction.guild_id) as body:
            await followups.edit(world, interaction, message, body.fields(), body.uploads)
        return reply(showing.message(world, message))

    async def delete(request: web.Request) -> web.Response:
        interaction = interaction_of(request)
        message = followups.message_of(world, interaction, request.match_info["message_id"])
        followups.delete(world, interaction, message)
        return nothing()

    return [
        wire.route("POST", _HOOK, create, bot=False),
        wire.route("GET", _ONE, one, bot=False),
        wire.route("PATCH", _ONE, edit, bot=False),
        wire.route("DELETE", _ONE, delete, bot=False),
    ]

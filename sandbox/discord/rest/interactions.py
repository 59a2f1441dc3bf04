"""/interactions/I/T/callback: the bot's first answer. The token in the path is the authority."""

from aiohttp import web

from sandbox.discord import callbacks
from sandbox.discord.rest.wire import Wire, flag, nothing, path_id, reply


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world

    async def callback(request: web.Request) -> web.Response:
        received_at = world.clock.now()
        interaction = callbacks.find(
            world, path_id(request, "interaction_id"), request.match_info["token"]
        )
        async with wire.body(request, interaction.guild_id) as body:
            response = await callbacks.answer(
                world, interaction, body.fields(), body.uploads, received_at=received_at
            )
        return reply(response) if flag(request, "with_response") else nothing()

    return [
        wire.route("POST", "/interactions/{interaction_id}/{token}/callback", callback, bot=False)
    ]

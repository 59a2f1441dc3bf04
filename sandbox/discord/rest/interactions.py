"""/interactions/I/T/callback: the initial response, authorized by the token in the path."""

from aiohttp import web

from sandbox.discord import callbacks
from sandbox.discord.rest.routing import RouteFactory, empty_response, query_flag, read_path_id
from sandbox.error_responses import json_response


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    async def create_callback(request: web.Request) -> web.Response:
        received_at = world.clock.now()
        interaction = callbacks.find_callback_interaction(
            world, read_path_id(request, "interaction_id"), request.match_info["token"]
        )
        async with wire.read_body(
            request, interaction.guild_id, limit_bytes=interaction.file_limit_bytes
        ) as body:
            response = await callbacks.answer_interaction(
                world, interaction, body.fields(), body.uploads, received_at=received_at
            )
        return json_response(response) if query_flag(request, "with_response") else empty_response()

    return [
        wire.build_route(
            "POST",
            "/interactions/{interaction_id}/{token}/callback",
            create_callback,
            requires_bot_token=False,
        )
    ]

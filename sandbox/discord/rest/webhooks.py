"""/webhooks/A/T: follow-ups and the original response, authorized by the token in the path."""

from aiohttp import web

from sandbox.discord import followups, serializers
from sandbox.discord.entities import Message
from sandbox.discord.interaction import Interaction
from sandbox.discord.rest.routing import RouteFactory, empty_response, read_path_id
from sandbox.error_responses import json_response

_WEBHOOK = "/webhooks/{webhook_id}/{token}"
_WEBHOOK_MESSAGE = _WEBHOOK + "/messages/{message_id}"


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    def find_interaction(request: web.Request) -> Interaction:
        return followups.find_acknowledged_interaction(
            world, read_path_id(request, "webhook_id"), request.match_info["token"]
        )

    def find_message(request: web.Request) -> tuple[Interaction, Message]:
        interaction = find_interaction(request)
        return interaction, followups.find_response_message(
            world, interaction, request.match_info["message_id"]
        )

    async def create_message(request: web.Request) -> web.Response:
        interaction = find_interaction(request)
        async with wire.read_body(
            request, interaction.guild_id, limit_bytes=interaction.file_limit_bytes
        ) as body:
            message = await followups.post_follow_up(
                world, interaction, body.fields(), body.uploads
            )
        # An interaction's webhook always returns the message, whatever ``wait`` is.
        return json_response(serializers.serialize_message(world, message))

    async def get_message(request: web.Request) -> web.Response:
        _, message = find_message(request)
        return json_response(serializers.serialize_message(world, message))

    async def edit_message(request: web.Request) -> web.Response:
        interaction, message = find_message(request)
        async with wire.read_body(
            request, interaction.guild_id, limit_bytes=interaction.file_limit_bytes
        ) as body:
            await followups.edit_response_message(
                world, interaction, message, body.fields(), body.uploads
            )
        return json_response(serializers.serialize_message(world, message))

    async def delete_message(request: web.Request) -> web.Response:
        interaction, message = find_message(request)
        followups.delete_response_message(world, interaction, message)
        return empty_response()

    return [
        wire.build_route("POST", _WEBHOOK, create_message, requires_bot_token=False),
        wire.build_route("GET", _WEBHOOK_MESSAGE, get_message, requires_bot_token=False),
        wire.build_route("PATCH", _WEBHOOK_MESSAGE, edit_message, requires_bot_token=False),
        wire.build_route("DELETE", _WEBHOOK_MESSAGE, delete_message, requires_bot_token=False),
    ]

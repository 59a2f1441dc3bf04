"""/applications/A/commands and /applications/A/guilds/G/commands."""

from aiohttp import web

from sandbox.discord.rest.applications import require_application
from sandbox.discord.rest.routing import RouteFactory, empty_response, query_flag, read_path_id
from sandbox.error_responses import json_response

_GLOBAL_COMMANDS = "/applications/{application_id}/commands"
_GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world
    registry = world.commands

    def command_scope(request: web.Request) -> int | None:
        require_application(world, request)
        if "guild_id" not in request.match_info:
            return None
        return wire.find_guild(request).id

    async def list_commands(request: web.Request) -> web.Response:
        localized = query_flag(request, "with_localizations")
        return json_response(
            [
                c.to_payload(with_localizations=localized)
                for c in registry.list_commands(command_scope(request))
            ]
        )

    async def get_command(request: web.Request) -> web.Response:
        return json_response(
            registry.get(command_scope(request), read_path_id(request, "command_id")).to_payload()
        )

    async def overwrite_commands(request: web.Request) -> web.Response:
        async with wire.read_body(request, None) as body:
            return json_response(
                [c.to_payload() for c in registry.overwrite(command_scope(request), body.json)]
            )

    async def create_command(request: web.Request) -> web.Response:
        async with wire.read_body(request, None) as body:
            command, new = registry.upsert(command_scope(request), body.json)
            return json_response(command.to_payload(), 201 if new else 200)

    async def edit_command(request: web.Request) -> web.Response:
        async with wire.read_body(request, None) as body:
            command_id = read_path_id(request, "command_id")
            return json_response(
                registry.edit(command_scope(request), command_id, body.json).to_payload()
            )

    async def delete_command(request: web.Request) -> web.Response:
        registry.delete(command_scope(request), read_path_id(request, "command_id"))
        return empty_response()

    return [
        wire.build_route(method, base + tail, handler)
        for base in (_GLOBAL_COMMANDS, _GUILD_COMMANDS)
        for method, tail, handler in (
            ("GET", "", list_commands),
            ("PUT", "", overwrite_commands),
            ("POST", "", create_command),
            ("GET", "/{command_id}", get_command),
            ("PATCH", "/{command_id}", edit_command),
            ("DELETE", "/{command_id}", delete_command),
        )
    ]

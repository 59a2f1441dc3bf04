"""/applications/A/commands and /applications/A/guilds/G/commands."""

from aiohttp import web

from sandbox.discord.rest.applications import require_application
from sandbox.discord.rest.wire import Wire, flag, nothing, path_id, reply

_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world
    book = world.commands

    def scope(request: web.Request) -> int | None:
        require_application(world, request)
        if "guild_id" not in request.match_info:
            return None
        return world.guild(path_id(request, "guild_id")).id

    async def listed(request: web.Request) -> web.Response:
        localized = flag(request, "with_localizations")
        return reply([c.payload(with_localizations=localized) for c in book.all(scope(request))])

    async def one(request: web.Request) -> web.Response:
        return reply(book.get(scope(request), path_id(request, "command_id")).payload())

    async def overwrite(request: web.Request) -> web.Response:
        async with wire.body(request, None) as body:
            return reply([c.payload() for c in book.overwrite(scope(request), body.json)])

    async def create(request: web.Request) -> web.Response:
        async with wire.body(request, None) as body:
            command, new = book.upsert(scope(request), body.json)
            return reply(command.payload(), 201 if new else 200)

    async def edit(request: web.Request) -> web.Response:
        async with wire.body(request, None) as body:
            command_id = path_id(request, "command_id")
            return reply(book.edit(scope(request), command_id, body.json).payload())

    async def delete(request: web.Request) -> web.Response:
        book.delete(scope(request), path_id(request, "command_id"))
        return nothing()

    return [
        wire.route(method, base + tail, handler)
        for base in (_GLOBAL, _GUILD)
        for method, tail, handler in (
            ("GET", "", listed),
            ("PUT", "", overwrite),
            ("POST", "", create),
            ("GET", "/{command_id}", one),
            ("PATCH", "/{command_id}", edit),
            ("DELETE", "/{command_id}", delete),
        )
    ]

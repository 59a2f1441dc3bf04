"""/users: the bot, its guilds, and opening direct messages."""

from aiohttp import web

from sandbox.discord import errors, guilds, payloads
from sandbox.discord.rest.routing import RouteFactory, read_path_id
from sandbox.error_responses import json_response


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    async def get_own_user(_: web.Request) -> web.Response:
        return json_response(payloads.build_own_user(world.bot))

    async def get_user(request: web.Request) -> web.Response:
        user = world.users.get(read_path_id(request, "user_id"))
        if user is None:
            raise errors.unknown_user()
        return json_response(payloads.build_user(user))

    async def list_own_guilds(_: web.Request) -> web.Response:
        joined = [world.guilds[i] for i in world.guild_ids()]
        return json_response(
            [
                {
                    "id": str(guild.id),
                    "name": guild.name,
                    "icon": guild.icon,
                    "banner": None,
                    "owner": guild.owner_id == world.bot.id,
                    "permissions": str(
                        world.guild_permissions(guild, guild.members[world.bot.id]).value
                    ),
                    "features": [],
                }
                for guild in joined
            ]
        )

    async def leave_guild(request: web.Request) -> web.Response:
        guild = world.guilds.get(read_path_id(request, "guild_id"))
        if guild is None or not guild.has_bot:
            raise errors.unknown_guild()
        guilds.remove_bot(world, guild)
        return web.Response(status=204)

    async def open_dm(request: web.Request) -> web.Response:
        async with wire.read_body(request, None) as body:
            fields = body.fields()
            user_id = fields.snowflake("recipient_id", required=True)
            fields.errors.raise_if_any()
        person = world.users.get(user_id or 0)
        if person is None or person.bot:
            raise errors.invalid_field(
                ("recipient_id",), "USER_INVALID_RECIPIENT", "Cannot send messages to this user"
            )
        return json_response(world.channel_payload(world.get_direct_channel(person.id)))

    return [
        wire.build_route("GET", "/users/@me", get_own_user),
        wire.build_route("GET", "/users/@me/guilds", list_own_guilds),
        wire.build_route("DELETE", "/users/@me/guilds/{guild_id}", leave_guild),
        wire.build_route("POST", "/users/@me/channels", open_dm),
        wire.build_route("GET", "/users/{user_id}", get_user),
    ]

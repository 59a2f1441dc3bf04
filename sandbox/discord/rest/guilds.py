"""/guilds: a guild with its channels, roles and members."""

from aiohttp import web

from sandbox.discord import errors, payloads
from sandbox.discord.rest.routing import RouteFactory, query_fields, query_flag, read_path_id
from sandbox.error_responses import json_response


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    async def get_guild(request: web.Request) -> web.Response:
        guild = wire.find_guild(request)
        payload = payloads.build_guild(guild)
        if query_flag(request, "with_counts"):
            payload |= {
                "approximate_member_count": len(guild.members),
                "approximate_presence_count": len(guild.members),
            }
        return json_response(payload)

    async def list_channels(request: web.Request) -> web.Response:
        guild = wire.find_guild(request)
        channels = [world.channels[i] for i in guild.channel_ids]
        return json_response([payloads.build_channel(c) for c in channels if c.thread is None])

    async def list_active_threads(request: web.Request) -> web.Response:
        guild = wire.find_guild(request)
        threads = [c for c in world.visible_channels(guild) if c.thread and not c.thread.archived]
        return json_response(
            {
                "threads": [world.thread_payload(c) for c in threads],
                "members": [
                    payloads.build_thread_member(c.id, world.bot.id, c.thread.created_at)
                    for c in threads
                    if c.thread and world.bot.id in c.thread.member_ids
                ],
                "has_more": False,
            }
        )

    async def list_roles(request: web.Request) -> web.Response:
        guild = wire.find_guild(request)
        return json_response([payloads.build_role(role) for role in guild.roles.values()])

    async def get_role(request: web.Request) -> web.Response:
        role = wire.find_guild(request).roles.get(read_path_id(request, "role_id"))
        if role is None:
            raise errors.DiscordError(404, 10011, "Unknown Role")
        return json_response(payloads.build_role(role))

    async def list_members(request: web.Request) -> web.Response:
        guild = wire.find_guild(request)
        if not world.app_flags() & (1 << 15):
            raise errors.missing_access()
        query = query_fields(request)
        limit = query.integer("limit", low=1, high=1000) or 1
        after = query.snowflake("after") or 0
        query.errors.raise_if_any()
        user_ids = sorted(m for m in guild.members if m > after)[:limit]
        return json_response(
            [payloads.build_member(guild.members[i], world.users[i]) for i in user_ids]
        )

    async def get_member(request: web.Request) -> web.Response:
        guild = wire.find_guild(request)
        user_id = read_path_id(request, "user_id")
        if user_id not in world.users:
            raise errors.unknown_user()
        if user_id not in guild.members:
            raise errors.unknown_member()
        return json_response(payloads.build_member(guild.members[user_id], world.users[user_id]))

    return [
        wire.build_route("GET", "/guilds/{guild_id}", get_guild),
        wire.build_route("GET", "/guilds/{guild_id}/channels", list_channels),
        wire.build_route("GET", "/guilds/{guild_id}/threads/active", list_active_threads),
        wire.build_route("GET", "/guilds/{guild_id}/roles", list_roles),
        wire.build_route("GET", "/guilds/{guild_id}/roles/{role_id}", get_role),
        wire.build_route("GET", "/guilds/{guild_id}/members", list_members),
        wire.build_route("GET", "/guilds/{guild_id}/members/{user_id}", get_member),
    ]

"""/guilds: what the bot may know of a guild, its channels, roles and members."""

from aiohttp import web

from sandbox.discord import errors, payloads
from sandbox.discord.rest.wire import Wire, flag, path_id, query, reply


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world

    async def guild(request: web.Request) -> web.Response:
        found = world.guild(path_id(request, "guild_id"))
        payload = payloads.guild(found)
        if flag(request, "with_counts"):
            payload |= {
                "approximate_member_count": len(found.members),
                "approximate_presence_count": len(found.members),
            }
        return reply(payload)

    async def channels(request: web.Request) -> web.Response:
        found = world.guild(path_id(request, "guild_id"))
        places = [world.channels[i] for i in found.channel_ids]
        return reply([payloads.channel(c) for c in places if c.thread is None])

    async def active_threads(request: web.Request) -> web.Response:
        found = world.guild(path_id(request, "guild_id"))
        threads = [c for c in world.viewable(found) if c.thread and not c.thread.archived]
        return reply(
            {
                "threads": [world.thread_payload(c) for c in threads],
                "members": [
                    payloads.thread_member(c.id, world.bot.id, c.thread.created_at)
                    for c in threads
                    if c.thread and world.bot.id in c.thread.member_ids
                ],
                "has_more": False,
            }
        )

    async def roles(request: web.Request) -> web.Response:
        found = world.guild(path_id(request, "guild_id"))
        return reply([payloads.role(role) for role in found.roles.values()])

    async def role(request: web.Request) -> web.Response:
        found = world.guild(path_id(request, "guild_id")).roles.get(path_id(request, "role_id"))
        if found is None:
            raise errors.DiscordError(404, 10011, "Unknown Role")
        return reply(payloads.role(found))

    async def members(request: web.Request) -> web.Response:
        found = world.guild(path_id(request, "guild_id"))
        if not world.app_flags() & (1 << 15):
            raise errors.missing_access()
        asked = query(request)
        limit = asked.integer("limit", low=1, high=1000) or 1
        after = asked.snowflake("after") or 0
        asked.errors.raise_if_any()
        chosen = sorted(m for m in found.members if m > after)[:limit]
        return reply([payloads.member(found.members[i], world.users[i]) for i in chosen])

    async def member(request: web.Request) -> web.Response:
        found = world.guild(path_id(request, "guild_id"))
        user_id = path_id(request, "user_id")
        if user_id not in world.users:
            raise errors.unknown_user()
        if user_id not in found.members:
            raise errors.unknown_member()
        return reply(payloads.member(found.members[user_id], world.users[user_id]))

    return [
        wire.route("GET", "/guilds/{guild_id}", guild),
        wire.route("GET", "/guilds/{guild_id}/channels", channels),
        wire.route("GET", "/guilds/{guild_id}/threads/active", active_threads),
        wire.route("GET", "/guilds/{guild_id}/roles", roles),
        wire.route("GET", "/guilds/{guild_id}/roles/{role_id}", role),
        wire.route("GET", "/guilds/{guild_id}/members", members),
        wire.route("GET", "/guilds/{guild_id}/members/{user_id}", member),
    ]

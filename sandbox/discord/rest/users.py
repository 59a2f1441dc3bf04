"""/users: the bot itself, its guilds, and opening direct messages."""

from aiohttp import web

from sandbox.discord import errors, payloads
from sandbox.discord.rest.wire import Wire, path_id, reply


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world

    async def me(_: web.Request) -> web.Response:
        return reply(payloads.own_user(world.bot))

    async def user(request: web.Request) -> web.Response:
        found = world.users.get(path_id(request, "user_id"))
        if found is None:
            raise errors.unknown_user()
        return reply(payloads.user(found))

    async def my_guilds(_: web.Request) -> web.Response:
        guilds = [world.guilds[i] for i in world.guild_ids()]
        return reply(
            [
                {
                    "id": str(guild.id),
                    "name": guild.name,
                    "icon": None,
                    "banner": None,
                    "owner": guild.owner_id == world.bot.id,
                    "permissions": str(
                        world.guild_permissions(guild, guild.members[world.bot.id]).value
                    ),
                    "features": [],
                }
                for guild in guilds
            ]
        )

    async def open_dm(request: web.Request) -> web.Response:
        async with wire.body(request, None) as body:
            fields = body.fields()
            user_id = fields.snowflake("recipient_id", required=True)
            fields.errors.raise_if_any()
        person = world.users.get(user_id or 0)
        if person is None or person.bot:
            raise errors.invalid(
                ("recipient_id",), "USER_INVALID_RECIPIENT", "Cannot send messages to this user"
            )
        return reply(world.channel_payload(world.direct_channel(person.id)))

    return [
        wire.route("GET", "/users/@me", me),
        wire.route("GET", "/users/@me/guilds", my_guilds),
        wire.route("POST", "/users/@me/channels", open_dm),
        wire.route("GET", "/users/{user_id}", user),
    ]

"""/channels/C itself: looking at it, changing a little, typing, pins."""

from aiohttp import web

from sandbox.discord import errors, messages, payloads, places, showing, threads
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.wire import Wire, nothing, path_id, reply


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world

    async def channel(request: web.Request) -> web.Response:
        return reply(world.channel_payload(world.channel(path_id(request, "channel_id"))))

    async def change(request: web.Request) -> web.Response:
        found = world.channel(path_id(request, "channel_id"))
        if found.guild_id is None:
            raise errors.wrong_channel_type()
        own = found.thread is not None and found.thread.owner_id == world.bot.id
        if not own:
            needed = Permission.MANAGE_THREADS if found.thread else Permission.MANAGE_CHANNELS
            world.require(found, needed)
        async with wire.body(request, found.guild_id) as body:
            fields = body.fields()
            name = fields.text("name", low=1, high=100)
            if found.thread is not None:
                archived = fields.boolean("archived", default=found.thread.archived)
                locked = fields.boolean("locked", default=found.thread.locked)
                fields.errors.raise_if_any()
                threads.change(world, found, name=name, archived=archived, locked=locked)
            else:
                topic = fields.text("topic", high=1024)
                nsfw = fields.boolean("nsfw", default=found.nsfw)
                fields.errors.raise_if_any()
                found.name = name or found.name
                found.topic = topic if "topic" in fields else found.topic
                found.nsfw = nsfw
                places.announce_channel(world, "CHANNEL_UPDATE", found)
        return reply(world.channel_payload(found))

    async def typing(request: web.Request) -> web.Response:
        found = world.channel(path_id(request, "channel_id"))
        messages.require_posting(world, found, files=False, embeds=False)
        return nothing()

    async def pins(request: web.Request) -> web.Response:
        found = world.channel(path_id(request, "channel_id"))
        pinned = [m for m in world.visible_messages(found.id) if m.pinned]
        items = [
            {
                "pinned_at": payloads.timestamp(m.created_at),
                "message": showing.rest_message(world, m),
            }
            for m in reversed(pinned)
        ]
        return reply({"items": items, "has_more": False})

    async def set_pin(request: web.Request) -> web.Response:
        found = world.channel(path_id(request, "channel_id"))
        message = world.message(found.id, path_id(request, "message_id"))
        world.require(found, Permission.PIN_MESSAGES)
        messages.pin(world, message, pinned=request.method == "PUT")
        return nothing()

    return [
        wire.route("GET", "/channels/{channel_id}", channel),
        wire.route("PATCH", "/channels/{channel_id}", change),
        wire.route("POST", "/channels/{channel_id}/typing", typing),
        wire.route("GET", "/channels/{channel_id}/messages/pins", pins),
        wire.route("PUT", "/channels/{channel_id}/messages/pins/{message_id}", set_pin),
        wire.route("DELETE", "/channels/{channel_id}/messages/pins/{message_id}", set_pin),
    ]

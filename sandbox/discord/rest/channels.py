"""/channels/C itself: looking at it, changing a little, typing, pins."""

from aiohttp import web

from sandbox.discord import errors, guilds, messages, payloads, serializers, threads
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.routing import RouteFactory, empty_reply, json_reply, read_path_id


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    async def get_channel(request: web.Request) -> web.Response:
        return json_reply(world.channel_payload(world.channel(read_path_id(request, "channel_id"))))

    async def update_channel(request: web.Request) -> web.Response:
        found = world.channel(read_path_id(request, "channel_id"))
        if found.guild_id is None:
            raise errors.wrong_channel_type()
        own = found.thread is not None and found.thread.owner_id == world.bot.id
        if not own:
            needed = Permission.MANAGE_THREADS if found.thread else Permission.MANAGE_CHANNELS
            world.require_bot_permissions(found, needed)
        async with wire.read_body(request, found.guild_id) as body:
            fields = body.fields()
            name = fields.text("name", low=1, high=100)
            if found.thread is not None:
                archived = fields.boolean("archived", default=found.thread.archived)
                locked = fields.boolean("locked", default=found.thread.locked)
                fields.errors.raise_if_any()
                threads.update_thread(world, found, name=name, archived=archived, locked=locked)
            else:
                topic = fields.text("topic", high=1024)
                nsfw = fields.boolean("nsfw", default=found.nsfw)
                fields.errors.raise_if_any()
                found.name = name or found.name
                found.topic = topic if "topic" in fields else found.topic
                found.nsfw = nsfw
                guilds.announce_channel(world, "CHANNEL_UPDATE", found)
        return json_reply(world.channel_payload(found))

    async def start_typing(request: web.Request) -> web.Response:
        found = world.channel(read_path_id(request, "channel_id"))
        messages.require_can_post(world, found, files=False, embeds=False)
        return empty_reply()

    async def list_pins(request: web.Request) -> web.Response:
        found = world.channel(read_path_id(request, "channel_id"))
        pinned = [m for m in world.visible_messages(found.id) if m.pinned]
        items = [
            {
                "pinned_at": payloads.format_timestamp(m.created_at),
                "message": serializers.serialize_rest_message(world, m),
            }
            for m in reversed(pinned)
        ]
        return json_reply({"items": items, "has_more": False})

    async def set_pin(request: web.Request) -> web.Response:
        found = world.channel(read_path_id(request, "channel_id"))
        message = world.message(found.id, read_path_id(request, "message_id"))
        world.require_bot_permissions(found, Permission.PIN_MESSAGES)
        messages.set_pinned(world, message, pinned=request.method == "PUT")
        return empty_reply()

    return [
        wire.build_route("GET", "/channels/{channel_id}", get_channel),
        wire.build_route("PATCH", "/channels/{channel_id}", update_channel),
        wire.build_route("POST", "/channels/{channel_id}/typing", start_typing),
        wire.build_route("GET", "/channels/{channel_id}/messages/pins", list_pins),
        wire.build_route("PUT", "/channels/{channel_id}/messages/pins/{message_id}", set_pin),
        wire.build_route("DELETE", "/channels/{channel_id}/messages/pins/{message_id}", set_pin),
    ]

"""/channels/C: the channel itself, typing, pins."""

from aiohttp import web

from sandbox.discord import errors, guilds, messages, payloads, serializers, threads
from sandbox.discord.changes import TypingStarted
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.routing import RouteFactory, empty_response
from sandbox.error_responses import json_response


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    async def get_channel(request: web.Request) -> web.Response:
        return json_response(world.channel_payload(wire.find_channel(request)))

    async def update_channel(request: web.Request) -> web.Response:
        channel = wire.find_channel(request)
        if channel.guild_id is None:
            raise errors.wrong_channel_type()
        own = channel.thread is not None and channel.thread.owner_id == world.bot.id
        if not own:
            needed = Permission.MANAGE_THREADS if channel.thread else Permission.MANAGE_CHANNELS
            world.require_bot_permissions(channel, needed)
        async with wire.read_body(request, channel.guild_id) as body:
            fields = body.fields()
            name = fields.text("name", low=1, high=100)
            if channel.thread is not None:
                archived = fields.boolean("archived", default=channel.thread.archived)
                locked = fields.boolean("locked", default=channel.thread.locked)
                fields.errors.raise_if_any()
                threads.update_thread(world, channel, name=name, archived=archived, locked=locked)
            else:
                topic = fields.text("topic", high=1024)
                nsfw = fields.boolean("nsfw", default=channel.nsfw)
                fields.errors.raise_if_any()
                channel.name = name or channel.name
                channel.topic = topic if "topic" in fields else channel.topic
                guilds.set_age_restriction(world, channel, is_restricted=nsfw)
                guilds.announce_channel(world, "CHANNEL_UPDATE", channel)
        return json_response(world.channel_payload(channel))

    async def start_typing(request: web.Request) -> web.Response:
        channel = wire.find_channel(request)
        messages.require_can_post(world, channel, files=False, embeds=False)
        world.changes.publish(TypingStarted(channel.id, world.bot.id))
        return empty_response()

    async def list_pins(request: web.Request) -> web.Response:
        channel = wire.find_channel(request)
        pinned = [m for m in world.visible_messages(channel.id) if m.pinned]
        items = [
            {
                "pinned_at": payloads.format_timestamp(m.created_at),
                "message": serializers.serialize_rest_message(world, m),
            }
            for m in reversed(pinned)
        ]
        return json_response({"items": items, "has_more": False})

    async def set_pin(request: web.Request) -> web.Response:
        channel, message = wire.find_message(request)
        world.require_bot_permissions(channel, Permission.PIN_MESSAGES)
        messages.set_pinned(world, message, pinned=request.method == "PUT")
        return empty_response()

    return [
        wire.build_route("GET", "/channels/{channel_id}", get_channel),
        wire.build_route("PATCH", "/channels/{channel_id}", update_channel),
        wire.build_route("POST", "/channels/{channel_id}/typing", start_typing),
        wire.build_route("GET", "/channels/{channel_id}/messages/pins", list_pins),
        wire.build_route("PUT", "/channels/{channel_id}/messages/pins/{message_id}", set_pin),
        wire.build_route("DELETE", "/channels/{channel_id}/messages/pins/{message_id}", set_pin),
    ]

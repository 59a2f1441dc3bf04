"""/channels/C/messages: the bot's messages, and reading those of others."""

from aiohttp import web

from sandbox.discord import errors, messages, serializers
from sandbox.discord.entities import Message
from sandbox.discord.errors import DiscordError
from sandbox.discord.message_builder import read_draft
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.routing import RouteFactory, empty_response, query_fields, read_path_id
from sandbox.discord.rich_messages import RichParts
from sandbox.error_responses import json_response

_MESSAGES = "/channels/{channel_id}/messages"
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    async def create_message(request: web.Request) -> web.Response:
        channel = wire.find_channel(request)
        messages.require_can_post(world, channel, files=False, embeds=False)
        async with wire.read_body(request, channel.guild_id) as body:
            fields = body.fields()
            messages.require_can_post(
                world,
                channel,
                files=bool(body.uploads),
                embeds=bool(fields.raw_value("embeds")),
            )
            draft = await read_draft(world, channel.id, fields, body.uploads)
            # The channel may be gone since the files were read.
            channel = world.require_channel(channel.id)
            reference = parts = None
            if draft.is_forward and draft.reference is not None:
                parts = RichParts(forward=messages.read_forward(world, draft.reference))
            else:
                reference = messages.read_reference(world, channel, draft.reference)
            message = messages.find_message_with_nonce(world, channel, world.bot.id, draft)
            if message is None:
                message = messages.post_message(
                    world, channel, world.bot.id, draft, reference=reference, parts=parts
                )
        return json_response(serializers.serialize_message(world, message))

    async def list_messages(request: web.Request) -> web.Response:
        channel = wire.find_channel(request)
        query = query_fields(request)
        limit = query.integer("limit", low=1, high=100) or 50
        bounds = {n: query.snowflake(n) for n in ("around", "before", "after")}
        if sum(value is not None for value in bounds.values()) > 1:
            query.add_error("before", "MUTUALLY_EXCLUSIVE", "Only one of around, before, after")
        query.errors.raise_if_any()
        if Permission.READ_MESSAGE_HISTORY not in world.permissions_of(world.bot.id, channel):
            return json_response([])
        visible = sorted(world.visible_messages(channel.id), key=lambda m: m.id)
        window = _select_window(visible, limit, **bounds)
        return json_response(
            [serializers.serialize_rest_message(world, m) for m in reversed(window)]
        )

    async def get_message(request: web.Request) -> web.Response:
        channel = wire.find_channel(request)
        world.require_bot_permissions(channel, Permission.READ_MESSAGE_HISTORY)
        message = world.require_message(channel.id, read_path_id(request, "message_id"))
        return json_response(serializers.serialize_rest_message(world, message))

    async def edit_message(request: web.Request) -> web.Response:
        channel, message = wire.find_message(request)
        if message.author_id != world.bot.id:
            raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
        if channel.thread is not None and channel.thread.archived:
            raise DiscordError(400, 50083, "Thread is archived")  # a new message would reopen it
        async with wire.read_body(request, channel.guild_id) as body:
            fields = body.fields()
            needed = Permission.VIEW_CHANNEL
            needed |= Permission.ATTACH_FILES if body.uploads else Permission.NONE
            needed |= Permission.EMBED_LINKS if fields.raw_value("embeds") else Permission.NONE
            world.require_bot_permissions(channel, needed)
            draft = await read_draft(world, channel.id, fields, body.uploads, editing=message)
            if message.deleted_at is not None:
                raise errors.unknown_message()
            messages.require_late_edit_allowed(world, message)
            messages.edit_message(world, message, draft)
        return json_response(serializers.serialize_message(world, message))

    async def delete_message(request: web.Request) -> web.Response:
        channel, message = wire.find_message(request)
        if message.author_id != world.bot.id:
            if channel.guild_id is None:
                raise DiscordError(403, 50003, "Cannot execute action on a DM channel")
            world.require_bot_permissions(channel, Permission.MANAGE_MESSAGES)
        messages.delete_message(world, message)
        return empty_response()

    async def delete_messages(request: web.Request) -> web.Response:
        channel = wire.find_channel(request)
        if channel.guild_id is None:
            raise DiscordError(403, 50003, "Cannot execute action on a DM channel")
        world.require_bot_permissions(channel, Permission.MANAGE_MESSAGES)
        async with wire.read_body(request, channel.guild_id) as body:
            fields = body.fields()
            ids = fields.snowflakes("messages", low=2, high=100)
            if ids is None:
                fields.text("messages", required=True)
            fields.errors.raise_if_any()
        messages.delete_messages(world, channel, ids or [])
        return empty_response()

    return [
        wire.build_route("POST", _MESSAGES + "/bulk-delete", delete_messages),
        wire.build_route("POST", _MESSAGES, create_message),
        wire.build_route("GET", _MESSAGES, list_messages),
        wire.build_route("GET", _MESSAGE, get_message),
        wire.build_route("PATCH", _MESSAGE, edit_message),
        wire.build_route("DELETE", _MESSAGE, delete_message),
    ]


def _select_window(
    messages: list[Message],
    limit: int,
    *,
    around: int | None,
    before: int | None,
    after: int | None,
) -> list[Message]:
    """Return the requested messages, oldest first, of all messages in that order."""
    if after is not None:
        return [m for m in messages if m.id > after][:limit]
    if before is not None:
        return [m for m in messages if m.id < before][-limit:]
    if around is not None:
        half = limit // 2
        older = [m for m in messages if m.id < around]
        newer = [m for m in messages if m.id >= around]
        return (older[-half:] if half else []) + newer[: limit - half]
    return messages[-limit:]

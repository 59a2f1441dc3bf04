"""/channels/C/messages: the bot's ordinary messages, and reading what is there."""

from aiohttp import web

from sandbox.discord import errors, messages, showing
from sandbox.discord.drafts import read_draft
from sandbox.discord.errors import DiscordError
from sandbox.discord.model import Message
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.wire import Wire, nothing, path_id, query, reply

_MANY = "/channels/{channel_id}/messages"
_ONE = "/channels/{channel_id}/messages/{message_id}"


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world

    async def create(request: web.Request) -> web.Response:
        channel = world.channel(path_id(request, "channel_id"))
        messages.require_posting(world, channel, files=False, embeds=False)
        async with wire.body(request, channel.guild_id) as body:
            fields = body.fields()
            messages.require_posting(
                world,
                channel,
                files=bool(body.uploads),
                embeds=bool(fields.raw("embeds")),
            )
            draft = await read_draft(world, channel.id, fields, body.uploads)
            # The world may have changed while the files were read.
            channel = world.channel(channel.id)
            reference = messages.read_reference(world, channel, draft.reference)
            message = messages.repeated(world, channel, world.bot.id, draft)
            if message is None:
                message = messages.post(world, channel, world.bot.id, draft, reference=reference)
        return reply(showing.message(world, message))

    async def listed(request: web.Request) -> web.Response:
        channel = world.channel(path_id(request, "channel_id"))
        asked = query(request)
        limit = asked.integer("limit", low=1, high=100) or 50
        bounds = {n: asked.snowflake(n) for n in ("around", "before", "after")}
        if sum(value is not None for value in bounds.values()) > 1:
            asked.wrong("before", "MUTUALLY_EXCLUSIVE", "Only one of around, before, after")
        asked.errors.raise_if_any()
        if Permission.READ_MESSAGE_HISTORY not in world.permissions_of(world.bot.id, channel):
            return reply([])
        found = sorted(world.visible_messages(channel.id), key=lambda m: m.id)
        chosen = _window(found, limit, **bounds)
        return reply([showing.rest_message(world, m) for m in reversed(chosen)])

    async def one(request: web.Request) -> web.Response:
        channel = world.channel(path_id(request, "channel_id"))
        world.require(channel, Permission.READ_MESSAGE_HISTORY)
        message = world.message(channel.id, path_id(request, "message_id"))
        return reply(showing.rest_message(world, message))

    async def edit(request: web.Request) -> web.Response:
        channel = world.channel(path_id(request, "channel_id"))
        message = world.message(channel.id, path_id(request, "message_id"))
        if message.author_id != world.bot.id:
            raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
        if channel.thread is not None and channel.thread.archived:
            raise DiscordError(400, 50083, "Thread is archived")  # only a new message revives it
        async with wire.body(request, channel.guild_id) as body:
            fields = body.fields()
            needed = Permission.VIEW_CHANNEL
            needed |= Permission.ATTACH_FILES if body.uploads else Permission.NONE
            needed |= Permission.EMBED_LINKS if fields.raw("embeds") else Permission.NONE
            world.require(channel, needed)
            draft = await read_draft(world, channel.id, fields, body.uploads, editing=message)
            if message.deleted_at is not None:
                raise errors.unknown_message()
            messages.edit(world, message, draft)
        return reply(showing.message(world, message))

    async def delete(request: web.Request) -> web.Response:
        channel = world.channel(path_id(request, "channel_id"))
        message = world.message(channel.id, path_id(request, "message_id"))
        if message.author_id != world.bot.id:
            if channel.guild_id is None:
                raise DiscordError(403, 50003, "Cannot execute action on a DM channel")
            world.require(channel, Permission.MANAGE_MESSAGES)
        messages.delete(world, message)
        return nothing()

    async def delete_many(request: web.Request) -> web.Response:
        channel = world.channel(path_id(request, "channel_id"))
        if channel.guild_id is None:
            raise DiscordError(403, 50003, "Cannot execute action on a DM channel")
        world.require(channel, Permission.MANAGE_MESSAGES)
        async with wire.body(request, channel.guild_id) as body:
            fields = body.fields()
            ids = fields.snowflakes("messages", low=2, high=100)
            if ids is None:
                fields.text("messages", required=True)
            fields.errors.raise_if_any()
        messages.delete_many(world, channel, ids or [])
        return nothing()

    return [
        wire.route("POST", _MANY + "/bulk-delete", delete_many),
        wire.route("POST", _MANY, create),
        wire.route("GET", _MANY, listed),
        wire.route("GET", _ONE, one),
        wire.route("PATCH", _ONE, edit),
        wire.route("DELETE", _ONE, delete),
    ]


def _window(
    found: list[Message],
    limit: int,
    *,
    around: int | None,
    before: int | None,
    after: int | None,
) -> list[Message]:
    """The messages asked for, oldest first, out of all of them in that order."""
    if after is not None:
        return [m for m in found if m.id > after][:limit]
    if before is not None:
        return [m for m in found if m.id < before][-limit:]
    if around is not None:
        half = limit // 2
        older = [m for m in found if m.id < around]
        newer = [m for m in found if m.id >= around]
        return (older[-half:] if half else []) + newer[: limit - half]
    return found[-limit:]

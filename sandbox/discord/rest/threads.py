"""Threads: under a message, on their own, as forum posts; and joining them."""

from aiohttp import web

from sandbox.discord import errors, payloads, showing, threads
from sandbox.discord.drafts import read_draft
from sandbox.discord.form import Fields
from sandbox.discord.model import ChannelKind
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.wire import Wire, nothing, path_id, reply


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world

    async def under_message(request: web.Request) -> web.Response:
        channel = world.channel(path_id(request, "channel_id"))
        message = world.message(channel.id, path_id(request, "message_id"))
        world.require(channel, Permission.CREATE_PUBLIC_THREADS)
        async with wire.body(request, channel.guild_id) as body:
            fields = body.fields()
            name, minutes, slowmode = _common(fields)
            fields.errors.raise_if_any()
        thread = threads.start(
            world,
            channel,
            world.bot.id,
            name,
            under=message,
            auto_archive_minutes=minutes,
            slowmode_s=slowmode,
        )
        return reply(world.thread_payload(thread), 201)

    async def alone(request: web.Request) -> web.Response:
        channel = world.channel(path_id(request, "channel_id"))
        async with wire.body(request, channel.guild_id) as body:
            fields = body.fields()
            name, minutes, slowmode = _common(fields)
            if channel.kind is ChannelKind.FORUM:
                fields.child("message", required=True)
                first = fields.child("message") or fields
                tags = fields.snowflakes("applied_tags", high=5) or []
                fields.errors.raise_if_any()
                world.require(
                    channel,
                    Permission.SEND_MESSAGES
                    | (Permission.ATTACH_FILES if body.uploads else Permission.NONE)
                    | (Permission.EMBED_LINKS if first.raw("embeds") else Permission.NONE),
                )
                draft = await read_draft(world, channel.id, first, body.uploads)
                thread, message = threads.post_in_forum(
                    world,
                    channel,
                    world.bot.id,
                    name,
                    draft,
                    auto_archive_minutes=minutes,
                    applied_tags=tags,
                )
                shown = {"message": showing.message(world, message)}
                return reply(world.thread_payload(thread) | shown, 201)
            kind = fields.one_of("type", [10, 11, 12]) or ChannelKind.PRIVATE_THREAD
            invitable = fields.boolean("invitable", default=True)
            fields.errors.raise_if_any()
        private = kind == ChannelKind.PRIVATE_THREAD
        world.require(
            channel,
            Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS,
        )
        thread = threads.start(
            world,
            channel,
            world.bot.id,
            name,
            kind=ChannelKind(kind),
            auto_archive_minutes=minutes,
            slowmode_s=slowmode,
            invitable=invitable,
        )
        return reply(world.thread_payload(thread), 201)

    async def join(request: web.Request) -> web.Response:
        thread = world.channel(path_id(request, "channel_id"))
        if thread.thread is None:
            raise errors.wrong_channel_type()
        joined = world.bot.id in thread.thread.member_ids
        if request.method == "PUT" and not joined:
            thread.thread.member_ids.append(world.bot.id)
        elif request.method == "DELETE" and joined:
            thread.thread.member_ids.remove(world.bot.id)
        return nothing()

    async def members(request: web.Request) -> web.Response:
        thread = world.channel(path_id(request, "channel_id"))
        if thread.thread is None:
            raise errors.wrong_channel_type()
        since = thread.thread.created_at
        return reply(
            [payloads.thread_member(thread.id, i, since) for i in thread.thread.member_ids]
        )

    return [
        wire.route("POST", "/channels/{channel_id}/messages/{message_id}/threads", under_message),
        wire.route("POST", "/channels/{channel_id}/threads", alone),
        wire.route("PUT", "/channels/{channel_id}/thread-members/@me", join),
        wire.route("DELETE", "/channels/{channel_id}/thread-members/@me", join),
        wire.route("GET", "/channels/{channel_id}/thread-members", members),
    ]


def _common(fields: Fields) -> tuple[str, int | None, int]:
    name = fields.text("name", low=1, high=100, required=True) or ""
    minutes = fields.one_of("auto_archive_duration", threads.ARCHIVE_MINUTES)
    return name, minutes, fields.integer("rate_limit_per_user", low=0, high=21600) or 0

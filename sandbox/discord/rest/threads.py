"""/channels/C/threads: starting threads and forum posts, and joining them."""

from aiohttp import web

from sandbox.discord import errors, payloads, serializers, threads
from sandbox.discord.entities import ChannelKind
from sandbox.discord.form_fields import FormFields
from sandbox.discord.message_builder import read_draft
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.routing import RouteFactory, empty_response
from sandbox.error_responses import json_response


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    async def start_from_message(request: web.Request) -> web.Response:
        channel, message = wire.find_message(request)
        world.require_bot_permissions(channel, Permission.CREATE_PUBLIC_THREADS)
        async with wire.read_body(request, channel.guild_id) as body:
            fields = body.fields()
            name, minutes, slowmode = _read_thread_fields(fields)
            fields.errors.raise_if_any()
        thread = threads.start_thread(
            world,
            channel,
            world.bot.id,
            name,
            source=message,
            auto_archive_minutes=minutes,
            slowmode_s=slowmode,
        )
        return json_response(world.thread_payload(thread), 201)

    async def start_thread(request: web.Request) -> web.Response:
        channel = wire.find_channel(request)
        async with wire.read_body(request, channel.guild_id) as body:
            fields = body.fields()
            name, minutes, slowmode = _read_thread_fields(fields)
            if channel.kind.holds_posts:
                fields.child_object("message", required=True)
                message_fields = fields.child_object("message") or fields
                tags = fields.snowflakes("applied_tags", high=5) or []
                fields.errors.raise_if_any()
                world.require_bot_permissions(
                    channel,
                    Permission.SEND_MESSAGES
                    | (Permission.ATTACH_FILES if body.uploads else Permission.NONE)
                    | (
                        Permission.EMBED_LINKS
                        if message_fields.raw_value("embeds")
                        else Permission.NONE
                    ),
                )
                draft = await read_draft(world, channel.id, message_fields, body.uploads)
                thread, message = threads.create_forum_post(
                    world,
                    channel,
                    world.bot.id,
                    name,
                    draft,
                    auto_archive_minutes=minutes,
                    applied_tags=tags,
                )
                extra = {"message": serializers.serialize_message(world, message)}
                return json_response(world.thread_payload(thread) | extra, 201)
            kind = fields.one_of("type", [10, 11, 12]) or ChannelKind.PRIVATE_THREAD
            invitable = fields.boolean("invitable", default=True)
            fields.errors.raise_if_any()
        private = kind == ChannelKind.PRIVATE_THREAD
        world.require_bot_permissions(
            channel,
            Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS,
        )
        thread = threads.start_thread(
            world,
            channel,
            world.bot.id,
            name,
            kind=ChannelKind(kind),
            auto_archive_minutes=minutes,
            slowmode_s=slowmode,
            invitable=invitable,
        )
        return json_response(world.thread_payload(thread), 201)

    async def join_thread(request: web.Request) -> web.Response:
        thread = wire.find_channel(request)
        if thread.thread is None:
            raise errors.wrong_channel_type()
        joined = world.bot.id in thread.thread.member_ids
        if request.method == "PUT" and not joined:
            thread.thread.member_ids.append(world.bot.id)
        elif request.method == "DELETE" and joined:
            thread.thread.member_ids.remove(world.bot.id)
        return empty_response()

    async def list_members(request: web.Request) -> web.Response:
        thread = wire.find_channel(request)
        if thread.thread is None:
            raise errors.wrong_channel_type()
        since = thread.thread.created_at
        return json_response(
            [payloads.build_thread_member(thread.id, i, since) for i in thread.thread.member_ids]
        )

    return [
        wire.build_route(
            "POST", "/channels/{channel_id}/messages/{message_id}/threads", start_from_message
        ),
        wire.build_route("POST", "/channels/{channel_id}/threads", start_thread),
        wire.build_route("PUT", "/channels/{channel_id}/thread-members/@me", join_thread),
        wire.build_route("DELETE", "/channels/{channel_id}/thread-members/@me", join_thread),
        wire.build_route("GET", "/channels/{channel_id}/thread-members", list_members),
    ]


def _read_thread_fields(fields: FormFields) -> tuple[str, int | None, int]:
    name = fields.text("name", low=1, high=100, required=True) or ""
    minutes = fields.one_of("auto_archive_duration", threads.ARCHIVE_MINUTES)
    return name, minutes, fields.integer("rate_limit_per_user", low=0, high=21600) or 0

"""/channels/C/messages/M/reactions."""

from aiohttp import web

from sandbox.discord import errors, payloads, reactions
from sandbox.discord.model import Channel, Message
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.wire import Wire, nothing, path_id, query, reply

_ALL = "/channels/{channel_id}/messages/{message_id}/reactions"
_EMOJI = _ALL + "/{emoji}"


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world

    def target(request: web.Request) -> tuple[Channel, Message]:
        channel = world.channel(path_id(request, "channel_id"))
        return channel, world.message(channel.id, path_id(request, "message_id"))

    async def add(request: web.Request) -> web.Response:
        channel, message = target(request)
        emoji = reactions.parse_emoji(request.match_info["emoji"])
        world.require(channel, Permission.READ_MESSAGE_HISTORY)
        if reactions.find(message, emoji) is None:
            world.require(channel, Permission.ADD_REACTIONS)
        reactions.add(world, message, world.bot.id, emoji)
        return nothing()

    async def remove_own(request: web.Request) -> web.Response:
        _, message = target(request)
        emoji = reactions.parse_emoji(request.match_info["emoji"])
        reactions.remove(world, message, world.bot.id, emoji)
        return nothing()

    async def remove_other(request: web.Request) -> web.Response:
        channel, message = target(request)
        world.require(channel, Permission.MANAGE_MESSAGES)
        emoji = reactions.parse_emoji(request.match_info["emoji"])
        user_id = path_id(request, "user_id")
        if user_id not in world.users:
            raise errors.unknown_user()
        reactions.remove(world, message, user_id, emoji)
        return nothing()

    async def clear(request: web.Request) -> web.Response:
        channel, message = target(request)
        world.require(channel, Permission.MANAGE_MESSAGES)
        text = request.match_info.get("emoji")
        reactions.clear(world, message, reactions.parse_emoji(text) if text else None)
        return nothing()

    async def users(request: web.Request) -> web.Response:
        channel, message = target(request)
        world.require(channel, Permission.READ_MESSAGE_HISTORY)
        asked = query(request)
        limit = asked.integer("limit", low=1, high=100) or 25
        after = asked.snowflake("after") or 0
        asked.errors.raise_if_any()
        reaction = reactions.find(message, reactions.parse_emoji(request.match_info["emoji"]))
        ids = sorted(i for i in (reaction.user_ids if reaction else []) if i > after)
        return reply([payloads.user(world.users[i]) for i in ids[:limit]])

    return [
        wire.route("PUT", _EMOJI + "/@me", add),
        wire.route("DELETE", _EMOJI + "/@me", remove_own),
        wire.route("DELETE", _EMOJI + "/{user_id}", remove_other),
        wire.route("GET", _EMOJI, users),
        wire.route("DELETE", _EMOJI, clear),
        wire.route("DELETE", _ALL, clear),
    ]

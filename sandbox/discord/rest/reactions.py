"""/channels/C/messages/M/reactions."""

from aiohttp import web

from sandbox.discord import errors, payloads, reactions
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.routing import RouteFactory, empty_response, query_fields, read_path_id
from sandbox.error_responses import json_response

_REACTIONS = "/channels/{channel_id}/messages/{message_id}/reactions"
_EMOJI_REACTIONS = _REACTIONS + "/{emoji}"


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    async def add_reaction(request: web.Request) -> web.Response:
        channel, message = wire.find_message(request)
        emoji = reactions.parse_emoji(request.match_info["emoji"])
        world.require_bot_permissions(channel, Permission.READ_MESSAGE_HISTORY)
        if reactions.find_reaction(message, emoji) is None:
            world.require_bot_permissions(channel, Permission.ADD_REACTIONS)
        reactions.add_reaction(world, message, world.bot.id, emoji)
        return empty_response()

    async def remove_own_reaction(request: web.Request) -> web.Response:
        _, message = wire.find_message(request)
        emoji = reactions.parse_emoji(request.match_info["emoji"])
        reactions.remove_reaction(world, message, world.bot.id, emoji)
        return empty_response()

    async def remove_user_reaction(request: web.Request) -> web.Response:
        channel, message = wire.find_message(request)
        world.require_bot_permissions(channel, Permission.MANAGE_MESSAGES)
        emoji = reactions.parse_emoji(request.match_info["emoji"])
        user_id = read_path_id(request, "user_id")
        if user_id not in world.users:
            raise errors.unknown_user()
        reactions.remove_reaction(world, message, user_id, emoji)
        return empty_response()

    async def clear_reactions(request: web.Request) -> web.Response:
        channel, message = wire.find_message(request)
        world.require_bot_permissions(channel, Permission.MANAGE_MESSAGES)
        text = request.match_info.get("emoji")
        reactions.clear_reactions(world, message, reactions.parse_emoji(text) if text else None)
        return empty_response()

    async def list_users(request: web.Request) -> web.Response:
        channel, message = wire.find_message(request)
        world.require_bot_permissions(channel, Permission.READ_MESSAGE_HISTORY)
        query = query_fields(request)
        limit = query.integer("limit", low=1, high=100) or 25
        after = query.snowflake("after") or 0
        kind = query.integer("type", low=reactions.NORMAL_TYPE, high=reactions.SUPER_TYPE)
        query.errors.raise_if_any()
        reaction = reactions.find_reaction(
            message, reactions.parse_emoji(request.match_info["emoji"])
        )
        is_super = kind == reactions.SUPER_TYPE
        users = reaction.users_of(is_super=is_super) if reaction else []
        ids = sorted(user_id for user_id in users if user_id > after)
        return json_response([payloads.build_user(world.users[i]) for i in ids[:limit]])

    return [
        wire.build_route("PUT", _EMOJI_REACTIONS + "/@me", add_reaction),
        wire.build_route("DELETE", _EMOJI_REACTIONS + "/@me", remove_own_reaction),
        wire.build_route("DELETE", _EMOJI_REACTIONS + "/{user_id}", remove_user_reaction),
        wire.build_route("GET", _EMOJI_REACTIONS, list_users),
        wire.build_route("DELETE", _EMOJI_REACTIONS, clear_reactions),
        wire.build_route("DELETE", _REACTIONS, clear_reactions),
    ]

"""Arranging the world: guilds, members, roles, channels, permissions, people's settings."""

from typing import Any

from aiohttp import web

from sandbox.discord import guilds, lookup, permissions, threads
from sandbox.discord.control import views
from sandbox.discord.control.requests import (
    ControlRequest,
    build_route,
    read_permissions,
    read_request,
)
from sandbox.discord.entities import Channel, ChannelKind, Guild, PermissionOverwrite, Role, User
from sandbox.discord.errors import ActionRefused, StateConflict, UnknownEntity
from sandbox.discord.events import Intents
from sandbox.discord.locales import LOCALES
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.routing import json_reply
from sandbox.discord.world import DiscordWorld

_CHANNEL_KINDS = {kind.name.lower(): kind for kind in ChannelKind} | {"group": ChannelKind.GROUP_DM}


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    def find_guild(request: web.Request, asked: ControlRequest) -> Guild:
        ref = request.match_info.get("guild")
        return lookup.find_guild(world, ref if ref is not None else asked.reference("guild"))

    def find_person(ref: Any, *, new: bool = True) -> User:
        name = lookup.read_ref(ref, "user")
        try:
            return lookup.find_user(world, name)
        except UnknownEntity:
            if not new or not isinstance(name, str) or name.isdecimal():
                raise
            return world.add_user(name.lstrip("@"), global_name=name.lstrip("@"))

    async def create_guild(request: web.Request) -> web.Response:
        asked = await read_request(request)
        bits = permissions.POSTING_BOT_PERMISSIONS
        if "permissions" in asked:
            bits = asked.permissions("permissions")
        guild = guilds.create_guild(
            world,
            asked.text_value("name"),
            find_person(asked.body.get("owner", "Ada")),
            boost_tier=_read_boost_tier(asked, 0),
            locale=_read_locale(asked, "en-US"),
            has_bot=False,
        )
        for ref in asked.list_value("members"):
            guilds.add_member(world, guild, find_person(ref))
        for channel in asked.list_value("channels") or ["general"]:
            described = ControlRequest(channel if isinstance(channel, dict) else {"name": channel})
            _create_channel(world, guild, described)
        if (notices := _find_system_channel(world, guild, asked)) is not None:
            guild.system_channel_id = notices.id
        if asked.flag_value("bot", default=True):
            guilds.add_bot(world, guild, bits)
            _restrict_bot_to(world, guild, bits)
        return json_reply({"guild": views.view_guild(world, guild)})

    async def update_guild(request: web.Request) -> web.Response:
        asked = await read_request(request)
        guild = find_guild(request, asked)
        if "bot" in asked and asked.flag_value("bot") != guild.has_bot:
            if guild.has_bot:
                guilds.remove_bot(world, guild)
            else:
                guilds.add_bot(world, guild)
        if "permissions" in asked:
            _set_bot_permissions(world, guild, asked)
        if {"name", "boost_tier", "locale", "system_channel"} & asked.body.keys():
            guilds.update_guild(
                world,
                guild,
                name=asked.optional_text("name"),
                boost_tier=_read_boost_tier(asked, guild.boost_tier),
                locale=_read_locale(asked, guild.locale),
                system_channel=_find_system_channel(world, guild, asked),
            )
        return json_reply({"guild": views.view_guild(world, guild)})

    async def add_member(request: web.Request) -> web.Response:
        asked = await read_request(request)
        guild = find_guild(request, asked)
        named = asked.body.get("user") or asked.body.get("name")
        member_user = find_person(named)
        if "locale" in asked:
            member_user.locale = _read_locale(asked, "en-US")
        before = guild.members.get(member_user.id)
        roles = [
            lookup.find_role(guild, lookup.read_ref(ref, "roles")).id
            for ref in asked.list_value("roles")
        ]
        if "roles" not in asked and before is not None:
            roles = before.role_ids
        nick = asked.optional_text("nick") or (before.nick if before else None)
        if "permissions" in asked:
            bits = asked.permissions("permissions")
            roles = [*roles, guilds.add_role(world, guild, member_user.display_name, bits).id]
        member = guilds.add_member(world, guild, member_user, roles, nick)
        return json_reply({"member": views.view_member(world, guild, member)})

    async def remove_member(request: web.Request) -> web.Response:
        guild = lookup.find_guild(world, request.match_info["guild"])
        leaving = find_person(request.match_info["user"], new=False)
        if leaving.id in {guild.owner_id, world.bot.id}:
            msg = "the owner cannot leave, and the bot leaves by PATCH of the guild"
            raise StateConflict(msg)
        guilds.remove_member(world, guild, leaving)
        return json_reply({"guild": views.view_guild(world, guild)})

    async def add_role(request: web.Request) -> web.Response:
        asked = await read_request(request)
        guild = find_guild(request, asked)
        role = guilds.add_role(
            world, guild, asked.text_value("name"), asked.permissions("permissions")
        )
        role.mentionable = asked.flag_value("mentionable")
        return json_reply({"role": views.view_role(role)})

    async def update_role(request: web.Request) -> web.Response:
        asked = await read_request(request)
        guild = find_guild(request, asked)
        role = lookup.find_role(guild, request.match_info["role"])
        guilds.update_role(world, guild, role, asked.permissions("permissions"))
        return json_reply({"role": views.view_role(role)})

    async def add_channel(request: web.Request) -> web.Response:
        asked = await read_request(request)
        if "guild" not in request.match_info and "guild" not in asked:
            people = tuple(find_person(ref, new=False).id for ref in asked.list_value("members"))
            if not people:
                msg = "a channel needs a guild, a conversation its members"
                raise ActionRefused(msg)
            channel = Channel(
                world.ids.next_id(),
                ChannelKind.GROUP_DM,
                None,
                asked.text_value("name", ""),
                recipient_ids=people,
            )
            world.channels[channel.id] = channel
        else:
            channel = _create_channel(world, find_guild(request, asked), asked)
        return json_reply({"channel": views.view_channel(world, channel)})

    async def update_channel(request: web.Request) -> web.Response:
        asked = await read_request(request)
        channel = lookup.find_channel(world, request.match_info["channel"])
        if channel.guild_id is None:
            msg = "a private conversation has no settings"
            raise StateConflict(msg)
        guild = world.guilds[channel.guild_id]
        if channel.thread is not None:
            threads.update_thread(
                world,
                channel,
                name=asked.optional_text("name"),
                archived=asked.flag_value("archived") if "archived" in asked else None,
                locked=asked.flag_value("locked") if "locked" in asked else None,
            )
        else:
            channel.name = asked.text_value("name", channel.name)
            channel.nsfw = asked.flag_value("nsfw", default=channel.nsfw)
            channel.topic = asked.optional_text("topic") if "topic" in asked else channel.topic
            for item in asked.list_value("overwrites"):
                overwrite = _read_overwrite(world, guild, item)
                channel.overwrites[overwrite.id] = overwrite
            if "permissions" in asked:
                overwrite = _restricting_overwrite(world, asked.permissions("permissions"))
                channel.overwrites[overwrite.id] = overwrite
            guilds.announce_channel(world, "CHANNEL_UPDATE", channel)
        return json_reply({"channel": views.view_channel(world, channel)})

    async def set_overwrite(request: web.Request) -> web.Response:
        asked = await read_request(request)
        channel = lookup.find_channel(world, request.match_info["channel"])
        if channel.guild_id is None or channel.thread is not None:
            msg = "only channels of a guild have overwrites"
            raise StateConflict(msg)
        guild = world.guilds[channel.guild_id]
        guilds.set_overwrite(world, channel, _read_overwrite(world, guild, asked.body))
        return json_reply({"channel": views.view_channel(world, channel)})

    async def delete_channel(request: web.Request) -> web.Response:
        channel = lookup.find_channel(world, request.match_info["channel"])
        if channel.guild_id is None:
            msg = "a private conversation cannot be deleted"
            raise StateConflict(msg)
        guilds.delete_channel(world, channel)
        return json_reply({"deleted": str(channel.id)})

    async def update_user(request: web.Request) -> web.Response:
        asked = await read_request(request)
        changed = find_person(request.match_info["user"], new=False)
        changed.locale = _read_locale(asked, changed.locale)
        changed.accepts_dms = asked.flag_value("accepts_dms", default=changed.accepts_dms)
        changed.nitro = asked.flag_value("nitro", default=changed.nitro)
        changed.has_app = asked.flag_value("has_app", default=changed.has_app)
        return json_reply({"user": views.view_user(changed)})

    async def add_entitlement(request: web.Request) -> web.Response:
        asked = await read_request(request)
        bought = guilds.add_entitlement(
            world, find_person(asked.reference("user"), new=False), asked.integer_value("sku", 1)
        )
        return json_reply({"entitlement": bought})

    async def update_application(request: web.Request) -> web.Response:
        asked = await read_request(request)
        intents = Intents.NONE
        for name in asked.list_value("privileged_intents"):
            if name not in Intents.__members__:
                msg = f"there is no intent {name!r}"
                raise ActionRefused(msg)
            intents |= Intents[name]
        world.app.intents = intents
        return json_reply(views.view_world(world)["application"])

    return [
        build_route("POST", "/guilds", create_guild),
        build_route("PATCH", "/guilds/{guild}", update_guild),
        build_route("POST", "/guilds/{guild}/members", add_member),
        build_route("DELETE", "/guilds/{guild}/members/{user}", remove_member),
        build_route("POST", "/guilds/{guild}/roles", add_role),
        build_route("PATCH", "/guilds/{guild}/roles/{role}", update_role),
        build_route("POST", "/guilds/{guild}/channels", add_channel),
        build_route("POST", "/members", add_member),
        build_route("POST", "/channels", add_channel),
        build_route("PATCH", "/channels/{channel}", update_channel),
        build_route("PUT", "/channels/{channel}/overwrites", set_overwrite),
        build_route("DELETE", "/channels/{channel}", delete_channel),
        build_route("PATCH", "/users/{user}", update_user),
        build_route("POST", "/entitlements", add_entitlement),
        build_route("PATCH", "/application", update_application),
    ]


def _find_system_channel(
    world: DiscordWorld, guild: Guild, asked: ControlRequest
) -> Channel | None:
    """The channel of Discord's own notices, where one is named."""
    if "system_channel" not in asked:
        return None
    channel = lookup.find_channel(world, asked.reference("system_channel"), within=guild)
    if channel.kind is not ChannelKind.TEXT:
        msg = "a system channel is a text channel"
        raise ActionRefused(msg)
    return channel


def _create_channel(world: DiscordWorld, guild: Guild, asked: ControlRequest) -> Channel:
    kind = asked.body.get("type", asked.body.get("kind", "text"))
    chosen = _CHANNEL_KINDS.get(kind) if isinstance(kind, str) else None
    if isinstance(kind, int) and kind in {int(k) for k in ChannelKind}:
        chosen = ChannelKind(kind)
    if chosen is None or chosen.is_private or chosen.is_thread:
        msg = f"a guild has no channels of kind {kind!r}"
        raise ActionRefused(msg)
    parent = None
    if "parent" in asked:
        parent = lookup.find_channel(world, asked.reference("parent"), within=guild).id
    overwrites = [_read_overwrite(world, guild, item) for item in asked.list_value("overwrites")]
    if "permissions" in asked:
        overwrites.append(_restricting_overwrite(world, asked.permissions("permissions")))
    elif guild.has_bot and all(each.id != world.bot.id for each in overwrites):
        held = _restricting_overwrite(world, _find_bot_role(world, guild).permissions)
        overwrites += [held] if held.deny else []
    return guilds.add_channel(
        world,
        guild,
        asked.text_value("name").lstrip("#"),
        chosen,
        nsfw=asked.flag_value("nsfw"),
        topic=asked.optional_text("topic"),
        parent_id=parent,
        overwrites=overwrites,
        tags=[str(tag) for tag in asked.list_value("tags")],
        tag_required=asked.flag_value("tag_required"),
    )


def _read_overwrite(world: DiscordWorld, guild: Guild, described: Any) -> PermissionOverwrite:
    if not isinstance(described, dict):
        msg = 'an overwrite is {"role" or "member": name, "allow": [...], "deny": [...]}'
        raise ActionRefused(msg)
    asked = ControlRequest(described)
    if "member" in asked:
        user = lookup.find_user(world, asked.reference("member"))
        if user.id not in guild.members:
            msg = f"{user.display_name} is no member of {guild.name}"
            raise ActionRefused(msg)
        target, is_member = user.id, True
    else:
        target, is_member = lookup.find_role(guild, asked.reference("role")).id, False
    return PermissionOverwrite(
        target,
        is_member,
        read_permissions(described.get("allow")),
        read_permissions(described.get("deny")),
    )


def _set_bot_permissions(world: DiscordWorld, guild: Guild, asked: ControlRequest) -> None:
    if not guild.has_bot:
        msg = "the bot is not in that guild"
        raise StateConflict(msg)
    bits = asked.permissions("permissions")
    guilds.update_role(world, guild, _find_bot_role(world, guild), bits)
    _restrict_bot_to(world, guild, bits)


def _find_bot_role(world: DiscordWorld, guild: Guild) -> Role:
    roles = guild.members[world.bot.id].role_ids
    return next(guild.roles[i] for i in roles if guild.roles[i].managed)


def _restricting_overwrite(world: DiscordWorld, bits: Permission) -> PermissionOverwrite:
    """The bot may do ``bits`` and nothing else of what a posting bot needs, whatever roles say."""
    needed = permissions.POSTING_BOT_PERMISSIONS
    return PermissionOverwrite(world.bot.id, True, Permission.NONE, needed & ~bits)


def _restrict_bot_to(world: DiscordWorld, guild: Guild, bits: Permission) -> None:
    """What @everyone has, the bot would have too: only the channels can take it from the bot."""
    for channel_id in guild.channel_ids:
        channel = world.channels[channel_id]
        if channel.thread is None and (
            _restricting_overwrite(world, bits).deny or world.bot.id in channel.overwrites
        ):
            guilds.set_overwrite(world, channel, _restricting_overwrite(world, bits))


def _read_boost_tier(asked: ControlRequest, default: int) -> int:
    tier = asked.integer_value("boost_tier", default)
    if tier not in range(4):
        msg = "a boost tier is 0 to 3"
        raise ActionRefused(msg)
    return tier


def _read_locale(asked: ControlRequest, default: str) -> str:
    locale = asked.text_value("locale", default)
    if locale not in LOCALES:
        msg = f"{locale!r} is not a locale of Discord's"
        raise ActionRefused(msg)
    return locale

"""Arranging the world: guilds, members, roles, channels, permissions, people's settings."""

from typing import Any

from aiohttp import web

from sandbox.discord import lookup, permissions, places, threads
from sandbox.discord.control import views
from sandbox.discord.control.asking import Asked, as_permissions, read, route
from sandbox.discord.errors import Conflict, PersonRefused, Unknown
from sandbox.discord.events import Intents
from sandbox.discord.locales import LOCALES
from sandbox.discord.model import Channel, ChannelKind, Guild, Overwrite, Role, User
from sandbox.discord.permissions import Permission
from sandbox.discord.rest.wire import reply
from sandbox.discord.world import World

_KINDS = {kind.name.lower(): kind for kind in ChannelKind} | {"group": ChannelKind.GROUP_DM}


def routes(world: World) -> list[web.RouteDef]:
    def guild_of(request: web.Request, asked: Asked) -> Guild:
        ref = request.match_info.get("guild")
        return lookup.guild(world, ref if ref is not None else asked.ref("guild"))

    def person(ref: Any, *, new: bool = True) -> User:
        name = lookup.as_ref(ref, "user")
        try:
            return lookup.user(world, name)
        except Unknown:
            if not new or not isinstance(name, str) or name.isdecimal():
                raise
            return world.add_user(name.lstrip("@"), global_name=name.lstrip("@"))

    async def found_guild(request: web.Request) -> web.Response:
        asked = await read(request)
        bits = permissions.POSTING_BOT
        if "permissions" in asked:
            bits = asked.permissions("permissions")
        guild = places.found_guild(
            world,
            asked.text("name"),
            person(asked.body.get("owner", "Ada")),
            boost_tier=_tier(asked, 0),
            locale=_locale(asked, "en-US"),
            has_bot=False,
        )
        for ref in asked.listed("members"):
            places.join(world, guild, person(ref))
        for channel in asked.listed("channels") or ["general"]:
            described = Asked(channel if isinstance(channel, dict) else {"name": channel})
            _add_channel(world, guild, described)
        if (notices := _system_channel(world, guild, asked)) is not None:
            guild.system_channel_id = notices.id
        if asked.flag("bot", default=True):
            places.add_bot(world, guild, bits)
            _hold_bot_to(world, guild, bits)
        return reply({"guild": views.guild(world, guild)})

    async def change_guild(request: web.Request) -> web.Response:
        asked = await read(request)
        guild = guild_of(request, asked)
        if "bot" in asked and asked.flag("bot") != guild.has_bot:
            if guild.has_bot:
                places.remove_bot(world, guild)
            else:
                places.add_bot(world, guild)
        if "permissions" in asked:
            _set_bot_permissions(world, guild, asked)
        if {"name", "boost_tier", "locale", "system_channel"} & asked.body.keys():
            places.change_guild(
                world,
                guild,
                name=asked.optional("name"),
                boost_tier=_tier(asked, guild.boost_tier),
                locale=_locale(asked, guild.locale),
                system_channel=_system_channel(world, guild, asked),
            )
        return reply({"guild": views.guild(world, guild)})

    async def add_member(request: web.Request) -> web.Response:
        asked = await read(request)
        guild = guild_of(request, asked)
        named = asked.body.get("user") or asked.body.get("name")
        member_user = person(named)
        if "locale" in asked:
            member_user.locale = _locale(asked, "en-US")
        before = guild.members.get(member_user.id)
        roles = [
            lookup.role(guild, lookup.as_ref(ref, "roles")).id for ref in asked.listed("roles")
        ]
        if "roles" not in asked and before is not None:
            roles = before.role_ids
        nick = asked.optional("nick") or (before.nick if before else None)
        if "permissions" in asked:
            bits = asked.permissions("permissions")
            roles = [*roles, places.add_role(world, guild, member_user.display_name, bits).id]
        member = places.join(world, guild, member_user, roles, nick)
        return reply({"member": views.member(world, guild, member)})

    async def remove_member(request: web.Request) -> web.Response:
        guild = lookup.guild(world, request.match_info["guild"])
        leaving = person(request.match_info["user"], new=False)
        if leaving.id in {guild.owner_id, world.bot.id}:
            msg = "the owner cannot leave, and the bot leaves by PATCH of the guild"
            raise Conflict(msg)
        places.leave(world, guild, leaving)
        return reply({"guild": views.guild(world, guild)})

    async def add_role(request: web.Request) -> web.Response:
        asked = await read(request)
        guild = guild_of(request, asked)
        role = places.add_role(world, guild, asked.text("name"), asked.permissions("permissions"))
        role.mentionable = asked.flag("mentionable")
        return reply({"role": views.role(role)})

    async def change_role(request: web.Request) -> web.Response:
        asked = await read(request)
        guild = guild_of(request, asked)
        role = lookup.role(guild, request.match_info["role"])
        places.change_role(world, guild, role, asked.permissions("permissions"))
        return reply({"role": views.role(role)})

    async def add_channel(request: web.Request) -> web.Response:
        asked = await read(request)
        if "guild" not in request.match_info and "guild" not in asked:
            people = tuple(person(ref, new=False).id for ref in asked.listed("members"))
            if not people:
                msg = "a channel needs a guild, a conversation its members"
                raise PersonRefused(msg)
            channel = Channel(
                world.ids.next(),
                ChannelKind.GROUP_DM,
                None,
                asked.text("name", ""),
                recipient_ids=people,
            )
            world.channels[channel.id] = channel
        else:
            channel = _add_channel(world, guild_of(request, asked), asked)
        return reply({"channel": views.channel(world, channel)})

    async def change_channel(request: web.Request) -> web.Response:
        asked = await read(request)
        channel = lookup.channel(world, request.match_info["channel"])
        if channel.guild_id is None:
            msg = "a private conversation has no settings"
            raise Conflict(msg)
        guild = world.guilds[channel.guild_id]
        if channel.thread is not None:
            threads.change(
                world,
                channel,
                name=asked.optional("name"),
                archived=asked.flag("archived") if "archived" in asked else None,
                locked=asked.flag("locked") if "locked" in asked else None,
            )
        else:
            channel.name = asked.text("name", channel.name)
            channel.nsfw = asked.flag("nsfw", default=channel.nsfw)
            channel.topic = asked.optional("topic") if "topic" in asked else channel.topic
            for item in asked.listed("overwrites"):
                overwrite = _overwrite(world, guild, item)
                channel.overwrites[overwrite.id] = overwrite
            if "permissions" in asked:
                overwrite = _only(world, asked.permissions("permissions"))
                channel.overwrites[overwrite.id] = overwrite
            places.announce_channel(world, "CHANNEL_UPDATE", channel)
        return reply({"channel": views.channel(world, channel)})

    async def set_overwrite(request: web.Request) -> web.Response:
        asked = await read(request)
        channel = lookup.channel(world, request.match_info["channel"])
        if channel.guild_id is None or channel.thread is not None:
            msg = "only channels of a guild have overwrites"
            raise Conflict(msg)
        guild = world.guilds[channel.guild_id]
        places.set_overwrite(world, channel, _overwrite(world, guild, asked.body))
        return reply({"channel": views.channel(world, channel)})

    async def delete_channel(request: web.Request) -> web.Response:
        channel = lookup.channel(world, request.match_info["channel"])
        if channel.guild_id is None:
            msg = "a private conversation cannot be deleted"
            raise Conflict(msg)
        places.delete_channel(world, channel)
        return reply({"deleted": str(channel.id)})

    async def change_user(request: web.Request) -> web.Response:
        asked = await read(request)
        changed = person(request.match_info["user"], new=False)
        changed.locale = _locale(asked, changed.locale)
        changed.accepts_dms = asked.flag("accepts_dms", default=changed.accepts_dms)
        changed.nitro = asked.flag("nitro", default=changed.nitro)
        changed.has_app = asked.flag("has_app", default=changed.has_app)
        return reply({"user": views.user(changed)})

    async def entitle(request: web.Request) -> web.Response:
        asked = await read(request)
        bought = places.entitle(world, person(asked.ref("user"), new=False), asked.number("sku", 1))
        return reply({"entitlement": bought})

    async def change_application(request: web.Request) -> web.Response:
        asked = await read(request)
        intents = Intents.NONE
        for name in asked.listed("privileged_intents"):
            if name not in Intents.__members__:
                msg = f"there is no intent {name!r}"
                raise PersonRefused(msg)
            intents |= Intents[name]
        world.app.intents = intents
        return reply(views.world_view(world)["application"])

    return [
        route("POST", "/guilds", found_guild),
        route("PATCH", "/guilds/{guild}", change_guild),
        route("POST", "/guilds/{guild}/members", add_member),
        route("DELETE", "/guilds/{guild}/members/{user}", remove_member),
        route("POST", "/guilds/{guild}/roles", add_role),
        route("PATCH", "/guilds/{guild}/roles/{role}", change_role),
        route("POST", "/guilds/{guild}/channels", add_channel),
        route("POST", "/members", add_member),
        route("POST", "/channels", add_channel),
        route("PATCH", "/channels/{channel}", change_channel),
        route("PUT", "/channels/{channel}/overwrites", set_overwrite),
        route("DELETE", "/channels/{channel}", delete_channel),
        route("PATCH", "/users/{user}", change_user),
        route("POST", "/entitlements", entitle),
        route("PATCH", "/application", change_application),
    ]


def _system_channel(world: World, guild: Guild, asked: Asked) -> Channel | None:
    """The channel of Discord's own notices, where one is named."""
    if "system_channel" not in asked:
        return None
    channel = lookup.channel(world, asked.ref("system_channel"), within=guild)
    if channel.kind is not ChannelKind.TEXT:
        msg = "a system channel is a text channel"
        raise PersonRefused(msg)
    return channel


def _add_channel(world: World, guild: Guild, asked: Asked) -> Channel:
    kind = asked.body.get("type", asked.body.get("kind", "text"))
    chosen = _KINDS.get(kind) if isinstance(kind, str) else None
    if isinstance(kind, int) and kind in {int(k) for k in ChannelKind}:
        chosen = ChannelKind(kind)
    if chosen is None or chosen.is_private or chosen.is_thread:
        msg = f"a guild has no channels of kind {kind!r}"
        raise PersonRefused(msg)
    parent = None
    if "parent" in asked:
        parent = lookup.channel(world, asked.ref("parent"), within=guild).id
    overwrites = [_overwrite(world, guild, item) for item in asked.listed("overwrites")]
    if "permissions" in asked:
        overwrites.append(_only(world, asked.permissions("permissions")))
    elif guild.has_bot and all(each.id != world.bot.id for each in overwrites):
        held = _only(world, _bot_role(world, guild).permissions)
        overwrites += [held] if held.deny else []
    return places.add_channel(
        world,
        guild,
        asked.text("name").lstrip("#"),
        chosen,
        nsfw=asked.flag("nsfw"),
        topic=asked.optional("topic"),
        parent_id=parent,
        overwrites=overwrites,
        tags=[str(tag) for tag in asked.listed("tags")],
        tag_required=asked.flag("tag_required"),
    )


def _overwrite(world: World, guild: Guild, described: Any) -> Overwrite:
    if not isinstance(described, dict):
        msg = 'an overwrite is {"role" or "member": name, "allow": [...], "deny": [...]}'
        raise PersonRefused(msg)
    asked = Asked(described)
    if "member" in asked:
        user = lookup.user(world, asked.ref("member"))
        if user.id not in guild.members:
            msg = f"{user.display_name} is no member of {guild.name}"
            raise PersonRefused(msg)
        target, is_member = user.id, True
    else:
        target, is_member = lookup.role(guild, asked.ref("role")).id, False
    return Overwrite(
        target,
        is_member,
        as_permissions(described.get("allow")),
        as_permissions(described.get("deny")),
    )


def _set_bot_permissions(world: World, guild: Guild, asked: Asked) -> None:
    if not guild.has_bot:
        msg = "the bot is not in that guild"
        raise Conflict(msg)
    bits = asked.permissions("permissions")
    places.change_role(world, guild, _bot_role(world, guild), bits)
    _hold_bot_to(world, guild, bits)


def _bot_role(world: World, guild: Guild) -> Role:
    roles = guild.members[world.bot.id].role_ids
    return next(guild.roles[i] for i in roles if guild.roles[i].managed)


def _only(world: World, bits: Permission) -> Overwrite:
    """The bot may do ``bits`` and nothing else of what a posting bot needs, whatever roles say."""
    needed = permissions.POSTING_BOT
    return Overwrite(world.bot.id, True, Permission.NONE, needed & ~bits)


def _hold_bot_to(world: World, guild: Guild, bits: Permission) -> None:
    """What @everyone has, the bot would have too: only the channels can take it from the bot."""
    for channel_id in guild.channel_ids:
        channel = world.channels[channel_id]
        if channel.thread is None and (
            _only(world, bits).deny or world.bot.id in channel.overwrites
        ):
            places.set_overwrite(world, channel, _only(world, bits))


def _tier(asked: Asked, default: int) -> int:
    tier = asked.number("boost_tier", default)
    if tier not in range(4):
        msg = "a boost tier is 0 to 3"
        raise PersonRefused(msg)
    return tier


def _locale(asked: Asked, default: str) -> str:
    locale = asked.text("locale", default)
    if locale not in LOCALES:
        msg = f"{locale!r} is not a locale of Discord's"
        raise PersonRefused(msg)
    return locale

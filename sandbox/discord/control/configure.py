"""Routes that change guilds, members, roles, channels, permissions and people's settings."""

import re
from typing import Any

from aiohttp import web

from sandbox.discord import guilds, lookup, permissions, threads
from sandbox.discord.control import views
from sandbox.discord.control.requests import (
    ControlBody,
    build_route,
    read_control_body,
    read_permissions,
)
from sandbox.discord.entities import Channel, ChannelKind, Guild, PermissionOverwrite, Role, User
from sandbox.discord.errors import ActionRefused, StateConflict, UnknownEntity
from sandbox.discord.events import Intents
from sandbox.discord.locales import LOCALES
from sandbox.discord.permissions import Permission
from sandbox.discord.world import Application, DiscordWorld
from sandbox.error_responses import json_response

_APPLICATION_LINKS = {"terms_of_service_url", "privacy_policy_url", "custom_install_url"}
_CHANNEL_KINDS = {kind.name.lower(): kind for kind in ChannelKind} | {"group": ChannelKind.GROUP_DM}


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    def find_guild(request: web.Request, body: ControlBody) -> Guild:
        guild_ref = request.match_info.get("guild")
        return lookup.find_guild(
            world, guild_ref if guild_ref is not None else body.reference("guild")
        )

    def find_person(ref: Any, *, new: bool = True) -> User:
        name = lookup.read_ref(ref, "user")
        try:
            return lookup.find_user(world, name)
        except UnknownEntity:
            if not new or not isinstance(name, str) or name.isdecimal():
                raise
            return world.add_user(name.lstrip("@"), global_name=name.lstrip("@"))

    async def create_guild(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        bot_permissions = permissions.POSTING_BOT_PERMISSIONS
        if "permissions" in body:
            bot_permissions = body.permissions("permissions")
        guild = guilds.create_guild(
            world,
            body.text_value("name"),
            find_person(body.fields.get("owner", "Ada")),
            boost_tier=_read_boost_tier(body, 0),
            locale=_read_locale(body, "en-US"),
            has_bot=False,
        )
        for ref in body.list_value("members"):
            guilds.add_member(world, guild, find_person(ref))
        for item in body.list_value("channels") or ["general"]:
            channel_body = ControlBody(item if isinstance(item, dict) else {"name": item})
            _create_channel(world, guild, channel_body)
        if (system_channel := _find_system_channel(world, guild, body)) is not None:
            guild.system_channel_id = system_channel.id
        if body.flag_value("bot", default=True):
            guilds.add_bot(world, guild, bot_permissions)
            _restrict_bot_to(world, guild, bot_permissions)
        return json_response({"guild": views.view_guild(world, guild)})

    async def update_guild(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        guild = find_guild(request, body)
        if "bot" in body and body.flag_value("bot") != guild.has_bot:
            if guild.has_bot:
                guilds.remove_bot(world, guild)
            else:
                guilds.add_bot(world, guild)
        if "permissions" in body:
            _set_bot_permissions(world, guild, body)
        if {"name", "boost_tier", "locale", "icon", "system_channel"} & body.fields.keys():
            guilds.update_guild(
                world,
                guild,
                name=body.optional_text("name"),
                boost_tier=_read_boost_tier(body, guild.boost_tier),
                locale=_read_locale(body, guild.locale),
                icon=_read_icon(body),
                system_channel=_find_system_channel(world, guild, body),
            )
        return json_response({"guild": views.view_guild(world, guild)})

    async def add_member(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        guild = find_guild(request, body)
        user_ref = body.fields.get("user") or body.fields.get("name")
        user = find_person(user_ref)
        if "locale" in body:
            user.locale = _read_locale(body, "en-US")
        existing = guild.members.get(user.id)
        roles = [
            lookup.find_role(guild, lookup.read_ref(ref, "roles")).id
            for ref in body.list_value("roles")
        ]
        if "roles" not in body and existing is not None:
            roles = existing.role_ids
        nick = body.optional_text("nick") or (existing.nick if existing else None)
        if "permissions" in body:
            permission_bits = body.permissions("permissions")
            roles = [*roles, guilds.add_role(world, guild, user.display_name, permission_bits).id]
        member = guilds.add_member(world, guild, user, roles, nick)
        if "timed_out_s" in body:
            guilds.time_out_member(world, guild, member, body.integer_value("timed_out_s", 0))
        return json_response({"member": views.view_member(world, guild, member)})

    async def remove_member(request: web.Request) -> web.Response:
        guild = lookup.find_guild(world, request.match_info["guild"])
        user = find_person(request.match_info["user"], new=False)
        if user.id in {guild.owner_id, world.bot.id}:
            raise StateConflict("the owner cannot leave, and the bot leaves by PATCH of the guild")
        guilds.remove_member(world, guild, user)
        return json_response({"guild": views.view_guild(world, guild)})

    async def add_role(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        guild = find_guild(request, body)
        role = guilds.add_role(
            world, guild, body.text_value("name"), body.permissions("permissions")
        )
        role.mentionable = body.flag_value("mentionable")
        return json_response({"role": views.view_role(role)})

    async def update_role(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        guild = find_guild(request, body)
        role = lookup.find_role(guild, request.match_info["role"])
        guilds.update_role(world, guild, role, body.permissions("permissions"))
        return json_response({"role": views.view_role(role)})

    async def add_channel(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        if "guild" not in request.match_info and "guild" not in body:
            member_ids = tuple(find_person(ref, new=False).id for ref in body.list_value("members"))
            if not member_ids:
                raise ActionRefused("a channel needs a guild, a conversation its members")
            channel = Channel(
                world.ids.next_id(),
                ChannelKind.GROUP_DM,
                None,
                body.text_value("name", ""),
                recipient_ids=member_ids,
            )
            world.channels[channel.id] = channel
        else:
            channel = _create_channel(world, find_guild(request, body), body)
        return json_response({"channel": views.view_channel(world, channel)})

    async def update_channel(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        channel = lookup.find_channel(world, request.match_info["channel"])
        if channel.guild_id is None:
            raise StateConflict("a private conversation has no settings")
        guild = world.guilds[channel.guild_id]
        if channel.thread is not None:
            threads.update_thread(
                world,
                channel,
                name=body.optional_text("name"),
                archived=body.flag_value("archived") if "archived" in body else None,
                locked=body.flag_value("locked") if "locked" in body else None,
            )
        else:
            channel.name = body.text_value("name", channel.name)
            guilds.set_age_restriction(
                world, channel, is_restricted=body.flag_value("nsfw", default=channel.nsfw)
            )
            channel.topic = body.optional_text("topic") if "topic" in body else channel.topic
            for item in body.list_value("overwrites"):
                overwrite = _read_overwrite(world, guild, item)
                channel.overwrites[overwrite.id] = overwrite
            if "permissions" in body:
                overwrite = _restricting_overwrite(world, body.permissions("permissions"))
                channel.overwrites[overwrite.id] = overwrite
            guilds.announce_channel(world, "CHANNEL_UPDATE", channel)
        return json_response({"channel": views.view_channel(world, channel)})

    async def set_overwrite(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        channel = lookup.find_channel(world, request.match_info["channel"])
        if channel.guild_id is None or channel.thread is not None:
            raise StateConflict("only channels of a guild have overwrites")
        guild = world.guilds[channel.guild_id]
        guilds.set_overwrite(world, channel, _read_overwrite(world, guild, body.fields))
        return json_response({"channel": views.view_channel(world, channel)})

    async def delete_channel(request: web.Request) -> web.Response:
        channel = lookup.find_channel(world, request.match_info["channel"])
        if channel.guild_id is None:
            raise StateConflict("a private conversation cannot be deleted")
        guilds.delete_channel(world, channel)
        return json_response({"deleted": str(channel.id)})

    async def update_user(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        user = find_person(request.match_info["user"], new=False)
        user.locale = _read_locale(body, user.locale)
        user.accepts_dms = body.flag_value("accepts_dms", default=user.accepts_dms)
        user.nitro = body.flag_value("nitro", default=user.nitro)
        user.has_app = body.flag_value("has_app", default=user.has_app)
        user.allows_age_restricted = body.flag_value(
            "allows_age_restricted", default=user.allows_age_restricted
        )
        return json_response({"user": views.view_user(user)})

    async def add_user(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        name, kind = body.text_value("name"), body.text_value("kind", "person")
        if kind not in {"person", "bot", "webhook"}:
            raise ActionRefused("a user is a person, a bot or a webhook")
        user = world.add_user(name, bot=kind == "bot", webhook=kind == "webhook")
        return json_response({"user": views.view_user(user)})

    async def add_entitlement(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        entitlement = guilds.add_entitlement(
            world, find_person(body.reference("user"), new=False), body.integer_value("sku", 1)
        )
        return json_response({"entitlement": entitlement})

    async def update_application(request: web.Request) -> web.Response:
        _update_application(world.app, await read_control_body(request))
        return json_response(views.view_world(world)["application"])

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
        build_route("POST", "/users", add_user),
        build_route("PATCH", "/users/{user}", update_user),
        build_route("POST", "/entitlements", add_entitlement),
        build_route("PATCH", "/application", update_application),
    ]


def _update_application(app: Application, body: ControlBody) -> None:
    """Change the named fields only; an empty address is removed."""
    if "privileged_intents" in body:
        intents = Intents.NONE
        for name in body.list_value("privileged_intents"):
            if name not in Intents.__members__:
                raise ActionRefused(f"there is no intent {name!r}")
            intents |= Intents[name]
        app.intents = intents
    app.is_public = body.flag_value("public", default=app.is_public)
    app.requires_code_grant = body.flag_value(
        "requires_code_grant", default=app.requires_code_grant
    )
    if "install_contexts" in body:
        app.install_contexts = _read_install_contexts(body.object_value("install_contexts"))
    for name in _APPLICATION_LINKS & body.fields.keys():
        app.links.pop(name, None)
        if address := body.text_value(name):
            app.links[name] = address


def _read_install_contexts(contexts: dict[str, Any]) -> dict[str, Any]:
    for number, context in contexts.items():
        match context:
            case {"oauth2_install_params": {"scopes": list(), "permissions": str(bits)}}:
                is_known = bits.isdecimal()
            case _:
                is_known = context == {}
        if is_known and number in ("0", "1"):
            continue
        raise ActionRefused(
            'install_contexts: "0" and "1", each {} or {"oauth2_install_params": {"scopes": [],'
            ' "permissions": "0"}}'
        )
    return contexts


def _find_system_channel(world: DiscordWorld, guild: Guild, body: ControlBody) -> Channel | None:
    """Return the channel of Discord's own notices, if one is named."""
    if "system_channel" not in body:
        return None
    channel = lookup.find_channel(world, body.reference("system_channel"), within=guild)
    if channel.kind is not ChannelKind.TEXT:
        raise ActionRefused("a system channel is a text channel")
    return channel


def _create_channel(world: DiscordWorld, guild: Guild, body: ControlBody) -> Channel:
    kind = body.fields.get("type", body.fields.get("kind", "text"))
    channel_kind = _CHANNEL_KINDS.get(kind) if isinstance(kind, str) else None
    if isinstance(kind, int) and kind in {int(k) for k in ChannelKind}:
        channel_kind = ChannelKind(kind)
    if channel_kind is None or channel_kind.is_private or channel_kind.is_thread:
        raise ActionRefused(f"a guild has no channels of kind {kind!r}")
    parent = None
    if "parent" in body:
        parent = lookup.find_channel(world, body.reference("parent"), within=guild).id
    overwrites = [_read_overwrite(world, guild, item) for item in body.list_value("overwrites")]
    if "permissions" in body:
        overwrites.append(_restricting_overwrite(world, body.permissions("permissions")))
    elif guild.has_bot and all(item.id != world.bot.id for item in overwrites):
        restriction = _restricting_overwrite(world, _find_bot_role(world, guild).permissions)
        overwrites += [restriction] if restriction.deny else []
    return guilds.add_channel(
        world,
        guild,
        body.text_value("name").lstrip("#"),
        channel_kind,
        nsfw=body.flag_value("nsfw"),
        topic=body.optional_text("topic"),
        parent_id=parent,
        overwrites=overwrites,
        tags=[str(tag) for tag in body.list_value("tags")],
        tag_required=body.flag_value("tag_required"),
    )


def _read_overwrite(world: DiscordWorld, guild: Guild, value: Any) -> PermissionOverwrite:
    if not isinstance(value, dict):
        raise ActionRefused(
            'an overwrite is {"role" or "member": name, "allow": [...], "deny": [...]}'
        )
    body = ControlBody(value)
    if "member" in body:
        user = lookup.find_user(world, body.reference("member"))
        if user.id not in guild.members:
            raise ActionRefused(f"{user.display_name} is no member of {guild.name}")
        target, is_member = user.id, True
    else:
        target, is_member = lookup.find_role(guild, body.reference("role")).id, False
    return PermissionOverwrite(
        target,
        is_member,
        read_permissions(value.get("allow")),
        read_permissions(value.get("deny")),
    )


def _set_bot_permissions(world: DiscordWorld, guild: Guild, body: ControlBody) -> None:
    if not guild.has_bot:
        raise StateConflict("the bot is not in that guild")
    allowed = body.permissions("permissions")
    guilds.update_role(world, guild, _find_bot_role(world, guild), allowed)
    _restrict_bot_to(world, guild, allowed)


def _find_bot_role(world: DiscordWorld, guild: Guild) -> Role:
    roles = guild.members[world.bot.id].role_ids
    return next(guild.roles[i] for i in roles if guild.roles[i].managed)


def _restricting_overwrite(world: DiscordWorld, allowed: Permission) -> PermissionOverwrite:
    """Deny the bot all of a posting bot's permissions but ``allowed``, whatever its roles."""
    needed = permissions.POSTING_BOT_PERMISSIONS
    return PermissionOverwrite(world.bot.id, True, Permission.NONE, needed & ~allowed)


def _restrict_bot_to(world: DiscordWorld, guild: Guild, allowed: Permission) -> None:
    """Restrict the bot in every channel: its role cannot take away what @everyone has."""
    for channel_id in guild.channel_ids:
        channel = world.channels[channel_id]
        if channel.thread is None and (
            _restricting_overwrite(world, allowed).deny or world.bot.id in channel.overwrites
        ):
            guilds.set_overwrite(world, channel, _restricting_overwrite(world, allowed))


def _read_icon(body: ControlBody) -> str | None:
    icon = str(body.fields["icon"] or "") if "icon" in body else None
    if icon and not re.fullmatch(r"(a_)?[0-9a-f]{32}", icon):
        raise ActionRefused("an icon is a hash of 32 hexadecimal digits")
    return icon


def _read_boost_tier(body: ControlBody, default: int) -> int:
    tier = body.integer_value("boost_tier", default)
    if tier not in range(4):
        raise ActionRefused("a boost tier is 0 to 3")
    return tier


def _read_locale(body: ControlBody, default: str) -> str:
    locale = body.text_value("locale", default)
    if locale not in LOCALES:
        raise ActionRefused(f"{locale!r} is not a locale of Discord's")
    return locale

"""Pure functions that return the JSON of users, guilds, roles and channels.

Messages need the whole world, so they are in ``serializers``.
"""

import datetime as dt
from collections.abc import Iterable

from sandbox.discord.entities import (
    Channel,
    ChannelKind,
    Emoji,
    Guild,
    Json,
    Member,
    PermissionOverwrite,
    Role,
    ThreadState,
    User,
)
from sandbox.discord.permissions import Permission


def format_timestamp(seconds: float) -> str:
    """Return a time as Discord writes it: ISO 8601 in UTC with microseconds."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="microseconds")


def build_user(user: User) -> Json:
    payload: Json = {
        "id": str(user.id),
        "username": user.username,
        "avatar": user.avatar,
        "discriminator": "0000" if user.bot else "0",
        "public_flags": 0,
        "flags": 0,
        "banner": None,
        "accent_color": None,
        "global_name": user.global_name,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
    }
    if user.bot:
        payload["bot"] = True
    return payload


def build_author(user: User) -> Json:
    """Return the author of a message."""
    fields: Json = {"author": build_user(user)}
    return fields | {"webhook_id": str(user.id)} if user.webhook else fields


def build_own_user(bot: User) -> Json:
    """Return the bot as it sees itself."""
    return build_user(bot) | {
        "mfa_enabled": True,
        "locale": bot.locale,
        "premium_type": 0,
        "email": None,
        "verified": True,
        "bio": "",
    }


def build_member(member: Member, user: User | None) -> Json:
    """Return a guild member, or without ``user`` the partial one that comes with messages."""
    payload: Json = {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None
        if member.timed_out_until is None
        else format_timestamp(member.timed_out_until),
        "flags": 0,
        "joined_at": format_timestamp(member.joined_at),
        "nick": member.nick,
        "pending": False,
        "premium_since": None,
        "roles": [str(role_id) for role_id in member.role_ids],
        "mute": False,
        "deaf": False,
    }
    if user is not None:
        payload["user"] = build_user(user)
    return payload


def build_role(role: Role) -> Json:
    payload: Json = {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(role.permissions.value),
        "position": role.position,
        "color": role.color,
        "colors": {
            "primary_color": role.color,
            "secondary_color": None,
            "tertiary_color": None,
        },
        "hoist": False,
        "managed": role.managed,
        "mentionable": role.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    return payload


def build_overwrite(overwrite: PermissionOverwrite) -> Json:
    return {
        "id": str(overwrite.id),
        "type": int(overwrite.is_member),
        "allow": str(overwrite.allow.value),
        "deny": str(overwrite.deny.value),
    }


def build_channel(channel: Channel, recipients: Iterable[User] = ()) -> Json:
    """Return a channel of any kind. ``recipients`` are those of a private channel."""
    payload: Json = {
        "id": str(channel.id),
        "type": int(channel.kind),
        "flags": (1 << 4) if channel.tag_required else 0,
        "last_message_id": _optional_id(channel.last_message_id),
    }
    if channel.kind.is_private:
        return payload | {"recipients": [build_user(user) for user in recipients]}
    payload |= {
        "guild_id": str(channel.guild_id),
        "name": channel.name,
        "parent_id": _optional_id(channel.parent_id),
        "rate_limit_per_user": channel.slowmode_s,
    }
    if channel.thread is not None:
        return payload | _build_thread_metadata(channel.thread)
    payload |= {
        "topic": channel.topic,
        "position": channel.position,
        "nsfw": channel.nsfw,
        "permission_overwrites": [build_overwrite(item) for item in channel.overwrites.values()],
    }
    if channel.kind in {ChannelKind.VOICE, ChannelKind.STAGE}:
        payload |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
    if channel.kind.holds_posts:
        payload |= {
            "available_tags": [
                {
                    "id": str(tag.id),
                    "name": tag.name,
                    "moderated": False,
                    "emoji_id": None,
                    "emoji_name": None,
                }
                for tag in channel.tags
            ],
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return payload


def _build_thread_metadata(state: ThreadState) -> Json:
    return {
        "owner_id": str(state.owner_id),
        "thread_metadata": {
            "archived": state.archived,
            "archive_timestamp": format_timestamp(state.created_at),
            "auto_archive_duration": state.auto_archive_minutes,
            "locked": state.locked,
            "create_timestamp": format_timestamp(state.created_at),
            "invitable": state.invitable,
        },
        "message_count": state.message_count,
        "member_count": len(state.member_ids),
        "total_message_sent": state.total_sent,
        "applied_tags": [str(tag) for tag in state.applied_tags],
    }


def build_thread_member(channel_id: int, user_id: int, since: float) -> Json:
    return {
        "id": str(channel_id),
        "user_id": str(user_id),
        "join_timestamp": format_timestamp(since),
        "flags": 1,
    }


def build_guild(guild: Guild) -> Json:
    """Return a guild without its channels and members, as the REST shows it."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": guild.icon,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": [],
        "banner": None,
        "owner_id": str(guild.owner_id),
        "application_id": None,
        "region": "us-west",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": _optional_id(guild.system_channel_id),
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "roles": [build_role(item) for item in guild.roles.values()],
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": guild.boost_tier,
        "premium_subscription_count": (0, 2, 7, 14)[guild.boost_tier],
        "preferred_locale": guild.locale,
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": None,
    }


def build_emoji(emoji: Emoji) -> Json:
    return {"id": _optional_id(emoji.id), "name": emoji.name}


def add_permissions(payload: Json, bits: Permission) -> Json:
    """Return a channel or member with permissions, as in interactions."""
    return payload | {"permissions": str(bits.value)}


def add_guild_id(payload: Json, guild_id: int | None) -> Json:
    """``payload`` with ``guild_id``, which Discord omits in private conversations."""
    return payload if guild_id is None else payload | {"guild_id": str(guild_id)}


def _optional_id(value: int | None) -> str | None:
    return None if value is None else str(value)

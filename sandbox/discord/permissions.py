"""Computes permissions as Discord does.

Base permissions come from @everyone and the member's roles. A channel's overwrites are applied in
the order @everyone, all roles together, member. Without VIEW_CHANNEL nothing remains. Without
SEND_MESSAGES there are no files or embeds.

Bits and algorithm: https://docs.discord.com/developers/topics/permissions
"""

from collections.abc import Collection, Iterable
from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.discord.entities import PermissionOverwrite


class Permission(IntFlag):
    """Discord's permission bits."""

    NONE = 0
    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    PRIORITY_SPEAKER = 1 << 8
    STREAM = 1 << 9
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    VIEW_GUILD_INSIGHTS = 1 << 19
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    DEAFEN_MEMBERS = 1 << 23
    MOVE_MEMBERS = 1 << 24
    USE_VAD = 1 << 25
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    MANAGE_GUILD_EXPRESSIONS = 1 << 30
    USE_APPLICATION_COMMANDS = 1 << 31
    REQUEST_TO_SPEAK = 1 << 32
    MANAGE_EVENTS = 1 << 33
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    USE_EXTERNAL_STICKERS = 1 << 37
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EMBEDDED_ACTIVITIES = 1 << 39
    MODERATE_MEMBERS = 1 << 40
    VIEW_CREATOR_MONETIZATION_ANALYTICS = 1 << 41
    USE_SOUNDBOARD = 1 << 42
    CREATE_GUILD_EXPRESSIONS = 1 << 43
    CREATE_EVENTS = 1 << 44
    USE_EXTERNAL_SOUNDS = 1 << 45
    SEND_VOICE_MESSAGES = 1 << 46
    SEND_POLLS = 1 << 49
    USE_EXTERNAL_APPS = 1 << 50
    PIN_MESSAGES = 1 << 51
    BYPASS_SLOWMODE = 1 << 52


P = Permission
ALL_PERMISSIONS = Permission(sum(bit.value for bit in Permission))

# @everyone in a new guild.
EVERYONE_PERMISSIONS = (
    P.CREATE_INSTANT_INVITE
    | P.ADD_REACTIONS
    | P.STREAM
    | P.VIEW_CHANNEL
    | P.SEND_MESSAGES
    | P.EMBED_LINKS
    | P.ATTACH_FILES
    | P.READ_MESSAGE_HISTORY
    | P.USE_EXTERNAL_EMOJIS
    | P.CONNECT
    | P.SPEAK
    | P.USE_VAD
    | P.CHANGE_NICKNAME
    | P.USE_APPLICATION_COMMANDS
    | P.CREATE_PUBLIC_THREADS
    | P.CREATE_PRIVATE_THREADS
    | P.SEND_MESSAGES_IN_THREADS
    | P.SEND_VOICE_MESSAGES
    | P.SEND_POLLS
    | P.USE_EXTERNAL_APPS
)

# What a bot needs that posts files, replies and reacts.
POSTING_BOT_PERMISSIONS = (
    P.VIEW_CHANNEL
    | P.SEND_MESSAGES
    | P.SEND_MESSAGES_IN_THREADS
    | P.ATTACH_FILES
    | P.EMBED_LINKS
    | P.READ_MESSAGE_HISTORY
    | P.ADD_REACTIONS
)

# Everyone in a private conversation.
DIRECT_MESSAGE_PERMISSIONS = (
    POSTING_BOT_PERMISSIONS
    | P.MENTION_EVERYONE
    | P.USE_EXTERNAL_EMOJIS
    | P.USE_APPLICATION_COMMANDS
    | P.USE_EXTERNAL_APPS
    | P.PIN_MESSAGES
)

# What a member keeps while a moderator's time-out lasts.
TIMED_OUT_PERMISSIONS = P.VIEW_CHANNEL | P.READ_MESSAGE_HISTORY

_REQUIRE_SEND_MESSAGES = P.MENTION_EVERYONE | P.SEND_TTS_MESSAGES | P.ATTACH_FILES | P.EMBED_LINKS


def parse_permissions(value: int | str | Iterable[str] | None) -> Permission:
    """Return permissions from a number, a decimal string or names. Raises ValueError."""
    if value is None:
        return Permission.NONE
    if isinstance(value, int):
        return Permission(value & ALL_PERMISSIONS.value)
    if isinstance(value, str):
        if value.isdecimal():
            return Permission(int(value) & ALL_PERMISSIONS.value)
        value = [name for name in value.replace("|", ",").split(",") if name.strip()]
    bits = Permission.NONE
    for name in value:
        key = name.strip().upper().replace(" ", "_")
        if key not in Permission.__members__:
            raise ValueError(f"unknown permission: {name}")
        bits |= Permission[key]
    return bits


def permission_names(bits: Permission) -> list[str]:
    """Return the names of the bits set, in Discord's order."""
    return [bit.name for bit in Permission if bit.value and bit in bits and bit.name]


def guild_permissions(
    everyone: Permission, roles: Iterable[Permission], *, owner: bool
) -> Permission:
    """Return a member's permissions in the guild, before any channel."""
    if owner:
        return ALL_PERMISSIONS
    bits = everyone
    for role in roles:
        bits |= role
    return ALL_PERMISSIONS if P.ADMINISTRATOR in bits else bits


def channel_permissions(
    bits: Permission,
    overwrites: "Iterable[PermissionOverwrite]",
    *,
    everyone_id: int,
    role_ids: Collection[int],
    member_id: int,
) -> Permission:
    """Guild permissions after a channel's overwrites; none without VIEW_CHANNEL."""
    if P.ADMINISTRATOR in bits:
        return ALL_PERMISSIONS
    by_id = {overwrite.id: overwrite for overwrite in overwrites}
    if everyone := by_id.get(everyone_id):
        bits = (bits & ~everyone.deny) | everyone.allow
    deny = allow = Permission.NONE
    for role_id in role_ids:
        if role := by_id.get(role_id):
            deny |= role.deny
            allow |= role.allow
    bits = (bits & ~deny) | allow
    if member := by_id.get(member_id):
        bits = (bits & ~member.deny) | member.allow
    if P.VIEW_CHANNEL not in bits:
        return Permission.NONE
    return bits


def drop_unusable_permissions(bits: Permission, *, thread: bool) -> Permission:
    """Return ``bits`` without those that have no effect if the permission to send is missing."""
    sending = P.SEND_MESSAGES_IN_THREADS if thread else P.SEND_MESSAGES
    return bits if sending in bits else bits & ~_REQUIRE_SEND_MESSAGES

"""Turns Discord's objects into the plain facts that services take: who, where, what is allowed."""

import re
from dataclasses import dataclass
from typing import Final

import discord

from bot.discord.permissions import (
    GuildChannelOrThread,
    drop_implied_permissions,
    find_missing_permissions,
)
from bot.discord.user_install import get_user_install_reply, guild_of, is_user_install
from bot.domain.access import ActingPerson
from bot.domain.clips.age_restriction import is_presumed_restricted
from bot.domain.errors import MissingPermissions, NotAllowed, RecordNotFound
from bot.domain.jobs.job import MESSAGE_KEY_PREFIX, Origin
from bot.services.admin.guild_rules import ChannelContext


@dataclass(frozen=True, slots=True)
class OtherChannel:
    """The channel for a clip that was asked for in another one."""

    channel: GuildChannelOrThread

    @property
    def guild(self) -> discord.Guild:
        return self.channel.guild


Requester = discord.Interaction | discord.Message | OtherChannel

_NOTICES_NAME: Final = re.compile(
    r"rule|regel|regla|règle|reglement|règlement|announce|ankündig|annonce|anuncio"
    r"|规则|公告|ルール|お知らせ|規約",
    re.IGNORECASE,
)
"""Names of channels in which a server tells everybody something, in the bot's languages."""
_USER_INSTALL_PERMISSIONS: Final = ("attach_files",)


def build_origin(interaction: discord.Interaction, *, dedupe_key: str | None = None) -> Origin:
    """Return the origin of a request; only one is accepted with the same ``dedupe_key``."""
    if interaction.channel_id is None:
        raise MissingPermissions(["view_channel"])
    return Origin(
        dedupe_key=dedupe_key or f"interaction:{interaction.id}",
        guild_id=guild_of(interaction),
        channel_id=interaction.channel_id,
        user_id=interaction.user.id,
        role_ids=frozenset() if is_user_install(interaction) else get_role_ids(interaction.user),
        upload_limit=interaction.filesize_limit,
        locale=interaction.locale.value,
        guild_locale=interaction.guild_locale.value if interaction.guild_locale else None,
        age_restricted=is_age_restricted(interaction),
        user_install_reply=get_user_install_reply(interaction),
    )


def build_message_origin(message: discord.Message, member: discord.Member | None = None) -> Origin:
    """Return the origin of a request made by a message; the clip will reply to that message.

    ``member`` is the author, where the message itself does not tell the roles.
    """
    guild = message.guild
    guild_locale = guild.preferred_locale.value if guild is not None else None
    return Origin(
        dedupe_key=build_message_key(message.id),
        guild_id=guild.id if guild is not None else None,
        channel_id=message.channel.id,
        user_id=message.author.id,
        role_ids=get_role_ids(member or message.author),
        request_message_id=message.id,
        locale=guild_locale or discord.Locale.american_english.value,
        guild_locale=guild_locale,
        age_restricted=is_age_restricted(message),
    )


def build_message_key(message_id: int) -> str:
    """Return the key under which what a message asks for is accepted once."""
    return f"{MESSAGE_KEY_PREFIX}{message_id}"


def is_age_restricted(requester: Requester) -> bool:
    """Return whether a clip asked for here counts as one of an age-restricted channel."""
    return is_presumed_restricted(_find_age_restriction(requester))


def is_known_age_restricted(requester: Requester) -> bool:
    """Return whether clips of age-restricted channels may be shown here."""
    return _find_age_restriction(requester) is True


def _find_age_restriction(requester: Requester) -> bool | None:
    """Return whether the channel is age-restricted; `None` if Discord does not say.

    Of a thread it does not where the channel is not known, as in servers without the bot.
    """
    channel = requester.channel
    is_nsfw = getattr(channel, "is_nsfw", None)
    if callable(is_nsfw) and is_nsfw():
        return True
    if _is_private(requester):
        return False
    if isinstance(channel, discord.Thread):
        is_guest = isinstance(requester, discord.Interaction) and is_user_install(requester)
        return None if is_guest or channel.parent is None else False
    return False if callable(is_nsfw) else None


def build_channel_context(requester: Requester) -> ChannelContext:
    channel = requester.channel
    return ChannelContext(
        age_restricted=is_age_restricted(requester),
        shows_age_restricted=is_known_age_restricted(requester),
        direct_message=_is_private(requester),
        parent_channel_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
    )


def build_acting_person(interaction: discord.Interaction) -> ActingPerson:
    return ActingPerson(
        interaction.user.id,
        guild_of(interaction),
        interaction.channel_id,
        moderator=may_moderate(interaction),
    )


def get_role_ids(user: discord.User | discord.Member) -> frozenset[int]:
    """Return the ids of a member's roles, without @everyone's."""
    if not isinstance(user, discord.Member):
        return frozenset()
    return frozenset(role.id for role in user.roles if not role.is_default())


def require_permissions(requester: Requester) -> None:
    """Make sure that the clip can be posted, before anything is paid.

    Raises `MissingPermissions` naming what the bot lacks in the channel, or `NotAllowed` while the
    bot is timed out, and in a thread that is locked, or private and without the bot.
    """
    if _is_private(requester):
        return
    if _is_bot_timed_out(requester):  # Discord tells an interaction nothing about it
        raise NotAllowed("timed_out")
    granted = _get_permissions(requester)
    if granted is None:
        return
    thread = requester.channel if isinstance(requester.channel, discord.Thread) else None
    if isinstance(requester, discord.Interaction) and is_user_install(requester):
        missing = [name for name in _USER_INSTALL_PERMISSIONS if not getattr(granted, name)]
    else:
        missing = find_missing_permissions(granted, requester.channel)
    if "view_channel" in missing and thread is not None and thread.is_private():
        raise NotAllowed("private_thread")  # no permission is missing: the bot has to be added
    if missing:
        raise MissingPermissions(drop_implied_permissions(missing))
    if thread is not None and thread.locked and not granted.manage_threads:
        raise NotAllowed("locked_thread")


def require_guild_id(interaction: discord.Interaction) -> int:
    """Return the server of a command that is for servers only. Raises `RecordNotFound`."""
    if interaction.guild_id is None:
        raise RecordNotFound("server")
    return interaction.guild_id


def list_writable_channels(guild: discord.Guild) -> list[discord.TextChannel]:
    """Return the text channels for a word to everybody, the server's system channel first.

    Rules and announcements are not among them: what is posted there calls everybody.
    """
    granted = ((channel, channel.permissions_for(guild.me)) for channel in guild.text_channels)
    return sorted(
        (
            channel
            for channel, can in granted
            if can.view_channel and can.send_messages and not _is_for_notices(channel)
        ),
        key=lambda channel: (channel != guild.system_channel, channel.position, channel.id),
    )


def _is_for_notices(channel: discord.TextChannel) -> bool:
    guild = channel.guild
    if channel.is_news() or channel in (guild.rules_channel, guild.public_updates_channel):
        return True
    return _NOTICES_NAME.search(channel.name) is not None


def may_moderate(interaction: discord.Interaction) -> bool:
    return interaction.permissions.manage_messages


def _is_bot_timed_out(requester: Requester) -> bool:
    me = None if requester.guild is None else requester.guild.me
    return isinstance(me, discord.Member) and me.is_timed_out()


def _is_private(requester: Requester) -> bool:
    # a server that the bot is not in may be unknown here, but it has an id
    if isinstance(requester, discord.Interaction):
        return requester.guild_id is None
    return requester.guild is None


def _get_permissions(requester: Requester) -> discord.Permissions | None:
    if isinstance(requester, discord.Interaction):
        return requester.app_permissions
    channel = requester.channel
    if requester.guild is None or isinstance(channel, discord.PartialMessageable):
        return None  # an unknown channel: Discord itself will answer
    return channel.permissions_for(requester.guild.me)

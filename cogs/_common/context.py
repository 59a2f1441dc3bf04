"""Converts Discord's objects into what services need: who asks, where, what is allowed."""

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
    """A channel for a clip that was requested in a different channel."""

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
"""Names of channels for rules and announcements, in the bot's languages."""
_USER_INSTALL_PERMISSIONS: Final = ("attach_files",)


def build_origin(interaction: discord.Interaction, *, dedupe_key: str | None = None) -> Origin:
    """Return the origin of a request. Only one request per ``dedupe_key`` is accepted."""
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
    """Return the origin of a request by a message. The clip will reply to that message.

    ``member`` is the author, for messages that do not include their roles.
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
    """Return the key that makes sure that a message's request is accepted only once."""
    return f"{MESSAGE_KEY_PREFIX}{message_id}"


def is_age_restricted(requester: Requester) -> bool:
    """Return whether clips that are requested here count as age-restricted."""
    return is_presumed_restricted(_find_age_restriction(requester))


def is_known_age_restricted(requester: Requester) -> bool:
    """Return whether age-restricted clips may be shown here."""
    return _find_age_restriction(requester) is True


def _find_age_restriction(requester: Requester) -> bool | None:
    """Return whether the channel is age-restricted, or `None` if Discord does not say.

    It does not say for threads of unknown channels, as in servers without the bot.
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
        is_for_adults=is_known_age_restricted(requester) or _is_adults_interaction(requester),
        direct_message=_is_private(requester),
        parent_channel_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
    )


def read_channel_context(interaction: discord.Interaction, channel_id: int) -> ChannelContext:
    """Return what is known now about a channel, which may be another than the interaction's.

    Of a channel that the bot cannot see, nothing is known.
    """
    if channel_id == interaction.channel_id:
        return build_channel_context(interaction)
    guild = interaction.guild
    channel = None if guild is None else guild.get_channel_or_thread(channel_id)
    if channel is None:
        return ChannelContext(age_restricted=True)
    return build_channel_context(OtherChannel(channel))


def _is_adults_interaction(requester: Requester) -> bool:
    """Return whether Discord offers age-restricted commands here to adults only.

    It does so in the bot's direct messages, and offers none in other conversations. Buttons there
    are on messages that such commands made. What is typed there needs no command
    (https://docs.discord.com/developers/interactions/application-commands#agerestricted-commands).
    """
    return (
        isinstance(requester, discord.Interaction)
        and _is_private(requester)
        and not is_user_install(requester)
    )


def build_acting_person(interaction: discord.Interaction) -> ActingPerson:
    return ActingPerson(
        interaction.user.id,
        guild_of(interaction),
        interaction.channel_id,
        moderator=may_moderate(interaction),
    )


def get_role_ids(user: discord.User | discord.Member) -> frozenset[int]:
    """Return the ids of a member's roles, except for @everyone."""
    if not isinstance(user, discord.Member):
        return frozenset()
    return frozenset(role.id for role in user.roles if not role.is_default())


def require_permissions(requester: Requester) -> None:
    """Check that the clip can be posted, before anything is paid.

    Raises `MissingPermissions` if the bot lacks permissions in the channel. Raises `NotAllowed` if
    the bot is timed out, if the thread is locked, or if the thread is private and the bot is not
    in it.
    """
    if _is_private(requester):
        return
    if _is_bot_timed_out(requester):  # an interaction's permissions do not show it
        raise NotAllowed("timed_out")
    permissions = _get_permissions(requester)
    if permissions is None:
        return
    thread = requester.channel if isinstance(requester.channel, discord.Thread) else None
    if isinstance(requester, discord.Interaction) and is_user_install(requester):
        missing = [name for name in _USER_INSTALL_PERMISSIONS if not getattr(permissions, name)]
    else:
        missing = find_missing_permissions(permissions, requester.channel)
    if "view_channel" in missing and thread is not None and thread.is_private():
        raise NotAllowed("private_thread")  # the bot must be added; a permission would not help
    if missing:
        raise MissingPermissions(drop_implied_permissions(missing))
    if thread is not None and thread.locked and not permissions.manage_threads:
        raise NotAllowed("locked_thread")


def require_guild_id(interaction: discord.Interaction) -> int:
    """Return the server in which a command is used. Raises `RecordNotFound` outside of servers."""
    if interaction.guild_id is None:
        raise RecordNotFound("server")
    return interaction.guild_id


def require_manager(interaction: discord.Interaction) -> discord.Guild:
    """Return the server.

    Raises `NotAllowed` if the person may not manage it, `RecordNotFound` outside of servers.
    """
    guild = interaction.guild
    if guild is None:
        raise RecordNotFound("server")
    if not interaction.permissions.manage_guild:
        raise NotAllowed("manage")
    return guild


def list_writable_channels(guild: discord.Guild) -> list[discord.TextChannel]:
    """Return the text channels that the bot may write in, the server's system channel first.

    Channels for rules and announcements are left out, because posts there alert everyone.
    """
    candidates = ((channel, channel.permissions_for(guild.me)) for channel in guild.text_channels)
    return sorted(
        (
            channel
            for channel, permissions in candidates
            if permissions.view_channel
            and permissions.send_messages
            and not _is_for_notices(channel)
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
    # a server without the bot has an id here, but no guild object
    if isinstance(requester, discord.Interaction):
        return requester.guild_id is None
    return requester.guild is None


def _get_permissions(requester: Requester) -> discord.Permissions | None:
    if isinstance(requester, discord.Interaction):
        return requester.app_permissions
    channel = requester.channel
    if requester.guild is None or isinstance(channel, discord.PartialMessageable):
        return None  # the channel is unknown, so Discord has to decide
    return channel.permissions_for(requester.guild.me)

"""Who asks, and where: Discord's objects turned into the plain facts that services take."""

from collections.abc import Sequence
from typing import Final

import discord

from bot.discord.user_install import get_user_install_reply, guild_of, is_user_install
from bot.domain.errors import MissingPermissions, NotAllowed
from bot.domain.jobs.job import Origin
from bot.services.jobs.requests import ChannelContext

Requester = discord.Interaction | discord.Message

REQUIRED_PERMISSIONS: Final = (
    "view_channel",
    "send_messages",
    "attach_files",
    "embed_links",
    "read_message_history",
)
"""What the bot needs to post a clip; in a thread, sending has a permission of its own."""
_USER_INSTALL_PERMISSIONS: Final = ("attach_files",)


def build_origin(interaction: discord.Interaction, *, key: str | None = None) -> Origin:
    """Return the origin of a request made by a command, a button or a form.

    ``key`` names requests of which only one may be made, however often it is asked for.
    """
    if interaction.channel_id is None:
        raise MissingPermissions(["view_channel"])
    return Origin(
        key=key or f"interaction:{interaction.id}",
        guild_id=guild_of(interaction),
        channel_id=interaction.channel_id,
        user_id=interaction.user.id,
        role_ids=frozenset() if is_user_install(interaction) else get_role_ids(interaction.user),
        upload_limit=interaction.filesize_limit,
        locale=interaction.locale.value,
        guild_locale=interaction.guild_locale.value if interaction.guild_locale else None,
        user_install_reply=get_user_install_reply(interaction),
    )


def build_message_origin(message: discord.Message) -> Origin:
    """Return the origin of a request made by a reply; the clip will reply to that message."""
    guild = message.guild
    locale = guild.preferred_locale.value if guild is not None else discord.Locale.american_english
    return Origin(
        key=f"message:{message.id}",
        guild_id=guild.id if guild is not None else None,
        channel_id=message.channel.id,
        user_id=message.author.id,
        role_ids=get_role_ids(message.author),
        request_message_id=message.id,
        locale=str(locale),
        guild_locale=guild.preferred_locale.value if guild is not None else None,
    )


def build_channel_context(requester: Requester) -> ChannelContext:
    """Return what the rules have to know of the channel."""
    channel = requester.channel
    restricted = getattr(channel, "is_nsfw", None)
    nsfw = bool(restricted()) if callable(restricted) else False
    if isinstance(requester, discord.Interaction) and is_user_install(requester):
        # nobody tells a visitor about the channel that a thread belongs to: the stricter is taken
        nsfw = nsfw or isinstance(channel, discord.Thread)
    return ChannelContext(
        age_restricted=nsfw,
        direct_message=_is_private(requester),
        parent_channel_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
    )


def get_role_ids(user: discord.User | discord.Member) -> frozenset[int]:
    """Return the ids of a member's roles, without @everyone's."""
    if not isinstance(user, discord.Member):
        return frozenset()
    return frozenset(role.id for role in user.roles if not role.is_default())


def require_permissions(requester: Requester) -> None:
    """Make sure that the clip can be posted, before anything is paid.

    Raises `MissingPermissions` naming what the bot lacks in the channel, or `NotAllowed` in a
    thread that is locked, or private and without the bot.
    """
    if _is_private(requester):
        return
    had = _get_permissions(requester)
    if had is None:
        return
    thread = requester.channel if isinstance(requester.channel, discord.Thread) else None
    needed: Sequence[str] = REQUIRED_PERMISSIONS
    if isinstance(requester, discord.Interaction) and is_user_install(requester):
        needed = _USER_INSTALL_PERMISSIONS
    elif thread is not None:
        needed = [
            "send_messages_in_threads" if name == "send_messages" else name
            for name in REQUIRED_PERMISSIONS
        ]
    missing = [name for name in needed if not getattr(had, name)]
    if "view_channel" in missing and thread is not None and thread.is_private():
        raise NotAllowed("private_thread")  # no right is lacking: it has to be brought in
    if missing:
        raise MissingPermissions(_drop_implied_permissions(missing))
    if thread is not None and thread.locked and not had.manage_threads:
        raise NotAllowed("locked_thread")


def may_moderate(interaction: discord.Interaction) -> bool:
    """Return whether the person may remove other people's messages here."""
    return interaction.permissions.manage_messages


def _drop_implied_permissions(missing: list[str]) -> list[str]:
    """Return what has to be granted: who may not see or not write has no other right either."""
    if "view_channel" in missing:
        return ["view_channel"]
    if any(name.startswith("send_messages") for name in missing):
        return [name for name in missing if name not in ("attach_files", "embed_links")]
    return missing


def _is_private(requester: Requester) -> bool:
    # a server that the bot is no member of may be unknown here, but it has a number
    if isinstance(requester, discord.Interaction):
        return requester.guild_id is None
    return requester.guild is None


def _get_permissions(requester: Requester) -> discord.Permissions | None:
    if isinstance(requester, discord.Interaction):
        return requester.app_permissions
    channel = requester.channel
    if requester.guild is None or isinstance(channel, discord.PartialMessageable):
        return None  # a channel that is not known here: Discord itself will say
    return channel.permissions_for(requester.guild.me)

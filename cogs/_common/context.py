"""Who asks, and where: Discord's objects turned into the plain facts that services take."""

from collections.abc import Sequence
from typing import Final

import discord

from bot.discord.user_install import home_of, is_visit, visit_of
from bot.domain.errors import MissingPermissions, NotAllowed
from bot.domain.jobs.job import Origin
from bot.services.jobs.requests import Surroundings

Asker = discord.Interaction | discord.Message

NEEDED: Final = (
    "view_channel",
    "send_messages",
    "attach_files",
    "embed_links",
    "read_message_history",
)
"""What the bot needs to post a clip; in a thread, sending has a permission of its own."""
_NEEDED_ON_A_VISIT: Final = ("attach_files",)


def origin_of(interaction: discord.Interaction, *, key: str | None = None) -> Origin:
    """Return the origin of a request made by a command, a button or a form.

    ``key`` names requests of which only one may be made, however often it is asked for.
    """
    if interaction.channel_id is None:
        raise MissingPermissions(["view_channel"])
    return Origin(
        key=key or f"interaction:{interaction.id}",
        guild_id=home_of(interaction),
        channel_id=interaction.channel_id,
        user_id=interaction.user.id,
        role_ids=frozenset() if is_visit(interaction) else roles_of(interaction.user),
        upload_limit=interaction.filesize_limit,
        locale=interaction.locale.value,
        guild_locale=interaction.guild_locale.value if interaction.guild_locale else None,
        visit=visit_of(interaction),
    )


def origin_of_message(message: discord.Message) -> Origin:
    """Return the origin of a request made by a reply; the clip will reply to that message."""
    guild = message.guild
    locale = guild.preferred_locale.value if guild is not None else discord.Locale.american_english
    return Origin(
        key=f"message:{message.id}",
        guild_id=guild.id if guild is not None else None,
        channel_id=message.channel.id,
        user_id=message.author.id,
        role_ids=roles_of(message.author),
        request_message_id=message.id,
        locale=str(locale),
        guild_locale=guild.preferred_locale.value if guild is not None else None,
    )


def surroundings_of(asker: Asker) -> Surroundings:
    """Return what the rules have to know of the channel."""
    channel = asker.channel
    restricted = getattr(channel, "is_nsfw", None)
    nsfw = bool(restricted()) if callable(restricted) else False
    if isinstance(asker, discord.Interaction) and is_visit(asker):
        # nobody tells a visitor about the channel that a thread belongs to: the stricter is taken
        nsfw = nsfw or isinstance(channel, discord.Thread)
    return Surroundings(
        nsfw=nsfw,
        dm=_in_private(asker),
        parent_channel_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
    )


def roles_of(user: discord.User | discord.Member) -> frozenset[int]:
    """Return the ids of a member's roles, without @everyone's."""
    if not isinstance(user, discord.Member):
        return frozenset()
    return frozenset(role.id for role in user.roles if not role.is_default())


def require_permissions(asker: Asker) -> None:
    """Make sure that the clip can be posted, before anything is paid.

    Raises `MissingPermissions` naming what the bot lacks in the channel, or `NotAllowed` in a
    thread that is locked, or private and without the bot.
    """
    if _in_private(asker):
        return
    had = _permissions(asker)
    if had is None:
        return
    thread = asker.channel if isinstance(asker.channel, discord.Thread) else None
    needed: Sequence[str] = NEEDED
    if isinstance(asker, discord.Interaction) and is_visit(asker):
        needed = _NEEDED_ON_A_VISIT
    elif thread is not None:
        needed = [
            "send_messages_in_threads" if name == "send_messages" else name for name in NEEDED
        ]
    missing = [name for name in needed if not getattr(had, name)]
    if "view_channel" in missing and thread is not None and thread.is_private():
        raise NotAllowed("private_thread")  # no right is lacking: it has to be brought in
    if missing:
        raise MissingPermissions(_without_consequences(missing))
    if thread is not None and thread.locked and not had.manage_threads:
        raise NotAllowed("locked_thread")


def may_moderate(interaction: discord.Interaction) -> bool:
    """Return whether the person may remove other people's messages here."""
    return interaction.permissions.manage_messages


def _without_consequences(missing: list[str]) -> list[str]:
    """Return what has to be granted: who may not see or not write has no other right either."""
    if "view_channel" in missing:
        return ["view_channel"]
    if any(name.startswith("send_messages") for name in missing):
        return [name for name in missing if name not in ("attach_files", "embed_links")]
    return missing


def _in_private(asker: Asker) -> bool:
    # a server that the bot is no member of may be unknown here, but it has a number
    if isinstance(asker, discord.Interaction):
        return asker.guild_id is None
    return asker.guild is None


def _permissions(asker: Asker) -> discord.Permissions | None:
    if isinstance(asker, discord.Interaction):
        return asker.app_permissions
    channel = asker.channel
    if asker.guild is None or isinstance(channel, discord.PartialMessageable):
        return None  # a channel that is not known here: Discord itself will say
    return channel.permissions_for(asker.guild.me)

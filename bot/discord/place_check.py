"""Refuses interactions from places where the operator does not allow the bot.

Discord still delivers some: from commands that were registered earlier, from buttons of old
messages, and from servers that the bot is about to leave.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import discord

from bot.discord.user_install import is_user_install
from bot.domain.places import PlaceKind, PlacePolicy

_ALWAYS_ANSWERED: Final = frozenset({"privacy"})
"""Commands about a person's own data, which work everywhere."""


def require_allowed_place(interaction: discord.Interaction, policy: PlacePolicy) -> None:
    """Raise `NotAllowed` if the bot may not be used in the interaction's place."""
    data = cast(Mapping[str, Any], interaction.data or {})
    if data.get("name") in _ALWAYS_ANSWERED:
        return
    policy.require_allowed(_find_place_kind(interaction), interaction.guild_id)


def _find_place_kind(interaction: discord.Interaction) -> PlaceKind:
    if is_user_install(interaction):
        return PlaceKind.GUEST
    return PlaceKind.DIRECT_MESSAGE if interaction.guild_id is None else PlaceKind.SERVER

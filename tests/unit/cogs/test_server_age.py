"""`/server age` says where clips are made now, and that a channel for them is missing."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest

from bot.domain.guild import GuildRules
from cogs.server_age import AgeCommands, has_age_restricted_channel
from tests.harness.texts import quote_text
from tests.unit.cogs.test_server import Asked

TEXT, CATEGORY = discord.ChannelType.text, discord.ChannelType.category


def a_guild(*channels: tuple[int, discord.ChannelType, bool]) -> Any:
    return SimpleNamespace(
        channels=[
            SimpleNamespace(id=number, type=kind, is_nsfw=lambda nsfw=nsfw: nsfw)
            for number, kind, nsfw in channels
        ]
    )


async def give(guild: Any, restricted: bool | None, *, adults_only: bool = False) -> str:
    """Give `/server age` and return the answer."""
    guilds, server_rules = AsyncMock(), AsyncMock()
    guilds.load_rules.return_value = GuildRules(10)
    server_rules.change_rules.side_effect = lambda _, *, actor_id, **rules: GuildRules(10, **rules)
    cog = AgeCommands(server_rules=server_rules, guilds=guilds, adults_only=adults_only)
    asked: Any = Asked()
    asked.guild = guild
    command: Any = AgeCommands.set_age_rule
    await command.callback(cog, asked, restricted)
    assert server_rules.change_rules.await_count == (restricted is not None)
    told: str = asked.told
    return told


async def test_it_shows_and_sets_where_clips_are_made() -> None:
    adults = a_guild((1, TEXT, False), (2, TEXT, True))
    assert await give(adults, None) == quote_text("server.age.any")
    assert await give(adults, False) == quote_text("server.age.any")
    assert await give(adults, True) == quote_text("server.age.restricted")
    assert await give(adults, None, adults_only=True) == quote_text("server.age.operator")


@pytest.mark.parametrize("adults_only", [False, True])
async def test_it_says_that_no_channel_is_age_restricted(adults_only: bool) -> None:
    told = await give(a_guild((1, TEXT, False), (2, CATEGORY, True)), True, adults_only=adults_only)
    assert quote_text("server.age.no_channel") in told


def test_only_channels_in_which_the_bot_may_be_used_count() -> None:
    guild = a_guild((1, TEXT, False), (2, TEXT, True))
    assert has_age_restricted_channel(guild, GuildRules(10))
    assert has_age_restricted_channel(guild, GuildRules(10, allowed_channels=frozenset({2})))
    assert not has_age_restricted_channel(guild, GuildRules(10, allowed_channels=frozenset({1})))
    assert has_age_restricted_channel(None, GuildRules(10))

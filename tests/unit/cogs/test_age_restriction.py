"""Which channels are age-restricted, when a clip is requested there and when it is shown there."""

from typing import Any
from unittest.mock import Mock

import discord
import pytest

from bot.domain.errors import NotAllowed
from bot.domain.guild import GuildRules
from bot.services.admin.guild_rules import GuildContext
from cogs._common.context import build_channel_context
from tests.unit.words.examples import ORIGIN


def a_message(channel: Any, *, in_server: bool = True) -> discord.Message:
    guild = Mock(spec=discord.Guild) if in_server else None
    return Mock(spec=discord.Message, channel=channel, guild=guild)


def a_text_channel(*, nsfw: bool) -> discord.TextChannel:
    return Mock(spec=discord.TextChannel, is_nsfw=lambda: nsfw)


def a_thread(parent: discord.TextChannel | None) -> discord.Thread:
    is_nsfw = parent is not None and parent.is_nsfw()
    thread = Mock(spec=discord.Thread, parent_id=1, is_nsfw=lambda: is_nsfw)
    thread.parent = parent
    return thread


@pytest.mark.parametrize(
    ("channel", "counts_as", "shows"),
    [
        pytest.param(a_text_channel(nsfw=True), True, True, id="restricted"),
        pytest.param(a_text_channel(nsfw=False), False, False, id="open"),
        pytest.param(a_thread(a_text_channel(nsfw=True)), True, True, id="its-thread"),
        pytest.param(a_thread(a_text_channel(nsfw=False)), False, False, id="thread"),
        pytest.param(a_thread(None), True, False, id="thread-of-an-unknown-channel"),
        pytest.param(Mock(spec=discord.PartialMessageable), True, False, id="unknown"),
    ],
)
def test_unknown_channels_count_as_restricted_and_show_nothing(
    channel: Any, counts_as: bool, shows: bool
) -> None:
    """[people-M22, web-W03]"""
    context = build_channel_context(a_message(channel))
    assert (context.age_restricted, context.shows_age_restricted) == (counts_as, shows)
    here = GuildContext(ORIGIN, context, GuildRules(10), GuildRules(0))
    here.require_may_show(age_restricted=False)
    if not shows:
        with pytest.raises(NotAllowed):
            here.require_may_show(age_restricted=True)


def test_direct_message_is_no_place_for_adults_only() -> None:
    """[people-M22]"""
    context = build_channel_context(a_message(Mock(spec=discord.DMChannel), in_server=False))
    assert (context.age_restricted, context.shows_age_restricted) == (False, False)

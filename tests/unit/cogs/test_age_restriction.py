"""Which channels are age-restricted, when a clip is requested there and when it is shown there."""

from typing import Any
from unittest.mock import Mock

import discord
import pytest

from bot.domain.errors import NotAllowed
from bot.domain.guild import GuildRules
from bot.services.admin.guild_rules import ChannelContext, GuildContext
from cogs._common.context import build_channel_context, read_channel_context
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


def an_interaction(channel: Any, **changes: Any) -> discord.Interaction:
    facts: dict[str, Any] = {
        "channel": channel,
        "channel_id": 5,
        "guild_id": None,
        "guild": None,
        "is_guild_integration": lambda: False,
        "context": discord.app_commands.AppCommandContext(dm_channel=True),
    }
    return Mock(spec=discord.Interaction, **{**facts, **changes})


GROUP = discord.app_commands.AppCommandContext(private_channel=True)
BY_SERVER = GuildRules(10, age_restricted_only=True)
BY_OPERATOR = GuildRules(0, age_restricted_only=True)


@pytest.mark.parametrize(
    ("requester", "refusal"),
    [
        pytest.param(a_message(a_text_channel(nsfw=True)), None, id="restricted"),
        pytest.param(a_message(a_text_channel(nsfw=False)), "age_operator", id="open"),
        pytest.param(a_message(a_thread(a_text_channel(nsfw=True))), None, id="its-thread"),
        pytest.param(a_message(a_thread(None)), "age_operator", id="thread-of-an-unknown-channel"),
        pytest.param(
            a_message(Mock(spec=discord.DMChannel), in_server=False), "age_direct", id="typed"
        ),
        pytest.param(an_interaction(Mock(spec=discord.DMChannel)), None, id="direct-command"),
        pytest.param(
            an_interaction(Mock(spec=discord.GroupChannel), context=GROUP), "age_direct", id="group"
        ),
        pytest.param(
            an_interaction(a_text_channel(nsfw=True), guild_id=10), None, id="user-install"
        ),
        pytest.param(
            an_interaction(a_text_channel(nsfw=False), guild_id=10),
            "age_operator",
            id="user-install-in-open-channel",
        ),
    ],
)
def test_only_places_that_discord_keeps_for_adults_are_open(
    requester: Any, refusal: str | None
) -> None:
    context = build_channel_context(requester)
    limited = GuildContext(ORIGIN, context, GuildRules(10), BY_OPERATOR)
    if refusal is None:
        limited.require_age_restricted_channel()
        GuildContext(ORIGIN, context, BY_SERVER, BY_OPERATOR).require_age_restricted_channel()
    else:
        with pytest.raises(NotAllowed) as refused:
            limited.require_age_restricted_channel()
        assert refused.value.reason == refusal
    GuildContext(ORIGIN, context, GuildRules(10), GuildRules(0)).require_age_restricted_channel()


def test_a_servers_choice_applies_to_its_channels() -> None:
    context = GuildContext(ORIGIN, ChannelContext(), BY_SERVER, GuildRules(0))
    with pytest.raises(NotAllowed) as refused:
        context.require_age_restricted_channel()
    assert refused.value.reason == "age_server"


@pytest.mark.parametrize(("is_nsfw", "is_for_adults"), [(True, True), (False, False)])
def test_another_channel_is_read_as_it_is_now(is_nsfw: bool, is_for_adults: bool) -> None:
    elsewhere = a_text_channel(nsfw=is_nsfw)
    guild = Mock(spec=discord.Guild)
    guild.get_channel_or_thread.side_effect = {6: elsewhere}.get
    elsewhere.guild = guild
    pressed = an_interaction(a_text_channel(nsfw=True), guild_id=10, guild=guild)
    assert read_channel_context(pressed, 6).is_for_adults is is_for_adults
    assert read_channel_context(pressed, 5).is_for_adults
    assert not read_channel_context(pressed, 7).is_for_adults

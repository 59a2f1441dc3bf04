"""Without permission to react, the bot asks only about possible directions.

Messages that are no replies to the bot are ignored.
"""

from typing import Any
from unittest.mock import AsyncMock, Mock

import discord
import pytest

from bot.domain.clips.clip import Clip
from bot.domain.errors import RequestsPaused
from bot.domain.jobs.request import VideoRequest
from bot.i18n.catalogs import translate
from cogs._common.hint_times import HintTimes
from cogs._common.request_flow import Quote
from cogs.replies import TAP_EMOJI
from tests.unit.cogs.test_cogs import Clock, a_reply, listener
from tests.unit.words.examples import PLAN


class InstantClock(Clock):
    """A clock on which every wait ends immediately."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class OpenFlow:
    """A request flow that refuses only the given requests, and counts extensions."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.extend_clip = AsyncMock()

    async def require_may_extend(self, *_: object) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def quote(self, _clip: Clip, request: VideoRequest, _source: object) -> Quote:
        return Quote(request, PLAN)


def build_error(status: int, code: int = 0) -> discord.HTTPException:
    kind = discord.Forbidden if status == 403 else discord.HTTPException
    return kind(Mock(status=status, reason="x"), {"code": code, "message": "x"})


async def answer(content: str, *, flow: Any = None, **changes: Any) -> Any:
    """Let the bot read a reply; return the message."""
    message = a_reply(content)
    message.add_reaction = AsyncMock()
    for name, value in changes.items():
        setattr(message, name, value)
    await listener(flow or OpenFlow(), InstantClock()).on_message(message)
    return message


@pytest.mark.parametrize("content", ["nice!", "👏", "can you make him dance?", "it jumps"])
async def test_what_does_not_spend_gets_a_reaction(content: str) -> None:
    """The bot writes no message. [people-M3]"""
    flow = OpenFlow()
    message = await answer(content, flow=flow)
    message.add_reaction.assert_awaited_once_with(TAP_EMOJI)
    assert message.channel.said == []
    flow.extend_clip.assert_not_awaited()


@pytest.mark.parametrize(
    ("content", "is_asked"), [("nice!", False), ("👏", False), ("can you make him dance?", True)]
)
async def test_without_the_permission_only_what_may_be_meant_is_asked(
    content: str, is_asked: bool
) -> None:
    """Comments get no answer. [people-M3]"""
    message = await answer(content, add_reaction=AsyncMock(side_effect=build_error(403, 50013)))
    assert message.channel.said == ([translate("reply.unsure")] if is_asked else [])


async def test_a_busy_discord_is_asked_again() -> None:
    """A reaction is tried as long as an answer would be. [discord-D10]"""
    busy = [build_error(503), build_error(429), None]
    message = await answer("it jumps", add_reaction=AsyncMock(side_effect=busy))
    assert message.add_reaction.await_count == 3
    assert message.channel.said == []


async def test_a_blocked_bot_is_silent() -> None:
    message = await answer("nice!", add_reaction=AsyncMock(side_effect=build_error(403, 90001)))
    assert message.channel.said == []


async def test_where_nothing_can_be_asked_for_comments_get_no_reaction() -> None:
    flow = OpenFlow(RequestsPaused(by_operator=False))
    message = await answer("nice!", flow=flow)
    message.add_reaction.assert_not_awaited()
    assert message.channel.said == []


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=f"discord-D06-{kind.name}")
        for kind in discord.MessageType
        if kind is not discord.MessageType.reply
    ],
)
async def test_messages_that_are_no_replies_are_ignored(kind: discord.MessageType) -> None:
    flow = OpenFlow()
    message = await answer("the fox jumps over the fence", flow=flow, type=kind)
    flow.extend_clip.assert_not_awaited()
    message.add_reaction.assert_not_awaited()
    assert message.channel.said == []


async def test_hints_are_counted_by_person_and_channel() -> None:
    clock = Clock()
    hints = HintTimes(clock, interval_s=10)
    assert [hints.is_due(1, 1), hints.is_due(1, 1), hints.is_due(1, 2), hints.is_due(2, 1)] == [
        True,
        False,
        True,
        True,
    ]
    clock.advance(10)
    assert hints.is_due(1, 1)

"""`/server`: what is left out is neither judged nor forgotten."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest

from bot.domain.billing.limits import UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.guild import GuildRules
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import translate
from bot.ui.router import InteractionRouter
from cogs.server import ServerCommands
from tests.unit.words.examples import a_job


class Asked:
    """An admin's command, as far as these commands look at it, and what it was answered."""

    def __init__(self) -> None:
        self.guild_id = 10
        self.user = SimpleNamespace(id=1)
        self.locale = discord.Locale.british_english
        self.response = SimpleNamespace(
            defer=AsyncMock(),
            is_done=lambda: True,
            type=discord.InteractionResponseType.deferred_channel_message,
        )
        self.edit_original_response = AsyncMock()

    @property
    def told(self) -> str:
        """The one answer."""
        [call] = self.edit_original_response.await_args_list
        text: str = call.kwargs["content"]
        return text


@pytest.fixture
def quotas() -> AsyncMock:
    """Give a service with one job to judge, which remembers what it was asked."""
    service = AsyncMock()
    service.unknown.return_value = [a_job()]
    return service


@pytest.fixture
def server(quotas: AsyncMock) -> ServerCommands:
    """Give the commands over that service."""
    nothing: Any = None
    return ServerCommands(
        router=InteractionRouter(),
        quota_service=quotas,
        server_rules=nothing,
        showcase_service=nothing,
        clock=nothing,
    )


async def give(command: Any, server: ServerCommands, **options: object) -> str:
    """Give a command and return its answer."""
    asked = Asked()
    await command.callback(server, asked, **options)
    return asked.told


async def test_unknown_job_is_not_settled_without_choice(
    server: ServerCommands, quotas: AsyncMock
) -> None:
    said = await give(ServerCommands.review_unknown_jobs, server, job=a_job().id)
    assert said == translate("unknown.undecided", job=a_job().id)
    quotas.judge.assert_not_awaited()


@pytest.mark.parametrize("charge", [True, False])
async def test_unknown_job_is_settled_as_chosen(
    server: ServerCommands, quotas: AsyncMock, charge: bool
) -> None:
    said = await give(ServerCommands.review_unknown_jobs, server, job=a_job().id, charge=charge)
    assert said == translate("unknown.charged" if charge else "unknown.refunded", job=a_job().id)
    quotas.judge.assert_awaited_once_with(a_job().id, charge=charge, by=1)


async def test_a_quota_without_a_limit_changes_nothing(
    server: ServerCommands, quotas: AsyncMock
) -> None:
    assert await give(ServerCommands.set_quota, server) == translate("server.quota.none_given")
    quotas.set_limit.assert_not_awaited()


async def test_reply_shows_all_effective_limits(server: ServerCommands, quotas: AsyncMock) -> None:
    now = UsageLimits(clips_per_day=9, usd_per_month=Micros(5_000_000))
    quotas.set_limit.return_value = quotas.set_budget.return_value = now
    assert "$5.00" in await give(ServerCommands.set_quota, server, clips_per_day=9)
    assert "$5.00" in await give(ServerCommands.set_budget, server, clips_per_day=9)
    quotas.set_budget.assert_awaited_once_with(10, UsageLimits(clips_per_day=9), by=1)


async def test_a_budget_without_a_limit_is_forgotten(
    server: ServerCommands, quotas: AsyncMock
) -> None:
    quotas.set_budget.return_value = UsageLimits()
    assert await give(ServerCommands.set_budget, server) == translate("server.budget.cleared")
    quotas.set_budget.assert_awaited_once_with(10, None, by=1)


@pytest.mark.parametrize(
    ("server_has", "chosen", "held"),
    [
        (None, PersonRule.EVERYONE, None),
        (PersonRule.ADULTS, PersonRule.NOBODY, None),
        (PersonRule.NOBODY, PersonRule.EVERYONE, "nobody"),
    ],
)
async def test_a_channels_looser_rule_is_told_to_change_nothing(
    server_has: PersonRule | None, chosen: PersonRule, held: str | None
) -> None:
    nothing: Any = None
    servers = AsyncMock()
    servers.change.return_value = GuildRules(10, person_rule=server_has)
    room: Any = SimpleNamespace(id=5)
    commands = ServerCommands(
        router=InteractionRouter(),
        quota_service=nothing,
        server_rules=servers,
        showcase_service=nothing,
        clock=nothing,
    )
    said = await give(ServerCommands.set_person_rule, commands, rule=chosen, channel=room)
    servers.change.assert_awaited_once_with(10, by=1, channel_person_rules={5: chosen})
    assert said.startswith(f"People in videos, <#5>: {chosen}.")
    assert ("stricter" in said) is (held is not None)
    assert held is None or said.endswith(f"still holds there: {held}.")

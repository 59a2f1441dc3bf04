"""`/server`: what is left out is neither judged nor forgotten."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest

from bot.domain.billing.limits import LimitSubject, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.guild import GuildRules
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import translate
from cogs.server import RulesCommands, ServerCommands
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
    """Give a service that remembers what it was asked."""
    return AsyncMock()


def build_commands(**services: Any) -> RulesCommands:
    """Return the commands over some services, with one job to be settled."""
    jobs = AsyncMock()
    jobs.list_unknown.return_value = [a_job()]
    others: dict[str, Any] = dict.fromkeys(("quota_service", "server_rules", "ledger", "clock"))
    return RulesCommands(**{**others, "jobs": jobs, **services})


@pytest.fixture
def server(quotas: AsyncMock) -> RulesCommands:
    """Give the commands over that service."""
    return build_commands(quota_service=quotas)


async def give(command: Any, server: RulesCommands, **options: object) -> str:
    """Give a command and return its answer."""
    asked = Asked()
    await command.callback(server, asked, **options)
    return asked.told


async def test_unknown_job_is_not_settled_without_choice(
    server: RulesCommands, quotas: AsyncMock
) -> None:
    said = await give(RulesCommands.review_unknown_jobs, server, job=a_job().id)
    assert said == translate("unknown.undecided", job=a_job().id)
    quotas.settle_unknown.assert_not_awaited()


@pytest.mark.parametrize("charge", [True, False])
async def test_unknown_job_is_settled_as_chosen(
    server: RulesCommands, quotas: AsyncMock, charge: bool
) -> None:
    said = await give(RulesCommands.review_unknown_jobs, server, job=a_job().id, charge=charge)
    assert said == translate("unknown.charged" if charge else "unknown.refunded", job=a_job().id)
    quotas.settle_unknown.assert_awaited_once_with(a_job().id, charge=charge, actor_id=1)


async def test_a_quota_without_a_limit_changes_nothing(
    server: RulesCommands, quotas: AsyncMock
) -> None:
    assert await give(RulesCommands.set_quota, server) == translate("server.quota.none_given")
    quotas.set_limit.assert_not_awaited()


async def test_reply_shows_all_effective_limits(server: RulesCommands, quotas: AsyncMock) -> None:
    quotas.set_limit.return_value = UsageLimits(clips_per_day=9, usd_per_month=Micros(5_000_000))
    assert "$5.00" in await give(RulesCommands.set_quota, server, clips_per_day=9)
    assert "$5.00" in await give(RulesCommands.set_budget, server, clips_per_day=9)
    quotas.set_limit.assert_awaited_with(
        10, LimitSubject.GUILD, 0, UsageLimits(clips_per_day=9), actor_id=1
    )


async def test_a_budget_without_a_limit_is_forgotten(
    server: RulesCommands, quotas: AsyncMock
) -> None:
    quotas.set_limit.return_value = UsageLimits()
    assert await give(RulesCommands.set_budget, server) == translate("server.budget.cleared")
    quotas.set_limit.assert_awaited_once_with(10, LimitSubject.GUILD, 0, None, actor_id=1)


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
    servers = AsyncMock()
    servers.change_rules.return_value = GuildRules(10, person_rule=server_has)
    channel: Any = SimpleNamespace(id=5)
    commands = build_commands(server_rules=servers)
    said = await give(RulesCommands.set_person_rule, commands, rule=chosen, channel=channel)
    servers.change_rules.assert_awaited_once_with(10, actor_id=1, channel_person_rules={5: chosen})
    assert said.startswith(f"People in videos, <#5>: {chosen}.")
    assert ("stricter" in said) is (held is not None)
    assert held is None or said.endswith(f"still holds there: {held}.")


def test_the_group_holds_the_commands_of_its_parts() -> None:
    group = ServerCommands([build_commands()]).app_command
    assert group is not None
    assert {"quota", "budget", "pause"} <= {command.name for command in group.commands}
    for command in group.commands:
        assert command.parent is group

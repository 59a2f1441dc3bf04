"""`/server` commands leave settings unchanged if their options are omitted."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import discord
import pytest

from bot.domain.billing.limits import LimitRow, LimitSubject, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.guild import NEVER_CONFIRM, ExtendPermission, GuildRules
from bot.domain.jobs.person_rule_effect import PersonRuleCost, RemainingOffer
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import translate
from bot.services.admin.quotas import QuotaService
from cogs.server import RulesCommands, ServerCommands
from cogs.server_limits import LimitsCommands
from tests.harness.texts import quote_text
from tests.unit.words.examples import a_job


class Asked:
    """The parts of an interaction that admin commands use, and the answers given."""

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
        """The only answer."""
        [call] = self.edit_original_response.await_args_list
        text: str = call.kwargs["content"]
        return text


CEILING = UsageLimits(usd_per_day=Micros(20_000_000), usd_per_month=Micros(100_000_000))


@pytest.fixture
def ledger() -> AsyncMock:
    """Give a ledger without limits that records what was set."""
    ledger = AsyncMock()
    ledger.list_limits.return_value = []
    return ledger


@pytest.fixture
def jobs() -> AsyncMock:
    """Give jobs, one of which can be settled."""
    jobs = AsyncMock()
    jobs.list_unknown.return_value = [a_job()]
    return jobs


@pytest.fixture
def limits(ledger: AsyncMock, jobs: AsyncMock) -> LimitsCommands:
    """Give the commands about limits, over that ledger and those jobs."""
    clock = Mock()
    return LimitsCommands(
        quota_service=QuotaService(
            jobs=jobs, ledger=ledger, clock=clock, policy=SpendingPolicy(guild=CEILING)
        ),
        ledger=ledger,
        jobs=jobs,
        member_names=AsyncMock(),
        clock=clock,
    )


def build_rules_commands(rules: GuildRules, cost: PersonRuleCost | None = None) -> RulesCommands:
    """Return the commands about rules, over a server that has ``rules`` after any change."""
    servers, guilds, requests = AsyncMock(), AsyncMock(), Mock()
    servers.change_rules.return_value = rules
    guilds.load_rules.return_value = rules
    requests.default_confirmation_price = Micros(2_000_000)
    requests.assess_person_rule.side_effect = lambda rule: (
        cost or PersonRuleCost(rule, RemainingOffer((), Micros(1), Micros(1)))
    )
    return RulesCommands(server_rules=servers, guilds=guilds, request_service=requests)


async def give(command: Any, commands: object, **options: object) -> str:
    """Give a command and return its answer."""
    asked = Asked()
    await command.callback(commands, asked, **options)
    return asked.told


async def test_unknown_job_is_not_settled_without_choice(
    limits: LimitsCommands, jobs: AsyncMock
) -> None:
    said = await give(LimitsCommands.review_unknown_jobs, limits, job=a_job().id)
    assert said == translate("unknown.undecided", job=a_job().id)
    jobs.settle_unknown.assert_not_awaited()


@pytest.mark.parametrize("charge", [True, False])
async def test_unknown_job_is_settled_as_chosen(
    limits: LimitsCommands, jobs: AsyncMock, charge: bool
) -> None:
    said = await give(LimitsCommands.review_unknown_jobs, limits, job=a_job().id, charge=charge)
    assert said == translate("unknown.charged" if charge else "unknown.refunded", job=a_job().id)
    assert jobs.settle_unknown.await_args.kwargs["charge"] is charge


async def test_the_list_of_unknown_jobs_sends_admins_to_the_operator(
    limits: LimitsCommands,
) -> None:
    """A server's admin has no access to Google's bill. [people-A13]"""
    said = await give(LimitsCommands.review_unknown_jobs, limits)
    assert said.startswith(translate("unknown.title"))


@pytest.mark.parametrize(
    "command",
    [LimitsCommands.set_quota, LimitsCommands.clear_quota, LimitsCommands.set_budget],
)
async def test_without_options_limits_are_shown(
    limits: LimitsCommands, ledger: AsyncMock, command: Any
) -> None:
    """Showing changes nothing; it names the server's limits and the maximum. [people-A7]"""
    own = UsageLimits(usd_per_month=Micros(5_000_000))
    ledger.list_limits.return_value = [LimitRow(10, LimitSubject.GUILD, 0, own)]
    said = await give(command, limits)
    assert "$5.00" in said
    assert "$100.00" in said
    ledger.set_limit.assert_not_awaited()


async def test_reply_shows_all_effective_limits(limits: LimitsCommands, ledger: AsyncMock) -> None:
    own = UsageLimits(usd_per_month=Micros(5_000_000))
    ledger.list_limits.return_value = [LimitRow(10, LimitSubject.DEFAULT, 0, own)]
    assert "$5.00" in await give(LimitsCommands.set_quota, limits, clips_per_day=9)
    [changed] = [call.args[3] for call in ledger.set_limit.await_args_list]
    assert changed == UsageLimits(clips_per_day=9, usd_per_month=Micros(5_000_000))


async def test_a_limit_above_the_budget_says_what_applies(limits: LimitsCommands) -> None:
    """$500 a day means nothing in a server that may spend $20. [people-A9]"""
    said = await give(LimitsCommands.set_quota, limits, usd_per_day=500.0)
    assert "$500.00" in said
    assert "$20.00" in said
    said = await give(LimitsCommands.set_budget, limits, usd_per_month=1000.0)
    assert "$100.00" in said


async def test_a_budget_is_removed_by_an_explicit_choice(
    limits: LimitsCommands, ledger: AsyncMock
) -> None:
    """[people-A7]"""
    await give(LimitsCommands.set_budget, limits, clear=True)
    [call] = ledger.set_limit.await_args_list
    assert call.args == (10, LimitSubject.GUILD, 0, None)


async def test_every_members_limits_are_cleared_by_an_explicit_choice(
    limits: LimitsCommands, ledger: AsyncMock
) -> None:
    """[people-A7]"""
    await give(LimitsCommands.clear_quota, limits, everyone=True)
    [call] = ledger.set_limit.await_args_list
    assert call.args == (10, LimitSubject.DEFAULT, 0, None)


@pytest.mark.parametrize(
    "command",
    [
        RulesCommands.set_person_rule,
        RulesCommands.set_confirmation_price,
        RulesCommands.set_extension_rule,
        RulesCommands.set_price_display,
    ],
)
async def test_without_options_rules_are_shown(command: Any) -> None:
    """[people-A7]"""
    commands: Any = build_rules_commands(
        GuildRules(
            10,
            person_rule=PersonRule.ADULTS,
            confirm_above=Micros(700_000),
            extend_by=ExtendPermission.REQUESTER,
            shows_prices=True,
        )
    )
    said = await give(command, commands)
    shown = (
        quote_text("people.adults"),
        "$0.70",
        quote_text("server.extending.requester"),
        quote_text("server.prices.shown"),
    )
    assert any(each in said for each in shown)
    commands.server_rules.change_rules.assert_not_awaited()


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        ({"above": 0.5}, Micros(500_000)),
        ({"never": True}, NEVER_CONFIRM),
        ({"clear": True}, None),
    ],
)
async def test_confirmation_price_is_set_or_removed(
    options: dict[str, object], stored: Micros | None
) -> None:
    commands: Any = build_rules_commands(GuildRules(10, confirm_above=stored))
    await give(RulesCommands.set_confirmation_price, commands, **options)
    changed = commands.server_rules.change_rules.await_args.kwargs
    assert changed == {"actor_id": 1, "confirm_above": stored}


@pytest.mark.parametrize("place", ["server", "channel"])
async def test_a_rule_that_costs_says_so_when_it_is_chosen(place: str) -> None:
    """[people-A5]"""
    cost = PersonRuleCost(
        PersonRule.ADULTS,
        clips=RemainingOffer(("Veo 2",), Micros(2_500_000), Micros(400_000)),
        extensions=RemainingOffer((), None, Micros(700_000)),
        edits=RemainingOffer(("Omni X",), Micros(570_000), Micros(570_000)),
        unpromised=("Omni Y",),
    )
    commands = build_rules_commands(GuildRules(10, person_rule=PersonRule.ADULTS), cost)
    channel = {"channel": SimpleNamespace(id=5)} if place == "channel" else {}
    said = await give(RulesCommands.set_person_rule, commands, rule="adults", **channel)
    cost_text = quote_text("server.people.cost", models="Veo 2", price="$2.50", usual="$0.40")
    assert cost_text in said
    assert quote_text("server.people.no_extending") in said
    assert quote_text("server.people.editing", models="Omni X", price="$0.57") in said
    assert quote_text("server.people.unpromised", models="Omni Y") in said
    assert quote_text("server.people.may_be_trusted") in said


async def test_each_rule_says_what_it_allows_before_it_is_chosen() -> None:
    cost = PersonRuleCost(
        PersonRule.NOBODY,
        clips=RemainingOffer(("Veo 2",), Micros(4_000_000), Micros(400_000)),
        extensions=RemainingOffer((), None, Micros(700_000)),
        edits=RemainingOffer(),
    )
    commands: Any = build_rules_commands(
        GuildRules(10, channel_person_rules={5: PersonRule.ADULTS}), cost
    )
    said = await give(RulesCommands.set_person_rule, commands)
    left = ", ".join(
        [
            quote_text("server.people.left.clips", price="$4.00"),
            quote_text("server.people.left.no_extensions"),
            quote_text("server.people.left.no_edits"),
        ]
    )
    choice = quote_text("server.people.choice", rule=quote_text("people.nobody"), left=left)
    assert said.count(choice) == len(PersonRule)
    assert quote_text("server.people.set", where="<#5>", rule=quote_text("people.adults")) in said
    commands.server_rules.change_rules.assert_not_awaited()


async def test_a_rule_can_be_removed() -> None:
    """[people-A7]"""
    commands: Any = build_rules_commands(GuildRules(10))
    said = await give(RulesCommands.set_person_rule, commands, rule="unset")
    commands.server_rules.change_rules.assert_awaited_once_with(10, actor_id=1, person_rule=None)
    assert quote_text("choice.people.unset") in said


@pytest.mark.parametrize(
    ("server_has", "chosen", "held"),
    [
        (None, PersonRule.EVERYONE, None),
        (PersonRule.ADULTS, PersonRule.NOBODY, None),
        (PersonRule.NOBODY, PersonRule.EVERYONE, PersonRule.NOBODY),
    ],
)
async def test_admin_reads_that_a_channels_looser_rule_changes_nothing(
    server_has: PersonRule | None, chosen: PersonRule, held: PersonRule | None
) -> None:
    channel: Any = SimpleNamespace(id=5)
    commands: Any = build_rules_commands(GuildRules(10, person_rule=server_has))
    said = await give(RulesCommands.set_person_rule, commands, rule=chosen, channel=channel)
    commands.server_rules.change_rules.assert_awaited_once_with(
        10, actor_id=1, channel_person_rules={5: chosen}
    )
    rule = quote_text(f"people.{chosen}")
    assert said.startswith(quote_text("server.people.set", where="<#5>", rule=rule))
    assert (quote_text("server.people.stricter") in said) is (held is not None)
    if held is not None:
        assert quote_text("server.people.stricter", rule=quote_text(f"people.{held}")) in said


def test_the_group_holds_the_commands_of_its_parts(limits: LimitsCommands) -> None:
    group = ServerCommands([limits, build_rules_commands(GuildRules(10))]).app_command
    assert group is not None
    assert {"quota", "budget", "pause"} <= {command.name for command in group.commands}
    for command in group.commands:
        assert command.parent is group

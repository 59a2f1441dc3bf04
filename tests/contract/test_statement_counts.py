"""An accepted request does not read the server's rules, limits or queue twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.domain.billing.limits import PacingLimits, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.errors import ChannelNotAllowed, RequestsPaused
from bot.domain.guild import GuildRules
from bot.domain.jobs.request import PersonRule
from bot.store.engine.database import Database
from tests.contract.conftest import ON_SQLITE
from tests.fakes.cogs import SimulatedCogs, build_attachment
from tests.fakes.world import GUILD, SimulatedWorld

EVERY_LIMIT = SpendingPolicy(
    member=UsageLimits(clips_per_day=5, usd_per_month=Micros(10**9)),
    guild=UsageLimits(usd_per_month=Micros(10**9)),
    bot=UsageLimits(usd_per_day=Micros(10**9)),
    pace=PacingLimits(requests_per_day=100),
)
_TRANSACTION_WORDS = ("BEGIN", "COMMIT", "ROLLBACK")


@contextmanager
def recorded_statements() -> Iterator[list[str]]:
    """Give the statements that all engines execute, without commits and rollbacks."""
    statements: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(_TRANSACTION_WORDS):
            statements.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", record)


async def save_rules(world: SimulatedWorld, **rules: Any) -> None:
    await world.guilds.save_rules(GuildRules(GUILD, **rules), actor_id=1, now=world.clock.now())


@pytest.mark.parametrize(("policy", "count"), [(SpendingPolicy(), 11), (EVERY_LIMIT, 14)])
async def test_statements_of_an_accepted_request(
    world: SimulatedWorld, database: Database, policy: SpendingPolicy, count: int
) -> None:
    """The rules; the admission; then durations and announcement choice.

    The queue's place is not asked for where any number of jobs may run at once. What is left of
    limits is known from the admission, which reads their sums.
    """
    world.policy = policy
    cogs = SimulatedCogs(world)
    await save_rules(world, channel_person_rules={5: PersonRule.ADULTS})
    with recorded_statements() as statements:
        await cogs.generate()
    admission_lock = 1 if database.is_shared else 0
    assert len(statements) == count + admission_lock, statements
    assert sum("FROM guilds LEFT OUTER JOIN channel_rules" in text for text in statements) == 1
    assert sum("FROM guilds" in text for text in statements) == 2  # and the admission


@pytest.mark.parametrize(
    ("rules", "error", "count"),
    [
        ({"allowed_channels": frozenset({5})}, ChannelNotAllowed, 1),
        ({"paused": True}, RequestsPaused, 2),  # the second tells a repeated event from a new one
    ],
)
async def test_statements_of_a_refused_request(
    world: SimulatedWorld, rules: dict[str, Any], error: type[Exception], count: int
) -> None:
    cogs = SimulatedCogs(world)
    await save_rules(world, **rules)
    with recorded_statements() as statements, pytest.raises(error):
        await cogs.generate()
    assert len(statements) == count, statements


@ON_SQLITE
async def test_statements_of_a_request_that_breaks_a_models_rule(world: SimulatedWorld) -> None:
    cogs = SimulatedCogs(world)
    with recorded_statements() as statements:
        await cogs.generate(image=build_attachment(), reference_1=build_attachment(), videos=1)
    assert len(statements) == 1, statements

"""The door: nobody gets past a limit, however many come at once."""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.billing.ledger import Account, EntryKind, Posting, Settlement, settle
from bot.domain.billing.limits import DAY, Amount, Limits, Pace, Policy, Subject
from bot.domain.billing.money import Micros
from bot.domain.errors import AlreadyAccepted, LimitReached, Paused, Refused, Scope
from bot.domain.guild import NEVER, GuildRules
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.request import PersonRule
from bot.domain.stores import Ask
from bot.services.admin.guild_rules import Servers
from bot.services.admin.quotas import Quotas
from bot.services.jobs.admission import Door
from bot.store.billing.ledger import LedgerStore
from bot.store.guilds import GuildStore
from bot.store.jobs.jobs import JobStore
from tests.contract.conftest import POSTGRES_URL
from tests.fakes.world import GUILD, MEMBER, MODEL, PRICE, World, origin, plan
from tests.harness.waiting import eventually

ADMIN = 1
DAY_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


async def ask(world: World, *asks: Ask) -> list[Job | Refused]:
    return await world.jobs.admit(asks, policy=world.policy, owner=None)


async def refused(world: World, key: str | int, **about: object) -> LimitReached:
    [answer] = await ask(world, Ask(plan(), origin(key, **about)))
    assert isinstance(answer, LimitReached), answer
    return answer


async def rush(world: World, asks: Sequence[Ask]) -> tuple[int, int]:
    door = Door(jobs=world.jobs, policy=world.policy, clock=world.clock)
    answers = await asyncio.gather(
        *(door.admit(each, owner=None) for each in asks), return_exceptions=True
    )
    kinds = [type(each) for each in answers]
    assert set(kinds) <= {Job, LimitReached}, answers
    return kinds.count(Job), kinds.count(LimitReached)


async def test_200_requests_of_one_member_with_a_limit_of_5(world: World) -> None:
    world.policy = Policy(member=Limits(clips_per_day=5))
    assert await rush(world, [Ask(plan(), origin(n)) for n in range(200)]) == (5, 195)
    assert await world.ledger.reserved() == 5 * PRICE


async def test_50_members_against_a_budget_for_7(world: World) -> None:
    await world.ledger.set_limit(
        GUILD,
        Subject.GUILD,
        0,
        Limits(usd_per_day=Micros(7 * PRICE)),
        by=ADMIN,
        now=world.clock.now(),
    )
    asks = [Ask(plan(), origin(n, user_id=1000 + n)) for n in range(50)]
    assert await rush(world, asks) == (7, 43)
    assert await world.ledger.reserved() == 7 * PRICE


@pytest.mark.postgresql
@pytest.mark.parametrize(("scenario", "accepted"), [("member", 5), ("guild", 7)])
async def test_the_same_from_two_processes_at_once(
    postgres_schema: str, scenario: str, accepted: int
) -> None:
    command = (sys.executable, "-m", "tests.contract.rush", POSTGRES_URL, postgres_schema)
    both = [
        await asyncio.create_subprocess_exec(
            *command,
            scenario,
            str(number),
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for number in range(2)
    ]
    for each in both:
        assert each.stdout is not None
        assert await each.stdout.readline() == b"ready\n"
    for each in both:
        assert each.stdin is not None
        each.stdin.write(b"go\n")
    outputs = [(await each.communicate())[0] for each in both]
    results = [json.loads(output) for output in outputs]
    assert sum(result["accepted"] for result in results) == accepted, results
    assert sum(result["accepted"] + result["refused"] for result in results) == 200
    assert all(each.returncode == 0 for each in both)


@pytest.mark.parametrize("hours", [25, -25])
async def test_windows_count_by_the_databases_clock(world: World, hours: int) -> None:
    """A process whose own clock goes wrong lets nobody have more, and keeps nobody waiting."""
    world.policy = Policy(member=Limits(clips_per_day=1), pace=Pace(requests_per_day=1))
    store = JobStore(world.database)
    world.clock.skip(timedelta(hours=hours))
    asks = [Ask(plan(), origin(n)) for n in range(2)]
    first, second = await store.admit(asks, policy=world.policy, owner=None)
    assert isinstance(first, Job)
    assert isinstance(second, LimitReached)
    assert abs(first.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert second.frees_at == first.created_at + DAY
    [line] = (await LedgerStore(world.database).standing(origin(0), policy=world.policy)).lines
    assert (line.left, line.frees_at) == (0, first.created_at + DAY)
    [started] = await store.claim("w", policy=world.policy, most=9)
    assert abs((started.submitted_at or DAY_ZERO) - datetime.now(UTC)) < timedelta(minutes=1)


async def test_an_accepted_request_is_reserved_in_all_three_measures(world: World) -> None:
    job = await world.admit(1)
    [entry] = await world.ledger.entries(job.id)
    assert entry.posting == Posting(EntryKind.RESERVE, Amount(PRICE, 1, 8))
    assert (entry.guild_id, entry.user_id) == (GUILD, MEMBER)


async def test_the_same_event_twice_is_accepted_once(world: World) -> None:
    twice = [Ask(plan(), origin("same")), Ask(plan(), origin("same"))]
    first, second = await ask(world, *twice)
    assert isinstance(first, Job)
    assert isinstance(second, AlreadyAccepted)
    [third] = await ask(world, twice[0])
    assert isinstance(third, AlreadyAccepted)
    assert second.job.id == third.job.id == first.id
    assert third.job.plan == first.plan
    assert await world.ledger.reserved() == PRICE


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(clips_per_day=1), "clips_per_day"),
        (Limits(seconds_per_day=15), "seconds_per_day"),
        (Limits(usd_per_day=Micros(2 * PRICE - 1)), "usd_per_day"),
        (Limits(usd_per_month=Micros(2 * PRICE - 1)), "usd_per_month"),
        (Limits(jobs_at_once=1), "jobs_at_once"),
    ],
)
@pytest.mark.parametrize("scope", [Scope.MEMBER, Scope.GUILD, Scope.BOT])
async def test_every_limit_in_every_scope(
    world: World, limits: Limits, name: str, scope: Scope
) -> None:
    world.policy = {
        Scope.MEMBER: Policy(member=limits),
        Scope.GUILD: Policy(guild=limits),
        Scope.BOT: Policy(bot=limits),
    }[scope]
    job = await world.admit(1)
    fault = await refused(world, 2)
    assert (fault.scope, fault.limit) == (scope, name)
    if name == "jobs_at_once":
        assert fault.frees_at is None
    else:
        window = timedelta(days=30) if name == "usd_per_month" else DAY
        assert fault.frees_at is not None
        assert abs(fault.frees_at - (job.created_at + window)) < timedelta(milliseconds=1)


async def test_a_limit_of_one_member_leaves_the_others_alone(world: World) -> None:
    world.policy = Policy(member=Limits(clips_per_day=1))
    await world.admit(1)
    await refused(world, 2)
    others = [
        Ask(plan(), origin(3, user_id=5)),
        Ask(plan(), origin(4, guild_id=GUILD + 1)),
        Ask(plan(), origin(5, guild_id=None)),
    ]
    assert all(isinstance(each, Job) for each in await ask(world, *others))


async def test_the_window_rolls(world: World) -> None:
    world.policy = Policy(member=Limits(clips_per_day=2, usd_per_month=Micros(3 * PRICE)))
    await world.admit(1)
    world.clock.skip(timedelta(hours=10))
    second = await world.admit(2)
    assert (await refused(world, 3)).limit == "clips_per_day"
    world.clock.skip(timedelta(hours=14, seconds=1))
    await world.admit(4)
    fault = await refused(world, 5)
    assert (fault.limit, fault.used) == ("clips_per_day", 2)
    assert fault.frees_at is not None
    assert abs(fault.frees_at - (second.created_at + DAY)) < timedelta(milliseconds=1)
    world.clock.skip(timedelta(days=2))
    assert (await refused(world, 6)).limit == "usd_per_month"
    world.clock.skip(timedelta(days=28))
    await world.admit(7)


async def test_a_refund_frees_at_once(world: World) -> None:
    world.policy = Policy(member=Limits(clips_per_day=1, jobs_at_once=1))
    job = await world.admit(1)
    await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
    await world.admit(2)


async def test_a_refund_counts_when_its_reservation_did(world: World) -> None:
    world.policy = Policy(member=Limits(clips_per_day=1))
    job = await world.admit(1)
    world.clock.skip(timedelta(hours=25))
    await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
    await world.admit(2)
    await refused(world, 3)  # yesterday's refund gives nothing back today


async def test_the_best_role_counts_and_a_grant_adds(world: World) -> None:
    now = world.clock.now()
    for role, clips in ((50, 1), (51, 2)):
        await world.ledger.set_limit(
            GUILD, Subject.ROLE, role, Limits(clips_per_day=clips), by=ADMIN, now=now
        )
    roles = frozenset({50, 51})
    for key in range(2):
        [answer] = await ask(world, Ask(plan(), origin(key, role_ids=roles)))
        assert isinstance(answer, Job)
    await refused(world, 2, role_ids=roles)
    await world.ledger.grant(
        guild_id=GUILD,
        user_id=MEMBER,
        posting=Posting(EntryKind.GRANT, Amount(clips=1), Account.MEMBER),
        by=ADMIN,
        note=None,
    )
    [answer] = await ask(world, Ask(plan(), origin(3, role_ids=roles)))
    assert isinstance(answer, Job)
    assert (await refused(world, 4, role_ids=roles)).allowed == 3


async def test_setting_a_limit_again_replaces_it_and_clearing_forgets_it(world: World) -> None:
    now = world.clock.now()
    for limits in (Limits(clips_per_day=9), Limits(jobs_at_once=1)):
        await world.ledger.set_limit(GUILD, Subject.DEFAULT, 0, limits, by=ADMIN, now=now)
    [only] = await world.ledger.limits(GUILD)
    assert (only.limits, only.changed_by) == (Limits(jobs_at_once=1), ADMIN)
    await world.ledger.set_limit(GUILD, Subject.DEFAULT, 0, None, by=ADMIN, now=now)
    assert await world.ledger.limits(GUILD) == []


@pytest.mark.parametrize("subject", list(Subject))
async def test_an_admin_who_sets_one_limit_keeps_the_others(world: World, subject: Subject) -> None:
    quotas = Quotas(jobs=world.jobs, ledger=world.ledger, clock=world.clock, policy=world.policy)
    other = Limits(jobs_at_once=9, usd_per_day=Micros(9))
    await quotas.set_limit(GUILD, subject, 2, other, by=ADMIN)
    await quotas.set_limit(GUILD + 1, subject, 1, other, by=ADMIN)
    await quotas.set_limit(GUILD, subject, 1, Limits(clips_per_day=9, jobs_at_once=3), by=ADMIN)
    now = await quotas.set_limit(GUILD, subject, 1, Limits(jobs_at_once=1), by=ADMIN)
    assert now == Limits(clips_per_day=9, jobs_at_once=1)
    set_here = {row.subject_id: row.limits for row in await quotas.list_limits(GUILD)}
    assert set_here == {1: now, 2: other}
    assert await quotas.set_limit(GUILD, subject, 1, None, by=ADMIN) == Limits()
    assert [row.subject_id for row in await quotas.list_limits(GUILD)] == [2]


async def test_a_paused_server_and_a_paused_bot_refuse(world: World) -> None:
    now = world.clock.now()
    await world.guilds.save(GuildRules(GUILD, paused=True, pause_reason="tidy"), by=1, now=now)
    elsewhere = Ask(plan(), origin(1, guild_id=GUILD + 1))
    here, there = await ask(world, Ask(plan(), origin(0)), elsewhere)
    assert isinstance(here, Paused)
    assert (here.by_operator, here.reason) == (False, "tidy")
    assert isinstance(there, Job)
    await world.guilds.save(GuildRules(0, paused=True), by=1, now=now)
    [answer] = await ask(world, Ask(plan(), origin(2, guild_id=GUILD + 1)))
    assert isinstance(answer, Paused)
    assert answer.by_operator


async def test_who_waits_while_the_bot_is_paused_is_told_and_started_afterwards(
    world: World,
) -> None:
    world.policy = Policy(pace=Pace(in_flight=0))
    process = world.process()
    await process.worker.start()
    here, there = await process.submit(1), await process.submit(2, guild_id=GUILD + 1, user_id=1)
    board = process.worker._board
    turning = process.worker._loops.pop()  # the test turns it, and nobody else meanwhile
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
    servers = Servers(guilds=world.guilds, clock=world.clock)

    async def shown() -> dict[int, tuple[int | None, bool]]:
        world.discord.shown.clear()
        await board.refresh(process.worker.worker_id)
        return {p.job.id: (p.place, p.paused) for p in world.discord.shown}

    async def at_rest() -> bool:
        return not await shown()

    await eventually(at_rest)
    await servers.pause(GUILD, by=ADMIN)
    assert await shown() == {here.id: (None, True), there.id: (1, False)}
    await servers.switch(on=False, by=0, reason="a new version")
    assert await shown() == {there.id: (None, True)}
    assert await world.jobs.claim("w", policy=Policy(), most=9) == []
    await servers.switch(on=True, by=0)
    await servers.resume(GUILD, by=ADMIN)
    assert len(await shown()) == 2
    started = await world.jobs.claim("w", policy=Policy(), most=9)
    assert {job.id for job in started} == {here.id, there.id}


@pytest.mark.parametrize(
    ("servers_own", "asks"),
    [(None, True), (Micros(PRICE + 1), False), (PRICE, True), (NEVER, False)],
)
async def test_a_costly_request_asks_first_unless_the_server_says_otherwise(
    world: World, servers_own: Micros | None, asks: bool
) -> None:
    process = world.process()
    process.requests._confirm_above = PRICE
    await world.guilds.save(
        GuildRules(GUILD, confirm_above=servers_own), by=ADMIN, now=world.clock.now()
    )
    check = await process.requests.price_check(plan(), origin(1))
    assert check.needs_confirmation is asks
    in_private = await process.requests.price_check(plan(), origin(2, guild_id=None))
    assert in_private.needs_confirmation
    cheaper = await process.requests.price_check(
        plan(price=Micros(PRICE - 1)), origin(3, guild_id=None)
    )
    assert not cheaper.needs_confirmation


async def test_what_two_admins_change_at_once_is_all_kept(world: World) -> None:
    both_have_read = asyncio.Barrier(2)

    class Crossing(GuildStore):
        async def rules(self, guild_id: int) -> GuildRules:
            found = await super().rules(guild_id)
            await both_have_read.wait()
            return found

    crossing = Servers(guilds=Crossing(world.database), clock=world.clock)
    await asyncio.gather(
        crossing.pause(GUILD, by=1, reason="tidy"),
        crossing.change(
            GUILD, by=2, confirm_above=PRICE, channel_person_rules={5: PersonRule.NOBODY}
        ),
    )
    await asyncio.gather(
        crossing.change(GUILD, by=1, channel_person_rules={6: PersonRule.ADULTS}),
        crossing.change(GUILD, by=2, channel_person_rules={7: PersonRule.NOBODY}),
    )
    rules = await world.guilds.rules(GUILD)
    assert (rules.paused, rules.pause_reason, rules.confirm_above) == (True, "tidy", PRICE)
    assert rules.channel_person_rules == {
        5: PersonRule.NOBODY,
        6: PersonRule.ADULTS,
        7: PersonRule.NOBODY,
    }
    await world.guilds.save(GuildRules(GUILD), by=1, now=world.clock.now())
    assert await world.guilds.rules(GUILD) == GuildRules(GUILD)


async def test_googles_day_for_a_model_counts_what_waits(world: World) -> None:
    world.policy = Policy(pace=Pace(requests_per_day=2))
    await world.admit(1)
    [job] = await world.jobs.claim("w", policy=world.policy, most=9)
    await world.admit(2)
    fault = await refused(world, 3)
    assert (fault.scope, fault.limit, fault.used) == (Scope.MODEL, "requests_per_day", 2)
    assert job.submitted_at is not None
    assert fault.frees_at is not None
    assert abs(fault.frees_at - (job.submitted_at + DAY)) < timedelta(milliseconds=1)
    [other] = await ask(world, Ask(plan(model=MODEL + "x"), origin(4)))
    assert isinstance(other, Job)


async def test_standing_shows_what_is_left_and_when_it_frees(world: World) -> None:
    world.policy = Policy(
        member=Limits(clips_per_day=5, jobs_at_once=2), guild=Limits(usd_per_month=Micros(10**6))
    )
    job = await world.admit(1)
    status = await world.ledger.standing(origin(0), policy=world.policy)
    lines = {(line.scope, line.limit): line for line in status.lines}
    clips = lines[Scope.MEMBER, "clips_per_day"]
    assert (clips.used, clips.left) == (1, 4)
    assert clips.frees_at is not None
    assert abs(clips.frees_at - (job.created_at + DAY)) < timedelta(milliseconds=1)
    assert lines[Scope.MEMBER, "jobs_at_once"].left == 1
    assert lines[Scope.GUILD, "usd_per_month"].left == 600_000


async def test_usage_lists_who_spent_what(world: World) -> None:
    since = world.clock.now()
    await ask(
        world,
        Ask(plan(), origin(1, user_id=5)),
        Ask(plan(), origin(2, user_id=5)),
        Ask(plan(price=Micros(1_000_000)), origin(3, user_id=6)),
    )
    [gone] = await ask(world, Ask(plan(), origin(4, user_id=7)))
    assert isinstance(gone, Job)
    await world.jobs.cancel(gone.id, owner=None, now=world.clock.now())
    rows = await world.ledger.usage(GUILD, since=since)
    assert [(row.user_id, row.clips, row.seconds, row.micros) for row in rows] == [
        (6, 1, 8, 1_000_000),
        (5, 2, 16, 800_000),
    ]


async def test_unknown_is_refunded_to_the_member_and_counted_against_the_server(
    world: World,
) -> None:
    world.policy = Policy(member=Limits(clips_per_day=1), guild=Limits(clips_per_day=2))
    job = await world.admit(1)
    [claimed] = await world.jobs.claim("w", policy=world.policy, most=9)
    await world.jobs.end(
        claimed,
        JobState.UNKNOWN,
        outcome=Outcome.SUBMIT_UNKNOWN,
        postings=settle(Amount.of(job.plan), Settlement.HOUSE),
        now=world.clock.now(),
    )
    assert await world.ledger.reserved() == 0
    await world.admit(2)
    [answer] = await ask(world, Ask(plan(), origin(3, user_id=5)))
    assert isinstance(answer, LimitReached)
    assert answer.scope is Scope.GUILD
    # an admin's refund gives the server its clip back; a charge later takes the member's
    assert [each.id for each in await world.jobs.unknown(GUILD)] == [job.id]
    judged = await world.jobs.judge(job.id, charge=False, by=ADMIN, now=world.clock.now())
    assert judged is not None
    assert judged.state is JobState.FAILED
    assert await world.jobs.judge(job.id, charge=True, by=ADMIN, now=world.clock.now()) is None
    [answer] = await ask(world, Ask(plan(), origin(4, user_id=5)))
    assert isinstance(answer, Job)

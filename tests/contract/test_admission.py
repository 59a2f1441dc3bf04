"""Concurrent requests cannot exceed a quota or budget."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.billing.ledger import (
    EntryKind,
    LedgerAccount,
    LedgerPosting,
    Settlement,
    build_settlement,
)
from bot.domain.billing.limits import (
    DAY,
    LimitSubject,
    PacingLimits,
    SpendingPolicy,
    UsageAmount,
    UsageLimits,
)
from bot.domain.billing.money import Micros
from bot.domain.errors import (
    AlreadyAccepted,
    LimitReached,
    LimitScope,
    RequestRefused,
    RequestsPaused,
)
from bot.domain.guild import NEVER_CONFIRM, GuildRules
from bot.domain.jobs.job import AdmissionRequest, Job, JobState, Outcome
from bot.domain.jobs.request import PersonRule
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.quotas import QuotaService
from bot.services.jobs.admission import AdmissionBatcher
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.queue_status import QueueStatusUpdater
from bot.store.billing.ledger import LedgerStore
from bot.store.guilds import GuildStore
from bot.store.jobs.admission import Admission
from bot.store.jobs.jobs import JobStore
from tests.contract.conftest import POSTGRES_URL
from tests.fakes.world import GUILD, MEMBER, MODEL, PRICE, SimulatedWorld, make_origin, make_plan
from tests.harness.waiting import eventually

ADMIN = 1
DAY_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


async def ask(world: SimulatedWorld, *asks: AdmissionRequest) -> list[Job | RequestRefused]:
    answers = await world.jobs.admit_requests(asks, policy=world.policy, owner=None)
    return [answer.job if isinstance(answer, Admission) else answer for answer in answers]


async def refused(world: SimulatedWorld, key: str | int, **about: object) -> LimitReached:
    [answer] = await ask(world, AdmissionRequest(make_plan(), make_origin(key, **about)))
    assert isinstance(answer, LimitReached), answer
    return answer


async def admit_in(world: SimulatedWorld, key: int, guild_id: int | None) -> None:
    """Accept a member's request in a server or a direct message."""
    [answer] = await ask(world, AdmissionRequest(make_plan(), make_origin(key, guild_id=guild_id)))
    assert isinstance(answer, Job), answer


async def rush(world: SimulatedWorld, asks: Sequence[AdmissionRequest]) -> tuple[int, int]:
    door = AdmissionBatcher(jobs=world.jobs, policy=world.policy, clock=world.clock)
    answers = await asyncio.gather(
        *(door.admit_request(each, owner=None) for each in asks), return_exceptions=True
    )
    kinds = [type(each) for each in answers]
    assert set(kinds) <= {Admission, LimitReached}, answers
    return kinds.count(Admission), kinds.count(LimitReached)


async def test_200_concurrent_requests_respect_member_limit(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=5))
    assert await rush(
        world, [AdmissionRequest(make_plan(), make_origin(n)) for n in range(200)]
    ) == (5, 195)
    assert await world.ledger.sum_reserved() == 5 * PRICE


async def test_50_concurrent_members_respect_server_budget(world: SimulatedWorld) -> None:
    await world.ledger.set_limit(
        GUILD,
        LimitSubject.GUILD,
        0,
        UsageLimits(usd_per_day=Micros(7 * PRICE)),
        actor_id=ADMIN,
        now=world.clock.now(),
    )
    asks = [AdmissionRequest(make_plan(), make_origin(n, user_id=1000 + n)) for n in range(50)]
    assert await rush(world, asks) == (7, 43)
    assert await world.ledger.sum_reserved() == 7 * PRICE


@pytest.mark.postgresql
@pytest.mark.parametrize(("scenario", "accepted"), [("member", 5), ("guild", 7)])
async def test_concurrent_requests_from_two_processes_respect_limit(
    postgres_schema: str, scenario: str, accepted: int
) -> None:
    command = (
        sys.executable,
        "-m",
        "tests.contract.requester",
        POSTGRES_URL,
        postgres_schema,
    )
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
async def test_quota_windows_use_database_clock(world: SimulatedWorld, hours: int) -> None:
    """A process whose own clock is wrong neither raises a limit nor delays a member."""
    world.policy = SpendingPolicy(
        member=UsageLimits(clips_per_day=1), pace=PacingLimits(requests_per_day=1)
    )
    store = JobStore(world.database)
    world.clock.jump(timedelta(hours=hours))
    asks = [AdmissionRequest(make_plan(), make_origin(n)) for n in range(2)]
    first, second = await store.admit_requests(asks, policy=world.policy, owner=None)
    assert isinstance(first, Admission)
    assert isinstance(second, LimitReached)
    accepted_at = first.job.created_at
    assert abs(accepted_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert second.frees_at == accepted_at + DAY
    [line] = (
        await LedgerStore(world.database).quota_status(make_origin(0), policy=world.policy)
    ).lines
    assert (line.remaining, line.frees_at) == (0, accepted_at + DAY)
    [started] = await store.claim_jobs("w", policy=world.policy, limit=9)
    assert abs((started.submitted_at or DAY_ZERO) - datetime.now(UTC)) < timedelta(minutes=1)


async def test_an_accepted_request_is_reserved_in_all_three_measures(world: SimulatedWorld) -> None:
    job = await world.admit_job(1)
    [entry] = await world.ledger.list_entries(job.id)
    assert entry.posting == LedgerPosting(EntryKind.RESERVE, UsageAmount(PRICE, 1, 8))
    assert (entry.guild_id, entry.user_id) == (GUILD, MEMBER)


async def test_the_same_event_twice_is_accepted_once(world: SimulatedWorld) -> None:
    twice = [
        AdmissionRequest(make_plan(), make_origin("same")),
        AdmissionRequest(make_plan(), make_origin("same")),
    ]
    first, second = await ask(world, *twice)
    assert isinstance(first, Job)
    assert isinstance(second, AlreadyAccepted)
    [third] = await ask(world, twice[0])
    assert isinstance(third, AlreadyAccepted)
    assert second.job.id == third.job.id == first.id
    assert third.job.plan == first.plan
    assert await world.ledger.sum_reserved() == PRICE


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (UsageLimits(clips_per_day=1), "clips_per_day"),
        (UsageLimits(seconds_per_day=15), "seconds_per_day"),
        (UsageLimits(usd_per_day=Micros(2 * PRICE - 1)), "usd_per_day"),
        (UsageLimits(usd_per_month=Micros(2 * PRICE - 1)), "usd_per_month"),
        (UsageLimits(jobs_at_once=1), "jobs_at_once"),
    ],
)
@pytest.mark.parametrize("scope", [LimitScope.MEMBER, LimitScope.GUILD, LimitScope.BOT])
async def test_every_limit_in_every_scope(
    world: SimulatedWorld, limits: UsageLimits, name: str, scope: LimitScope
) -> None:
    world.policy = {
        LimitScope.MEMBER: SpendingPolicy(member=limits),
        LimitScope.GUILD: SpendingPolicy(guild=limits),
        LimitScope.BOT: SpendingPolicy(bot=limits),
    }[scope]
    job = await world.admit_job(1)
    fault = await refused(world, 2)
    assert (fault.scope, fault.limit) == (scope, name)
    if name == "jobs_at_once":
        assert fault.frees_at is None
    else:
        window = timedelta(days=30) if name == "usd_per_month" else DAY
        assert fault.frees_at is not None
        assert abs(fault.frees_at - (job.created_at + window)) < timedelta(milliseconds=1)


async def test_a_limit_of_one_member_leaves_the_others_alone(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=1))
    await world.admit_job(1)
    await refused(world, 2)
    others = [
        AdmissionRequest(make_plan(), make_origin(3, user_id=5)),
        AdmissionRequest(make_plan(), make_origin(4, user_id=6, guild_id=GUILD + 1)),
        AdmissionRequest(make_plan(), make_origin(5, user_id=7, guild_id=None)),
    ]
    assert all(isinstance(each, Job) for each in await ask(world, *others))


async def test_a_members_daily_limit_covers_all_places(world: SimulatedWorld) -> None:
    """Servers, direct messages and guest places add up. [people-M34]"""
    world.policy = SpendingPolicy(member=UsageLimits(usd_per_day=Micros(2 * PRICE)))
    await world.admit_job(1)
    await admit_in(world, 2, GUILD + 1)
    for guild_id in (GUILD, GUILD + 1, GUILD + 2, None):
        answer = await refused(world, f"place {guild_id}", guild_id=guild_id)
        assert answer.scope is LimitScope.EVERYWHERE
        assert answer.used == 2 * PRICE
        assert answer.frees_at is not None
    [preview] = [
        await world.jobs.preview_admission(
            AdmissionRequest(make_plan(), make_origin(9, guild_id=None)), policy=world.policy
        )
    ]
    assert isinstance(preview, LimitReached)
    status = await world.ledger.quota_status(make_origin(9, guild_id=None), policy=world.policy)
    [line] = status.lines_for(LimitScope.EVERYWHERE)
    assert line.remaining == 0


async def test_a_member_whom_a_server_allows_more_has_it_there_only(
    world: SimulatedWorld,
) -> None:
    """An admin's higher limit applies in that server only, and its usage counts elsewhere too.

    [people-M34]
    """
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=1))
    await world.ledger.set_limit(
        GUILD,
        LimitSubject.MEMBER,
        MEMBER,
        UsageLimits(clips_per_day=3),
        actor_id=ADMIN,
        now=world.clock.now(),
    )
    await admit_in(world, 1, None)
    await world.admit_job(2)
    await world.admit_job(3)
    assert (await refused(world, 4)).scope is LimitScope.EVERYWHERE
    assert (await refused(world, 5, guild_id=None)).scope is LimitScope.MEMBER
    assert (await refused(world, 6, guild_id=GUILD + 1)).scope is LimitScope.EVERYWHERE
    roomy = AdmissionRequest(make_plan(), make_origin(7, user_id=99))
    assert isinstance((await ask(world, roomy))[0], Job)


async def test_requests_that_arrive_together_share_a_members_day(world: SimulatedWorld) -> None:
    """[people-M34]"""
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=5))
    places = [None, *range(GUILD, GUILD + 40)]
    asks = [AdmissionRequest(make_plan(), make_origin(n, guild_id=p)) for n, p in enumerate(places)]
    assert await rush(world, asks) == (5, 36)


async def test_quota_window_rolls(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(
        member=UsageLimits(clips_per_day=2, usd_per_month=Micros(3 * PRICE))
    )
    await world.admit_job(1)
    world.clock.jump(timedelta(hours=10))
    second = await world.admit_job(2)
    assert (await refused(world, 3)).limit == "clips_per_day"
    world.clock.jump(timedelta(hours=14, seconds=1))
    await world.admit_job(4)
    fault = await refused(world, 5)
    assert (fault.limit, fault.used) == ("clips_per_day", 2)
    assert fault.frees_at is not None
    assert abs(fault.frees_at - (second.created_at + DAY)) < timedelta(milliseconds=1)
    world.clock.jump(timedelta(days=2))
    assert (await refused(world, 6)).limit == "usd_per_month"
    world.clock.jump(timedelta(days=28))
    await world.admit_job(7)


async def test_refund_frees_quota_immediately(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=1, jobs_at_once=1))
    job = await world.admit_job(1)
    await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
    await world.admit_job(2)


async def test_refund_counts_at_reservation_time(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=1))
    job = await world.admit_job(1)
    world.clock.jump(timedelta(hours=25))
    await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
    await world.admit_job(2)
    await refused(world, 3)  # yesterday's refund gives nothing back today


async def test_the_best_role_counts_and_a_grant_adds(world: SimulatedWorld) -> None:
    now = world.clock.now()
    for role, clips in ((50, 1), (51, 2)):
        await world.ledger.set_limit(
            GUILD,
            LimitSubject.ROLE,
            role,
            UsageLimits(clips_per_day=clips),
            actor_id=ADMIN,
            now=now,
        )
    roles = frozenset({50, 51})
    for key in range(2):
        [answer] = await ask(world, AdmissionRequest(make_plan(), make_origin(key, role_ids=roles)))
        assert isinstance(answer, Job)
    await refused(world, 2, role_ids=roles)
    await world.ledger.add_grant(
        guild_id=GUILD,
        user_id=MEMBER,
        posting=LedgerPosting(EntryKind.GRANT, UsageAmount(clips=1), LedgerAccount.MEMBER),
        actor_id=ADMIN,
        comment=None,
    )
    [answer] = await ask(world, AdmissionRequest(make_plan(), make_origin(3, role_ids=roles)))
    assert isinstance(answer, Job)
    assert (await refused(world, 4, role_ids=roles)).allowed == 3


async def test_setting_a_limit_again_replaces_it_and_clearing_forgets_it(
    world: SimulatedWorld,
) -> None:
    now = world.clock.now()
    for limits in (UsageLimits(clips_per_day=9), UsageLimits(jobs_at_once=1)):
        await world.ledger.set_limit(
            GUILD, LimitSubject.DEFAULT, 0, limits, actor_id=ADMIN, now=now
        )
    [only] = await world.ledger.list_limits(GUILD)
    assert (only.limits, only.changed_by) == (UsageLimits(jobs_at_once=1), ADMIN)
    await world.ledger.set_limit(GUILD, LimitSubject.DEFAULT, 0, None, actor_id=ADMIN, now=now)
    assert await world.ledger.list_limits(GUILD) == []


@pytest.mark.parametrize("subject", list(LimitSubject))
async def test_an_admin_who_sets_one_limit_keeps_the_others(
    world: SimulatedWorld, subject: LimitSubject
) -> None:
    quotas = QuotaService(
        jobs=world.jobs, ledger=world.ledger, clock=world.clock, policy=SpendingPolicy()
    )
    other = UsageLimits(jobs_at_once=9, usd_per_day=Micros(9))
    await quotas.set_limit(GUILD, subject, 2, other, actor_id=ADMIN)
    await quotas.set_limit(GUILD + 1, subject, 1, other, actor_id=ADMIN)
    await quotas.set_limit(
        GUILD, subject, 1, UsageLimits(clips_per_day=9, jobs_at_once=3), actor_id=ADMIN
    )
    now = await quotas.set_limit(GUILD, subject, 1, UsageLimits(jobs_at_once=1), actor_id=ADMIN)
    assert now == UsageLimits(clips_per_day=9, jobs_at_once=1)
    set_here = {row.subject_id: row.limits for row in await world.ledger.list_limits(GUILD)}
    assert set_here == {1: now, 2: other}
    assert await quotas.set_limit(GUILD, subject, 1, None, actor_id=ADMIN) == UsageLimits()
    assert [row.subject_id for row in await world.ledger.list_limits(GUILD)] == [2]


async def test_a_paused_server_and_a_paused_bot_refuse(world: SimulatedWorld) -> None:
    now = world.clock.now()
    await world.guilds.save_rules(
        GuildRules(GUILD, paused=True, pause_reason="tidy"), actor_id=1, now=now
    )
    elsewhere = AdmissionRequest(make_plan(), make_origin(1, guild_id=GUILD + 1))
    here, there = await ask(world, AdmissionRequest(make_plan(), make_origin(0)), elsewhere)
    assert isinstance(here, RequestsPaused)
    assert (here.by_operator, here.reason) == (False, "tidy")
    assert isinstance(there, Job)
    await world.guilds.save_rules(GuildRules(0, paused=True), actor_id=1, now=now)
    [answer] = await ask(world, AdmissionRequest(make_plan(), make_origin(2, guild_id=GUILD + 1)))
    assert isinstance(answer, RequestsPaused)
    assert answer.by_operator


class IdleUpdater(QueueStatusUpdater):
    """Updates only when the test tells it to."""

    async def run(self, *_: Any) -> None:
        await asyncio.Event().wait()


async def test_queued_job_starts_after_pause_ends(
    world: SimulatedWorld,
) -> None:
    world.policy = SpendingPolicy(pace=PacingLimits(in_flight=0))
    updater = IdleUpdater(
        jobs=world.jobs,
        job_messages=world.discord,
        wait_estimates=WaitEstimates(
            model_states=world.model_store, clock=world.clock, pace=world.policy.pace
        ),
        model_states=world.model_store,
        clock=world.clock,
    )
    process = await world.start_process(queue_status_updater=updater)
    here, there = (
        await process.submit_job(1),
        await process.submit_job(2, guild_id=GUILD + 1, user_id=1),
    )
    servers = ServerRulesService(guilds=world.guilds, clock=world.clock)

    async def shown() -> dict[int, tuple[int | None, bool]]:
        world.discord.shown_progress.clear()
        await updater.update_statuses(process.worker.worker_id)
        return {p.job.id: (p.queue_position, p.paused) for p in world.discord.shown_progress}

    async def at_rest() -> bool:
        return not await shown()

    await eventually(at_rest)
    await servers.pause_guild(GUILD, actor_id=ADMIN)
    assert await shown() == {here.id: (None, True), there.id: (1, False)}
    await servers.switch_bot(enabled=False, actor_id=0, reason="a new version")
    assert await shown() == {there.id: (None, True)}
    assert await world.jobs.claim_jobs("w", policy=SpendingPolicy(), limit=9) == []
    await servers.switch_bot(enabled=True, actor_id=0)
    await servers.resume_guild(GUILD, actor_id=ADMIN)
    assert len(await shown()) == 2
    started = await world.jobs.claim_jobs("w", policy=SpendingPolicy(), limit=9)
    assert {job.id for job in started} == {here.id, there.id}


@pytest.mark.parametrize(
    ("servers_own", "asks"),
    [(None, True), (Micros(PRICE + 1), False), (PRICE, True), (NEVER_CONFIRM, False)],
)
async def test_a_costly_request_asks_first_unless_the_server_says_otherwise(
    world: SimulatedWorld, servers_own: Micros | None, asks: bool
) -> None:
    process = world.create_process(confirm_above_price=PRICE)
    await world.guilds.save_rules(
        GuildRules(GUILD, confirm_above=servers_own), actor_id=ADMIN, now=world.clock.now()
    )
    servers = ServerRulesService(guilds=world.guilds, clock=world.clock)
    here = await servers.load_context(make_origin(1))
    in_private = await servers.load_context(make_origin(2, guild_id=None))
    requests, cheaper = process.request_service, make_plan(price=Micros(PRICE - 1))
    assert requests.needs_confirmation(make_plan(), here) is asks
    assert requests.needs_confirmation(make_plan(), in_private)
    assert not requests.needs_confirmation(cheaper, in_private)


async def test_concurrent_settings_changes_are_all_kept(world: SimulatedWorld) -> None:
    both_have_read = asyncio.Barrier(2)

    class Crossing(GuildStore):
        async def load_rules(self, guild_id: int) -> GuildRules:
            found = await super().load_rules(guild_id)
            await both_have_read.wait()
            return found

    crossing = ServerRulesService(guilds=Crossing(world.database), clock=world.clock)
    await asyncio.gather(
        crossing.pause_guild(GUILD, actor_id=1, reason="tidy"),
        crossing.change_rules(
            GUILD, actor_id=2, confirm_above=PRICE, channel_person_rules={5: PersonRule.NOBODY}
        ),
    )
    await asyncio.gather(
        crossing.change_rules(GUILD, actor_id=1, channel_person_rules={6: PersonRule.ADULTS}),
        crossing.change_rules(GUILD, actor_id=2, channel_person_rules={7: PersonRule.NOBODY}),
    )
    rules = await world.guilds.load_rules(GUILD)
    assert (rules.paused, rules.pause_reason, rules.confirm_above) == (True, "tidy", PRICE)
    assert rules.channel_person_rules == {
        5: PersonRule.NOBODY,
        6: PersonRule.ADULTS,
        7: PersonRule.NOBODY,
    }
    await world.guilds.save_rules(GuildRules(GUILD), actor_id=1, now=world.clock.now())
    assert await world.guilds.load_rules(GUILD) == GuildRules(GUILD)


async def test_daily_model_limit_counts_queued_jobs(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(pace=PacingLimits(requests_per_day=2))
    await world.admit_job(1)
    [job] = await world.jobs.claim_jobs("w", policy=world.policy, limit=9)
    await world.admit_job(2)
    fault = await refused(world, 3)
    assert (fault.scope, fault.limit, fault.used) == (LimitScope.MODEL, "requests_per_day", 2)
    assert job.submitted_at is not None
    assert fault.frees_at is not None
    assert abs(fault.frees_at - (job.submitted_at + DAY)) < timedelta(milliseconds=1)
    [other] = await ask(world, AdmissionRequest(make_plan(model=MODEL + "x"), make_origin(4)))
    assert isinstance(other, Job)


async def test_quota_status_shows_remaining_and_reset_time(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(
        member=UsageLimits(clips_per_day=5, jobs_at_once=2),
        guild=UsageLimits(usd_per_month=Micros(10**6)),
    )
    job = await world.admit_job(1)
    status = await world.ledger.quota_status(make_origin(0), policy=world.policy)
    lines = {(line.scope, line.limit): line for line in status.lines}
    clips = lines[LimitScope.MEMBER, "clips_per_day"]
    assert (clips.used, clips.remaining) == (1, 4)
    assert clips.frees_at is not None
    assert abs(clips.frees_at - (job.created_at + DAY)) < timedelta(milliseconds=1)
    assert lines[LimitScope.MEMBER, "jobs_at_once"].remaining == 1
    assert lines[LimitScope.GUILD, "usd_per_month"].remaining == 600_000


async def test_an_admission_says_what_is_left(world: SimulatedWorld) -> None:
    """As `/quota show` would right after it, but without the times."""
    limits = UsageLimits(clips_per_day=9, usd_per_month=Micros(10**7), jobs_at_once=9)
    world.policy = SpendingPolicy(member=limits, guild=limits, bot=limits)
    await world.admit_job(1)
    for key, guild_id in ((2, GUILD), (3, GUILD + 1), (4, None)):
        origin = make_origin(key, guild_id=guild_id)
        answers = await world.jobs.admit_requests(
            [
                AdmissionRequest(make_plan(), make_origin(f"{key}+", user_id=MEMBER + 1)),
                AdmissionRequest(make_plan(), origin),
            ],
            policy=world.policy,
            owner=None,
        )
        assert isinstance(answers[1], Admission)
        assert answers[1].quota_status is not None
        shown = await world.ledger.quota_status(origin, policy=world.policy)
        assert answers[1].quota_status.lines == tuple(
            replace(line, frees_at=None) for line in shown.lines
        )


async def test_usage_lists_spending_per_member(world: SimulatedWorld) -> None:
    since = world.clock.now()
    await ask(
        world,
        AdmissionRequest(make_plan(), make_origin(1, user_id=5)),
        AdmissionRequest(make_plan(), make_origin(2, user_id=5)),
        AdmissionRequest(make_plan(price=Micros(1_000_000)), make_origin(3, user_id=6)),
    )
    [gone] = await ask(world, AdmissionRequest(make_plan(), make_origin(4, user_id=7)))
    assert isinstance(gone, Job)
    await world.jobs.cancel(gone.id, owner=None, now=world.clock.now())
    rows = await world.ledger.list_usage(GUILD, since=since)
    assert [(row.user_id, row.clips, row.seconds, row.micros) for row in rows] == [
        (6, 1, 8, 1_000_000),
        (5, 2, 16, 800_000),
    ]


async def test_unknown_is_refunded_to_the_member_and_counted_against_the_server(
    world: SimulatedWorld,
) -> None:
    world.policy = SpendingPolicy(
        member=UsageLimits(clips_per_day=1), guild=UsageLimits(clips_per_day=2)
    )
    job = await world.admit_job(1)
    [claimed] = await world.jobs.claim_jobs("w", policy=world.policy, limit=9)
    await world.jobs.finish_job(
        claimed,
        JobState.UNKNOWN,
        outcome=Outcome.SUBMIT_UNKNOWN,
        postings=build_settlement(UsageAmount.from_plan(job.plan), Settlement.ABSORBED),
        now=world.clock.now(),
    )
    assert await world.ledger.sum_reserved() == 0
    await world.admit_job(2)
    [answer] = await ask(world, AdmissionRequest(make_plan(), make_origin(3, user_id=5)))
    assert isinstance(answer, LimitReached)
    assert answer.scope is LimitScope.GUILD
    # an admin's refund gives the server its clip back; a charge later takes the member's
    assert [each.id for each in await world.jobs.list_unknown(GUILD)] == [job.id]
    judged = await world.jobs.settle_unknown(
        job.id, charge=False, actor_id=ADMIN, now=world.clock.now()
    )
    assert judged is not None
    assert judged.state is JobState.FAILED
    assert (
        await world.jobs.settle_unknown(job.id, charge=True, actor_id=ADMIN, now=world.clock.now())
        is None
    )
    [answer] = await ask(world, AdmissionRequest(make_plan(), make_origin(4, user_id=5)))
    assert isinstance(answer, Job)

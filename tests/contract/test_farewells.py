"""Farewells of members and servers: nothing of theirs stays, the sums do, and limits hold on."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Executable, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import MONTH, Limits, Policy, Subject
from bot.domain.erasure import stand_in
from bot.domain.errors import LimitReached
from bot.domain.jobs.job import JobState
from bot.domain.jobs.request import Image
from bot.domain.showcase.post import Act, Consent, Maker, Record
from bot.domain.stores import Ask
from bot.store.engine.database import Database
from bot.store.engine.types import UtcTime
from bot.store.privacy.erasure import FarewellStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.posts import ShowcaseStore
from bot.store.showcase.settings import HouseStore
from bot.store.showcase.stars import StarStore
from bot.store.tables.core import clips, jobs, metadata
from bot.store.tables.row_mapping import plan_to_json
from bot.store.tables.showcase import farewells as farewells_table
from bot.store.tables.showcase import showcase
from tests.contract.test_showcase import NOW, made, opened, shown
from tests.fakes.world import GUILD, MEMBER, World, origin, plan

SPARED = {"limits", "showcase_blocks"}
"""A server's own decisions about a member."""


async def traces(database: Database, number: int) -> set[str]:
    """Return ``table.column`` wherever a number stands."""

    async def look(connection: AsyncConnection) -> set[str]:
        found = set()
        for table in metadata.sorted_tables:
            for row in (await connection.execute(select(table))).mappings():
                found |= {f"{table.name}.{name}" for name, value in row.items() if value == number}
        return found

    return await database.read(look)


async def rows(database: Database, table: Table) -> int:
    async def look(connection: AsyncConnection) -> int:
        return len((await connection.execute(select(table))).all())

    return await database.read(look)


async def end(world: World, job_id: int, state: JobState = JobState.DONE) -> None:
    """Let a job have ended, with nobody left to announce it."""
    await world.database.write(
        lambda c: c.execute(
            jobs.update().where(jobs.c.id == job_id).values(state=state, owner=None)
        )
    )


async def test_a_forgotten_member_leaves_sums_and_nothing_else(world: World) -> None:
    database = world.database
    farewells, stars, houses = (
        FarewellStore(database),
        StarStore(database),
        HouseStore(database),
    )
    job = await world.admit("a", prompt="a secret garden")
    other = await world.jobs.admit(
        [Ask(plan(), origin("b", user_id=901))], policy=Policy(), owner=None
    )
    assert len(other) == 1
    spent = await world.ledger.usage(GUILD, since=NOW - timedelta(days=9))
    clip = await made(database, 50, job_id=job.id, user_id=MEMBER)
    theirs = await made(database, 51, job_id=99, user_id=901)
    await opened(database)
    await shown(database, clip)
    await shown(database, theirs)
    await stars.star(10_051, 51, MEMBER, on=True)
    await stars.star(10_051, 51, 902, on=True)
    await houses.choose(Maker(GUILD, MEMBER, consent=Consent.EVERYONE, hide_prompt=True))
    await houses.note(Record(GUILD, MEMBER, Act.HIDE, NOW, clip_id=51, member_id=MEMBER))
    await world.ledger.set_limit(
        GUILD, Subject.MEMBER, MEMBER, Limits(clips_per_day=3), by=MEMBER, now=NOW
    )
    exported = await ExportStore(database).of_member(MEMBER)
    assert {name for name, found in exported.items() if found} == {
        "requests",
        "clips",
        "bookings",
        "limits",
        "limits_set",
        "showcase",
        "showcase_choices",
        "stars",
        "moderation",
    }

    asked = world.clock.now()
    await farewells.ask(MEMBER, owner="w", now=asked)
    assert await farewells.claim("w") == [(MEMBER, asked)]
    running = await farewells.of_member(MEMBER, before=asked)
    assert running.busy
    assert running.job_ids == ()
    await end(world, job.id)
    part = await farewells.of_member(MEMBER, before=asked)
    assert part.job_ids == (job.id,)
    assert part.clip_ids == (50,)
    assert part.paths == (clip.path,)
    assert (10, 10_050) in part.posts
    await farewells.erase(part)
    await farewells.erase(part)  # as after a crash
    assert (await farewells.of_member(MEMBER, before=asked)).job_ids == ()
    await farewells.forget(MEMBER, now=world.clock.now())

    left = await traces(database, MEMBER)
    assert {each.partition(".")[0] for each in left} <= SPARED
    assert await farewells.claim("w") == []
    assert await rows(database, clips) == 1
    assert await rows(database, showcase) == 1
    kept = await ShowcaseStore(database).of_clip(51)
    assert kept is not None
    assert kept.entry.votes == 1
    after = await world.ledger.usage(GUILD, since=NOW - timedelta(days=9))
    assert sum(row.micros for row in after) == sum(row.micros for row in spent)
    await farewells.tidy(now=world.clock.now() + MONTH, log_until=NOW)
    # a star that may still stand in Discord keeps its stand-in, so that it does not count again
    assert await traces(database, stand_in(MEMBER)) == {"stars.user_id"}


NOBODYS = {
    "id", "job_id", "clip_id", "parent_clip_id", "root_clip_id", "guild_id", "channel_id",
    "message_id", "request_message_id", "status_message_id", "posted_message_id",
    "visit_message_id", "upload_limit", "price", "micros", "size", "usd_per_day", "usd_per_month",
    "confirm_above",
}  # fmt: skip
"""Large numbers that are not a person's. What is not named here has to be handed out and go."""


def personal() -> list[Column[Any]]:
    """Return every column of every table that may hold a member's number."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, BigInteger) and column.name not in NOBODYS
    ]


def row_about(column: Column[Any], member: int) -> dict[str, Any]:
    """Return a row of ``column``'s table with a member's number in that column alone."""
    kinds: dict[type, Any] = {bool: False, int: 1, float: 1.0, str: "x"}
    row: dict[str, Any] = {
        each.name: NOW if isinstance(each.type, UtcTime) else kinds[each.type.python_type]
        for each in column.table.columns
        if not each.nullable and each.server_default is None
    }
    fitting: dict[str, dict[str, Any]] = {
        "jobs": {"state": JobState.DONE, "plan": plan_to_json(plan()), "role_ids": "[]"},
        "limits": {"subject": Subject.MEMBER},
        "audit": {"act": Act.HIDE},
    }
    return row | fitting.get(column.table.name, {}) | {column.name: member}


async def test_every_column_with_a_members_number_is_handed_out_and_forgotten(
    database: Database,
) -> None:
    farewells, columns = FarewellStore(database), personal()
    assert {str(each) for each in columns} > {"stars.user_id", "ledger.by", "audit.member_id"}

    async def write(statement: Executable) -> None:
        await database.write(lambda connection: connection.execute(statement))

    for column in columns:
        if column.table is clips:  # a clip goes with its job
            job = row_about(jobs.c.user_id, MEMBER) | {"id": 1}
            await write(jobs.insert().values(job))
        if column.table is not farewells_table:
            await write(column.table.insert().values(row_about(column, MEMBER)))
        asked = NOW + timedelta(days=1)
        await farewells.ask(MEMBER, owner="w", now=asked)
        assert str(column) in await traces(database, MEMBER)
        exported = await ExportStore(database).of_member(MEMBER)
        assert any(rows for name, rows in exported.items() if name != "farewells") or (
            column.table is farewells_table and exported["farewells"]
        ), f"{column} is not handed out"
        await farewells.erase(await farewells.of_member(MEMBER, before=asked))
        await farewells.forget(MEMBER, now=NOW)
        left = {each for each in await traces(database, MEMBER) if each != str(column)}
        assert not left, column
        if column.table.name not in SPARED or column.name not in ("subject_id", "user_id"):
            assert not await traces(database, MEMBER), f"{column} is not forgotten"
        await write(column.table.delete())


async def test_being_forgotten_wins_nobody_a_fresh_quota(world: World) -> None:
    farewells = FarewellStore(world.database)
    world.policy = Policy(member=Limits(clips_per_day=1))
    job = await world.admit("a")
    await end(world, job.id)
    now = world.clock.now()
    await farewells.ask(MEMBER, owner="w", now=now)
    await farewells.erase(await farewells.of_member(MEMBER, before=now))
    await farewells.forget(MEMBER, now=now)
    [answer] = await world.jobs.admit([Ask(plan(), origin("b"))], policy=world.policy, owner=None)
    assert isinstance(answer, LimitReached)
    assert answer.used == 1
    assert answer.frees_at is not None


async def test_a_job_whose_end_nobody_knows_stays_without_its_prompt(world: World) -> None:
    farewells = FarewellStore(world.database)
    job = await world.admit("a", prompt="a secret garden", seed=7)
    await end(world, job.id, JobState.UNKNOWN)
    now = world.clock.now()
    await farewells.erase(await farewells.of_member(MEMBER, before=now))
    left = await world.job(job.id)
    assert left.plan.prompt == ""
    assert left.plan.seed is None
    assert left.origin.user_id == stand_in(MEMBER)
    assert (await farewells.of_member(MEMBER, before=now)).job_ids == ()
    await world.jobs.judge(job.id, charge=False, by=1, now=now)
    assert sum(row.micros for row in await world.ledger.usage(GUILD, since=NOW)) == 0


async def test_a_server_that_was_left_goes_after_its_grace(world: World) -> None:
    database = world.database
    farewells = FarewellStore(database)
    job = await world.admit("a")
    await end(world, job.id)
    await made(database, 50, job_id=job.id)
    await opened(database)
    now = world.clock.now()
    assert await farewells.known_servers() == [GUILD]
    await farewells.left(GUILD, now=now)
    await farewells.left(GUILD, now=now + timedelta(days=3))
    assert await farewells.known_servers() == []
    assert await farewells.due(before=now) == []
    assert await farewells.due(before=now + timedelta(days=1)) == [GUILD]
    # back in time
    await farewells.back([GUILD, 5])
    assert await farewells.due(before=now + timedelta(days=1)) == []
    before = now + timedelta(days=1)
    assert not await farewells.remove_server(GUILD, left_before=before)
    assert GUILD in {int(each) for each in await farewells.known_servers()}
    # and gone for good
    await farewells.left(GUILD, now=now)
    part = await farewells.of_server(GUILD)
    assert part.clip_ids == (50,)
    await farewells.erase(part)
    assert await farewells.remove_server(GUILD, left_before=before)
    assert await traces(database, GUILD) == set()
    assert await world.ledger.reserved() == plan().price


async def test_a_farewell_of_a_dead_worker_is_taken_over(database: Database) -> None:
    farewells = FarewellStore(database)
    await farewells.ask(MEMBER, owner="gone", now=NOW)
    await farewells.ask(MEMBER, owner="other", now=NOW + timedelta(days=1))
    assert await farewells.claim("w") == [(MEMBER, NOW)]


@pytest.mark.parametrize("times", [1, 2])
async def test_an_image_that_another_request_uses_stays(world: World, times: int) -> None:
    image = Image("inputs/ab.png", "image/png", 10, 10, "ab")
    job = await world.admit("a", image=image)
    if times == 2:
        await world.jobs.admit(
            [Ask(plan(image=image), origin("b", user_id=901))],
            policy=Policy(),
            owner=None,
        )
    await end(world, job.id)
    part = await FarewellStore(world.database).of_member(MEMBER, before=world.clock.now())
    assert part.paths == ((image.path,) if times == 1 else ())

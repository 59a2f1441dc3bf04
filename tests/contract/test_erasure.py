"""Erasing a member or server removes all personal data; totals and limits stay correct."""

from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Executable, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind, LedgerAccount
from bot.domain.billing.limits import MONTH, LimitSubject, SpendingPolicy, UsageLimits
from bot.domain.erasure import pseudonym_for
from bot.domain.errors import LimitReached
from bot.domain.jobs.job import AdmissionRequest, JobState
from bot.domain.jobs.request import InputImage
from bot.domain.showcase.post import (
    AuditAction,
    AuditEntry,
    CreatorPreferences,
    ShowcaseConsent,
    Star,
)
from bot.store.billing.verification import verify_ledger
from bot.store.engine import row_batches
from bot.store.engine.database import Database
from bot.store.engine.types import UtcTime
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore
from bot.store.tables.core import (
    clips_table,
    guilds_table,
    jobs_table,
    limits_table,
    metadata,
)
from bot.store.tables.moderation import log_channels_table
from bot.store.tables.row_mapping import plan_to_json
from bot.store.tables.showcase import (
    erasure_requests_table,
    guild_removals_table,
    showcase_posts_table,
    showcase_settings_table,
)
from bot.store.tables.sums import daily_usage_table
from tests.contract.conftest import delete_all_rows
from tests.contract.test_showcase_store import NOW, made, opened, shown
from tests.fakes.world import GUILD, MEMBER, SimulatedWorld, make_origin, make_plan

SPARED = {"limits", "showcase_blocks", "request_blocks"}
"""A server's own decisions about a member."""


async def traces(database: Database, number: int) -> set[str]:
    """Return ``table.column`` of every place that contains a number, also as a text."""

    async def look(connection: AsyncConnection) -> set[str]:
        found = set()
        for table in metadata.sorted_tables:
            for row in (await connection.execute(select(table))).mappings():
                found |= {
                    f"{table.name}.{name}"
                    for name, value in row.items()
                    if value in (number, str(number))
                }
        return found

    return await database.read(look)


async def rows(database: Database, table: Table) -> int:
    async def look(connection: AsyncConnection) -> int:
        return len((await connection.execute(select(table))).all())

    return await database.read(look)


async def end(world: SimulatedWorld, job_id: int, state: JobState = JobState.DONE) -> None:
    """End a job whose outcome needs no announcement."""
    await world.database.write(
        lambda c: c.execute(
            jobs_table.update().where(jobs_table.c.id == job_id).values(state=state, owner=None)
        )
    )


async def test_erased_member_leaves_only_totals(world: SimulatedWorld) -> None:
    """The status message and copies are deleted too. [people-M14]"""
    database = world.database
    erasures, stars, settings = (
        ErasureStore(database),
        StarStore(database),
        ShowcaseSettingsStore(database),
    )
    job = await world.admit_job("a", prompt="a secret garden")
    other = await world.jobs.admit_requests(
        [AdmissionRequest(make_plan(), make_origin("b", user_id=901))],
        policy=SpendingPolicy(),
        owner=None,
    )
    assert len(other) == 1
    spent = await world.ledger.list_usage(GUILD, since=NOW - timedelta(days=9))
    clip = await made(database, 50, job_id=job.id, user_id=MEMBER)
    theirs = await made(database, 51, job_id=99, user_id=901)
    await opened(database)
    await shown(database, clip)
    await shown(database, theirs)
    await stars.set_star(10_051, 51, Star(MEMBER), starred=True)
    await stars.set_star(10_051, 51, Star(902), starred=True)
    await settings.save_preferences(
        CreatorPreferences(GUILD, MEMBER, consent=ShowcaseConsent.EVERYONE, hide_prompt=True)
    )
    await settings.add_audit_entry(
        AuditEntry(GUILD, MEMBER, AuditAction.HIDE, NOW, clip_id=51, target_user_id=MEMBER)
    )
    await world.ledger.set_limit(
        GUILD, LimitSubject.MEMBER, MEMBER, UsageLimits(clips_per_day=3), actor_id=MEMBER, now=NOW
    )
    exported = await ExportStore(database).export_member(MEMBER)
    assert {name for name, found in exported.items() if found} == {
        "requests",
        "clips",
        "charges",
        "limits",
        "limits_set",
        "showcase",
        "showcase_choices",
        "stars",
        "moderation",
    }

    asked = world.clock.now()
    await erasures.request_erasure(MEMBER, owner="w", now=asked)
    assert await erasures.claim_requests("w") == [(MEMBER, asked)]
    running = await erasures.load_member_batch(MEMBER, requested_at=asked)
    assert running.has_running_jobs
    assert running.job_ids == ()
    await end(world, job.id)
    await world.jobs.attach_status(job.id, 77)
    await world.clips.add_repost(job.id, channel_id=21, message_id=78)
    part = await erasures.load_member_batch(MEMBER, requested_at=asked)
    assert part.job_ids == (job.id,)
    assert part.clip_ids == (50,)
    assert part.paths == (clip.path,)
    assert {(10, 10_050), (job.origin.channel_id, 77), (21, 78)} <= set(part.posts)
    await erasures.erase_batch(part)
    await erasures.erase_batch(part)  # as after a crash
    assert (await erasures.load_member_batch(MEMBER, requested_at=asked)).job_ids == ()
    assert await world.clips.list_reposts(job.id) == []
    await erasures.erase_member(MEMBER, now=world.clock.now())

    left = await traces(database, MEMBER)
    assert {each.partition(".")[0] for each in left} <= SPARED
    assert (await verify_ledger(database)).mismatches == ()
    assert await erasures.claim_requests("w") == []
    assert await rows(database, clips_table) == 1
    assert await rows(database, showcase_posts_table) == 1
    kept = await ShowcasePostStore(database).find_by_clip(51)
    assert kept is not None
    assert kept.entry.votes == 1
    after = await world.ledger.list_usage(GUILD, since=NOW - timedelta(days=9))
    assert sum(row.micros for row in after) == sum(row.micros for row in spent)
    await erasures.purge_expired(now=world.clock.now() + MONTH, audit_before=NOW)
    # a star that may still be in Discord keeps its placeholder, so that it does not count again
    assert await traces(database, pseudonym_for(MEMBER)) == {"stars.user_id"}


NOBODYS = {
    "id", "job_id", "clip_id", "source_clip_id", "parent_clip_id", "root_clip_id", "guild_id",
    "channel_id", "message_id", "request_message_id", "status_message_id", "posted_message_id",
    "parent_channel_id", "staff_channel_id", "staff_message_id", "waiting_message_id",
    "reply_message_id", "upload_limit", "price_micros", "micros", "size_bytes", "usd_per_day",
    "usd_per_month", "confirm_above", "billed_micros", "kept_s", "count",
    "clips", "seconds", "entry_count", "job_count", "rollup_id", "sequence", "word_list_version",
    "takes_poster",
    "staff_channel", "trusted_role", "review_channel", "log_batch", "batch", "batch_channel_id",
}  # fmt: skip
"""Large numbers that are not a person's. What is not named here has to be handed out and go."""


def personal() -> list[Column[Any]]:
    """Return every column of every table that may hold a member's number."""
    return [
        column
        for table in metadata.sorted_tables
        if table is not daily_usage_table  # changes with the ledger
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
        "jobs": {"state": JobState.DONE, "plan": plan_to_json(make_plan()), "role_ids": "[]"},
        "questions": {"state": "refused", "plan": plan_to_json(make_plan()), "role_ids": "[]"},
        "limits": {"subject": LimitSubject.MEMBER},
        "ledger": {"kind": EntryKind.GRANT, "account": LedgerAccount.ALL},
        "audit_log": {"action": AuditAction.HIDE},
        "reports": {"reporter": str(member)},
    }
    return row | fitting.get(column.table.name, {}) | {column.name: member}


async def test_every_user_id_column_is_exported_and_erased(
    database: Database,
) -> None:
    erasures, columns = ErasureStore(database), personal()
    assert {str(each) for each in columns} > {
        "stars.user_id",
        "ledger.actor_id",
        "audit_log.target_user_id",
    }

    async def write(statement: Executable) -> None:
        await database.write(lambda connection: connection.execute(statement))

    for column in columns:
        if column.table is clips_table:  # a clip goes with its job
            job = row_about(jobs_table.c.user_id, MEMBER) | {"id": 1}
            await write(jobs_table.insert().values(job))
        if column.table is not erasure_requests_table:
            await write(column.table.insert().values(row_about(column, MEMBER)))
        asked = NOW + timedelta(days=1)
        await erasures.request_erasure(MEMBER, owner="w", now=asked)
        assert str(column) in await traces(database, MEMBER)
        exported = await ExportStore(database).export_member(MEMBER)
        assert any(rows for name, rows in exported.items() if name != "erasure_requests") or (
            column.table is erasure_requests_table and exported["erasure_requests"]
        ), f"{column} is not handed out"
        await erasures.erase_batch(await erasures.load_member_batch(MEMBER, requested_at=asked))
        await erasures.erase_member(MEMBER, now=NOW)
        left = {each for each in await traces(database, MEMBER) if each != str(column)}
        assert not left, column
        if column.table.name not in SPARED or column.name not in ("subject_id", "user_id"):
            assert not await traces(database, MEMBER), f"{column} is not forgotten"
        await database.write(delete_all_rows)


def servers_columns() -> list[Column[Any]]:
    """Return every column of every table that may hold a server's number."""
    return [
        column
        for table in metadata.sorted_tables
        if table is not daily_usage_table  # changes with the ledger
        for column in table.columns
        if column.name == "guild_id" or (table.name == "guilds" and column.name == "id")
    ]


async def test_every_row_of_a_server_is_erased(database: Database) -> None:
    erasures, columns = ErasureStore(database), servers_columns()
    assert {str(each) for each in columns} > {"log_channels.guild_id", "guilds.id"}
    before = NOW + timedelta(days=1)
    for column in columns:
        if column.table is clips_table:  # a clip goes with its job
            job = row_about(jobs_table.c.guild_id, GUILD) | {"id": 1}
            await database.execute(jobs_table.insert().values(job))
        if column.table is not guild_removals_table:
            await database.execute(column.table.insert().values(row_about(column, GUILD)))
        await erasures.mark_guild_left(GUILD, now=NOW)
        assert str(column) in await traces(database, GUILD)
        while (part := await erasures.load_guild_batch(GUILD)).job_ids:
            await erasures.erase_batch(part)
        assert await erasures.erase_guild(GUILD, left_before=before)
        assert not await traces(database, GUILD), f"{column} is not forgotten"
        await database.write(delete_all_rows)


@pytest.mark.parametrize(
    "table", [guilds_table, limits_table, log_channels_table, showcase_settings_table]
)
async def test_a_server_with_a_choice_is_known_when_the_bot_is_back(
    database: Database, table: Table
) -> None:
    """Otherwise nothing of it would be erased if it was left while the bot was stopped."""
    column = table.c.id if table is guilds_table else table.c.guild_id
    await database.execute(table.insert().values(row_about(column, GUILD)))
    assert await ErasureStore(database).list_known_guilds() == [GUILD]


async def test_erasure_does_not_reset_quota(world: SimulatedWorld) -> None:
    erasures = ErasureStore(world.database)
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=1))
    job = await world.admit_job("a")
    await end(world, job.id)
    now = world.clock.now()
    await erasures.request_erasure(MEMBER, owner="w", now=now)
    await erasures.erase_batch(await erasures.load_member_batch(MEMBER, requested_at=now))
    await erasures.erase_member(MEMBER, now=now)
    [answer] = await world.jobs.admit_requests(
        [AdmissionRequest(make_plan(), make_origin("b"))], policy=world.policy, owner=None
    )
    assert isinstance(answer, LimitReached)
    assert answer.used == 1
    assert answer.frees_at is not None


async def test_unknown_job_is_kept_without_prompt(world: SimulatedWorld) -> None:
    erasures = ErasureStore(world.database)
    job = await world.admit_job("a", prompt="a secret garden", seed=7)
    await end(world, job.id, JobState.UNKNOWN)
    now = world.clock.now()
    await erasures.erase_batch(await erasures.load_member_batch(MEMBER, requested_at=now))
    left = await world.get_job(job.id)
    assert left.plan.prompt == ""
    assert left.plan.seed is None
    assert left.origin.user_id == pseudonym_for(MEMBER)
    assert (await erasures.load_member_batch(MEMBER, requested_at=now)).job_ids == ()
    await world.jobs.settle_unknown(job.id, charge=False, actor_id=1, now=now)
    assert sum(row.micros for row in await world.ledger.list_usage(GUILD, since=NOW)) == 0


async def test_a_server_that_was_left_goes_after_its_grace(world: SimulatedWorld) -> None:
    database = world.database
    erasures = ErasureStore(database)
    job = await world.admit_job("a")
    await end(world, job.id)
    await made(database, 50, job_id=job.id)
    await opened(database)
    now = world.clock.now()
    assert await erasures.list_known_guilds() == [GUILD]
    await erasures.mark_guild_left(GUILD, now=now)
    await erasures.mark_guild_left(GUILD, now=now + timedelta(days=3))
    assert await erasures.list_known_guilds() == []
    assert await erasures.list_guilds_left(before=now) == []
    assert await erasures.list_guilds_left(before=now + timedelta(days=1)) == [GUILD]
    # back in time
    await erasures.mark_guilds_rejoined([GUILD, 5])
    assert await erasures.list_guilds_left(before=now + timedelta(days=1)) == []
    before = now + timedelta(days=1)
    assert not await erasures.erase_guild(GUILD, left_before=before)
    assert GUILD in {int(each) for each in await erasures.list_known_guilds()}
    # and then deleted
    await erasures.mark_guild_left(GUILD, now=now)
    part = await erasures.load_guild_batch(GUILD)
    assert part.clip_ids == (50,)
    await erasures.erase_batch(part)
    assert await erasures.erase_guild(GUILD, left_before=before)
    assert await traces(database, GUILD) == set()
    assert (await verify_ledger(database)).mismatches == ()
    assert await world.ledger.sum_reserved() == make_plan().price


class KilledError(Exception):
    """The process ends between two transactions."""


class Kills:
    """Ends the process after every transaction that changes something."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_written = False
        self.database, self.monkeypatch = database, monkeypatch
        self.write, self.write_one = database.write, database.write_one

    def begin(self) -> None:
        """Start the process again."""
        self.has_written = False
        self.monkeypatch.setattr(self.database, "write", partial(self._run, self.write))
        self.monkeypatch.setattr(self.database, "write_one", partial(self._run, self.write_one))

    def end(self) -> None:
        self.monkeypatch.setattr(self.database, "write", self.write)
        self.monkeypatch.setattr(self.database, "write_one", self.write_one)

    async def _run(self, write: Any, work: Any) -> Any:
        if self.has_written:
            raise KilledError
        result = await write(work)
        self.has_written = True
        return result


async def fill_generously(world: SimulatedWorld) -> None:
    """Give a member and a server more rows of each kind than one batch has."""
    database = world.database
    await opened(database)
    settings = ShowcaseSettingsStore(database)
    for number in range(5):
        job = await world.admit_job(number)
        await end(world, job.id, JobState.UNKNOWN if number == 4 else JobState.DONE)
        await made(database, 50 + number, job_id=job.id, user_id=MEMBER)
        theirs = await made(database, 70 + number, job_id=90 + number, user_id=901)
        await shown(database, theirs, added_by=MEMBER)
        await StarStore(database).set_star(10_070 + number, 70 + number, Star(MEMBER), starred=True)
        await settings.add_audit_entry(AuditEntry(GUILD, MEMBER, AuditAction.HIDE, NOW))
        for guild_id, user_id in ((GUILD + number, MEMBER), (GUILD, 910 + number)):
            await settings.save_preferences(
                CreatorPreferences(guild_id, user_id, ShowcaseConsent.EVERYONE, hide_prompt=True)
            )


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_batches, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(row_batches, "ROWS_SEARCHED", 3)


async def test_a_member_is_erased_although_every_transaction_is_the_last(
    world: SimulatedWorld, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until all is gone the request stays, and the quota counts what was used."""
    database, erasures = world.database, ErasureStore(world.database)
    await fill_generously(world)
    asked, kills, rounds = world.clock.now(), Kills(database, monkeypatch), 0
    await erasures.request_erasure(MEMBER, owner="w", now=asked)
    await erasures.erase_batch(await erasures.load_member_batch(MEMBER, requested_at=asked))
    policy = SpendingPolicy(member=UsageLimits(clips_per_day=9))
    status = await world.ledger.quota_status(make_origin("q"), policy=policy)
    assert [line.used for line in status.lines] == [5]
    while await erasures.claim_requests("w"):
        kills.begin()
        with suppress(KilledError):
            await erasures.erase_member(MEMBER, now=world.clock.now())
        kills.end()
        rounds += 1
        after = await world.ledger.quota_status(make_origin("q"), policy=policy)
        assert after == status
        assert (await verify_ledger(database)).mismatches == ()
    assert rounds > 15
    assert {each.partition(".")[0] for each in await traces(database, MEMBER)} <= SPARED
    kept = [await ShowcasePostStore(database).find_by_clip(70 + number) for number in range(5)]
    assert [post and post.entry.votes for post in kept] == [0] * 5


async def test_a_server_is_erased_although_every_transaction_is_the_last(
    world: SimulatedWorld, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown job stays for an admin to settle, and is not erased for ever."""
    database, erasures = world.database, ErasureStore(world.database)
    await fill_generously(world)
    left_at, kills, rounds = world.clock.now(), Kills(database, monkeypatch), 0
    before = left_at + timedelta(days=1)
    await erasures.mark_guild_left(GUILD, now=left_at)
    await erasures.erase_batch(await erasures.load_guild_batch(GUILD))
    assert (await erasures.load_guild_batch(GUILD)).job_ids == ()
    reserved, is_gone = await world.ledger.sum_reserved(), False
    while not is_gone:
        assert await erasures.list_guilds_left(before=before) == [GUILD]
        kills.begin()
        with suppress(KilledError):
            is_gone = await erasures.erase_guild(GUILD, left_before=before)
        kills.end()
        rounds += 1
        assert await world.ledger.sum_reserved() == reserved
        assert (await verify_ledger(database)).mismatches == ()
    assert rounds > 15
    # the clips of the other member have no jobs here
    assert await traces(database, GUILD) == {"jobs.guild_id", "clips.guild_id"}


async def test_the_erasure_of_a_server_ends_when_the_bot_is_back(
    world: SimulatedWorld, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, erasures = world.database, ErasureStore(world.database)
    await fill_generously(world)
    left_at, kills = world.clock.now(), Kills(database, monkeypatch)
    await erasures.mark_guild_left(GUILD, now=left_at)
    kills.begin()
    with pytest.raises(KilledError):
        await erasures.erase_guild(GUILD, left_before=left_at + timedelta(days=1))
    kills.end()
    await erasures.mark_guilds_rejoined([GUILD])
    left = await rows(database, showcase_posts_table)
    assert left == 3
    assert not await erasures.erase_guild(GUILD, left_before=left_at + timedelta(days=1))
    assert await rows(database, showcase_posts_table) == left


async def test_erasure_of_dead_worker_is_taken_over(database: Database) -> None:
    erasures = ErasureStore(database)
    await erasures.request_erasure(MEMBER, owner="gone", now=NOW)
    await erasures.request_erasure(MEMBER, owner="other", now=NOW + timedelta(days=1))
    assert await erasures.claim_requests("w") == [(MEMBER, NOW)]


@pytest.mark.parametrize("times", [1, 2])
async def test_shared_input_image_is_kept(world: SimulatedWorld, times: int) -> None:
    image = InputImage("inputs/ab.png", "image/png", 10, 10, "ab")
    job = await world.admit_job("a", image=image)
    if times == 2:
        await world.jobs.admit_requests(
            [AdmissionRequest(make_plan(image=image), make_origin("b", user_id=901))],
            policy=SpendingPolicy(),
            owner=None,
        )
    await end(world, job.id)
    part = await ErasureStore(world.database).load_member_batch(
        MEMBER, requested_at=world.clock.now()
    )
    assert part.paths == ((image.path,) if times == 1 else ())

"""Upgrades a database written at revision 0006, on both databases.

`fixtures/database_0006.json` holds every row that commit aa12f40 wrote when its own stores were
driven through jobs in every state, erasures, a showcase and limits, and the sums that its own
queries returned (`figures`). Its ``sequences`` are the ids given last, some of them to rows that
are deleted.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import UsageTotals
from bot.domain.jobs.job import AdmissionRequest, JobState, Outcome
from bot.domain.ports import OperationFinished, RemoteVideo
from bot.services.jobs.stages.running_job import PollingTimes
from bot.store.billing import usage_queries
from bot.store.billing.ledger import LedgerStore
from bot.store.billing.verification import verify_ledger
from bot.store.engine.database import Database
from bot.store.engine.schema import build_alembic_config, upgrade_schema
from bot.store.guilds import GuildStore
from bot.store.jobs.admission import Admission
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.operations.file_references import FileReferenceStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.search_text import normalize_search_text
from bot.store.showcase.search_words import list_suffixes, split_into_pieces
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.tables.core import clips_table
from bot.store.tables.row_mapping import plan_from_json, plan_to_json
from bot.store.tables.showcase import showcase_posts_table
from tests.contract.conftest import KINDS, empty_database
from tests.fakes.clock import FastClock
from tests.fakes.world import GUILD, SimulatedWorld, make_origin, make_plan
from tests.harness.waiting import eventually

Rows = dict[str, list[dict[str, Any]]]
OLD: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "fixtures" / "database_0006.json").read_text()
)
NEW_NAMES: Final = import_module("bot.store.migrations.versions.0007_names")
ADDED_COLUMNS: Final[dict[str, dict[str, Any]]] = {
    "jobs": {
        "age_restricted": False,
        "billed_micros": None,
        "review": None,
        "takes_key": None,
        "take_number": None,
        "takes_poster": None,
    },
    "clips": {
        "age_restricted": None,
        "interaction_id": None,
        "interaction_expires_at": None,
        "poster_colors": None,
        "withheld": False,
        "spoiler": False,
        "draft_until": None,
    },
    "creator_preferences": {"public_notice_at": None},
    "guilds": {
        "reply_mode": "extend",
        "shows_prices": False,
        "word_list_version": 0,
        "age_restricted_only": False,
        "staff_channel": None,
        "review_scope": "off",
        "trusted_role": None,
        "review_channel": None,
        "reports_to_hide": 0,
        "staff_hint_at": None,
    },
    "audit_log": {"log_batch": None},
    "ledger": {"rolled_up_entries": None, "rollup_id": None},
    "operation_durations": {"clip_seconds": None, "last_pending_s": None},
    "showcase_posts": {
        "reach": "public",
        "channel_age_restricted": False,
        "aspect_ratio": "16:9",
    },
    "stars": {"is_super": False},
    "workers": {"takes_shards": False},
}
"""What revisions 0008 to 0029 add to old rows."""
ADDED_TABLES: Final = {
    "job_inputs",
    "member_preferences",
    "footage",
    "reposts",
    "account_refusals",
    "interaction_lifetimes",
    "remote_deletions",
    "duration_counts",
    "webhook_events",
    "webhook_registrations",
    "search_words",
    "server_words",
    "word_suffixes",
    "daily_usage",
    "ledger_totals",
    "ended_job_counts",
    "shards",
    "identify_slots",
    "server_pages",
    "creator_pages",
    "word_entries",
    "request_blocks",
    "alerts",
    "reviews",
    "report_cases",
    "reports",
    "report_notices",
    "content_checks",
    "log_channels",
    "questions",
}
NOW: Final = datetime.fromisoformat(OLD["figures"]["now"])
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00")
_EMPTIED: Final = {**NEW_NAMES.NULLABLE, "audit_log": ("actor_id", "target_user_id")}


@pytest.fixture(params=KINDS)
async def old_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Give the database as it was at revision 0006."""
    async with empty_database(request.param, tmp_path) as opened:
        await migrate(opened, command.upgrade, "0006")
        await opened.write(lambda connection: connection.run_sync(_fill))
        yield opened


async def migrate(
    database: Database, direction: Callable[[Config, str], None], revision: str
) -> None:
    await database.write(
        lambda connection: connection.run_sync(
            lambda sync: direction(build_alembic_config(sync), revision)
        )
    )


async def read_rows(database: Database) -> Rows:
    """Return every row of every table, with plans parsed and times in UTC."""
    return await database.read(lambda connection: connection.run_sync(_read_rows))


def _fill(connection: Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    for table in _reflect(connection):
        rows = OLD["tables"].get(table.name, [])
        if rows:
            connection.execute(insert(table), [_to_values(row, naive=is_sqlite) for row in rows])
        last = OLD["sequences"].get(table.name)
        if is_sqlite and last is not None:
            statement = "UPDATE sqlite_sequence SET seq = :last WHERE name = :table"
        elif not is_sqlite and "id" in table.c and table.c.id.autoincrement is True:
            statement = "SELECT setval(pg_get_serial_sequence(:table, 'id'), :last)"
            last = last or max(row["id"] for row in rows)
        else:
            continue
        connection.execute(text(statement), {"last": last, "table": table.name})


def _to_values(row: dict[str, Any], *, naive: bool) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value).replace(tzinfo=None if naive else UTC)
        if isinstance(value, str) and _TIME.fullmatch(value)
        else value
        for name, value in row.items()
    }


def _read_rows(connection: Connection) -> Rows:
    return {
        table.name: [
            {name: _normalize(name, value) for name, value in row.items()}
            for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
        ]
        for table in _reflect(connection)
    }


def _normalize(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return json.loads(value) if name == "plan" else value


def _reflect(connection: Connection) -> list[Table]:
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def old_rows() -> Rows:
    """Return the rows of the fixture as `read_rows` does."""
    return {
        table: [
            {name: _normalize(name, value) for name, value in _to_values(row, naive=False).items()}
            for row in rows
        ]
        for table, rows in OLD["tables"].items()
    }


def renamed(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return an old row as expected after the upgrade; ``table`` is its new name."""
    names = NEW_NAMES.COLUMNS.get(table, {})
    row = {names.get(name, name): value for name, value in row.items()}
    row |= {name: row[name] or None for name in _EMPTIED.get(table, ())}
    if "plan" in row:
        row["plan"] = {"v": 1, **row["plan"]}
        if "source" in row["plan"]:
            source = dict(row["plan"]["source"])
            row["plan"]["source"] = {"extension_depth": source.pop("hop"), **source}
    if row.get("creator_name") and "search_text" in row:  # revision 0008 adds the creator's name
        row["search_text"] = normalize_search_text(f"{row['search_text']} {row['creator_name']}")
    return row | ADDED_COLUMNS.get(table, {})


async def test_every_row_is_kept_and_means_the_same(old_database: Database) -> None:
    await upgrade_schema(old_database)
    new = await read_rows(old_database)
    added = {table: new.pop(table) for table in ADDED_TABLES}
    inputs, footage = added.pop("job_inputs"), added.pop("footage")
    counts = added.pop("duration_counts")
    assert {(row["at_most_s"], row["count"], row["total_s"]) for row in counts} == {
        (60.0, 1, 48.25),
        (90.0, 1, 61.5),
    }
    _check_search_index(new, *map(added.pop, ("search_words", "server_words", "word_suffixes")))
    sums = [added.pop(table) for table in ("daily_usage", "ledger_totals", "ended_job_counts")]
    assert all(sums)
    assert (await verify_ledger(old_database)).mismatches == ()
    assert not any(added.values())
    assert {(row["clip_id"], row["source_clip_id"]): row["user_id"] for row in footage} == {
        **{(clip["id"], clip["id"]): clip["user_id"] for clip in new["clips"]},
        (3, 1): 900,
    }
    # the third contains somebody else's footage: the bot decides when it has started
    [other] = [post for post in new["showcase_posts"] if post["clip_id"] == 3]
    assert other["reach"] == "server"
    other["reach"] = "public"
    assert new == {
        NEW_NAMES.TABLES.get(table, table): [
            renamed(NEW_NAMES.TABLES.get(table, table), row) for row in rows
        ]
        for table, rows in old_rows().items()
    }
    plans = {job["id"]: json.dumps(job["plan"]) for job in new["jobs"]}
    named = {(job_id, path) for job_id, plan in plans.items() for path in _find_inputs(plan)}
    assert named
    assert {(row["job_id"], row["path"]) for row in inputs} == named
    assert await FileReferenceStore(old_database).list_inputs_in_use(since=None) == {
        path for _, path in named
    }


async def test_footage_of_deleted_clips_is_found_by_their_jobs(old_database: Database) -> None:
    """The creator of an extended clip stays known even if that clip was deleted. [web-W02]"""

    async def delete_first_clip(connection: AsyncConnection) -> None:
        query = text("SELECT plan FROM jobs WHERE id = 2")
        plan = json.loads(await connection.scalar(query))
        plan["source"]["path"] = "clips/0000/1-0.mp4"
        values = {"plan": json.dumps(plan)}
        await connection.execute(text("UPDATE jobs SET plan = :plan WHERE id = 2"), values)
        await connection.execute(text("DELETE FROM clips WHERE id = 1"))

    await old_database.write(delete_first_clip)
    await upgrade_schema(old_database)
    rows = (await read_rows(old_database))["footage"]
    [source] = [row for row in rows if (row["clip_id"], row["source_clip_id"]) == (3, 1)]
    assert (source["user_id"], source["is_deleted"]) == (900, True)


def _find_inputs(plan: str) -> Iterable[str]:
    return re.findall(r"inputs/[\w.]+", plan)


async def test_downgrade_gives_the_old_rows_back(old_database: Database) -> None:
    await upgrade_schema(old_database)
    upgraded = await read_rows(old_database)
    await migrate(old_database, command.downgrade, "0006")
    expected = old_rows()
    for entry in expected["audit"]:  # was nullable before: an erased target and none are the same
        entry["member_id"] = entry["member_id"] or None
    assert await read_rows(old_database) == expected
    await upgrade_schema(old_database)
    assert await read_rows(old_database) == upgraded
    await check_next_ids(old_database)


async def test_stores_read_what_stood_for_nothing(old_database: Database) -> None:
    await upgrade_schema(old_database)
    jobs, clips = JobStore(old_database), ClipStore(old_database)
    direct = await jobs.get(3)
    assert direct is not None
    assert (direct.origin.guild_id, direct.plan.prompt) == (None, "just for me")
    [clip] = await clips.list_for_job(3)
    assert clip.guild_id is None
    assert [job.id for job in await jobs.list_unknown(None)] == [8]
    assert [job.id for job in await jobs.list_unknown(GUILD)] == [7, 12]
    waiting = await jobs.get(22)
    assert waiting is not None
    assert waiting.plan.source is not None
    assert (waiting.plan.source.clip_id, waiting.plan.source.extension_depth) == (3, 1)
    visit = await jobs.get(23)
    assert visit is not None
    assert visit.origin.user_install_reply is not None
    assert visit.origin.user_install_reply.token == "sealed-token-2"
    by_votes = await ShowcasePostStore(old_database).find_by_clip(3)
    assert by_votes is not None
    assert by_votes.added_by is None
    log = await ShowcaseSettingsStore(old_database).list_audit_entries(GUILD, limit=50)
    assert {entry.actor_id for entry in log} == {None, 1, 900, 912}
    assert (await GuildStore(old_database).load_rules(701)).pause_reason == "budget talks"


async def test_sums_are_what_the_old_program_counted(old_database: Database) -> None:
    await upgrade_schema(old_database)
    figures = OLD["figures"]
    users = sorted({user_id for _, user_id, _ in figures["members"]})

    def flatten(usage: UsageTotals) -> dict[str, list[int]]:
        windows = ("day", "month", "granted_day", "granted_month")
        amounts = {window: getattr(usage, window) for window in windows}
        return {name: [a.micros, a.clips, a.seconds] for name, a in amounts.items()}

    members = await old_database.read(
        lambda connection: usage_queries.sum_member_usage(connection, users, NOW)
    )
    assert {key: flatten(usage) for key, usage in members.items()} == {
        (guild_id, user_id): usage for guild_id, user_id, usage in figures["members"]
    }
    guilds = await old_database.read(
        lambda connection: usage_queries.sum_guild_usage(connection, [GUILD, 701], NOW)
    )
    assert {key: flatten(usage) for key, usage in guilds.items()} == dict(figures["guilds"])
    bot = await old_database.read(lambda connection: usage_queries.sum_bot_usage(connection, NOW))
    assert flatten(bot) == figures["bot"]
    active = await old_database.read(usage_queries.count_active_jobs)
    assert active == {
        (guild_id, user_id): count for guild_id, user_id, count in figures["active_jobs"]
    }
    ledger = LedgerStore(old_database)
    assert await ledger.sum_reserved() == figures["reserved"]
    rows = await ledger.list_usage(GUILD, since=NOW - timedelta(days=30))
    usage = [[row.user_id, row.clips, row.seconds, row.micros] for row in rows]
    assert sorted(usage, key=str) == sorted(figures["usage"], key=str)


async def check_next_ids(database: Database) -> None:
    """Add a job, a clip, a showcase post: ids of rows that are deleted do not return."""
    world = SimulatedWorld(database, Path(), clock=FastClock(start=NOW))
    job = await world.admit_job("new", prompt="the next one")
    assert job.id == OLD["sequences"]["jobs"] + 1
    next_ids = {}
    for table, row_id in ((clips_table, 9), (showcase_posts_table, 3)):
        async with database.engine.connect() as connection:
            row = (
                (await connection.execute(select(table).where(table.c.id == row_id)))
                .mappings()
                .one()
            )
        values = {**row, "job_id": job.id} if table is clips_table else {**row, "clip_id": 77}
        values = {name: value for name, value in values.items() if name in table.c and name != "id"}
        statement = insert(table).values(values).returning(table.c.id)
        next_ids[table.name] = await database.write(
            lambda connection, statement=statement: connection.scalar(statement)  # type: ignore[misc]
        )
    assert next_ids == {
        "clips": OLD["sequences"]["clips"] + 1,
        "showcase_posts": OLD["sequences"]["showcase"] + 1,
    }


async def test_ids_of_deleted_rows_are_not_given_again(old_database: Database) -> None:
    await upgrade_schema(old_database)
    await check_next_ids(old_database)


async def test_a_request_accepted_before_the_upgrade_is_not_accepted_again(
    old_database: Database,
) -> None:
    await upgrade_schema(old_database)
    world = SimulatedWorld(old_database, Path(), clock=FastClock(start=NOW))
    [answer] = await world.jobs.admit_requests(
        [AdmissionRequest(make_plan(), make_origin("dm", guild_id=None))],
        policy=world.policy,
        owner=None,
    )
    assert not isinstance(answer, Admission)


DELIVERED: Final = {15, 16, 17, 18, 20, 21, 22, 23, 24, 25}
"""Running jobs of the fixture that nothing keeps from their end."""
SENT: Final = 19
"""The job whose submit was under way: whether Google got it is unknown."""
SUBMITTED_ANEW: Final = {20, 21, 22, 23, 24, 25}


async def test_running_jobs_are_adopted_and_delivered(
    old_database: Database, tmp_path: Path
) -> None:
    await upgrade_schema(old_database)
    world = SimulatedWorld(
        old_database,
        tmp_path / "data",
        clock=FastClock(start=NOW),
        polling_times=PollingTimes(time_limit_s=36_000.0),
    )
    world.google.default_poll = OperationFinished(
        (RemoteVideo("https://google.invalid/files/old", None, None),)
    )
    for path in ("clips/15-0.mp4", "clips/2-0.mp4"):
        (world.data_dir / path).parent.mkdir(parents=True, exist_ok=True)
        (world.data_dir / path).write_bytes(b"video of old")
    process = world.create_process()
    await process.worker.start()
    try:

        async def all_ended() -> bool:
            jobs = [await world.get_job(job_id) for job_id in sorted({*DELIVERED, SENT})]
            return all(job.state.has_ended and job.owner is None for job in jobs)

        await eventually(all_ended)
    finally:
        await process.worker.stop(200.0)
    outcomes = {job_id: (await world.get_job(job_id)).outcome for job_id in DELIVERED}
    assert outcomes == dict.fromkeys(DELIVERED, Outcome.DELIVERED)
    sent = await world.get_job(SENT)
    assert (sent.state, sent.outcome) == (JobState.UNKNOWN, Outcome.SUBMIT_UNKNOWN)
    assert sorted(world.google.submits) == sorted(SUBMITTED_ANEW)
    assert world.discord.repeated_posts == 0
    assert len(world.discord.messages) == len(DELIVERED)
    assert await world.ledger.sum_reserved() == 0


def test_plans_of_before_the_upgrade_are_still_read() -> None:
    for job in OLD["tables"]["jobs"]:
        upgraded = renamed("jobs", {**_none_named("jobs"), "plan": json.loads(job["plan"])})["plan"]
        assert plan_from_json(job["plan"]) == plan_from_json(json.dumps(upgraded))


def test_plan_of_a_newer_program_is_refused() -> None:
    stored = json.loads(plan_to_json(make_plan()))
    with pytest.raises(ValueError, match="version"):
        plan_from_json(json.dumps(stored | {"v": stored["v"] + 1}))


def _check_search_index(
    new: Rows,
    search_words: list[dict[str, Any]],
    server_words: list[dict[str, Any]],
    suffixes: list[dict[str, Any]],
) -> None:
    """Check what revision 0013 derives, and take its columns away."""
    assert {(row["clip_id"], row["word"]) for row in search_words} == {
        (post["clip_id"], piece)
        for post in new["showcase_posts"]
        for piece in split_into_pieces(post["search_text"])
    }
    showcased_at = {post["guild_id"]: post["showcased_at"] for post in new["showcase_posts"]}
    pieces = set()
    for server in new["showcase_settings"]:
        name = server.pop("search_name")
        assert name == normalize_search_text(server["name"])
        assert server.pop("last_showcased_at") == showcased_at.get(server["guild_id"])
        pieces |= {(server["guild_id"], piece) for piece in split_into_pieces(name)}
    assert {(row["guild_id"], row["word"]) for row in server_words} == pieces
    assert {(row["suffix"], row["word"]) for row in suffixes} == {
        (suffix, row["word"])
        for row in (*search_words, *server_words)
        for suffix in list_suffixes(row["word"])
    }


def _none_named(table: str) -> dict[str, None]:
    return dict.fromkeys(NEW_NAMES.NULLABLE.get(table, ()))

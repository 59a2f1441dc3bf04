"""What members wait for reads no whole table, however many jobs there are.

The statements are those that the stores and services send; each is explained by the database that
it was sent to. PostgreSQL would rather read a small table whole than use its index. So it is told
to avoid that, and still does it where no index fits.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from sqlalchemy import event, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.app.clock import SystemClock
from bot.domain.alerts import build_test_alert
from bot.domain.billing.limits import SpendingPolicy
from bot.domain.clips.history_query import HistoryFilter, HistoryKind
from bot.domain.guild import WHOLE_BOT_ID
from bot.domain.jobs.job import AdmissionRequest, Job, JobState
from bot.domain.jobs.request import PersonRule
from bot.domain.showcase.gallery import (
    ClipLength,
    ClipShape,
    GalleryOrder,
    GalleryPage,
    GalleryPeriod,
    GallerySearch,
)
from bot.domain.showcase.post import AuditAction, AuditEntry, ShowcaseSettings
from bot.services.clips.history import ClipHistory
from bot.store.billing.ledger import LedgerStore
from bot.store.billing.rollup import RollupStore
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.admission import Admission
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore
from bot.store.jobs.takes import TakesStore
from bot.store.moderation.log_channels import LogChannelStore
from bot.store.moderation.questions import QuestionStore
from bot.store.moderation.report_notices import ReportNoticeStore
from bot.store.moderation.reports import ReportStore
from bot.store.moderation.request_blocks import RequestBlockStore
from bot.store.moderation.reviews import ReviewStore
from bot.store.moderation.word_lists import WordListStore
from bot.store.operations.alerts import AlertStore
from bot.store.operations.statistics import StatisticsStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.showcase.creator_pages import CreatorPageStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.gallery import GalleryStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore
from bot.store.tables.core import (
    ledger_table,
    metadata,
    model_states_table,
)
from bot.store.tables.moderation import reviews_table
from bot.store.tables.showcase import audit_log_table, showcase_posts_table
from tests.bench.million.filling import open_filled_database
from tests.bench.million.rows import BUSY_SERVER, MODELS, REGULAR, Size
from tests.bench.store import POLICY
from tests.contract.conftest import KINDS
from tests.fakes.world import make_origin, make_plan

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL_TABLES: Final = {
    "workers",
    "model_states",
    "guild_removals",
    "interaction_lifetimes",
    "account_refusals",
    "duration_counts",
    "ended_job_counts",
    "ledger_totals",
    "shards",
    "identify_slots",
    "alerts",
    "report_notices",
}
"""A row for each process, shard, model, route, kind, alert, message that is still to be sent, or
server left a few days ago."""
BIG_TABLES: Final = set(metadata.tables) - SMALL_TABLES
LIMIT: Final = 24
WORKER: Final = "plans"

Statement = tuple[str, Any]


class Operations:
    """What is asked of a database, by the name of its test; few posts contain ``rare_word``."""

    def __init__(self, database: Database, rare_word: str) -> None:
        self.database, self.rare_word = database, rare_word
        self.jobs = JobStore(database)
        self.ledger = LedgerStore(database)
        self.rollups = RollupStore(database)
        self.gallery = GalleryStore(database)
        self.digests = DigestStore(database)
        self.clips = ClipStore(database)
        self.posts = ShowcasePostStore(database)
        self.erasures = ErasureStore(database)
        self.clock = SystemClock()
        self.history = ClipHistory(
            clips=self.clips, is_extendable=lambda clip, now: False, clock=self.clock
        )

    async def accept(self) -> None:
        origin = make_origin("plans", guild_id=BUSY_SERVER, user_id=REGULAR)
        [answer] = await self.jobs.admit_requests(
            [AdmissionRequest(make_plan(), origin)], policy=SpendingPolicy(), owner=WORKER
        )
        assert isinstance(answer, Admission)
        assert await self.jobs.find_queue_place(answer.job)

    async def accept_within_limits(self) -> None:
        origin = make_origin("limits", guild_id=BUSY_SERVER, user_id=REGULAR)
        [answer] = await self.jobs.admit_requests(
            [AdmissionRequest(make_plan(), origin)], policy=POLICY, owner=WORKER
        )
        assert isinstance(answer, Admission)

    async def use_rules(self) -> None:
        """Do what every request and every command does, and what an admin does who changes them."""
        guilds = GuildStore(self.database)
        rules, _ = await guilds.load_rules_for_member([WHOLE_BOT_ID, BUSY_SERVER], REGULAR)
        assert rules[BUSY_SERVER].channel_person_rules
        loaded = await guilds.load_rules(BUSY_SERVER)
        await guilds.save_rules(
            replace(loaded, channel_person_rules={BUSY_SERVER: PersonRule.NOBODY}),
            actor_id=REGULAR,
            now=self.clock.now(),
            previous=loaded,
        )

    async def list_blocks(self) -> None:
        await RequestBlockStore(self.database).list_blocks(BUSY_SERVER)
        await RequestBlockStore(self.database).count_blocks(BUSY_SERVER)
        await WordListStore(self.database).list_entries(BUSY_SERVER)
        await WordListStore(self.database).count_entries(BUSY_SERVER)

    async def look_after_drafts(self) -> None:
        """Find the drafts of a request, their clips, and those whose day is over."""
        draft = Job(
            1,
            JobState.DONE,
            make_origin(1),
            make_plan(),
            self.clock.now(),
            takes_key="interaction:1",
            take_number=1,
        )
        await self.jobs.list_takes(draft)
        await self.clips.list_for_request(draft)
        await TakesStore(self.database).list_expired(self.clock.now(), limit=LIMIT)

    async def choose_staff_channel(self) -> None:
        reports = ReportStore(self.database)
        await reports.ask_again(BUSY_SERVER, staff_channel=1)
        await reports.count_open(BUSY_SERVER)

    async def moderate(self) -> None:
        """Do what a process does every few seconds or minutes, and what admins are shown."""
        reports, questions = ReportStore(self.database), QuestionStore(self.database)
        reviews, minute = ReviewStore(self.database), timedelta(minutes=1)
        await reports.claim_due(claim_for=minute)
        await ReportNoticeStore(self.database).claim_due(claim_for=minute)
        await questions.claim_due(claim_for=minute)
        await questions.expire_due()
        await questions.count_waiting(BUSY_SERVER)
        await questions.move_waiting(BUSY_SERVER, staff_channel=1)
        await reviews.list_unseen_guilds()
        await reviews.list_expired(after_s=86_400)
        await reviews.count_waiting(BUSY_SERVER)
        await reviews.ask_again(BUSY_SERVER, staff_channel=1, owner=WORKER)

    async def post_log(self) -> None:
        """Do what a process does every few seconds, and what `/server log` does."""
        channels, settings = LogChannelStore(self.database), ShowcaseSettingsStore(self.database)
        now, action = self.clock.now(), AuditAction.CHOOSE_LOG
        await channels.choose(7, AuditEntry(BUSY_SERVER, REGULAR, action, now, comment="7"))
        [channel] = await channels.claim_due(claim_for=timedelta(minutes=1))
        ids, entries = await channels.list_entries(channel, limit=LIMIT)
        assert len(entries) == 1
        begun = await channels.begin_batch(channel, ids)
        assert begun is not None
        await channels.finish_batch(begun, pause=timedelta(0))
        await channels.turn_off(AuditEntry(BUSY_SERVER, REGULAR, AuditAction.TURN_OFF_LOG, now))
        assert await settings.list_audit_entries(BUSY_SERVER, limit=LIMIT)

    async def find_what_a_member_did(self) -> None:
        """Look for rows that name a member who is being erased, and for what is too old."""
        for column in (
            audit_log_table.c.actor_id,
            audit_log_table.c.target_user_id,
            ledger_table.c.actor_id,
            showcase_posts_table.c.added_by,
            reviews_table.c.decided_by,
        ):
            query = select(column).where(column == REGULAR + 1).limit(LIMIT)
            await self.database.read_rows(query)
        old = audit_log_table.c.recorded_at < self.clock.now() - timedelta(days=999)
        await self.database.read_rows(select(audit_log_table.c.id).where(old).limit(LIMIT))

    async def show_quota(self) -> None:
        origin = make_origin("quota", guild_id=BUSY_SERVER, user_id=REGULAR)
        status = await self.ledger.quota_status(origin, policy=POLICY)
        assert any(line.frees_at for line in status.lines)

    async def look_for_alerts(self) -> None:
        """Do what a process does every minute."""
        assert await self.ledger.list_bot_lines(POLICY.bot)
        await self.jobs.summarize_unknown()
        await ModelStateStore(self.database).list_measured_models()
        await AccountRefusalStore(self.database).list_latest()
        await AlertStore(self.database).list_due([build_test_alert()])

    async def show_usage(self) -> None:
        since = self.clock.now() - timedelta(days=30)
        assert await self.ledger.list_usage(BUSY_SERVER, since=since)

    async def take_snapshot(self) -> None:
        snapshot = await StatisticsStore(self.database).load_snapshot(now=self.clock.now())
        assert snapshot.job_counts
        assert snapshot.spent > 0

    async def show_status(self) -> None:
        snapshot = await StatisticsStore(self.database).load_snapshot(now=self.clock.now(), limit=8)
        assert len(snapshot.failed_jobs) == 8

    async def roll_up(self) -> None:
        assert not await self.rollups.roll_up_batch(before=self.clock.now() - timedelta(days=30))
        assert await self.rollups.roll_up_batch(before=self.clock.now(), limit=2)

    async def claim(self) -> None:
        assert await self.jobs.claim_jobs(WORKER, policy=SpendingPolicy(), limit=1)
        await self.jobs.find_retry_delay()
        await self.jobs.list_running_operations()

    async def look_after_jobs(self) -> None:
        """Do what a worker does every few seconds."""
        await self.jobs.adopt_orphans(WORKER, limit=8)
        await self.jobs.list_owned(WORKER)
        await self.jobs.list_cancel_requests(WORKER)
        await self.jobs.claim_unknown_due(interval=timedelta(minutes=5), limit=8)

    async def find_what_to_erase(self) -> None:
        assert (await self.erasures.load_guild_batch(BUSY_SERVER)).job_ids
        asked = self.clock.now()
        assert (await self.erasures.load_member_batch(REGULAR, requested_at=asked)).job_ids

    async def list_jobs(self) -> None:
        await self.jobs.list_running(user_id=REGULAR)
        await self.jobs.list_unknown(BUSY_SERVER)

    async def show_history(self) -> None:
        for guild_id in (BUSY_SERVER, None):
            page = await self.history.load_first_page(user_id=REGULAR, guild_id=guild_id)
            assert page.older is not None
            await self.history.load_page(page.older, user_id=REGULAR, guild_id=guild_id)

    async def search_history(self) -> None:
        for wanted in (HistoryFilter(search_text="nowhere"), HistoryFilter(MODELS[0], "boat")):
            await self.history.load_first_page(
                user_id=REGULAR, guild_id=BUSY_SERVER, history_filter=wanted
            )

    async def list_showcased_history(self) -> None:
        page = await self.history.load_first_page(
            user_id=REGULAR,
            guild_id=BUSY_SERVER,
            history_filter=HistoryFilter(kind=HistoryKind.SHOWCASED),
        )
        assert page.clips

    async def suggest_clips(self) -> None:
        for typed in ("", "boat", "#17"):
            await self.history.suggest_clips(typed, user_id=REGULAR, limit=25)

    async def list_filters(self) -> None:
        assert await self.gallery.list_guilds(including=BUSY_SERVER + 1)
        assert await self.gallery.list_models() == sorted(MODELS)

    async def show_entry(self) -> None:
        page = await self.gallery.load_page(GallerySearch(), cursor=None, limit=1)
        clip_id = page.entries[0].clip.id
        assert await self.gallery.find_entry(clip_id)
        assert await self.gallery.load_lineage(clip_id)
        await self.gallery.load_filmstrip(clip_id)

    async def show_creator(self) -> None:
        now = self.clock.now()
        key = await CreatorPageStore(self.database).open_page(REGULAR, now=now)
        for order in GalleryOrder:
            assert (await self.load_pages(GallerySearch(creator_page=key, order=order))).entries
        await self.gallery.count_clips(GallerySearch(creator_page=key), now=now)

    async def list_for_search_engines(self) -> None:
        [number, *_] = await self.gallery.list_clip_ranges(1000)
        assert await self.gallery.list_public_clips(number * 1000, number * 1000 + 1000)

    async def create_digest(self) -> None:
        await self.digests.list_out_of_sync(WORKER)
        await self.digests.find_last_due(BUSY_SERVER)
        now = self.clock.now()
        await self.digests.create_digest(
            ShowcaseSettings(BUSY_SERVER), due_at=now, since=now - timedelta(days=7), owner=WORKER
        )

    async def find_by_message(self) -> None:
        await self.clips.find_by_message(9_000_010)
        await self.posts.find_by_message(5_000_010)
        await StarStore(self.database).find_clip_by_message(9_000_010)

    async def list_showcase(self) -> None:
        since = self.clock.now() - timedelta(hours=1)
        await self.posts.list_recent(BUSY_SERVER, since=since, limit=9)
        await self.posts.list_out_of_sync_by_channel(WORKER)
        await self.posts.lists.list_top(BUSY_SERVER, since=since, limit=9)
        await self.posts.lists.list_top(BUSY_SERVER, since=None, limit=9)
        await self.posts.lists.list_member_entries(BUSY_SERVER, REGULAR, limit=9)

    async def pick_from_showcase(self) -> None:
        assert await self.posts.lists.pick_random(BUSY_SERVER)

    async def find_rare_word(self) -> None:
        for text in (self.rare_word, self.rare_word[1:]):
            page = await self.load_pages(GallerySearch(text=f"a take {text}"))
            assert page.entries
        for text in ("zzz", f"boat {self.rare_word}", "server 21"):
            await self.load_pages(GallerySearch(text=text))

    async def find_alike(self) -> None:
        entry = await self.gallery.find_entry(int(self.rare_word))
        assert entry is not None
        for prompt in (entry.prompt, f"{self.rare_word} boats", "海辺の灯台と夜市を歩く三毛猫"):
            await self.gallery.find_similar(replace(entry, prompt=prompt), limit=5)
        assert await self.gallery.suggest_searches("baot harbuor", limit=5) is not None

    async def filter_by_what_few_have(self) -> None:
        await self.load_pages(GallerySearch(length=ClipLength.LONG))
        await self.load_pages(GallerySearch(model="a model of the future"))
        await self.load_pages(GallerySearch(guild_id=9_999))
        await self.load_pages(GallerySearch(shape=ClipShape.PORTRAIT))

    async def filter_by_server(self) -> None:
        await self.load_pages(GallerySearch(guild_id=BUSY_SERVER, text="boat"))
        await self.load_pages(GallerySearch(guild_id=BUSY_SERVER, length=ClipLength.LONG))

    async def show_newest(self) -> None:
        await self.load_pages(GallerySearch())
        await self.gallery.count_clips(GallerySearch(), now=self.clock.now())
        await self.gallery.find_favourite(since=self.clock.now() - timedelta(days=30))

    async def show_best(self) -> None:
        for period in (None, *GalleryPeriod):
            await self.load_pages(GallerySearch(order=GalleryOrder.TOP, period=period))

    async def load_pages(self, search: GallerySearch) -> GalleryPage:
        """Load the first page and return it, and the second if there is one."""
        now = self.clock.now()
        page = await self.gallery.load_page(search, cursor=None, limit=LIMIT, now=now)
        if page.next_cursor is not None:
            await self.gallery.load_page(search, cursor=page.next_cursor, limit=LIMIT, now=now)
        return page


FOLLOWING_AN_ORDER: Final = ("show_newest", "show_best", "show_entry")
"""They go along an index until a page is full, which one that most posts pass soon is."""
OPERATIONS: Final = [name for name in vars(Operations) if not name.startswith(("_", "load"))]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Operations]:
    """Give the operations on a database with rows in every table that grows."""
    folder: Path = tmp_path_factory.mktemp("plans")
    async with open_filled_database(request.param, folder, Size(2000)) as database:
        await database.execute(update(model_states_table).values(disabled=False))  # connects
        if database.is_shared:
            await database.write(_keep_statistics)
        page = await GalleryStore(database).load_page(GallerySearch(), cursor=None, limit=1)
        yield Operations(database, rare_word=str(page.entries[0].clip.id))


async def _keep_statistics(connection: AsyncConnection) -> None:
    """Keep PostgreSQL from new statistics amid the tests, which may change its plans."""
    for table in metadata.tables:
        await connection.exec_driver_sql(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")


@pytest.mark.parametrize("name", OPERATIONS)
async def test_no_table_is_read_whole(filled: Operations, name: str) -> None:
    operation: Callable[[], Awaitable[None]] = getattr(filled, name)
    with recorded_statements() as statements:
        await operation()
    assert statements
    scans = await find_scans(filled.database, statements, follows_order=name in FOLLOWING_AN_ORDER)
    assert not scans, "\n\n".join(scans)


async def test_a_whole_table_would_be_noticed(filled: Operations) -> None:
    statements: list[Statement] = [
        ("SELECT count(*) FROM jobs WHERE detail = 'x'", ()),
        ("SELECT DISTINCT model FROM showcase_posts", ()),
        ("SELECT id FROM submissions AS s WHERE attempt = 7 LIMIT 1", ()),
        ("SELECT id FROM clips ORDER BY id LIMIT 1", ()),
    ]
    for statement in statements:
        scans = await find_scans(filled.database, [statement], follows_order=False)
        assert scans, statement
    walk = ("SELECT id FROM showcase_posts ORDER BY id DESC LIMIT 1", ())
    assert await find_scans(filled.database, [walk], follows_order=True) == []


@contextmanager
def recorded_statements() -> Iterator[list[Statement]]:
    """Give what reads or changes rows, with the first parameters of each statement."""
    statements: dict[str, Any] = {}

    def record(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        if statement.startswith(("SELECT", "WITH", "UPDATE", "DELETE", "INSERT")):
            is_list = many and isinstance(parameters[0], tuple)
            statements.setdefault(statement, parameters[0] if is_list else parameters)

    recorded: list[Statement] = []
    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield recorded
    finally:
        event.remove(Engine, "before_cursor_execute", record)
        recorded += statements.items()


async def find_scans(
    database: Database, statements: list[Statement], *, follows_order: bool
) -> list[str]:
    """Return the statements that read a big table or index whole, with their plans.

    With ``follows_order``, posts may be read in an order up to a limit.
    """
    find = _find_on_postgresql if database.is_shared else _find_on_sqlite

    async def explain(connection: AsyncConnection) -> list[str]:
        scans = []
        for statement, parameters in statements:
            found = await find(connection, statement, parameters)
            if follows_order and " LIMIT " in statement.replace("\n", " "):
                found = {name for name in found if name != "showcase_posts, in order"}
            if found:
                scans.append(f"{', '.join(sorted(found))}: {statement}")
        return scans

    return await database.read(explain)


async def _find_on_sqlite(connection: AsyncConnection, statement: str, parameters: Any) -> set[str]:
    rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    plan = rows.all()
    # the sorting of a query has the same parent as what it sorts
    sorted_parents = {row.parent for row in plan if "USE TEMP B-TREE" in row.detail}
    tables = {name: name for name in BIG_TABLES}
    tables |= {alias: name for name, alias in re.findall(r"\b(\w+) AS (\w+)", statement)}
    scans = set()
    for row in plan:
        match = re.match(r"SCAN (\w+)|SEARCH (\w+) USING AUTOMATIC", row.detail)
        table = tables.get(match[1] or match[2]) if match else None
        if match and table in BIG_TABLES:
            is_whole = match[1] is None or row.parent in sorted_parents
            scans.add(f"{table}, whole" if is_whole else f"{table}, in order")
    return scans


async def _find_on_postgresql(
    connection: AsyncConnection, statement: str, parameters: Any
) -> set[str]:
    await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    rows = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    [explained] = rows.scalar_one()
    return set(_find_in_plan(explained["Plan"], is_limited=False))


def _find_in_plan(node: dict[str, Any], *, is_limited: bool) -> Iterator[str]:
    kind, table = node["Node Type"], node.get("Relation Name")
    is_whole = kind == "Seq Scan" or (kind.startswith("Index") and "Index Cond" not in node)
    if table in BIG_TABLES and is_whole:
        yield f"{table}, in order" if is_limited and kind != "Seq Scan" else f"{table}, whole"
    is_limited = kind == "Limit" or (is_limited and kind not in ("Sort", "Aggregate", "Hash"))
    for child in node.get("Plans", ()):
        yield from _find_in_plan(child, is_limited=is_limited)

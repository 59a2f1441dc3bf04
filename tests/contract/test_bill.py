"""`clapper bill` shows where Google's bill and the ledger differ, and only reads the database."""

import asyncio
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import delete, insert, select, text, update

from bot.cli.main import main
from bot.domain.billing.ledger import (
    EntryKind,
    LedgerAccount,
    LedgerPosting,
    Settlement,
    build_check_comment,
    build_settlement,
)
from bot.domain.billing.limits import UsageAmount
from bot.domain.billing.money import Micros
from bot.store.billing.rollup import RollupStore
from bot.store.engine.database import Access, Database, open_database
from bot.store.tables.core import jobs_table, ledger_table, submissions_table
from bot.store.tables.row_mapping import posting_to_row
from tests.contract.conftest import POSTGRES_URL
from tests.fakes.world import SimulatedWorld

LITE: Final = "veo-3.1-lite-generate-preview"
FAST: Final = "veo-3.1-fast-generate-preview"
FAST_ON_VERTEX: Final = "veo-3.1-fast-generate-001"
HEADER: Final = "SKU description,Service description,Cost type,Usage start date,Cost ($)"
AGREEING: Final = (
    "Veo 3.1 Lite Video,Gemini API,Usage,2026-11-01,$0.40",
    "Veo 3.1 Fast Video,Gemini API,Usage,2026-11-02,$0.80",
    "Veo 3.1 Fast Video,Vertex AI,Usage,2026-11-02,$0.90",
)


@pytest.fixture(autouse=True)
async def configure(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `clapper` read the test's database, on PostgreSQL in its schema."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_TOKEN", "t")
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    if database.engine.dialect.name == "sqlite":
        monkeypatch.setenv("DATABASE_URL", database.engine.url.render_as_string())
        return
    schema = await database.read(lambda c: c.scalar(text("SELECT current_schema()")))
    monkeypatch.setenv("DATABASE_URL", POSTGRES_URL)
    monkeypatch.setattr(
        "bot.cli.bill.open_reader",
        lambda url: open_database(url, schema=schema, access=Access.READER, pool_size=1),
    )


async def spend(
    world: SimulatedWorld,
    key: str,
    submitted_at: datetime,
    *,
    model: str = LITE,
    settlement: Settlement = Settlement.CHARGE,
    **parts: Any,
) -> int:
    """Add an ended job; return its number."""
    job = await world.admit_job(key, model=model)
    times = {"recorded_at": submitted_at, "window_at": submitted_at}
    about = {"job_id": job.id, "guild_id": 700, "user_id": 900}
    postings = build_settlement(UsageAmount.from_plan(job.plan), settlement, **parts)
    rows = [posting_to_row(posting) | times | about for posting in postings]
    claim = {"job_id": job.id, "attempt": 1, "model": model, "submitted_at": submitted_at}
    for statement in (
        insert(ledger_table).values(rows),
        update(jobs_table)
        .where(jobs_table.c.id == job.id)
        .values(submitted_at=submitted_at, state="done", finished_at=submitted_at),
        insert(submissions_table).values(claim),
    ):
        await world.database.write(lambda c, s=statement: c.execute(s))  # type: ignore[misc]
    return job.id


@pytest.fixture
async def spent(world: SimulatedWorld) -> SimulatedWorld:
    """A ledger with what `AGREEING` has, and some that Google does not bill."""
    # 11 p.m. on the first of November in California, where summer time ended that day
    await spend(world, "lite", datetime(2026, 11, 2, 7, tzinfo=UTC))
    fast = await spend(
        world,
        "fast",
        datetime(2026, 11, 2, 8, tzinfo=UTC),
        model=FAST,
        settlement=Settlement.ABSORBED,
        beyond=Micros(400_000),
    )
    await spend(
        world,
        "vertex",
        datetime(2026, 11, 3, 7, 59, tzinfo=UTC),
        model=FAST_ON_VERTEX,
        beyond=Micros(500_000),
    )
    await spend(
        world, "refused", datetime(2026, 11, 2, 9, tzinfo=UTC), settlement=Settlement.REFUND
    )
    gift = LedgerPosting(EntryKind.GRANT, UsageAmount(Micros(7_000_000)), LedgerAccount.ALL)
    at = datetime(2026, 11, 2, 9, tzinfo=UTC)
    grant = posting_to_row(gift) | {"recorded_at": at, "window_at": at, "guild_id": 700}
    for statement in (
        insert(ledger_table).values(grant),
        delete(jobs_table).where(jobs_table.c.id == fast),  # its claims still tell the model
    ):
        await world.database.write(lambda c, s=statement: c.execute(s))  # type: ignore[misc]
    return world


def write_bill(folder: Path, *lines: str) -> str:
    file = folder / "bill.csv"
    file.write_text("\n".join([HEADER, *lines]), "utf-8")
    return str(file)


async def run(*words: str) -> int:
    return await asyncio.to_thread(main, ["bill", *words])


async def read_everything(database: Database) -> Sequence[Any]:
    query = select(ledger_table).order_by(ledger_table.c.id)
    return (await database.read(lambda c: c.execute(query))).all()


async def test_an_agreeing_bill(
    spent: SimulatedWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await read_everything(spent.database)
    assert await run(write_bill(tmp_path, *AGREEING), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["version"] == 1
    assert report["agrees"] is True
    assert [
        (each["first_day"], each["model"], each["google_micros"], each["ledger_micros"])
        for each in report["days"]
    ] == [
        ("2026-11-01", "Veo 3.1 Lite", 400_000, 400_000),
        ("2026-11-02", "Veo 3.1 Fast", 1_700_000, 1_700_000),
    ]
    assert report["total"]["difference_micros"] == 0
    assert await read_everything(spent.database) == before


async def test_a_bill_that_differs(
    spent: SimulatedWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bill = write_bill(
        tmp_path,
        *AGREEING[1:],
        "Veo 3.1 Fast Video,Gemini API,Usage,2026-11-01,$0.30",
        "Text output,Gemini API,Usage,2026-11-02,$0.05",
        "E2 Core,Compute Engine,Usage,2026-11-02,$9.00",
        ",,Tax,,$0.19",
    )
    assert await run(bill) == 1
    printed = capsys.readouterr().out
    table = [line.split() for line in printed.splitlines()]
    assert ["2026-11-01", "Veo", "3.1", "Lite", "$0.00", "$0.40", "-$0.40"] in table
    assert ["2026-11-01", "Veo", "3.1", "Fast", "$0.30", "$0.00", "+$0.30"] in table
    assert ["All", "days", "Veo", "3.1", "Fast", "$2.00", "$1.70", "+$0.30", "differs"] in table
    assert ["All", "days", "All", "models", "$2.00", "$2.10", "-$0.10"] in table
    for words in ('"Text output"', "$0.05", "Compute Engine", "1 row ", "$0.19", "1 %"):
        assert words in printed
    assert "$9.00" not in printed
    assert await run(bill, "--tolerance", "20") == 1  # nothing was billed for the other model
    assert await run(bill, "--from", "2026-11-02", "--sku", f"Text output={FAST}") == 1
    printed = capsys.readouterr().out
    assert ["All", "days", "Veo", "3.1", "Fast", "$1.75", "$1.70", "+$0.05", "differs"] in [
        line.split() for line in printed.splitlines()
    ]
    assert await run(bill, "--from", "2026-11-02") == 0


async def test_checks_by_a_text_model_are_compared_under_its_name(
    spent: SimulatedWorld,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its SKU is found by the words of the id, and an earlier model can be assigned."""
    monkeypatch.setenv("MODERATION_MODEL", "gemini-3.5-flash-lite")
    checks = LedgerPosting(EntryKind.ADJUST, UsageAmount(Micros(50_000)), LedgerAccount.BUDGETS)
    at = datetime(2026, 11, 2, 18, tzinfo=UTC)
    rows = [
        posting_to_row(checks)
        | {"recorded_at": at, "window_at": at, "guild_id": 700, "user_id": 900}
        | {"comment": build_check_comment(model)}
        for model in ("gemini-3.5-flash-lite", "gemini-9-old")
    ]
    await spent.database.write(lambda connection: connection.execute(insert(ledger_table), rows))
    bill = write_bill(
        tmp_path,
        *AGREEING,
        "Gemini 3.5 Flash Lite text output tokens,Gemini API,Usage,2026-11-02,$0.05",
        "Old output,Gemini API,Usage,2026-11-02,$0.05",
    )
    assert await run(bill, "--sku", "Old output=gemini-9-old", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {each["model"]: each["ledger_micros"] for each in report["models"]} == {
        "Veo 3.1 Lite": 400_000,
        "Veo 3.1 Fast": 1_700_000,
        "gemini-3.5-flash-lite": 50_000,
        "gemini-9-old": 50_000,
    }


async def test_a_month_in_one_row(
    spent: SimulatedWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "month.csv"
    file.write_text(
        "Service description,SKU description,Usage start date,Usage end date,Cost\n"
        "Gemini API,Veo 3.1 Lite Video,2026-11-01,2026-11-30,0.40\n"
        "Gemini API,Veo 3.1 Fast Video,2026-11-01,2026-11-30,1.70\n"
    )
    assert await run(str(file)) == 0
    assert "2026-11-01 to 2026-11-30" in capsys.readouterr().out


async def test_entries_that_were_replaced_by_sums_are_told(
    spent: SimulatedWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rollup = RollupStore(spent.database)
    while await rollup.roll_up_batch(before=datetime(2026, 11, 20, tzinfo=UTC)):
        pass
    assert await run(write_bill(tmp_path, *AGREEING)) == 1
    assert "KEEP_LEDGER_DAYS" in capsys.readouterr().out


async def test_a_file_from_outside_of_a_container(
    spent: SimulatedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = await asyncio.to_thread(Path(write_bill(tmp_path, *AGREEING)).read_bytes)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert await run("-") == 0


async def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("Service description,Cost\n")
    for words, reason in (
        (("none.csv",), "No such file"),
        ((str(tmp_path),), "directory"),
        ((str(empty),), '"SKU description", "Usage start date"'),
        ((write_bill(tmp_path, *AGREEING), "--sku", "x=nothing"), "clapper models"),
        ((write_bill(tmp_path, *AGREEING), "--from", "2027-01-01"), "no days"),
    ):
        assert await run(*words) == 2
        printed = capsys.readouterr()
        assert reason in printed.err
        assert (printed.err.count("\n"), printed.out) == (1, "")

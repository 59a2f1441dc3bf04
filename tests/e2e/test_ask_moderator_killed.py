"""A request that a moderator allowed is made exactly once, whoever is killed when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from bot.store.jobs.admission import ADMISSION_LOCK
from tests.e2e.stage import BotStage, clips_of, run_two_processes
from tests.harness.texts import quote_text

ALLOW = quote_text("button.question_allow")
PROMPT = "a glass of rose and a fox"


async def open_rooms(stage: BotStage) -> tuple[str, str]:
    """Ask about a word; return a channel for clips and the staff channel."""
    room, staff = await stage.open_channel(), await stage.open_channel()
    for command, options in (
        ("staff", {"channel": staff}),
        ("words add", {"words": "rose", "action": "ask"}),
    ):
        asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
        await stage.wait_for_answer(asked)
    return room, staff


async def require_made_once(stage: BotStage, room: str, staff: str, submits: int) -> None:
    await stage.wait_for_message(staff, quote_text("question.end.started"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == 1
    assert len(await stage.control.messages(room)) == 1
    assert len(await stage.control.messages(staff)) == 1
    assert len(await stage.list_submits()) == submits


async def test_killed_around_the_moderators_message(fresh_stage: BotStage) -> None:
    """It is posted without a record, found by the next process, and its buttons still work."""
    stage = fresh_stage
    room, staff = await open_rooms(stage)
    await stage.control.fault(
        server="discord",
        method="POST",
        path=rf"/channels/{staff}/messages$",
        drop="after",
        delay_s=0,
    )
    await stage.request_clip(room, PROMPT, user="Cem")
    asked = await stage.wait_for_message(staff, quote_text("question.ask"))
    await stage.bot.kill_and_wait()
    await stage.control.clear_faults()
    await stage.bot.start()
    await stage.press_button(asked, ALLOW)
    await require_made_once(stage, room, staff, 1)


@asynccontextmanager
async def hold_admissions(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Let no request be accepted meanwhile; yield a connection to the database."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", ADMISSION_LOCK)
            yield connection
    finally:
        await connection.close()


@pytest.mark.postgresql
async def test_two_processes_make_it_once(tmp_path: Path) -> None:
    """One is killed after *Allow* was recorded and before the job was accepted."""
    async with run_two_processes(tmp_path) as (stage, second, url):
        room, staff = await open_rooms(stage)
        await stage.request_clip(room, PROMPT, user="Cem")
        asked = await stage.wait_for_message(staff, quote_text("question.ask"))
        await stage.wait_for_message(room, quote_text("question.waiting"))
        reader = await asyncpg.connect(url.replace("+asyncpg", ""))

        async def is_allowed() -> bool:
            return bool(await reader.fetchval("SELECT state = 'allowed' FROM questions"))

        async with hold_admissions(url):
            await asyncio.gather(*(stage.press_button(asked, ALLOW) for _ in range(2)))
            await stage.wait_until(is_allowed, "the answer being recorded")
            await stage.bot.kill_and_wait()
        # what half a minute would do too, if the killed process had claimed it
        await reader.execute("UPDATE questions SET claimed_until = NULL WHERE state = 'allowed'")
        await reader.close()
        await require_made_once(stage, room, staff, 1)
        assert '"level": "error"' not in second.read_log()

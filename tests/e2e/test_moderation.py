"""A word list and a block in the real bot: refused, free, told in private, others unaffected."""

import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from tests.e2e.omni import ON_BOTH_DATABASES
from tests.e2e.stage import BotStage, buttons_of, run_two_processes, text_of
from tests.harness.texts import quote_text

BOT_SETTINGS = {"DEFAULT_MEMBER_CLIPS_PER_DAY": "9", "REPLY_UNDO_S": "600"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run_admin(stage: BotStage, room: str, command: str, **options: object) -> str:
    """Give an admin's command and return its answer."""
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.wait_for_answer(asked)


async def read_quota(stage: BotStage, room: str) -> str:
    asked = await stage.control.command(stage.people["Cem"], room, "quota show", {})
    return await stage.wait_for_answer(asked)


async def end_blocks(stage: BotStage) -> None:
    """Let the time of every block have passed, which an hour would do too."""
    url = stage.bot.environment.get("DATABASE_URL")
    if url is not None:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        await connection.execute("UPDATE request_blocks SET ends_at = '2020-01-01 00:00:00Z'")
        await connection.close()
        return
    file = Path(stage.bot.environment["DATA_DIR"]) / "clapper.db"
    with closing(sqlite3.connect(file, timeout=60)) as database, database:
        database.execute("UPDATE request_blocks SET ends_at = '2020-01-01 00:00:00.000000'")


@ON_BOTH_DATABASES
async def test_a_word_list_refuses_in_private_and_costs_nothing(stage: BotStage) -> None:
    await refuse_words(stage)


@ON_BOTH_DATABASES
async def test_a_blocked_member_is_told_in_private_and_keeps_what_is_theirs(
    stage: BotStage,
) -> None:
    await block_member(stage)


@pytest.mark.postgresql
async def test_two_processes_know_the_word_list_and_the_block_at_once(tmp_path: Path) -> None:
    """Each event reaches both, and either may answer it, whichever took the admin's command."""
    async with run_two_processes(tmp_path, **BOT_SETTINGS) as (stage, second, _):
        await refuse_words(stage)
        await block_member(stage)
        for process in (stage.bot, second):
            log = process.read_log()
            assert "Traceback" not in log, log[-4000:]
            assert "g0re" not in log


async def refuse_words(stage: BotStage) -> None:
    """The words are in no public answer and no log, and stop when they are removed."""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    added = await run_admin(stage, room, "words add", words="gore, b*tard, 色情")
    assert quote_text("server.words.added", added=3, total=3) in added
    before, quota = len(await stage.list_submits()), await read_quota(stage, room)
    seen = {each["id"] for each in await stage.control.messages(room)}

    asked = await stage.request_clip(room, "a fox and g0re", user="Cem")
    refused = quote_text("words_refused.server", word="gore")
    await stage.wait_for_answer(asked, refused)
    in_negative = await stage.request_clip(room, user="Cem", negative_prompt="色 情")
    await stage.wait_for_answer(in_negative, quote_text("words_refused.server", word="色情"))
    form = await stage.press_button(clip, quote_text("button.extend"), "Cem")
    extended = await stage.submit_form(form, "then a b a s t a r d comes", "Cem")
    await stage.wait_for_answer(extended, quote_text("words_refused.server"))
    assert {each["id"] for each in await stage.control.messages(room)} <= seen

    # a reply is answered where all can read it: without the word, which the form has
    await stage.control.message(
        stage.people["Cem"], room, "the fox jumps over the g0re", reply_to=clip["id"]
    )
    said = await stage.wait_for_message(room, quote_text("words_refused.server_in_public"))
    assert "gore" not in text_of(said)
    opened = await stage.press_button(said, quote_text("button.rewrite"), "Cem")
    state = await stage.control.wait_interaction(opened, lambda found: found.get("modal"))
    assert quote_text("form.rewrite_words.hint", word="gore") in str(state["modal"])
    assert len(await stage.list_submits()) == before
    assert await read_quota(stage, room) == quota

    log = await run_admin(stage, room, "log")
    assert quote_text("log.change_words", change="+3") in log
    assert "gore" not in log
    assert "gore" in await run_admin(stage, room, "words list")
    tested = await run_admin(stage, room, "words test", text="the gorgeous category")
    assert quote_text("server.words.test_free") in tested
    await run_admin(stage, room, "words remove", words="gore, b*tard, 色情")
    await stage.request_clip(room, "gorgeous gore", user="Cem")
    await stage.wait_for_clip(room, 2)
    program_log = stage.bot.read_log()
    assert "g0re" not in program_log
    assert "gorgeous" not in program_log


async def block_member(stage: BotStage) -> None:
    """The queued job ends and is refunded, an offer is refused, others go on, the block ends."""
    room = await stage.open_channel()
    await stage.request_clip(room, user="Cem")
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    await run_admin(stage, room, "confirm", above=0)
    offer = await stage.request_clip(room, "a blue fox", user="Cem")
    await stage.wait_for_answer(offer, quote_text("ask.confirm"))
    await run_admin(stage, room, "confirm", never=True)
    quota = await read_quota(stage, room)
    # held back for the undo time, so it is in the queue
    await stage.control.message(
        stage.people["Cem"], room, "the fox jumps over the fence", reply_to=clip["id"]
    )
    await stage.wait_for_message(room, quote_text("stage.undo"))
    before = len(await stage.list_submits())

    member = {"member": stage.people["Cem"]}
    blocked = await run_admin(stage, room, "block", **member, how_long="hour", reason="rude")
    assert quote_text("server.block.jobs", jobs=1) in blocked
    await stage.wait_for_message(room, quote_text("outcome.cancelled"))
    told = quote_text("paused.reason", reason="rude")
    accepted = await stage.press_answer(offer, quote_text("button.accept"), "Cem")
    await stage.wait_for_answer(accepted, told)
    await stage.wait_for_answer(await stage.request_clip(room, user="Cem"), told)
    redone = await stage.press_button(clip, quote_text("button.redo"), "Cem")
    assert quote_text("blocked.still") in await stage.wait_for_answer(redone, told)
    await stage.control.message(
        stage.people["Cem"], room, "then it sleeps on the roof", reply_to=clip["id"]
    )
    said = await stage.wait_for_message(room, quote_text("blocked.in_public"))
    assert "rude" not in text_of(said)
    assert "rude" in await run_admin(stage, room, "blocks")
    shown = await read_quota(stage, room)
    assert told in shown
    assert shown.endswith(quota)

    got = await stage.control.command(stage.people["Cem"], room, "video history", {})
    assert "#" in await stage.wait_for_answer(got)
    kept = await stage.control.command(stage.people["Cem"], room, "privacy show", {})
    await stage.wait_for_answer(kept, quote_text("privacy.kept"))
    assert len(await stage.list_submits()) == before
    await stage.request_clip(room, user="Ada")
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)

    await end_blocks(stage)
    await stage.request_clip(room, user="Cem")
    await stage.wait_for_clip(room, 3)
    await stage.wait_until_idle(room)
    await stage.delete_clip(clip, "Cem")
    assert quote_text("server.block.none") in await run_admin(stage, room, "blocks")
    assert buttons_of(said) == {}

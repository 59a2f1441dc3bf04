"""The weekly digest with two processes on one PostgreSQL: once, also over a crash in between."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.e2e.stage import UNLIMITED_SETTINGS, BotStage, open_stage, text_of
from tests.harness.bot import BotProcess

STAR = "⭐"
Json = dict[str, Any]

A_WEEK_AGO = """
UPDATE showcase_settings SET digest_since = now() - interval '8 days';
UPDATE showcase_posts SET showcased_at = now() - interval '2 hours';
UPDATE digests SET due_at = due_at - interval '7 days';
"""


async def digests_in(stage: BotStage, wall: str) -> list[Json]:
    messages = await stage.control.messages(wall)
    return [message for message in messages if "The week's best" in text_of(message)]


async def settled(url: str, count: int) -> bool:
    """Return whether ``count`` digests are written and recorded as posted."""
    database = await asyncpg.connect(url)
    rows = await database.fetch("SELECT in_sync, message_id FROM digests")
    await database.close()
    return len(rows) == count and all(row["in_sync"] and row["message_id"] for row in rows)


async def pass_a_week(url: str) -> None:
    database = await asyncpg.connect(url)
    await database.execute(A_WEEK_AGO)
    await database.close()


@pytest.mark.postgresql
async def test_two_processes_and_a_crash_post_each_weeks_digest_once(tmp_path: Path) -> None:
    try:
        cluster = PostgresCluster()
    except PostgresNotInstalled as reason:
        pytest.skip(str(reason))
    async with cluster:
        address = await cluster.create_database()
        url = address.replace("+asyncpg", "")
        sandbox, first = await open_stage(tmp_path, settings={"DATABASE_URL": address})
        second = BotProcess(
            sandbox.control,
            sandbox.environment_for_bot,
            tmp_path / "second",
            settings=UNLIMITED_SETTINGS | {"DATABASE_URL": address},
        )
        try:
            await sandbox.control.scale_ratelimits(None)
            await first.start()
            await second.start()
            stage = BotStage(sandbox, first)
            await stage.load_world()
            await stage.control.google(seconds=0.2)
            room, wall = await stage.open_channel(), await stage.open_channel()
            now = datetime.now(UTC)
            arranged = await stage.control.command(
                stage.people["Ada"],
                room,
                "server showcase",
                {"channel": wall, "digest_day": str(now.weekday()), "digest_hour": now.hour},
            )
            await stage.wait_for_answer(arranged, "The weekly digest comes on")
            clips = []
            for prompt in ("look=plain a heron", "look=plain an owl"):
                place = await stage.open_channel()
                clips.append(await stage.make_clip(place, prompt))
                # both processes hear the press; the clip hangs once
                await stage.wait_for_answer(
                    await stage.press_button(clips[-1], "Showcase"), "in the showcase"
                )
            await stage.control.reaction(stage.people["Cem"], clips[1]["id"], STAR)
            assert not await digests_in(stage, wall)

            await pass_a_week(url)
            await stage.wait_until(lambda: settled(url, 1), "the first digest")
            said = text_of((await digests_in(stage, wall))[0])
            assert "🏆" in said
            assert said.index("an owl") < said.index("a heron")

            # what is withdrawn leaves the digest, whichever process hears it
            await stage.wait_for_answer(await stage.press_button(clips[1], "Delete"), "deleted")

            async def without_the_owl() -> bool:
                [digest] = await digests_in(stage, wall)
                return "an owl" not in text_of(digest) and "a heron" in text_of(digest)

            await stage.wait_until(without_the_owl, "the digest without the owl")
            assert await settled(url, 1)

            # the post is carried out, its answer is lost, and everybody dies
            posts = rf"/channels/{wall}/messages$"
            await stage.control.fault("discord", method="POST", path=posts, times=9, drop="after")
            await pass_a_week(url)

            async def posted() -> bool:
                return len(await digests_in(stage, wall)) == 2

            await stage.wait_until(posted, "the second digest")
            await first.kill_and_wait()
            await second.kill_and_wait()
            await stage.control.clear_faults()
            assert not await settled(url, 2)
            await second.start()
            await first.start()
            await stage.wait_until(lambda: settled(url, 2), "the second digest being recorded")
            assert len(await digests_in(stage, wall)) == 2
        finally:
            await first.close()
            await second.close()
            await sandbox.close()

"""The weekly digest is posted once by two processes on one PostgreSQL, even after a crash."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.e2e.stage import BotStage, run_two_processes, text_of, video_of
from tests.harness.texts import quote_text

STAR = "⭐"
Json = dict[str, Any]

A_WEEK_AGO = """
UPDATE showcase_settings SET digest_since = now() - interval '8 days';
UPDATE showcase_posts SET showcased_at = now() - interval '2 hours';
UPDATE digests SET due_at = due_at - interval '7 days';
"""


async def list_digests(stage: BotStage, showcase: str) -> list[Json]:
    messages = await stage.control.messages(showcase)
    return [message for message in messages if quote_text("digest.title") in text_of(message)]


async def are_settled(url: str, count: int) -> bool:
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
async def test_digest_is_posted_once_despite_crash(tmp_path: Path) -> None:
    """It shows the winner's clip and mentions the winner only. [people-M27]"""
    shared = str(tmp_path / "shared")  # the digest shows the winner's clip, for every creator
    async with run_two_processes(tmp_path, DATA_DIR=shared) as (stage, second, address):
        first, url = stage.bot, address.replace("+asyncpg", "")
        await stage.control.google(seconds=0.2)
        room, showcase = await stage.open_channel(), await stage.open_channel()
        now = datetime.now(UTC)
        interaction = await stage.control.command(
            stage.people["Ada"],
            room,
            "server showcase",
            {"channel": showcase, "digest_day": str(now.weekday()), "digest_hour": now.hour},
        )
        await stage.wait_for_answer(interaction, quote_text("showcase_settings.digest"))
        clips = []
        for prompt in ("look=plain a heron", "look=plain an owl"):
            channel = await stage.open_channel()
            clips.append(await stage.make_clip(channel, prompt))
            # both processes receive the press; the clip is posted once
            await stage.wait_for_answer(
                await stage.press_button(clips[-1], quote_text("button.showcase")),
                quote_text("showcase.added"),
            )
        for name in ("Cem", "Dia"):
            await stage.control.reaction(stage.people[name], clips[1]["id"], STAR)
        await stage.control.reaction(stage.people["Cem"], clips[0]["id"], STAR)
        assert not await list_digests(stage, showcase)

        await pass_a_week(url)
        await stage.wait_until(lambda: are_settled(url, 1), "the first digest")
        [message] = await list_digests(stage, showcase)
        text = text_of(message)
        assert "🏆" in text
        # the winner's clip is shown, and only the winner is mentioned
        owl = video_of(message)
        assert owl is not None
        assert [mention["id"] for mention in message["mentions"]] == [stage.people["Ada"]]
        assert text.index("an owl") < text.index("a heron")

        # a withdrawn clip leaves the digest, whichever process handles it
        await stage.delete_clip(clips[1])

        async def is_updated() -> bool:
            [digest] = await list_digests(stage, showcase)
            is_first = "an owl" not in text_of(digest) and "a heron" in text_of(digest)
            video = video_of(digest)
            return is_first and video is not None and video["url"] != owl["url"]

        await stage.wait_until(is_updated, "the digest without the owl")
        assert await are_settled(url, 1)

        # the post is made, its answer is lost, and both processes die
        posts = rf"/channels/{showcase}/messages$"
        await stage.control.fault("discord", method="POST", path=posts, times=9, drop="after")
        await pass_a_week(url)

        async def is_posted() -> bool:
            return len(await list_digests(stage, showcase)) == 2

        await stage.wait_until(is_posted, "the second digest")
        await first.kill_and_wait()
        await second.kill_and_wait()
        await stage.control.clear_faults()
        assert not await are_settled(url, 2)
        await second.start()
        await first.start()
        await stage.wait_until(lambda: are_settled(url, 2), "the second digest being recorded")
        assert len(await list_digests(stage, showcase)) == 2

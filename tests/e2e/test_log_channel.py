"""`/server log` in a channel: what admins do is posted there, once, and what must not be is not."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.omni import ON_BOTH_DATABASES
from tests.e2e.stage import BotStage, run_stage, run_two_processes, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]


async def run_admin(stage: BotStage, room: str, command: str, **options: object) -> str:
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.wait_for_answer(asked)


async def read_lines(stage: BotStage, channel: str) -> list[str]:
    """Return the lines in a log's channel, oldest first."""
    messages = await stage.control.messages(channel)
    ordered = sorted(messages, key=lambda message: int(message["id"]))
    return [line for message in ordered for line in text_of(message).splitlines()]


async def wait_for_lines(stage: BotStage, channel: str, count: int) -> list[str]:
    async def has_lines() -> list[str] | None:
        lines = await read_lines(stage, channel)
        return lines if len(lines) >= count else None

    lines: list[str] = await stage.wait_until(has_lines, f"{count} lines in the log's channel")
    return lines


@ON_BOTH_DATABASES
async def test_every_command_that_changes_something_is_posted(stage: BotStage) -> None:
    room, log, staff = [await stage.open_channel() for _ in range(3)]
    cem, ada = stage.people["Cem"], stage.people["Ada"]
    await run_admin(stage, room, "prices", shown=True)
    said = await run_admin(stage, room, "log", channel=log)
    assert quote_text("server.log.channel", channel=f"<#{log}>") in said
    rules, limits = quote_text("log.change_rules"), quote_text("log.change_limits")
    commands: list[tuple[str, dict[str, object], str]] = [
        ("prices", {"shown": False}, rules),
        ("pause", {"reason": "tidying up"}, rules),
        ("resume", {}, rules),
        ("people", {"rule": "adults"}, rules),
        ("people", {"rule": "unset"}, rules),
        ("people", {"rule": "nobody", "channel": room}, rules),
        ("people", {"rule": "unset", "channel": room}, rules),
        ("confirm", {"above": 1}, rules),
        ("extending", {"who": "requester"}, rules),
        ("replies", {"mode": "off"}, rules),
        ("staff", {"channel": staff}, quote_text("log.staff_channel", channel=f"<#{staff}>")),
        ("reports", {"hide_after": 9}, rules),
        ("review", {"clips": "everyone"}, rules),
        ("review", {"clips": "off"}, rules),
        ("age", {"restricted": True}, quote_text("log.require_age_restriction")),
        ("age", {"restricted": False}, quote_text("log.lift_age_restriction")),
        ("quota set", {"member": cem, "clips_per_day": 7}, limits),
        ("quota clear", {"member": cem}, limits),
        ("budget", {"usd_per_month": 50}, limits),
        ("budget", {"clear": True}, limits),
        ("words add", {"words": "g*re", "action": "log"}, quote_text("log.change_words")),
        ("block", {"member": cem}, quote_text("log.block_requests")),
        ("unblock", {"member": cem}, quote_text("log.unblock_requests")),
        ("showcase", {"channel": room, "stars": 4}, quote_text("log.arrange")),
        ("showcase", {"off": True}, quote_text("log.arrange")),
    ]
    for command, options, _ in commands:
        await run_admin(stage, room, command, **options)
    for command in (
        "words list",
        "blocks",
        "quota list",
        "budget",
        "people",
        "review",
        "staff",
        "log",
    ):
        await run_admin(stage, room, command)
    await stage.make_clip(room, "a g0re fox", user="Cem")
    expected = [quote_text("log.choose_log"), *(line for _, _, line in commands)]
    expected.append(quote_text("log.use_unnamed_word"))
    lines = await wait_for_lines(stage, log, len(expected))
    assert [line for line, words in zip(lines, expected, strict=True) if words not in line] == []
    assert all(f"<@{ada}>" in line for line in lines[:-1])
    assert "g*re" not in str(lines)
    assert "g0re" not in str(lines)
    messages = await stage.control.messages(log)
    assert len(messages) < len(expected), "what happens together is one message"
    assert not any(message["mentions"] for message in messages)

    said = await run_admin(stage, room, "log", off=True)
    assert quote_text("server.log.off") in said
    assert quote_text("log.use_word") in said, "admins see the word"
    await run_admin(stage, room, "replies", mode="extend")
    await run_admin(stage, room, "words remove", words="g*re")
    assert await read_lines(stage, log) == lines

    await run_admin(stage, room, "log", channel=log)
    await wait_for_lines(stage, log, len(lines) + 1)
    await stage.control.delete_channel(log)
    await run_admin(stage, room, "prices", shown=True)
    await stage.wait_for_message("@Ada", quote_text("report.notice.log_stopped"))
    said = await run_admin(stage, room, "log")
    assert quote_text("server.log.stopped", channel=f"<#{log}>") in said
    assert quote_text("log.log_stopped.unknown", channel=f"<#{log}>") in said


async def test_a_killed_process_posts_each_entry_once(tmp_path: Path) -> None:
    """Discord takes no message before the process is killed, and the next one posts it."""
    async with run_stage(tmp_path) as stage:
        room, log = await stage.open_channel(), await stage.open_channel()
        await run_admin(stage, room, "log", channel=log)
        await wait_for_lines(stage, log, 1)
        path = rf"/channels/{log}/messages$"
        await stage.control.fault("discord", method="POST", path=path, status=503)
        await run_admin(stage, room, "pause")

        async def is_tried() -> bool:
            return len(await stage.control.requests(path=path, method="POST")) > 1

        await stage.wait_until(is_tried, "an attempt")
        await run_admin(stage, room, "resume")
        await stage.bot.kill_and_wait()
        await stage.control.clear_faults()
        await stage.bot.start()
        lines = await wait_for_lines(stage, log, 3)
        assert set(Counter(lines).values()) == {1}


@pytest.mark.postgresql
async def test_two_processes_post_each_entry_once(tmp_path: Path) -> None:
    async with run_two_processes(tmp_path) as (stage, _, _):
        room, log = await stage.open_channel(), await stage.open_channel()
        await run_admin(stage, room, "log", channel=log)
        for number in range(1, 7):
            await run_admin(stage, room, "quota set", clips_per_day=number)
        lines = await wait_for_lines(stage, log, 7)
        assert len(lines) == 7
        assert set(Counter(lines).values()) == {1}

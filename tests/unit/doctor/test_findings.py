"""Checks run side by side, each with its own limit, and are shown without secrets."""

import asyncio
import json
from collections.abc import Sequence

import discord

from bot.cli.doctor.application_checks import judge_intents
from bot.cli.doctor.findings import CheckGroup, CheckStatus, Finding, run_groups
from bot.cli.doctor.report import format_json, format_text, redact_findings

GOOD = Finding("good", CheckStatus.OK, "fine")
HOUR_S = 3600.0


async def find_good() -> Sequence[Finding]:
    return [GOOD]


async def crash() -> Sequence[Finding]:
    raise RuntimeError("a fault of ours\nwith a second line")


async def hang() -> Sequence[Finding]:
    await asyncio.sleep(HOUR_S)
    raise AssertionError("it was not ended")


async def test_a_check_that_crashes_or_hangs_is_a_line_and_stops_no_other() -> None:
    findings = await run_groups(
        [
            CheckGroup("crashing", crash, HOUR_S),
            CheckGroup("hanging", hang, 0.01),
            CheckGroup("good", find_good, HOUR_S),
        ]
    )
    assert [(each.check, each.status) for each in findings] == [
        ("crashing", CheckStatus.FAILED),
        ("hanging", CheckStatus.FAILED),
        ("good", CheckStatus.OK),
    ]
    assert all(each.cure for each in findings[:2])
    assert "RuntimeError" in findings[0].message


async def test_checks_run_at_the_same_time() -> None:
    """The first one waits for the second."""
    has_begun = asyncio.Event()

    async def wait() -> Sequence[Finding]:
        await has_begun.wait()
        return [GOOD]

    async def begin() -> Sequence[Finding]:
        has_begun.set()
        return [GOOD]

    groups = [CheckGroup("first", wait, HOUR_S), CheckGroup("second", begin, HOUR_S)]
    assert await run_groups(groups) == [GOOD, GOOD]


def test_each_finding_is_one_line_with_status_code_and_cure() -> None:
    bad = Finding("bad", CheckStatus.FAILED, "two\nlines", "mend it", "CODE")
    first, second = format_text([GOOD, bad]).splitlines()
    assert first.split() == ["ok", "good:", "fine"]
    assert second.split() == ["failed", "bad:", "two", "lines", "[CODE]", "->", "mend", "it"]


def test_the_json_object_tells_the_worst_status() -> None:
    warning = Finding("worn", CheckStatus.WARNING, "old", "renew it")
    bad = Finding("bad", CheckStatus.FAILED, "broken", "mend it", "CODE")
    for findings, status, is_ok in (
        ([GOOD], "ok", True),
        ([GOOD, warning], "warning", True),
        ([GOOD, warning, bad], "failed", False),
    ):
        report = json.loads(format_json(findings))
        assert (report["version"], report["status"], report["ok"]) == (1, status, is_ok)
        assert len(report["checks"]) == len(findings)
    assert report["checks"][2] == {
        "check": "bad",
        "status": "failed",
        "ok": False,
        "message": "broken",
        "reason": "CODE",
        "cure": "mend it",
    }


def test_no_part_of_a_finding_shows_a_secret() -> None:
    secret = "correct-horse-battery"
    finding = Finding(
        "bad",
        CheckStatus.FAILED,
        f"cannot open postgresql://bot:{secret}@db/clips with {secret}",
        f"try https://host/path?signature={secret}",
        secret,
    )
    [shown] = redact_findings([finding], [secret])
    assert secret not in format_text([shown])
    assert secret not in format_json([shown])
    assert "db/clips" in shown.message


def test_an_intent_that_the_bot_needs_must_be_on() -> None:
    intents = discord.Intents(message_content=True)
    missing = judge_intents({"flags": 0}, intents)
    assert missing.status is CheckStatus.FAILED
    assert "Message Content" in missing.message
    for flag in (1 << 18, 1 << 19):  # of a verified bot, and of a small one
        assert judge_intents({"flags": flag}, intents).status is CheckStatus.OK

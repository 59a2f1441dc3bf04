"""Many members at once are all answered in time, and each clip arrives once.

Uses default settings and Discord's rate limits.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.stage import BotStage, clips_of
from tests.harness.bot import BotProcess
from tests.harness.sandbox import SandboxProcess
from tests.harness.texts import quote_text

MEMBERS = 25
CLIPS_PER_MEMBER = 2


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[BotStage]:
    """Return a stage with the default settings."""
    async with SandboxProcess(tmp_path / "sandbox") as sandbox:
        environment = sandbox.environment_for_bot
        quick = {"POLL_INTERVAL_S": "0.2"}
        async with BotProcess(
            sandbox.control, environment, tmp_path / "bot", settings=quick
        ) as bot:
            stage = BotStage(sandbox, bot)
            await stage.load_world()
            yield stage


async def test_fifty_clips_in_flight_all_arrive_once(crowd: BotStage) -> None:
    rooms = [await crowd.open_channel() for _ in range(10)]
    people = []
    for number in range(MEMBERS):
        body = {"guild": crowd.guild, "user": f"member-{number}"}
        answer = await crowd.control.call("POST", "members", body)
        people.append(str(answer["member"]["id"]))
    expected = MEMBERS * CLIPS_PER_MEMBER

    async def are_all_submitted() -> bool:
        return len(await crowd.list_submits()) == expected

    async with crowd.control.hold_google():
        commands = []
        for number, person in enumerate(people * CLIPS_PER_MEMBER):
            room = rooms[number % len(rooms)]
            options = {
                "prompt": f"fox {number % 3}",
                "model": "veo-3.1-fast-generate-preview",
                "duration": 4,
            }
            commands.append(crowd.control.command(person, room, "video generate", options))
        interactions = await asyncio.gather(*commands)
        for interaction in interactions:
            await crowd.wait_for_answer(interaction, quote_text("ask.accepted"))
        await crowd.wait_until(are_all_submitted, "fifty operations at once")
        assert (await crowd.control.call("GET", "google"))["finished_clips"] == 0

    async def are_all_posted() -> bool:
        clips = [clips_of(await crowd.control.messages(room)) for room in rooms]
        return sum(len(posts) for posts in clips) >= expected

    for _ in range(6):  # rendering fifty clips may take long
        try:
            await crowd.wait_until(are_all_posted, "fifty clips")
            break
        except AssertionError:
            continue
    for room in rooms:
        await crowd.wait_until_idle(room)
    # each requester is notified once with each clip
    told: Counter[str] = Counter()
    for room in rooms:
        for clip in clips_of(await crowd.control.messages(room)):
            [mentioned] = clip["mentions"]
            told[mentioned["id"]] += 1
    assert told == dict.fromkeys(people, CLIPS_PER_MEMBER)
    submits = await crowd.list_submits()
    assert len(submits) == expected
    slowest = max(
        [
            (await crowd.control.interaction(interaction))["acknowledged_ms"]
            for interaction in interactions
        ]
    )
    assert slowest < crowd.control.acknowledge_limit_ms

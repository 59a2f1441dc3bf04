"""Google's webhooks: a clip is seen when it ends, a lost submit is found, and an event is never
trusted more than a poll.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.omni import SUBMIT, OmniCharges, get_submit, list_omni_submits, request_omni
from tests.e2e.stage import BotStage, clips_of, run_stage, run_two_processes
from tests.harness.process import ProgramProcess, find_free_port
from tests.harness.texts import quote_text
from tests.harness.waiting import eventually

HOUR: Final = {"POLL_INTERVAL_S": "3600", "JOB_TIME_LIMIT_S": "86400"}
"""Only events make a second poll; the first one comes after five seconds."""


def use_webhooks(**settings: str) -> dict[str, str]:
    """Return the settings of a bot with webhooks on a free port."""
    port = find_free_port()
    return {
        "GEMINI_WEBHOOKS": "on",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": str(port),
        **settings,
    }


async def read_google(stage: BotStage) -> dict[str, Any]:
    state: dict[str, Any] = await stage.control.call("GET", "google")
    return state


async def wait_registered(stage: BotStage) -> dict[str, Any]:
    """Wait until Google knows one webhook, and return it."""

    async def find_webhook() -> dict[str, Any] | None:
        webhooks: list[dict[str, Any]] = (await read_google(stage))["webhooks"]
        return webhooks[0] if len(webhooks) == 1 else None

    return dict(await eventually(find_webhook, what="the webhook being registered") or {})


async def wait_deliveries(stage: BotStage, count: int) -> list[dict[str, Any]]:
    async def find_deliveries() -> list[dict[str, Any]] | None:
        deliveries: list[dict[str, Any]] = (await read_google(stage))["deliveries"]
        return deliveries if len(deliveries) >= count else None

    return list(await eventually(find_deliveries, what=f"{count} deliveries") or [])


async def wait_balanced(stage: BotStage, before: OmniCharges) -> None:
    """Wait until members and budgets match Google's bills since ``before``."""

    async def is_balanced() -> bool:
        charged = await OmniCharges.read(stage) - before
        return charged.is_balanced and charged.members > 0

    await stage.wait_until(is_balanced, "the charges matching Google's bills")


async def wait_first_polls(stage: BotStage, count: int) -> None:
    """Wait until the bot has asked about each of ``count`` submits."""

    async def are_polled() -> bool:
        submits = await list_omni_submits(stage)
        return len(submits) == count and all(submit["polls"] for submit in submits)

    await stage.wait_until(are_polled, f"the first polls of {count} submits")


@asynccontextmanager
async def run_with_webhooks(directory: Path, **settings: str) -> AsyncIterator[BotStage]:
    async with run_stage(directory, settings=use_webhooks(**settings)) as stage:
        await wait_registered(stage)
        yield stage


async def test_an_event_shows_the_end_at_once_and_repeated_events_post_once(
    tmp_path: Path,
) -> None:
    async with run_with_webhooks(tmp_path, **HOUR) as stage:
        before = await OmniCharges.read(stage)
        room = await stage.open_channel()
        async with stage.control.hold_google(omni={"webhook_copies": 3}):
            await request_omni(stage, room)
            await wait_first_polls(stage, 1)
        await stage.wait_for_clip(room)
        await stage.wait_until_idle(room)
        deliveries = await wait_deliveries(stage, 3)
        assert [delivery["status"] for delivery in deliveries] == [204, 204, 204]
        assert len({delivery["event"] for delivery in deliveries}) == 1
        submit = await get_submit(stage)
        assert submit["polls"] == 2, "the first poll, and the one that the event asked for"
        assert len(clips_of(await stage.control.messages(room))) == 1
        assert (await OmniCharges.read(stage) - before).is_balanced
        log = stage.bot.read_log()
        assert "whsec_" not in log
        assert deliveries[0]["event"] not in log


async def test_a_lost_submit_is_found_by_its_event(tmp_path: Path) -> None:
    async with run_with_webhooks(tmp_path, **HOUR) as stage:
        before = await OmniCharges.read(stage)
        await stage.control.fault("google", method="POST", path=SUBMIT, drop="after", times=1)
        room = await stage.open_channel()
        async with stage.control.hold_google():
            await request_omni(stage, room)
            await stage.wait_for_message(room, quote_text("outcome.submit_unknown"))
        await stage.wait_for_clip(room)
        await stage.wait_until_idle(room)
        await wait_balanced(stage, before)  # the status of an unknown job has no button to wait for
        assert len(await list_omni_submits(stage)) == 1
        assert len(clips_of(await stage.control.messages(room))) == 1
        assert '"submit.found"' in stage.bot.read_log()


async def test_a_process_killed_between_sending_and_saving_finds_its_clip(tmp_path: Path) -> None:
    async with run_with_webhooks(tmp_path, **HOUR) as stage:
        await stage.control.google(seconds=1.0)
        await stage.control.fault("google", method="POST", path=SUBMIT, hold_s=60, times=1)
        room = await stage.open_channel()
        await request_omni(stage, room)
        await eventually(lambda: list_omni_submits(stage), what="the submit arriving at Google")
        await stage.bot.restart()  # Google repeats the event until the bot is back
        await stage.wait_for_clip(room)
        await stage.wait_until_idle(room)
        assert len(await list_omni_submits(stage)) == 1
        assert len(clips_of(await stage.control.messages(room))) == 1


async def test_polls_find_what_events_do_not_tell(tmp_path: Path) -> None:
    """Lost and wrongly signed events cost nothing but time, and old ones are refused."""
    async with run_with_webhooks(tmp_path, POLL_INTERVAL_S="0.5") as stage:
        room = await stage.open_channel()
        await stage.control.google(seconds=0.5, omni={"webhook_lost": True})
        await request_omni(stage, room)
        await stage.wait_for_clip(room)
        [lost] = await wait_deliveries(stage, 1)
        assert lost["status"] is None

        await stage.control.google(omni={"webhook_lost": False, "webhook_forged": True})
        await request_omni(stage, room)
        await stage.wait_for_clip(room, 2)
        await stage.wait_until_idle(room)
        _, *forged = await wait_deliveries(stage, 2)
        assert {delivery["status"] for delivery in forged} == {401}

        await stage.control.google(omni={"webhook_forged": False})
        asked = (await read_google(stage))["polls"]
        for change, status in (
            ({"age_s": 600}, 401),
            ({"age_s": -600}, 401),
            ({"event": "msg_1"}, 204),
            ({"event": "msg_1"}, 204),
            ({"type": "batch.succeeded"}, 204),
        ):
            event = {"interaction": "v1_someone_elses", **change}
            answer = await stage.control.call("POST", "google/events", event)
            assert answer["statuses"] == [status], change
        await stage.control.google(seconds=0.2)
        await request_omni(stage, room)
        await stage.wait_for_clip(room, 3)
        await stage.wait_until_idle(room)
        newest = await get_submit(stage)
        assert (await read_google(stage))["polls"] == asked + newest["polls"]
        for path in await stage.control.requests(path=r"/interactions/"):
            assert "someone_elses" not in path["path"], "nobody lost a submit, so nobody asks"


async def test_a_separate_web_server_passes_events_on(tmp_path: Path) -> None:
    """`clapper web` is the public one; the bot finds its events in the database, as SQLite has no
    notifications.
    """
    port = find_free_port()
    settings = use_webhooks(**HOUR) | {"PUBLIC_URL": f"http://127.0.0.1:{port}", "WEB_PORT": "0"}
    async with run_stage(tmp_path, settings=settings) as stage:
        await wait_registered(stage)
        environment = stage.bot.environment | {"WEB_PORT": str(port)}
        website = ProgramProcess("bot", "web", log=tmp_path / "web.log", environment=environment)
        await website.launch()
        try:
            await eventually(lambda: re.search(r"^http://", website.read_log(), re.MULTILINE))
            room = await stage.open_channel()
            async with stage.control.hold_google():
                await request_omni(stage, room)
                await wait_first_polls(stage, 1)
            await stage.wait_for_clip(room)
            await stage.wait_until_idle(room)
            assert (await get_submit(stage))["polls"] == 2
            assert "Traceback" not in website.read_log(), website.read_log()
        finally:
            await website.close()


async def test_switching_webhooks_off_removes_them_at_google(tmp_path: Path) -> None:
    async with run_with_webhooks(tmp_path) as stage:
        first = await wait_registered(stage)
        await stage.bot.restart()
        assert await wait_registered(stage) == first, "the secret is kept"
        stage.bot.environment["GEMINI_WEBHOOKS"] = "off"
        await stage.bot.restart()

        async def is_removed() -> bool:
            return not (await read_google(stage))["webhooks"]

        await eventually(is_removed, what="the webhook being removed")


@pytest.mark.postgresql
async def test_two_processes_take_the_events_of_their_own_jobs(tmp_path: Path) -> None:
    """Google sends every event to the first process's address; both have jobs."""
    port = find_free_port()
    settings = use_webhooks(**HOUR) | {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": "0",
        "MAX_CONCURRENT_JOBS": "none",
    }
    async with run_two_processes(tmp_path, **settings) as (stage, second, _):
        stage.bot.environment["WEB_PORT"] = str(port)
        await stage.bot.restart()
        await wait_registered(stage)
        rooms = []
        async with stage.control.hold_google():
            for number in range(6):
                rooms.append(await stage.open_channel())
                await request_omni(stage, rooms[-1], f"a fox, number {number}")
            await wait_first_polls(stage, 6)
        for room in rooms:
            await stage.wait_for_clip(room)
            await stage.wait_until_idle(room)
            assert len(clips_of(await stage.control.messages(room))) == 1
        assert [submit["polls"] for submit in await list_omni_submits(stage)] == [2] * 6
        assert "Traceback" not in second.read_log(), second.read_log()[-4000:]

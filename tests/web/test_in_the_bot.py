"""The web server inside the real bot: ready when it is, and its figures come from real work."""

import json
import re
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.bot import BotProcess
from tests.harness.control import Control, has_answer
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually
from tests.web.conftest import client


async def test_ready_and_measured(tmp_path: Path) -> None:
    async with SandboxProcess(tmp_path / "sandbox") as sandbox:
        control = sandbox.control
        await control.google(seconds=0.5, look="plain")
        settings = {"POLL_INTERVAL_S": "0.2"}
        environment = sandbox.environment_for_bot
        async with BotProcess(control, environment, tmp_path / "bot", settings=settings) as bot:
            found = re.search(r'"url": "(http://[^"]+)"', bot.read_log())
            assert found
            async with client(found[1]) as http:
                await eventually(lambda: _ready(http), what="the bot being ready")
                options = {"prompt": "A kite over the bay", "duration": 4}
                asked = await control.command("Ada", "clips", "video generate", options)
                await control.wait_interaction(asked)
                await control.wait_message("clips", lambda message: message["files"])

                async def settled() -> bool:
                    return (await _figures(http)).get("clapper_jobs_ended_total", 0) == 1

                await eventually(settled, what="the job in the figures")
                figures = await _figures(http)
                await _shown_and_withdrawn(control, http)
                await control.gateway("down", seconds=5)
                await eventually(lambda: _unready(http), what="the gateway being missed")
                async with http.get("/healthz") as answer:
                    assert answer.status == 200
            lines = [
                json.loads(line) for line in bot.read_log().splitlines() if line.startswith("{")
            ]
    _followed(lines, asked)
    assert figures["clapper_gateway_ready"] == 1
    assert figures["clapper_ack_seconds_count"] >= 1
    assert figures["clapper_ack_seconds_sum"] < 3
    assert figures["clapper_detection_lag_seconds_count"] == 1
    assert figures["clapper_video_seconds_count"] == 1
    assert figures["clapper_spent_usd"] > 0
    assert figures["clapper_reserved_usd"] == 0
    assert figures["clapper_loop_lag_seconds_count"] > 0
    assert figures["clapper_google_calls_total"] >= 3
    assert figures["clapper_workers"] == 1


def _followed(lines: list[dict[str, Any]], interaction: str) -> None:
    """Every step of a job stands in the log under one number, from the command to the post."""
    ours = [line for line in lines if line.get("job_id") == 1]
    assert ours[0]["event"] == "job.accepted"
    assert ours[0]["key"] == f"interaction:{interaction}"
    states = [line["state"] for line in ours if line["event"] == "job.moved"]
    assert states == ["polling", "fetching", "posting", "done"]
    assert "kite" not in str(lines), "what people write is in no log"


async def _shown_and_withdrawn(control: Control, http: aiohttp.ClientSession) -> None:
    """A clip is in the gallery as soon as its maker shows it, and gone when it is withdrawn."""

    async def use(command: str, **options: object) -> None:
        asked = await control.command("Ada", "clips", command, options)
        await control.wait_interaction(asked, has_answer)

    async def found(path: str) -> bool:
        async with http.get(path) as answer:
            return answer.status == 200

    places = ("/clips/1", "/clips/1/video.mp4", "/clips/1/poster.jpg", "/api/v1/clips/1")
    await use("server showcase", channel="showcase", public=True)
    assert not any([await found(place) for place in places])
    await use("showcase add", clip="1")
    await eventually(lambda: found("/clips/1"), what="the clip in the gallery")
    assert all([await found(place) for place in places])
    await use("showcase withdraw", clip="1")

    async def gone() -> bool:
        return not any([await found(place) for place in places])

    await eventually(gone, what="the clip being gone everywhere")


async def _ready(http: aiohttp.ClientSession) -> bool:
    async with http.get("/readyz") as answer:
        said = await answer.json()
    assert {"database", "gateway", "dispatcher", "file_retention"} <= said["checks"].keys()
    return answer.status == 200 and bool(said["ready"])


async def _unready(http: aiohttp.ClientSession) -> bool:
    async with http.get("/readyz") as answer:
        checks = (await answer.json())["checks"]
    return answer.status == 503 and not checks["gateway"] and bool(checks["database"])


async def _figures(http: aiohttp.ClientSession) -> dict[str, float]:
    """Return each figure, summed over its labels."""
    async with http.get("/metrics") as answer:
        text = await answer.text()
    summed: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            summed[sample.name] = summed.get(sample.name, 0.0) + sample.value
    return summed

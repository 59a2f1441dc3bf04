"""The web server inside the real bot: readiness, and metrics of real jobs."""

import asyncio
import json
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.bot import BotProcess
from tests.harness.control import Control, has_answer
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually
from tests.web.conftest import client

LOOPS = {
    "dispatcher", "reconciliation", "queue_status", "measurements",
    "model_directory", "file_retention", "drafts", "ledger_rollup", "heartbeat", "unknown_jobs",
    "remote_deletions", "webhook_registration", "maintenance", "gallery_previews",
    "server_icons", "clip_reviews", "questions", "reports", "log_channels",
}  # fmt: skip
CHECKS = {"database", "gateway", *LOOPS}
"""What `/readyz` names: the connections, and each loop in the background."""


async def test_ready_and_measured(tmp_path: Path) -> None:
    async with SandboxProcess(tmp_path / "sandbox") as sandbox:
        control = sandbox.control
        await control.google(seconds=0.5, look="plain")
        settings = {"POLL_INTERVAL_S": "0.2"}
        environment = sandbox.environment_for_bot
        async with BotProcess(control, environment, tmp_path / "bot", settings=settings) as bot:
            url = re.search(r'"url": "(http://[^"]+)"', bot.read_log())
            assert url
            async with client(url[1]) as http:
                await eventually(lambda: _ready(http), what="the bot being ready")
                options = {"prompt": "A kite over the bay", "duration": 4}
                interaction = await control.command("Ada", "clips", "video generate", options)
                await control.wait_interaction(interaction)
                await control.wait_message("clips", lambda message: message["files"])

                async def settled() -> bool:
                    return (await _read_metrics(http)).get("clapper_jobs_ended_total", 0) == 1

                await eventually(settled, what="the job in the metrics")
                metrics = await _read_metrics(http)
                assert await _read_failure_series(http) == dict.fromkeys(LOOPS, 0.0)
                await _check_add_and_withdraw(control, http)
                await control.gateway("down")
                await eventually(lambda: _unready(http), what="the gateway being reported missing")
                async with http.get("/healthz") as answer:
                    assert answer.status == 200
                await control.gateway("up")
            lines = [
                json.loads(line) for line in bot.read_log().splitlines() if line.startswith("{")
            ]
    _check_log(lines, interaction)
    assert metrics["clapper_gateway_ready"] == 1
    assert metrics["clapper_ack_seconds_count"] >= 1
    longest_s = control.acknowledge_limit_ms / 1000
    assert metrics["clapper_ack_seconds_sum"] < longest_s * metrics["clapper_ack_seconds_count"]
    assert metrics["clapper_detection_lag_seconds_count"] == 1
    assert metrics["clapper_video_seconds_count"] == 1
    assert metrics["clapper_spent_usd"] > 0
    assert metrics["clapper_reserved_usd"] == 0
    assert metrics["clapper_loop_lag_seconds_count"] > 0
    assert metrics["clapper_google_calls_total"] >= 3
    assert metrics["clapper_workers"] == 1


def _check_log(lines: list[dict[str, Any]], interaction: str) -> None:
    """Check that the log has each step of the job, from command to post, under its id."""
    ours = [line for line in lines if line.get("job_id") == 1]
    assert ours[0]["event"] == "job.accepted"
    assert ours[0]["key"] == f"interaction:{interaction}"
    states = [line["state"] for line in ours if line["event"] == "job.moved"]
    assert states == ["polling", "fetching", "posting", "done"]
    assert "kite" not in str(lines), "prompts are not logged"


async def _check_add_and_withdraw(control: Control, http: aiohttp.ClientSession) -> None:
    """Check that a clip is in the gallery once it is added, and gone once it is withdrawn."""

    async def use(command: str, **options: object) -> None:
        interaction = await control.command("Ada", "clips", command, options)
        await control.wait_interaction(interaction, has_answer)

    async def exists(path: str) -> bool:
        async with http.get(path) as answer:
            return answer.status == 200

    paths = ("/clips/1", "/clips/1/video.mp4", "/clips/1/poster.jpg", "/api/v1/clips/1")
    await use("server showcase", channel="showcase", public=True)
    assert not any([await exists(path) for path in paths])
    await use("showcase add", clip="1")
    await eventually(lambda: exists("/clips/1"), what="the published clip")
    assert all([await exists(path) for path in paths])
    await _check_stalled_visitor(control, http)
    await use("showcase withdraw", clip="1")

    async def gone() -> bool:
        return not any([await exists(path) for path in paths])

    await eventually(gone, what="the clip being gone everywhere")


async def _check_stalled_visitor(control: Control, http: aiohttp.ClientSession) -> None:
    """Check that somebody with 150 connections gets 100, and that the bot goes on."""
    async with http.get("/healthz") as answer:
        url = answer.url
    request = f"GET /clips/1/video.mp4 HTTP/1.1\r\nHost: {url.authority}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    readers = []
    try:
        for _ in range(150):
            reader = socket.socket()
            readers.append(reader)
            reader.setblocking(False)
            reader.bind(("127.0.0.2", 0))  # another visitor than this test
            await loop.sock_connect(reader, (url.host, url.port))
            with suppress(ConnectionError):  # refused at once
                await loop.sock_sendall(reader, request)
        interaction = await control.command("Ada", "clips", "quota show")
        state = await control.wait_interaction(interaction, has_answer)
        assert state["acknowledged_ms"] < control.acknowledge_limit_ms

        async def refused() -> bool:
            return (await _read_metrics(http)).get("clapper_web_refusals_total", 0) >= 50

        await eventually(refused, what="the connections above the limit being refused")
        async with http.get("/clips/1") as answer:
            assert answer.status == 200
    finally:
        for reader in readers:
            reader.close()


async def _ready(http: aiohttp.ClientSession) -> bool:
    async with http.get("/readyz") as answer:
        report = await answer.json()
    assert report["checks"].keys() == CHECKS
    return answer.status == 200 and bool(report["ready"])


async def _unready(http: aiohttp.ClientSession) -> bool:
    async with http.get("/readyz") as answer:
        checks = (await answer.json())["checks"]
    return answer.status == 503 and not checks["gateway"] and bool(checks["database"])


async def _read_failure_series(http: aiohttp.ClientSession) -> dict[str, float]:
    """Return the failures of each background task, by its name."""
    async with http.get("/metrics") as answer:
        text = await answer.text()
    return {
        sample.labels["task"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "clapper_background_failures_total"
    }


async def _read_metrics(http: aiohttp.ClientSession) -> dict[str, float]:
    """Return each metric, summed over its labels."""
    async with http.get("/metrics") as answer:
        text = await answer.text()
    summed: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            summed[sample.name] = summed.get(sample.name, 0.0) + sample.value
    return summed

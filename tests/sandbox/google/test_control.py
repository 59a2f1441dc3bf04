"""The control API sets what Google does, and refuses what cannot be set."""

import asyncio
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.google.clip_spec import RenderStyle
from sandbox.google.encoding import measure_clip
from sandbox.google.renderer import ClipRenderer
from sandbox.google.settings import (
    GoogleSettings,
    InvalidGoogleSetting,
    OperationLatency,
    OperationOutcome,
)
from tests.harness.waiting import eventually
from tests.sandbox.google.conftest import LION, Server


async def test_unnamed_settings_stay_unchanged(server: Server) -> None:
    await server.control(seconds=7, outcome="filtered", reason="no")
    shown = await server.control(file_lifetime_s=60)
    assert (shown["seconds"], shown["outcome"], shown["reason"]) == (7.0, "filtered", "no")
    assert await server.control(outcome="done") == {**shown, "outcome": "done", "reason": ""}
    reset = await server.call("DELETE", "/control/google")
    assert reset == GoogleSettings().to_json()


def test_settings_round_trip() -> None:
    settings = GoogleSettings().with_changes(
        {
            "seconds": {"median": 40, "p95": 90},
            "quota": {"*": {"per_minute": 2}},
            "outcome_for": [{"prompt": "x", "outcome": "failed", "reason": "why"}],
            "retired_models": ["veo-2.0-generate-001"],
            "failure_code": 8,
            "file_uris": "relative",
            "day_quota_delay_s": None,
        }
    )
    assert GoogleSettings().with_changes(settings.to_json()).to_json() == settings.to_json()


@pytest.mark.parametrize(
    "changes",
    [
        {"second": 3},
        {"seconds": "3"},
        {"seconds": -1},
        {"seconds": True},
        {"seconds": {"median": 3}},
        {"outcome": "lost"},
        {"region": "mars"},
        {"outcome_for": [{"prompt": "(", "outcome": "done"}]},
        {"outcome_for": [{"prompt": "a"}]},
        {"quota": {"*": {"per_hour": 2}}},
        {"quota": {"*": {"per_minute": -2}}},
        {"min_bytes": 1.5},
        {"vary_unseeded": 1},
        {"reason": 5},
        {"retired_models": [1]},
        {"failure_code": "13"},
        {"file_uris": "odd"},
        {"day_quota_delay_s": -1},
    ],
)
def test_invalid_settings_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidGoogleSetting, match=next(iter(changes))):
        GoogleSettings().with_changes(changes)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/control/google", {"outcome": "lost"}, 400),
        ("PUT", "/control/google", [], 400),
        ("POST", "/control/google/files/none", {"expire": True}, 404),
        ("POST", "/control/google/operations/none", {"outcome": "done"}, 404),
        ("POST", "/control/google/tokens", {}, 400),
    ],
)
async def test_invalid_orders_are_refused(
    server: Server, method: str, path: str, body: object, status: int
) -> None:
    answer = await server.call(method, path, status, json=body)
    assert answer["error"]


async def test_an_operation_can_be_finished_early_but_not_changed_after(
    server: Server,
) -> None:
    await server.control(seconds=600, outcome="filtered")
    operation = (await server.submit({"prompt": "a"}))["name"].rpartition("/")[2]
    path = f"/control/google/operations/{operation}"
    await server.call("POST", path, 400, json={"outcome": "done"})
    await server.call("POST", path, 400, json={"outcom": "failed"})
    ended = await server.call("POST", path, json={"outcome": "failed", "ready": True})
    assert (ended["state"], ended["finished"]) == ("failed", True)
    await server.call("POST", path, 400, json={"outcome": "never"})


def test_latency_has_the_given_distribution_and_repeats() -> None:
    latency = OperationLatency(40, 120)
    drawn = [latency.draw_seconds(7, number) for number in range(4000)]
    assert drawn == [latency.draw_seconds(7, number) for number in range(4000)]
    assert drawn != [latency.draw_seconds(8, number) for number in range(4000)]
    assert statistics.median(drawn) == pytest.approx(40, rel=0.06)
    assert statistics.quantiles(drawn, n=20)[-1] == pytest.approx(120, rel=0.12)
    assert OperationLatency(3, 3).draw_seconds(7, 1) == 3


def test_the_first_rule_that_matches_counts() -> None:
    settings = GoogleSettings().with_changes(
        {
            "outcome": "never",
            "outcome_for": [
                {"prompt": "cat", "outcome": "failed"},
                {"prompt": "c", "outcome": "filtered"},
            ],
        }
    )
    found = [settings.outcome_for(prompt).outcome for prompt in ("a cat", "a car", "a dog")]
    assert found == [OperationOutcome.FAILED, OperationOutcome.FILTERED, OperationOutcome.NEVER]


async def test_a_clip_is_rendered_once(tmp_path: Path) -> None:
    spec = replace(LION, look=RenderStyle.PLAIN, prompt="once")
    renderer = ClipRenderer(tmp_path)
    try:
        clips = await asyncio.gather(*(renderer.render_clip(spec) for _ in range(5)))
        assert len({clip.path for clip in clips}) == 1
        assert renderer.rendered_count == 1
    finally:
        await renderer.close()
    later = ClipRenderer(tmp_path)
    try:
        assert await later.render_clip(spec) == clips[0]
        assert later.rendered_count == 0
    finally:
        await later.close()


async def test_plain_clips_of_a_size_are_rendered_once_and_differ(tmp_path: Path) -> None:
    """They are copies of one clip with different hashes, and can be played and extended."""
    plain = replace(LION, look=RenderStyle.PLAIN)
    specs = [replace(plain, prompt=prompt) for prompt in ("one", "two", "three")]
    renderer = ClipRenderer(tmp_path)
    try:
        clips = await asyncio.gather(*(renderer.render_clip(spec) for spec in specs))
        assert renderer.rendered_count == 1
        assert len({clip.sha256 for clip in clips}) == len({clip.path for clip in clips}) == 3
        assert {clip.seconds for clip in clips} == {2}
        assert clips[0] == measure_clip(clips[0].path)
        longer = replace(plain, seconds=7, source=clips[0].path, source_digest=clips[0].sha256)
        assert (await renderer.render_clip(longer)).seconds == 9
        assert renderer.rendered_count == 2
    finally:
        await renderer.close()
    names = {path.name for path in tmp_path.iterdir()}
    assert not {name for name in names if name.startswith(".")}, "drafts are left"


async def test_rendering_does_not_block_the_event_loop(tmp_path: Path) -> None:
    renderer = ClipRenderer(tmp_path)
    turns = 0
    try:
        rendering = asyncio.ensure_future(renderer.render_clip(replace(LION, prompt="busy")))
        while not rendering.done():
            await asyncio.sleep(0.005)
            turns += 1
        await rendering
    finally:
        await renderer.close()
    assert turns > 10, "rendering held the loop"


async def test_a_failed_rendering_is_a_failed_operation(server: Server) -> None:
    uri = await server.made("a ball", durationSeconds=4)
    file = server.google.files.get_file(uri.rpartition("/")[2].partition(":")[0])
    assert file is not None
    clip = file.clip
    file.clip = replace(clip, path=Path(f"{clip.path}.gone"), sha256="0" * 64)
    name = (await server.submit({"prompt": "on", "video": {"uri": uri}}))["name"]
    answer = await server.done(name)
    assert answer["error"]["code"] == 13
    seen = await server.seen()
    assert (seen["failed"], seen["billed_seconds"]) == (1, 4)


async def test_closing_does_not_wait_for_a_clip_and_leaves_no_draft(tmp_path: Path) -> None:
    renderer = ClipRenderer(tmp_path)
    large = replace(LION, seconds=60, width=3840, height=2160)
    rendering = asyncio.ensure_future(renderer.render_clip(large))
    await eventually(lambda: list(tmp_path.iterdir()), what="a draft")
    await asyncio.wait_for(renderer.close(), 60)
    with pytest.raises(asyncio.CancelledError):
        await rendering
    assert list(tmp_path.iterdir()) == []

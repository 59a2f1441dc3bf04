"""`make demo` leaves clips and a correct summary behind, and no running process."""

import fcntl
import itertools
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from tests.harness.conformance import check_requests
from tests.harness.waiting import stretch_timeout

ROOT = Path(__file__).parents[2]


def run_demo(folder: Path) -> tuple[int, str]:
    """Run the demo into ``folder``; return its status and output."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.e2e.patient_demo", "demo", "--dir", str(folder)],
        cwd=folder.parent if folder.parent.is_dir() else ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=stretch_timeout(300),
    )
    return process.returncode, process.stdout


def list_processes(folder: Path) -> list[str]:
    """Return the command lines of running processes that name ``folder``."""
    command_lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if str(folder) in line and "pytest" not in line:
            command_lines.append(line)
    return command_lines


def read_video_facts(path: Path) -> dict[str, Any]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        context = stream.codec_context
        return {
            "seconds": frames / 24,
            "width": context.width,
            "height": context.height,
            "fps": float(stream.average_rate or 0),
            "has_audio": bool(container.streams.audio),
        }


def frames(path: Path) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the brightness of each frame, a quarter as wide and high."""
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            yield frame.to_ndarray(format="gray")[::4, ::4].astype(np.float64)


def test_demo_plays_and_reports_real_results(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    (folder / "left-by-an-earlier-run").mkdir(parents=True)
    # a developer's settings, which the demo must not use
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql+asyncpg://nobody@127.0.0.1:1/real\n")
    status, output = run_demo(folder)
    assert status == 0, output
    summary = json.loads((folder / "summary.json").read_text())
    first, second, third = summary["clips"]
    for clip, seconds in ((first, 4.0), (second, 11.0), (third, 11.0)):
        measured = read_video_facts(folder / clip["file"])
        assert measured == {name: clip[name] for name in measured}
        assert measured == {
            "seconds": seconds, "width": 1280, "height": 720, "fps": 24.0, "has_audio": True,
        }  # fmt: skip
    # The second clip begins with the first, which Omni renders again; the third is the second by
    # night: every frame is darker, and what is bright stays in place.
    beginning = itertools.islice(frames(folder / second["file"]), 4 * 24)
    for one, other in zip(frames(folder / first["file"]), beginning, strict=True):
        assert np.abs(one - other).mean() < 4
    pairs = zip(frames(folder / second["file"]), frames(folder / third["file"]), strict=True)
    for one, other in pairs:
        assert other.mean() < 0.85 * one.mean()
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.6
    assert [clip["edited"] for clip in summary["clips"]] == [False, False, True]
    assert [clip["parent_message_id"] for clip in summary["clips"]] == [
        None,
        first["message_id"],
        second["message_id"],
    ]
    assert summary["gallery_url"].endswith("/clips/3")
    assert summary["gallery_url"] in output
    assert 0 < summary["elapsed_s"] < stretch_timeout(300)
    messages = {
        entry["message"]["id"]: entry["message"]
        for entry in json.loads((folder / "conversation.json").read_text())["said"]
        if "message" in entry
    }
    for clip, source in ((second, first), (third, second)):
        request = messages[clip["reply_to_message_id"]]
        assert request["author"]["global_name"] == "Ada"
        assert request["message_reference"]["message_id"] == source["message_id"]
    requests = json.loads((folder / "requests.json").read_text())
    report = check_requests(requests)
    assert not report.problems, str(report)
    assert not report.unlisted, report.unlisted
    submits = [
        submit
        for submit in requests
        if submit["method"] == "POST" and submit["path"].endswith("/interactions")
    ]
    assert [submit["status"] for submit in submits] == [200, 200, 200]
    assert "previous_interaction_id" in submits[2]["json"]
    if report.not_checked:
        warnings.warn(str(report), pytest.PytestWarning, stacklevel=1)
    assert not (folder / "left-by-an-earlier-run").exists()
    assert list_processes(folder) == []


def test_demo_reports_failure_without_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where the demo wants a folder")
    status, output = run_demo(tmp_path / "file" / "demo")
    assert status == 1
    assert "The demo failed" in output
    assert "Traceback" not in output


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with (tmp_path / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, output = run_demo(tmp_path / "demo")
    assert status == 1
    assert "another demo is running" in output

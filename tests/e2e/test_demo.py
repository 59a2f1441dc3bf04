"""`make demo` leaves measured files and a true summary, and no process."""

import fcntl
import hashlib
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
import pytest

from tests.harness.conformance import check_requests

ROOT = Path(__file__).parents[2]


def run_demo(folder: Path) -> tuple[int, str]:
    """Run the demo into ``folder``; return its status and output."""
    process = subprocess.run(
        [sys.executable, "-m", "sandbox.demo", "--dir", str(folder)],
        cwd=folder.parent if folder.parent.is_dir() else ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
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


def frames(path: Path) -> Iterator[bytes]:
    """Yield a hash of each frame."""
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            yield hashlib.sha256(frame.to_ndarray().tobytes()).digest()


def test_demo_plays_and_reports_real_results(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    (folder / "left-by-an-earlier-run").mkdir(parents=True)
    # a developer's settings, which the demo must not use
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql+asyncpg://nobody@127.0.0.1:1/real\n")
    status, output = run_demo(folder)
    assert status == 0, output
    summary = json.loads((folder / "summary.json").read_text())
    first, second = summary["clips"]
    for clip, seconds in ((first, 8.0), (second, 15.0)):
        measured = read_video_facts(folder / clip["file"])
        assert measured == {name: clip[name] for name in measured}
        assert measured == {
            "seconds": seconds, "width": 1280, "height": 720, "fps": 24.0, "has_audio": True,
        }  # fmt: skip
    # the second clip begins with every frame of the first
    assert all(
        one == other
        for one, other in zip(
            frames(folder / first["file"]),
            itertools.islice(frames(folder / second["file"]), 8 * 24),
            strict=True,
        )
    )
    assert first["parent_message_id"] is None
    assert second["parent_message_id"] == first["message_id"]
    assert summary["gallery_url"].endswith("/clips/2")
    assert summary["gallery_url"] in output
    assert 0 < summary["elapsed_s"] < 300
    messages = {
        entry["message"]["id"]: entry["message"]
        for entry in json.loads((folder / "conversation.json").read_text())["said"]
        if "message" in entry
    }
    request = messages[second["reply_to_message_id"]]
    assert request["author"]["global_name"] == "Ada"
    assert request["message_reference"]["message_id"] == first["message_id"]
    requests = json.loads((folder / "requests.json").read_text())
    report = check_requests(requests)
    assert not report.problems, str(report)
    assert not report.unlisted, report.unlisted
    submits = [submit for submit in requests if submit["path"].endswith(":predictLongRunning")]
    assert [submit["status"] for submit in submits] == [200, 200]
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

"""The checks of the image (`make image-test`) refuse a bad image and say what was not checked."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.image.__main__ import ENGINES
from tests.image.buildah_engine import BuildahEngine
from tests.image.compose_options import build_run_options, read_bot_service
from tests.image.docker_engine import parse_settings
from tests.image.document_commands import read_container_commands
from tests.image.engines import EngineFailed, ImageSettings, is_usable, run_command
from tests.image.image_checks import check_settings
from tests.image.results import CheckRecorder, CheckResult, CheckStatus

GOOD: Final = ImageSettings(
    user="10001:10001",
    command=("clapper", "run"),
    health_command=("clapper", "health"),
    stop_signal="SIGTERM",
    working_directory="/opt/clapper",
    volumes=frozenset({"/data"}),
    environment={"DATA_DIR": "/data"},
)


def test_a_good_image_passes() -> None:
    assert "10001" in check_settings(GOOD)


@pytest.mark.parametrize(
    "change",
    [
        {"user": ""},
        {"user": "0:0"},
        {"user": "root"},
        {"command": ("sh",)},
        {"health_command": ()},
        {"stop_signal": "SIGKILL"},
        {"volumes": frozenset()},
        {"environment": {}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_bad_image_fails(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_settings(replace(GOOD, **change))


def test_settings_are_read_from_what_engines_print() -> None:
    config = {
        "User": "10001:10001",
        "Cmd": ["clapper", "run"],
        "StopSignal": "SIGTERM",
        "WorkingDir": "/opt/clapper",
        "Volumes": {"/data": {}},
        "Env": ["DATA_DIR=/data"],
    }
    assert parse_settings(config, {"Test": ["CMD", "clapper", "health"]}) == GOOD
    assert parse_settings(config, {"Test": ["NONE"]}).health_command == ()
    assert parse_settings({}, None).user == ""


def test_containers_have_the_limits_of_the_compose_file(root: Path) -> None:
    options = build_run_options(read_bot_service(root))
    assert {"--read-only", "--init", "--tmpfs=/tmp", "--cap-drop=ALL"} <= set(options)
    assert "--security-opt=no-new-privileges:true" in options
    assert any(option.startswith("--memory=") for option in options)
    assert build_run_options({}) == []


def test_a_command_in_the_image_is_confined() -> None:
    engine = BuildahEngine()
    engine.adopt_settings(GOOD)
    line = engine.confine(["id"], {"A": "b"})
    assert "--no-new-privs" in line
    assert "--userspec=10001:10001" in line
    assert line[-3:] == ["DATA_DIR=/data", "A=b", "id"]
    assert "--userspec=0:0" in engine.confine(["id"], {}, as_root=True)


def test_what_the_documents_run_in_containers_is_found(root: Path) -> None:
    page = root / "docs" / "operations.md"
    backup = read_container_commands(page, "docker backup")
    assert [command.redirection for command in backup].count(">") == 1
    assert any("VACUUM INTO" in word for command in backup for word in command.words)
    restore = read_container_commands(page, "docker restore")
    assert [command.redirection for command in restore] == ["<", ""]
    assert restore[-1].words == ("clapper", "after-restore")


async def test_results_are_kept_and_failures_are_known(tmp_path: Path) -> None:
    shown: list[CheckResult] = []
    recorder = CheckRecorder(tmp_path / "var" / "image.json", shown.append)

    async def pass_check() -> str:
        return "fine"

    async def fail_check() -> str:
        raise EngineFailed("no such image")

    assert await recorder.check("size", pass_check)
    assert await recorder.check("health status", fail_check, omission="no health checks here")
    had_failed = recorder.has_failed
    assert not await recorder.check("user", fail_check)
    recorder.skip("start", "a check before it failed")
    assert (had_failed, recorder.has_failed) == (False, True)
    statuses = [result.status for result in shown]
    assert statuses == [
        CheckStatus.OK,
        CheckStatus.NOT_CHECKED,
        CheckStatus.FAILED,
        CheckStatus.NOT_CHECKED,
    ]
    assert "no such image" in (tmp_path / "var" / "image.json").read_text("utf-8")


async def test_commands_give_status_and_both_outputs() -> None:
    result = await run_command(["sh", "-c", "cat; echo no >&2; exit 3"], stdin=b"\xff")
    assert (result.status, result.stdout, result.stderr) == (3, b"\xff", b"no\n")
    assert not await is_usable("no-such-engine")


def test_engines_are_documented(root: Path) -> None:
    page = (root / "CONTRIBUTING.md").read_text("utf-8")
    assert all(name in page.lower() for name in ENGINES)

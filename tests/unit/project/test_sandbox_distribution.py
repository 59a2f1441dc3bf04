"""The distribution `clapper-sandbox`: its wheel works where nothing of the product is."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from bot.config.settings import Settings
from sandbox.project_settings import read_project_settings

# Only the wheel and the libraries can be imported: without `site` no file points to the checkout.
START: Final = """
import sys
sys.path += [sys.argv.pop(1), sys.argv.pop(1)]
from importlib.metadata import entry_points
assert "sandbox.testing.pytest_plugin" in {each.value for each in entry_points(group="pytest11")}
(command,) = entry_points(group="console_scripts", name="clapper-sandbox")
sys.exit(command.load()())
"""


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target],
        cwd=root / "sandbox",
        check=True,
        capture_output=True,
    )
    (built,) = target.glob("clapper_sandbox-*.whl")
    return built


def test_wheel_holds_the_package_and_nothing_else(root: Path, wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "sandbox"], cwd=root, capture_output=True, text=True, check=True
    )
    expected = {
        line
        for line in tracked.stdout.splitlines()
        if (root / line).is_file()
        and not line.startswith("sandbox/examples/")
        and line.removeprefix("sandbox/")
        not in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE")
    }
    assert {"sandbox/py.typed", "sandbox/play/static/index.html"} <= expected
    packed = zipfile.ZipFile(wheel).namelist()
    assert expected == {name for name in packed if name.startswith("sandbox/")}
    assert (root / "LICENSE").read_bytes() == (root / "sandbox" / "LICENSE").read_bytes()


async def test_the_wheel_starts_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", START),
        *(tmp_path / "installed", sysconfig.get_path("purelib"), "--port", "0", "--no-seed"),
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        async with (
            aiohttp.ClientSession() as session,
            session.get(ready["control"].removesuffix("control")) as page,
        ):
            assert (page.status, page.content_type) == (200, "text/html")
        assert "WEB_PORT" not in ready["env"], "it knows the product's settings"
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


def test_the_version_has_notes(root: Path) -> None:
    project = tomllib.loads((root / "sandbox" / "pyproject.toml").read_text("utf-8"))["project"]
    notes = (root / "sandbox" / "CHANGELOG.md").read_text("utf-8")
    assert f"\n## [{project['version']}]\n" in notes


def test_settings_of_the_nearest_project_are_read(root: Path, tmp_path: Path) -> None:
    inner = tmp_path / "bot" / "tests"
    inner.mkdir(parents=True)
    (inner.parent / "pyproject.toml").write_text("[tool.ruff]\n")
    (tmp_path / "pyproject.toml").write_text('[tool.clapper-sandbox.env]\nMODE = "test"\n')
    assert read_project_settings(inner) == {"MODE": "test"}
    (tmp_path / "pyproject.toml").write_text("[tool.clapper-sandbox.env]\nMODE = 1\n")
    with pytest.raises(ValueError, match="a table of strings"):
        read_project_settings(inner)


def test_settings_for_the_bot_exist(root: Path) -> None:
    settings = read_project_settings(root)
    assert settings
    assert {name.lower() for name in settings} <= Settings.model_fields.keys()

"""The command `clapper`: its subcommands, its version, its old names, and the wheel it comes in."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from bot.cli.main import SUBCOMMANDS, main
from bot.cli.old_programs import OLD_PROGRAMS


def run_module(
    *words: str, directory: Path, cwd: Path | None = None, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Run `python -m …` with the packages of ``directory`` and no settings but those given."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=cwd or directory,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(directory), "COLUMNS": "100"} | settings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network as `make setup` has left things."""
    target = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [root / ".venv" / "bin" / "uv", "build", "--offline", "--wheel", "--out-dir", target],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files where nothing of the checkout is."""
    directory = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory)
    return directory


def test_wheel_holds_every_file_of_the_program(root: Path, wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "bot", "cogs"], cwd=root, capture_output=True, text=True, check=True
    )
    expected = {line for line in tracked.stdout.splitlines() if (root / line).is_file()}
    assert {"bot/py.typed", "bot/config/models.toml", "bot/web/templates/base.html"} <= expected
    assert expected <= set(zipfile.ZipFile(wheel).namelist())


def test_wheel_installs_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith("entry_points.txt"))
        assert "clapper = bot.cli.main:main" in archive.read(name).decode()


def test_version_comes_from_one_place(root: Path, installed: Path, tmp_path: Path) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    done = run_module("bot", "--version", directory=installed, cwd=tmp_path)
    assert done.stdout == f"clapper {version}\n"


def test_installed_program_finds_its_files(installed: Path, root: Path, tmp_path: Path) -> None:
    done = run_module("bot", "models", directory=installed, cwd=tmp_path)
    assert done.stdout == (root / "docs" / "models.md").read_text("utf-8")


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_each_subcommand_has_help(subcommand: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([subcommand, "--help"])
    assert ended.value.code == 0
    assert f"usage: clapper {subcommand}" in capsys.readouterr().out


def test_help_is_quick(root: Path) -> None:
    """Nothing heavy is imported until a subcommand needs it."""
    program = (
        "import sys; from bot.cli.main import build_parser; build_parser(None); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert not {"discord", "sqlalchemy", "pydantic", "av", "google.genai"} & {*done.stdout.split()}


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("bot.app.run", {"google.genai", "google.auth", "requests", "av", "PIL", "alembic"}),
        ("bot.cli.status", {"discord", "aiohttp", "alembic"}),
        ("bot.cli.pause", {"discord", "aiohttp", "alembic", "rich"}),
    ],
)
def test_heavy_libraries_are_imported_when_they_are_needed(
    root: Path, module: str, unneeded: set[str]
) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert not unneeded & {*done.stdout.split()}


@pytest.mark.parametrize("words", [[], ["fly"], ["settle", "17"], ["settle", "17", "give"]])
def test_wrong_use_is_refused(words: list[str]) -> None:
    try:
        status: object = main(words)
    except SystemExit as ended:
        status = ended.code
    assert status == 2


@pytest.mark.parametrize(("module", "command"), OLD_PROGRAMS.items())
def test_old_program_names_the_new_command(
    module: str, command: str, root: Path, tmp_path: Path
) -> None:
    done = run_module(module, "--help", directory=root, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: clapper {command}")
    (warning,) = done.stderr.splitlines()
    assert f'"clapper {command}"' in warning


def test_old_switch_passes_its_words_on(root: Path, tmp_path: Path) -> None:
    settings = {
        "DISCORD_TOKEN": "unused",
        "GEMINI_API_KEY": "unused",
        "DATA_DIR": str(tmp_path),
        "PAUSED": "true",
    }
    for words in ([], ["pause", "a reason"], ["resume"]):
        done = run_module("bot.switch", *words, directory=root, cwd=tmp_path, **settings)
        command = words[0] if words else "pause"
        assert f'"clapper {command}"' in done.stderr
        assert "unrecognized" not in done.stderr

"""The `clapper` command: its subcommands, version, former names and wheel."""

import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from bot.cli.main import main
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


def run_uv(root: Path, *words: str | Path) -> None:
    """Run uv without a network, as `make setup` has left things."""
    done = subprocess.run(
        [root / ".venv" / "bin" / "uv", *words, "--offline"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as the release builds it."""
    target = tmp_path_factory.mktemp("wheel")
    run_uv(root, "build", "--wheel", "--out-dir", target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(root: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a new environment that has the wheel; its libraries are those of this one."""
    environment = tmp_path_factory.mktemp("installed")
    run_uv(root, "venv", "--python", sys.executable, "--clear", environment)
    python = environment / "bin" / "python"
    run_uv(root, "pip", "install", "--no-deps", "--python", python, wheel)
    (packages,) = environment.glob("lib/python*/site-packages")
    libraries = sysconfig.get_path("purelib")
    # after the environment's own packages, and without the files that point to the checkout
    (packages / "libraries.pth").write_text(f"{libraries}\n")
    return environment / "bin" / "clapper"


def run_installed(
    command: Path, *words: str, cwd: Path, **settings: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [command, *words],
        cwd=cwd,
        env={"PATH": os.environ["PATH"]} | settings,
        capture_output=True,
        text=True,
        check=False,
    )


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
    done = run_installed(installed, "--version", cwd=tmp_path)
    assert done.stdout == f"clapper {version}\n"


def test_installed_program_finds_its_files(installed: Path, root: Path, tmp_path: Path) -> None:
    done = run_installed(installed, "models", cwd=tmp_path)
    assert done.stdout == (root / "docs" / "models.md").read_text("utf-8")


def test_installed_program_without_settings_says_so_in_one_line(
    installed: Path, tmp_path: Path
) -> None:
    done = run_installed(installed, "run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "clapper: DISCORD_TOKEN is missing: set it in the environment or in .env"
    )


def test_installed_program_checks_its_settings(
    installed: Path, tmp_path: Path, unused_tcp_port: int
) -> None:
    settings = {
        "DISCORD_TOKEN": "unused",
        "DISCORD_API_URL": f"http://127.0.0.1:{unused_tcp_port}",
        "GEMINI_API_KEY": "unused",
        "GEMINI_API_URL": f"http://127.0.0.1:{unused_tcp_port}",
        "DATA_DIR": str(tmp_path),
    }
    done = run_installed(installed, "doctor", cwd=tmp_path, **settings)
    assert (done.returncode, done.stderr) == (1, "")
    checks = [line.partition(":")[0].split() for line in done.stdout.splitlines()]
    statuses = {" ".join(check): status for status, *check in checks}
    assert statuses["settings"] == "ok"
    assert statuses["database"] == "warning", "the bot has not run yet"
    assert {statuses[check] for check in ("token", "gemini", "omni")} == {"failed"}


@pytest.mark.parametrize(
    ("command", "reason"), [("settle", "no database yet"), ("after-restore", "is empty")]
)
def test_command_needs_a_database(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    reason: str,
) -> None:
    """A backup restored elsewhere is not mistaken for an empty database."""
    monkeypatch.chdir(tmp_path)
    settings = {"DISCORD_TOKEN": "t", "GEMINI_API_KEY": "k", "DATA_DIR": str(tmp_path)}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert main([command]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert reason in line


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

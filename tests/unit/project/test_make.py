"""The Makefile keeps its contract, and the documents know every target."""

import os
import re
import subprocess
from pathlib import Path

import pytest

CONTRACT = {"setup", "demo", "test", "check", "bench", "sandbox", "chaos"}


@pytest.fixture(scope="module")
def makefile(root: Path) -> str:
    return (root / "Makefile").read_text("utf-8")


@pytest.fixture(scope="module")
def targets(makefile: str) -> set[str]:
    """The targets that `make help` shows."""
    return set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


def test_the_contract_is_kept(targets: set[str]) -> None:
    assert targets >= CONTRACT


def test_each_target_is_documented(root: Path, targets: set[str]) -> None:
    text = (root / "CONTRIBUTING.md").read_text("utf-8")
    assert {target for target in targets if f"`make {target}`" not in text} == {"help"}


def test_documents_name_no_target_that_is_not_there(root: Path, targets: set[str]) -> None:
    named = set()
    for path in [*root.glob("*.md"), *root.glob("docs/**/*.md")]:
        named |= set(re.findall(r"`make ([a-z-]+)", path.read_text("utf-8")))
    assert named <= targets


def test_without_a_python_it_says_so_in_one_line(root: Path, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((root / "Makefile").read_text("utf-8"))
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).touch()
    ran = subprocess.run(
        ["make", "setup", "PYTHON="],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    first, *others = ran.stderr.strip().splitlines()
    assert "Python >= 3.11" in first
    assert len(others) == 1  # make's own "Error 1"


def test_uv_is_the_same_everywhere(root: Path, makefile: str) -> None:
    pinned = re.findall(r"^UV_VERSION := ([\d.]+)$", makefile, re.MULTILINE)
    image = re.findall(r"uv==([\d.]+)", (root / "Dockerfile").read_text("utf-8"))
    assert len(pinned) == len(image) == 1
    assert pinned == image


def test_nothing_is_piped_into_a_shell(root: Path, makefile: str) -> None:
    scripts = [makefile, (root / ".ci" / "run").read_text(), (root / "Dockerfile").read_text()]
    assert not any(re.search(r"(curl|wget).*\|\s*(sudo )?(ba)?sh", text) for text in scripts)

"""Workflows run existing scripts, and a release takes its notes from the changelog."""

import os
import re
import subprocess
import textwrap
import tomllib
from pathlib import Path
from typing import Final

import pytest

_RUN: Final = re.compile(r"^( *)(?:- )?run: (?:\|\n((?:\1 +.*\n)+)|(.+)\n)", re.MULTILINE)


def read_scripts(root: Path, workflow: str) -> list[str]:
    """Return what the steps of a workflow run."""
    text = (root / ".github" / "workflows" / workflow).read_text("utf-8")
    return [textwrap.dedent(match[2] or match[3]) for match in _RUN.finditer(text)]


def list_targets(commands: str) -> set[str]:
    """Return the targets that ``make`` is called with."""
    words = re.findall(r"^make (.+?)(?:  #.*)?$", commands, re.MULTILINE)
    return {word for line in words for word in line.split() if re.fullmatch(r"[a-z][a-z-]*", word)}


def run_script(script: str, directory: Path, tag: str) -> int:
    environment = {"PATH": os.environ["PATH"], "GITHUB_REF_NAME": tag}
    # as GitHub runs it
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=directory, env=environment, check=False
    ).returncode


def find_script(root: Path, part: str) -> str:
    """Return the release's script that contains ``part``."""
    (script,) = (script for script in read_scripts(root, "release.yml") if part in script)
    return script


def test_ci_runs_what_the_workflow_runs(root: Path) -> None:
    script = list_targets((root / ".ci" / "run").read_text("utf-8"))
    workflow = list_targets("\n".join(read_scripts(root, "check.yml")))
    assert workflow - {"coverage", "image-test"} == script - {"setup"} == {"check", "test"}


@pytest.mark.parametrize("workflow", ["check.yml", "docs.yml", "release.yml"])
def test_targets_of_workflows_exist(root: Path, workflow: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE))
    used = list_targets("\n".join(read_scripts(root, workflow)))
    assert used
    assert used <= targets


def test_release_needs_the_tag_of_the_version(root: Path) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    script = find_script(root, "uv version")
    assert run_script(script, root, f"v{version}") == 0
    assert run_script(script, root, "v99.0.0") != 0


def test_release_notes_are_the_section_of_the_version(root: Path, tmp_path: Path) -> None:
    script = find_script(root, "notes.md\n")
    sections = ("Unreleased", "1.2.0", "1.1.0")
    text = "\n".join(f"## [{name}] - 2026-11-30\n\n* The change of {name}." for name in sections)
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{text}\n", encoding="utf-8")
    assert run_script(script, tmp_path, "v1.2.0") == 0
    assert (tmp_path / "notes.md").read_text("utf-8").split("\n") == [
        "",
        "* The change of 1.2.0.",
        "",
    ]
    assert run_script(script, tmp_path, "v1.3.0") != 0, "no release without notes"

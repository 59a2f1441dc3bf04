"""Clips that the sandboxes of one test run draw once, in whatever process."""

import os

import pytest

from tests.harness.sandbox import SandboxProcess


@pytest.fixture(scope="session", autouse=True)
def drawn_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let all sandboxes share their clips: drawing one takes a second of a core."""
    home = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each has a folder of its own within the run's
        home = home.parent
    SandboxProcess.clips = home / "clips"

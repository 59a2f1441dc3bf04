"""Renders clips once for all sandboxes of a test run."""

import os

import pytest

from tests.harness.sandbox import SandboxProcess


@pytest.fixture(scope="session", autouse=True)
def drawn_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let all sandboxes share their clips, because rendering one takes a second of CPU."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a folder within the run's
        folder = folder.parent
    SandboxProcess.clips = folder / "clips"

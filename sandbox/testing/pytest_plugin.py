"""The plugin for pytest: the fixture ``discord_sandbox``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.testing.discord_sandbox import DiscordSandbox, run_sandbox_in_thread


@pytest.fixture(scope="session")
def discord_sandbox_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of rendered clips, which all sandboxes of a run share."""
    return tmp_path_factory.mktemp("sandbox-clips")


@pytest.fixture
def discord_sandbox_options() -> dict[str, Any]:
    """The options of `sandbox.server.SandboxServer.start`; override it to change them."""
    return {}


@pytest.fixture
def discord_sandbox(
    tmp_path: Path, discord_sandbox_clips: Path, discord_sandbox_options: dict[str, Any]
) -> Iterator[DiscordSandbox]:
    """A new local Discord and Google with the default world, in a thread of its own."""
    folders = {"directory": tmp_path / "sandbox", "clip_cache": discord_sandbox_clips}
    with run_sandbox_in_thread(**{**folders, **discord_sandbox_options}) as running:
        yield running

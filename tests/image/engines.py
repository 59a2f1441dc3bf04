"""What the checks need of an engine, and the choice of one that is on this machine."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

TAG: Final = "localhost/clapper:image-test"
BUILD_TIMEOUT_S: Final = 1800.0
COMMAND_TIMEOUT_S: Final = 300.0


class EngineFailed(Exception):
    """A command of the engine failed; the message holds the end of its output."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended, and what it printed."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Its standard output. Engines write warnings of their own to the other one."""
        return self.stdout.decode(errors="replace").strip()

    @property
    def output(self) -> str:
        """All that it printed."""
        return (self.stdout + self.stderr).decode(errors="replace")


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """What the image says about how it is run."""

    user: str
    command: tuple[str, ...]
    health_command: tuple[str, ...]
    stop_signal: str
    working_directory: str
    volumes: frozenset[str]
    environment: Mapping[str, str]


class Container(Protocol):
    """A running bot."""

    @property
    def is_running(self) -> bool:
        """Whether its program has not ended."""
        ...

    async def execute(self, command: Sequence[str], *, as_root: bool = False) -> CommandResult:
        """Run another command in it, as its user unless ``as_root``."""
        ...

    async def stop(self, *, timeout: float) -> int:
        """Send SIGTERM; return the exit status. Raises `TimeoutError`."""
        ...

    def read_log(self) -> str:
        """Return what its program has printed."""
        ...

    async def close(self) -> None:
        """Remove it in any state."""
        ...


class Engine(Protocol):
    """A program that builds images and runs them."""

    name: str
    omissions: Mapping[str, str]
    """Checks that it cannot make, and why."""

    async def build(self, context: Path, *, from_dockerfile: bool = True) -> None:
        """Build the image `TAG`, or take the one that is there. Raises `EngineFailed`."""
        ...

    async def read_settings(self) -> ImageSettings:
        """Return what the image says about how it is run."""
        ...

    async def create_volume(self) -> str:
        """Create an empty volume for ``/data``."""
        ...

    async def start(self, volume: str, environment: Mapping[str, str], log: Path) -> Container:
        """Start the image's command; its output goes to ``log``."""
        ...

    async def run(
        self,
        command: Sequence[str],
        *,
        volume: str | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        as_root: bool = False,
    ) -> CommandResult:
        """Run a command in a container of its own, with ``volume`` or without any."""
        ...

    async def read_health(self, container: Container) -> str:
        """Return what the engine says about the container's health. Raises `EngineFailed`."""
        ...

    async def close(self) -> None:
        """Remove containers and volumes."""
        ...


async def run_command(
    command: Sequence[str],
    *,
    timeout: float = COMMAND_TIMEOUT_S,
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> CommandResult:
    """Run a command to its end. Raises `TimeoutError`."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        async with asyncio.timeout(timeout):
            stdout, stderr = await process.communicate(stdin)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    assert process.returncode is not None
    return CommandResult(process.returncode, stdout, stderr)


async def require_command(
    command: Sequence[str],
    *,
    timeout: float = COMMAND_TIMEOUT_S,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command and return its output. Raises `EngineFailed` unless it succeeds."""
    result = await run_command(command, timeout=timeout, environment=environment)
    if result.status != 0:
        raise EngineFailed(
            f"{' '.join(command[:3])} … ended with {result.status}:\n{result.output[-4000:]}"
        )
    return result.stdout.decode()


async def is_usable(program: str) -> bool:
    """Whether the program is there and answers; Docker's client may have no server."""
    if shutil.which(program) is None:
        return False
    try:
        return (await run_command([program, "info"], timeout=60)).status == 0
    except TimeoutError:
        return False

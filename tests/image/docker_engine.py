"""Docker, and podman, which has the same commands."""

import asyncio
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.harness.waiting import stretch_timeout
from tests.image.compose_options import build_run_options, read_bot_service
from tests.image.engines import (
    BUILD_TIMEOUT_S,
    TAG,
    CommandResult,
    Container,
    EngineFailed,
    ImageSettings,
    require_command,
    run_command,
)


def parse_settings(config: Mapping[str, Any], health: Mapping[str, Any] | None) -> ImageSettings:
    """Return the settings from the JSON that all engines print."""
    test = list((health or {}).get("Test") or ())
    return ImageSettings(
        user=config.get("User", ""),
        command=tuple(config.get("Cmd") or ()),
        health_command=tuple(test[1:]) if test[:1] == ["CMD"] else (),
        stop_signal=config.get("StopSignal") or "SIGTERM",
        working_directory=config.get("WorkingDir") or "/",
        volumes=frozenset(config.get("Volumes") or ()),
        environment=dict(each.split("=", 1) for each in config.get("Env") or ()),
    )


def _list_variables(environment: Mapping[str, str]) -> list[str]:
    return [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]


class DockerContainer:
    """The client's ``run`` as a process; it ends with the container's status."""

    def __init__(self, program: str, name: str, log: Path, process: asyncio.subprocess.Process):
        self.name = name
        self._program = program
        self._log = log
        self._process = process

    @property
    def is_running(self) -> bool:
        """Whether the container runs."""
        return self._process.returncode is None

    async def execute(self, command: Sequence[str], *, as_root: bool = False) -> CommandResult:
        """Run another command in it."""
        user = ["--user", "0"] if as_root else []
        return await run_command([self._program, "exec", *user, self.name, *command])

    async def stop(self, *, timeout: float) -> int:
        """Send SIGTERM and wait."""
        await require_command([self._program, "kill", "--signal", "TERM", self.name])
        async with asyncio.timeout(timeout):
            return await self._process.wait()

    def read_log(self) -> str:
        """Return what the program has printed."""
        return self._log.read_text(errors="replace")

    async def close(self) -> None:
        """Remove it."""
        await run_command([self._program, "rm", "--force", self.name])
        async with asyncio.timeout(stretch_timeout(30)):
            await self._process.wait()


class DockerEngine:
    """Runs containers on the host's network, where the sandbox listens on 127.0.0.1."""

    omissions: Mapping[str, str] = {}

    def __init__(self, program: str, root: Path) -> None:
        self.name = program
        self._options = build_run_options(read_bot_service(root))
        if program == "podman":  # it would otherwise let /run and /var/tmp be written
            self._options.append("--read-only-tmpfs=false")
        self._volumes: list[str] = []

    async def build(self, context: Path, *, from_dockerfile: bool = True) -> None:
        """Build the image. Podman keeps the HEALTHCHECK only in Docker's format."""
        if not from_dockerfile:
            return
        form = ["--format", "docker"] if self.name == "podman" else []
        await require_command(
            [self.name, "build", *form, "--network", "host", "--tag", TAG, str(context)],
            timeout=stretch_timeout(BUILD_TIMEOUT_S),
        )

    async def read_settings(self) -> ImageSettings:
        """Return what the image says."""
        [image] = json.loads(await require_command([self.name, "image", "inspect", TAG]))
        health = next(
            (found for place in (image["Config"], image) if (found := place.get("Healthcheck"))),
            image.get("HealthCheck"),
        )
        return parse_settings(image["Config"], health)

    async def create_volume(self) -> str:
        """Create a volume."""
        volume = f"clapper-image-test-{uuid.uuid4().hex[:12]}"
        await require_command([self.name, "volume", "create", volume])
        self._volumes.append(volume)
        return volume

    async def start(self, volume: str, environment: Mapping[str, str], log: Path) -> Container:
        """Start the bot as compose.yaml does, with a health check that does not take minutes."""
        name = f"clapper-image-test-{uuid.uuid4().hex[:12]}"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                self.name,
                *("run", "--rm", "--name", name, "--network", "host", *self._options),
                *("--health-interval", "5s", "--volume", f"{volume}:/data"),
                *_list_variables(environment),
                TAG,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(os.environ),
            )
        return DockerContainer(self.name, name, log, process)

    async def run(
        self,
        command: Sequence[str],
        *,
        volume: str | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        as_root: bool = False,
    ) -> CommandResult:
        """Run a command in a container of its own. Root gets no limits, to read all files."""
        options = ["--user", "0"] if as_root else list(self._options)
        options += _list_variables(environment or {})
        options += [] if volume is None else ["--volume", f"{volume}:/data"]
        options += [] if stdin is None else ["--interactive"]
        line = [self.name, "run", "--rm", "--network", "host", *options, TAG, *command]
        return await run_command(line, stdin=stdin)

    async def read_health(self, container: Container) -> str:
        """Return ``starting``, ``healthy`` or ``unhealthy``.

        Podman runs the check at intervals only with systemd, and when it is asked to.
        """
        assert isinstance(container, DockerContainer)
        if self.name == "podman":
            checked = await run_command([self.name, "healthcheck", "run", container.name])
            return "healthy" if checked.status == 0 else checked.output.strip()
        [state] = json.loads(await require_command([self.name, "inspect", container.name]))
        health = state["State"].get("Health")
        if not health:
            raise EngineFailed("the image has no health check")
        return str(health["Status"])

    async def close(self) -> None:
        """Remove the volumes."""
        for volume in self._volumes:
            await run_command([self.name, "volume", "rm", "--force", volume])

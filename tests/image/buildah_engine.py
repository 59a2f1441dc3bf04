"""buildah, which builds images but has no ``run --read-only``.

So the bot runs in the image's files in a mount namespace: a read-only bind mount of them, with the
volume, a `/tmp` in memory, `/dev` and `/proc` mounted over it. `unshare` and `chroot` do that as
root, also in an ordinary container.
"""

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.harness.waiting import stretch_timeout
from tests.image.docker_engine import parse_settings
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

_PLAIN: Final = {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}
"""What works without user namespaces and overlay; the environment may say otherwise."""
_MOUNTS: Final = """
root=$1 volume=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
if [ -n "$volume" ]; then mount --bind "$volume" "$root/data"; fi
mount -o remount,bind,ro "$root"
exec "$@"
"""


class UnsharedContainer:
    """A program in a mount namespace with the image's files. The process is the bot itself."""

    def __init__(self, engine: "BuildahEngine", log: Path, process: asyncio.subprocess.Process):
        self._engine = engine
        self._log = log
        self._process = process
        self._environment: Mapping[str, str] = {}

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._process.returncode is None

    def remember_environment(self, environment: Mapping[str, str]) -> None:
        """Give it to other commands too, as engines do."""
        self._environment = environment

    async def execute(self, command: Sequence[str], *, as_root: bool = False) -> CommandResult:
        """Run another command in its mount namespace."""
        entered = ["nsenter", "--mount", f"--target={self._process.pid}", "--"]
        return await run_command(
            [*entered, *self._engine.confine(command, self._environment, as_root=as_root)]
        )

    async def stop(self, *, timeout: float) -> int:
        """Send SIGTERM and wait."""
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(timeout):
            return await self._process.wait()

    def read_log(self) -> str:
        """Return what it has printed."""
        return self._log.read_text(errors="replace")

    async def close(self) -> None:
        """End it."""
        if self.is_running:
            self._process.kill()
            await self._process.wait()


class BuildahEngine:
    """Builds with buildah, and runs with unshare, as root."""

    name = "buildah"
    omissions: Mapping[str, str] = {
        "health status": "buildah does not run HEALTHCHECK; its command is run instead",
        "limits": "no container: memory, capabilities of root and processes are not limited",
    }

    def __init__(self) -> None:
        self._environment = {name: os.environ.get(name, value) for name, value in _PLAIN.items()}
        self._folders: list[str] = []
        self._container = ""
        self._files = Path()
        self._settings: ImageSettings | None = None

    async def build(self, context: Path, *, from_dockerfile: bool = True) -> None:
        """Build the image; a base image that is there already is not pulled."""
        if from_dockerfile:
            await self._buildah(
                *("bud", "--format", "docker", "--pull=false", "--network", "host"),
                *("--tag", TAG, str(context)),
                timeout=stretch_timeout(BUILD_TIMEOUT_S),
            )
        self._container = (await self._buildah("from", TAG)).strip()
        self._files = Path((await self._buildah("mount", self._container)).strip())

    async def read_settings(self) -> ImageSettings:
        """Return what the image says."""
        image: dict[str, Any] = json.loads(await self._buildah("inspect", "--type", "image", TAG))
        config = image["Docker"]["config"]
        settings = parse_settings(config, config.get("Healthcheck"))
        self.adopt_settings(settings)
        return settings

    def adopt_settings(self, settings: ImageSettings) -> None:
        """Run the image as these settings say; there is no engine that does it."""
        self._settings = settings

    async def create_volume(self) -> str:
        """Create a folder that belongs to the owner of the image's ``/data``, as engines do."""
        folder = tempfile.mkdtemp(prefix="clapper-image-test-")
        self._folders.append(folder)
        data = (self._files / "data").stat()
        os.chown(folder, data.st_uid, data.st_gid)
        os.chmod(folder, data.st_mode & 0o7777)  # noqa: PTH101
        return folder

    async def start(self, volume: str, environment: Mapping[str, str], log: Path) -> Container:
        """Start the bot."""
        assert self._settings is not None
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *self._isolate(self._settings.command, volume, environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        container = UnsharedContainer(self, log, process)
        container.remember_environment(environment)
        return container

    async def run(
        self,
        command: Sequence[str],
        *,
        volume: str | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        as_root: bool = False,
    ) -> CommandResult:
        """Run a command on its own."""
        line = self._isolate(command, volume or "", environment or {}, as_root=as_root)
        return await run_command(line, stdin=stdin)

    async def read_health(self, container: Container) -> str:
        """Buildah has none."""
        raise EngineFailed(self.omissions["health status"])

    async def close(self) -> None:
        """Remove the container and the folders."""
        if self._container:
            await run_command(["buildah", "rm", self._container], environment=self._environment)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def confine(
        self, command: Sequence[str], environment: Mapping[str, str], *, as_root: bool = False
    ) -> list[str]:
        """Return a command line that runs ``command`` in the image's files as its user."""
        assert self._settings is not None
        user = "0:0" if as_root else self._settings.user
        variables = {**self._settings.environment, **environment}
        return [
            *("setpriv", "--no-new-privs", "chroot", f"--userspec={user}", "--groups="),
            *(str(self._files), "/usr/bin/env", "--ignore-environment"),
            f"--chdir={self._settings.working_directory}",
            *(f"{name}={value}" for name, value in variables.items()),
            *command,
        ]

    def _isolate(
        self,
        command: Sequence[str],
        volume: str,
        environment: Mapping[str, str],
        *,
        as_root: bool = False,
    ) -> list[str]:
        mounts = ["unshare", "--mount", "--", "sh", "-euc", _MOUNTS, "sh", str(self._files), volume]
        return [*mounts, *self.confine(command, environment, as_root=as_root)]

    async def _buildah(self, *arguments: str, timeout: float = 300) -> str:
        return await require_command(
            ["buildah", *arguments], timeout=timeout, environment=self._environment
        )

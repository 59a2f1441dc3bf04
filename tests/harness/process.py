"""A program of the project as a process that tests start, pause, kill and restart.

Its output goes to a file, because an unread pipe would block it, and the log must outlive the
process.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final

from tests.harness.fork_server import ForkedProcess, ForkServer
from tests.harness.waiting import stretch_timeout

ROOT = Path(__file__).parents[2]
_INHERITED_VARIABLES: Final = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH"),
    *("COVERAGE_FILE", "COVERAGE_PROCESS_CONFIG"),  # of `make coverage`
)


def build_environment() -> dict[str, str]:
    """Return the environment that every program gets besides its settings."""
    inherited = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
    return inherited | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}


class ProcessEnded(Exception):
    """The process has ended unexpectedly; the message holds the end of its log.

    Not an `AssertionError`, for which `eventually` would go on waiting.
    """


class ProgramProcess:
    """One program, started any number of times with the settings in ``environment`` only.

    It runs in ``folder``, by default that of its log: not in the checkout, which may hold a
    developer's .env. Restarts append to the same log. While there is a ``fork_server``, that starts
    the programs.
    """

    fork_server: ClassVar[ForkServer | None] = None

    def __init__(
        self,
        module: str,
        *arguments: str,
        log: Path,
        environment: dict[str, str],
        folder: Path | None = None,
    ):
        self.module = module
        self.log = log
        self.folder = folder or log.parent
        self.environment = environment
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | ForkedProcess | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises `ProcessEnded` when it was never started."""
        if self._process is None:
            raise ProcessEnded(f"{self.module} was not started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def launch(self, *, stdout: Path | None = None) -> None:
        """Start the program. Its output is appended to its log, or to the file ``stdout``."""
        assert not self.is_running, f"{self.module} is already running"
        environment = build_environment() | self.environment
        with self.log.open("ab") as log, (stdout or self.log).open("ab") as printed:
            if self.fork_server is not None and self.fork_server.can_fork(environment):
                self._process = await self.fork_server.fork(
                    self.module,
                    self._arguments,
                    folder=self.folder,
                    environment=environment,
                    stdout=printed.fileno(),
                    stderr=log.fileno(),
                )
                return
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self.module,
                *self._arguments,
                cwd=self.folder,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=printed,
                stderr=log,
            )

    def read_log(self) -> str:
        """Return its log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def check_running(self) -> None:
        """Raise `ProcessEnded`, with the end of the log, when it is not running."""
        if not self.is_running:
            status = self._process.returncode if self._process else None
            raise ProcessEnded(f"{self.module} ended with {status}:\n{self.read_log()[-4000:]}")

    async def wait_ended(self, *, timeout: float = 15.0) -> int:
        """Wait until it ends by itself; return its status. Raises `TimeoutError`.

        A busy machine gets more time.
        """
        assert self._process is not None, f"{self.module} was not started"
        async with asyncio.timeout(stretch_timeout(timeout)):
            return await self._process.wait()

    async def terminate(self, *, timeout: float = 15.0) -> int:
        """Send SIGTERM and wait; return its status. Raises `TimeoutError`."""
        self._send_signal(signal.SIGTERM)
        return await self.wait_ended(timeout=timeout)

    async def kill(self) -> None:
        """Send SIGKILL and wait."""
        self._send_signal(signal.SIGKILL)
        await self.wait_ended()

    def pause(self) -> None:
        """Send SIGSTOP."""
        self._send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT."""
        self._send_signal(signal.SIGCONT)

    async def close(self) -> None:
        """End it in any state: terminate, then kill."""
        if not self.is_running:
            return
        self.resume()
        try:
            await self.terminate(timeout=5.0)
        except TimeoutError:
            await self.kill()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _send_signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)


async def run_to_end(
    module: str, *arguments: str, folder: Path, environment: dict[str, str]
) -> tuple[int, str]:
    """Run a program in ``folder``; return its exit status and all output."""
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "program.log"
        program = ProgramProcess(
            module, *arguments, log=log, environment=environment, folder=folder
        )
        await program.launch()
        try:
            status = await program.wait_ended(timeout=120)
        finally:
            await program.close()
        return status, program.read_log()


def find_free_port() -> int:
    """Return a TCP port on the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

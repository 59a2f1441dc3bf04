"""A program of the project as a process of its own, with its output kept.

The tests kill, stop and restart real processes; this is the part of that which is the same for the
sandbox and for the bot. Output goes to a file, not to a pipe: a stopped or killed process must not
block on a pipe that nobody reads, and what it said must outlive it.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_KEPT_OF_OUR_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH")


class ProcessEnded(Exception):
    """The process ended though it should be running; the message holds its last words.

    Not an AssertionError: waiting longer (``eventually``) would not bring it back.
    """


class ProgramProcess:
    """One program, started any number of times. ``environment`` is all it gets of settings.

    ``restarts`` append to the same log.
    """

    def __init__(self, module: str, *arguments: str, log: Path, environment: dict[str, str]):
        self.module = module
        self.log = log
        self.environment = environment
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises ProcessEnded when it was never started."""
        if self._process is None:
            raise ProcessEnded(f"{self.module} was not started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def launch(self, *, stdout: int | None = None) -> asyncio.subprocess.Process:
        """Starts the program. ``stdout`` asyncio.subprocess.PIPE keeps it apart from the log."""
        assert not self.is_running, f"{self.module} is already running"
        inherited = {
            name: os.environ[name] for name in _KEPT_OF_OUR_ENVIRONMENT if name in os.environ
        }
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self.module,
                *self._arguments,
                cwd=self.log.parent,  # not in the checkout, whose .env is a developer's own
                env=inherited
                | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
                | self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log,
            )
        return self._process

    def read_log(self) -> str:
        """Everything it wrote to its log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def check_running(self) -> None:
        """Raises ProcessEnded, with the end of the log, when it is not running."""
        if not self.is_running:
            status = self._process.returncode if self._process else None
            raise ProcessEnded(f"{self.module} ended with {status}:\n{self.read_log()[-4000:]}")

    async def wait_ended(self, *, timeout: float = 15.0) -> int:
        """Waits until it has ended by itself; the exit status. Raises TimeoutError."""
        assert self._process is not None, f"{self.module} was not started"
        async with asyncio.timeout(timeout):
            return await self._process.wait()

    async def terminate(self, *, timeout: float = 15.0) -> int:
        """SIGTERM, and waits; the exit status. Raises TimeoutError when it does not obey."""
        self._send_signal(signal.SIGTERM)
        return await self.wait_ended(timeout=timeout)

    async def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        self._send_signal(signal.SIGKILL)
        await self.wait_ended()

    def pause(self) -> None:
        """SIGSTOP: it stands still and does not know it."""
        self._send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._send_signal(signal.SIGCONT)

    async def close(self) -> None:
        """Ends it in whatever state it is: asks, then kills."""
        if not self.is_running:
            return
        self.resume()
        try:
            await self.terminate(timeout=5.0)
        except TimeoutError:
            await self.kill()

    def _send_signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

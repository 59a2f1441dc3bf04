"""Runs the sandbox and the real bot as separate processes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from demo.control_client import DemoFailed

_READY_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 12.0
_PROJECT_ROOT = Path(__file__).resolve().parents[1]
_INHERITED_VARIABLES = ("HOME", "LANG", "LC_ALL", "PATH", "SSL_CERT_FILE", "TMPDIR", "TZ")


class DemoRunner:
    """An async context manager that starts and stops the processes.

    Their logs and the bot's data go below ``folder``. ``settings`` are added to those in the
    sandbox's ready line. Both run in ``folder``, so that they never read the checkout's ``.env``.
    ``port`` is the sandbox's; 0 takes a free one.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], *, port: int = 0) -> None:
        self.folder = folder
        self.control_url = ""
        self._settings = settings
        self._port = port
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        try:
            ready = await self._start_sandbox()
            self.control_url = str(ready["control"])
            await self._start_bot(ready["env"])
        except BaseException:
            await self._stop_processes()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop_processes()

    @property
    def page_url(self) -> str:
        """The address of the page in which a person can use the bot."""
        return self.control_url.removesuffix("control")

    def check_processes(self) -> None:
        """Raise DemoFailed if one of the processes has ended."""
        for name, process in self._processes.items():
            if process.returncode is not None:
                raise DemoFailed(f"the {name} ended by itself with status {process.returncode}")

    def read_logs(self, lines: int) -> dict[str, str]:
        """Return the last lines of each log."""
        logs = {}
        for name in ("sandbox", "bot"):
            path = self._log_path(name)
            if path.exists():
                logs[name] = "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
        return logs

    async def _start_sandbox(self) -> dict[str, Any]:
        files = str(self.folder.resolve() / "sandbox")
        process = await self._start_process(
            "sandbox",
            {},
            *("--dir", files, "--veo", "gone", "--port", str(self._port)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise DemoFailed(
                f"the sandbox was not ready within {_READY_TIMEOUT_S:.0f} s"
            ) from error
        if not line:
            raise DemoFailed("the sandbox did not start")
        ready: dict[str, Any] = json.loads(line)
        return ready

    async def _start_bot(self, environment: Mapping[str, str]) -> None:
        await self._start_process("bot", {**environment, **self._settings})

    async def _start_process(
        self, name: str, settings: Mapping[str, str], *arguments: str, stdout: int | None = None
    ) -> asyncio.subprocess.Process:
        inherited = {key: os.environ[key] for key in _INHERITED_VARIABLES if key in os.environ}
        with self._log_path(name).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                name,
                *arguments,
                env={
                    **inherited,
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONPATH": str(_PROJECT_ROOT),
                    **settings,
                },
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log,
                start_new_session=True,
            )
        self._processes[name] = process
        return process

    async def _stop_processes(self) -> None:
        for name in ("bot", "sandbox"):
            process = self._processes.get(name)
            if process is None or process.returncode is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    def _log_path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

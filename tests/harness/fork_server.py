"""A process that has imported the project's programs and forks one whenever a test starts it.

Importing takes two seconds of CPU, and the tests start hundreds of programs. A forked program has
its own environment, folder, output and signals like any other. It misses only what a library reads
from the environment during import: see `can_fork`.
"""

import asyncio
import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from bot.i18n.translations import list_languages, load_translations

_ROOT: Final = Path(__file__).parents[2]
_MODULES: Final = (
    *("bot.app.run", "bot.app.web", "bot.cli.run", "bot.cli.web"),
    *("bot.cli.doctor", "bot.cli.settle", "bot.cli.status", "bot.cli.after_restore"),
    *("bot.google.gemini_sdk", "google.auth.transport.requests"),
    *("alembic.command", "alembic.autogenerate", "bot.store.engine.schema", "aiosqlite"),
    *("bot.observability.logging", "anyio._backends._asyncio"),
    *("sandbox.server", "sandbox.google.renderer"),
)
"""What the programs import; each is the root of a tree."""
_READ_BY_IMPORTS: Final = ("SSL_", "PYTHON", "COVERAGE_", "GCE_METADATA_", "AIOHTTP_")
"""Beginnings of variables that a library or the interpreter reads before the program runs."""
_SAME_IN_ALL: Final = frozenset({"PYTHONUNBUFFERED", "PYTHONPATH"})
_MAX_ORDER_BYTES: Final = 2**17
_POLL_S: Final = 0.01


class ForkServerEnded(Exception):
    """The fork server has ended, and with it every program that it forked."""


class ForkedProcess:
    """A forked program, with the part of `asyncio.subprocess.Process` that tests use."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self._channel: socket.socket | None = channel
        self._status: int | None = None

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal, or `None` while it runs."""
        if self._channel is not None:
            try:
                status = self._channel.recv(100)
            except BlockingIOError:
                return None
            self._channel.close()
            self._channel = None
            self._status = int(status or -signal.SIGKILL)
        return self._status

    async def wait(self) -> int:
        """Wait until it has ended, on any event loop, and return its exit status."""
        while (status := self.returncode) is None:
            await asyncio.sleep(_POLL_S)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)


class ForkServer:
    """A fork server with ``environment``, which starts on first use."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    @staticmethod
    def can_fork(environment: Mapping[str, str]) -> bool:
        """Whether a program with this environment behaves the same when forked."""
        return sys.platform == "linux" and not any(
            name.startswith(_READ_BY_IMPORTS) for name in environment.keys() - _SAME_IN_ALL
        )

    async def fork(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        stdout: int,
        stderr: int,
    ) -> ForkedProcess:
        """Start ``python -m module`` in ``folder``. Raises `ForkServerEnded`."""
        if self._channel is None:
            self._channel = self._start()
        order = {
            "module": module,
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment),
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            files = [stdout, stderr, theirs.fileno()]
            socket.send_fds(self._channel, [json.dumps(order).encode()], files)
        pid = await asyncio.get_running_loop().sock_recv(ours, 100)
        if not pid:
            ours.close()
            raise ForkServerEnded
        return ForkedProcess(int(pid), ours)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        return ours

    def close(self) -> None:
        """End it and every program that is still running."""
        if self._channel is not None and self._process is not None:
            self._channel.close()
            self._process.wait()
            self._channel = self._process = None


def serve_orders(channel: socket.socket) -> dict[str, Any] | None:
    """Fork a program for each order. Return the order in the fork, or `None` at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the tests, which then close this
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waking, woken = socket.socketpair()
    for end in (waking, woken):
        end.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    programs: dict[int, socket.socket] = {}
    while True:
        readable, _, _ = select.select([channel, waking], [], [])
        if waking in readable:
            waking.recv(4096)
            _report_ended(programs)
        if channel not in readable:
            continue
        message, files, _, _ = socket.recv_fds(channel, _MAX_ORDER_BYTES, 3)
        if not message:
            for pid in programs:
                os.kill(pid, signal.SIGKILL)
            return None
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for end in (channel, waking, woken, *programs.values()):
                end.close()
            stdout, stderr, status = files
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            for file in (stdout, stderr, status):
                os.close(file)
            order: dict[str, Any] = json.loads(message)
            return order
        for file in files[:2]:
            os.close(file)
        programs[pid] = socket.socket(fileno=files[2])
        programs[pid].send(str(pid).encode())


def _report_ended(programs: dict[int, socket.socket]) -> None:
    while programs:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with programs.pop(pid) as channel, contextlib.suppress(BrokenPipeError):  # nobody waits
            channel.send(str(os.waitstatus_to_exitcode(status)).encode())


class QuickExit:
    """Ends a forked program without freeing what was imported.

    Freeing it, as the interpreter does, takes longer than forking.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        atexit.register(self._exit)

    def _exit(self) -> None:
        if self.status is not None:
            gc.collect()  # warnings from destroyed objects appear now
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.status)


def run_program(order: dict[str, Any], quick_exit: QuickExit) -> NoReturn:
    """Become the program that was ordered."""
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["folder"])
    sys.path[0] = order["folder"]
    sys.argv[1:] = order["arguments"]
    quick_exit.status = 1  # of an exception
    try:
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
        sys.exit()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            quick_exit.status = error.code or 0
        raise


def main() -> None:
    quick_exit = QuickExit()  # before the imports, so that whatever they do at the end comes first
    channel = socket.socket(fileno=int(sys.argv[1]))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy's, which starts threads when it is imported
    gc.disable()
    for module in _MODULES:
        importlib.import_module(module)
    for language in list_languages():
        load_translations(language)
    gc.collect()
    gc.freeze()
    gc.enable()
    # a thread would be missing in the forks, with whatever locks it held
    assert len(list(Path("/proc/self/task").iterdir())) == threading.active_count() == 1
    order = serve_orders(channel)
    if order is not None:
        run_program(order, quick_exit)


if __name__ == "__main__":
    main()

"""The sandbox as a process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from sandbox.discord.interaction import ACKNOWLEDGE_TIMEOUT_S
from tests.harness.control import Control
from tests.harness.process import ProgramProcess
from tests.harness.waiting import eventually, stretch_timeout

START_TIMEOUT_S = 90.0
_LOAD_OF_TESTS = 4
"""Programs for each processor with which Discord's own limit still holds, as in `make test`."""

__all__ = ["ClosedSandbox", "Control", "SandboxProcess", "record_closed"]


@dataclass(frozen=True, slots=True)
class ClosedSandbox:
    """All requests and answers of a sandbox until it was closed, and its health."""

    traffic: list[dict[str, Any]]
    health: dict[str, Any]


_recordings: list[list[ClosedSandbox]] = []


@contextmanager
def record_closed() -> Iterator[list[ClosedSandbox]]:
    """Collect the traffic of every sandbox closed in the body, to check all of it."""
    closed: list[ClosedSandbox] = []
    _recordings.append(closed)
    try:
        yield closed
    finally:
        _recordings[:] = [recording for recording in _recordings if recording is not closed]


class SandboxProcess(ProgramProcess):
    """The sandbox on a free port, its files and its log under ``directory``.

    On a busy machine its people wait longer for a bot's first response.

    After `start`, ``control`` is its control API's client; ``environment_for_bot`` are the settings
    with which a bot finds it (Gemini route), ``environment_vertex`` those for the Vertex route.
    Sandboxes share rendered clips in the folder ``clips``, if that is set. ``options`` are more of
    the program's, such as ``--tls``.
    """

    clips: ClassVar[Path | None] = None

    def __init__(self, directory: Path, *, port: int = 0, options: tuple[str, ...] = ()) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(
            "tests.harness.patient_sandbox",
            "--port",
            str(port),
            "--dir",
            str(directory / "files"),
            *(("--clips", str(self.clips)) if self.clips is not None else ()),
            *options,
            log=directory / "sandbox.log",
            environment={},
        )
        self.control: Control
        self.environment_for_bot: dict[str, str] = {}
        self.environment_vertex: dict[str, str] = {}
        self.manifest_root: Path | None = None

    async def start(self) -> None:
        """Start it and wait for its ready line. Raises `ProcessEnded`."""
        printed = self.log.with_name("ready.json")
        printed.unlink(missing_ok=True)
        acknowledge_timeout_s = max(
            ACKNOWLEDGE_TIMEOUT_S, stretch_timeout(ACKNOWLEDGE_TIMEOUT_S / _LOAD_OF_TESTS)
        )
        self.environment["ACKNOWLEDGE_TIMEOUT_S"] = str(acknowledge_timeout_s)
        await self.launch(stdout=printed)

        def read_line() -> str | None:
            self.check_running()
            text = printed.read_text()
            return text if text.endswith("\n") else None

        line = await eventually(
            read_line, timeout=START_TIMEOUT_S, interval=0.01, what="the sandbox's ready line"
        )
        ready = json.loads(line or "")
        self.control = Control(ready["control"], authority=ready["env"].get("SSL_CERT_FILE"))
        self.control.acknowledge_limit_ms = 1000 * acknowledge_timeout_s
        self.environment_for_bot = ready["env"]
        gemini_only = ready["env"].keys() & {"GEMINI_API_KEY", "GEMINI_API_URL"}
        discord = {name: ready["env"][name] for name in ready["env"].keys() - gemini_only}
        self.environment_vertex = discord | ready["env_vertex"]
        if "c2pa_root" in ready:
            self.manifest_root = Path(ready["c2pa_root"])

    async def close(self) -> None:
        """Close the client and end the process."""
        if hasattr(self, "control"):
            if _recordings and self.is_running:
                traffic = await self.control.requests(bodies=True)
                _recordings[-1].append(ClosedSandbox(traffic, await self.control.health()))
            await self.control.close()
        await super().close()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

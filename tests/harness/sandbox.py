"""The sandbox as a process of its own, as the bot and the demo meet it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from tests.harness.control import Control
from tests.harness.process import ProcessEnded, ProgramProcess

START_TIMEOUT_S = 90.0

__all__ = ["ClosedSandbox", "Control", "SandboxProcess", "record_closed"]


@dataclass(frozen=True, slots=True)
class ClosedSandbox:
    """What a sandbox saw until it was closed: all requests with their answers, and its health."""

    traffic: list[dict[str, Any]]
    health: dict[str, Any]


_recording: list[list[ClosedSandbox]] = []


@contextmanager
def record_closed() -> Iterator[list[ClosedSandbox]]:
    """Keep what each sandbox saw that is closed meanwhile, so that no test goes unchecked."""
    ended: list[ClosedSandbox] = []
    _recording.append(ended)
    try:
        yield ended
    finally:
        _recording[:] = [each for each in _recording if each is not ended]


class SandboxProcess(ProgramProcess):
    """``python -m sandbox`` on a free port, its files and its log under ``directory``.

    After ``start``: ``control`` talks to it, ``environment_for_bot`` is what a bot needs to find
    it (the Gemini route), ``environment_vertex`` the same with the Vertex route. All share the
    clips that they have drawn in ``clips``, where that is set.
    """

    clips: ClassVar[Path | None] = None

    def __init__(self, directory: Path, *, port: int = 0) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(
            "sandbox",
            "--port",
            str(port),
            "--dir",
            str(directory / "files"),
            *(("--clips", str(self.clips)) if self.clips is not None else ()),
            log=directory / "sandbox.log",
            environment={},
        )
        self.control: Control
        self.environment_for_bot: dict[str, str] = {}
        self.environment_vertex: dict[str, str] = {}

    async def start(self) -> None:
        """Starts it and waits for its ready line. Raises ProcessEnded."""
        process = await self.launch(stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await process.stdout.readline()
        if not line:
            raise ProcessEnded(f"the sandbox did not start:\n{self.read_log()[-4000:]}")
        ready = json.loads(line)
        self.control = Control(ready["control"])
        self.environment_for_bot = ready["env"]
        gemini_only = ready["env"].keys() & {"GEMINI_API_KEY", "GEMINI_API_URL"}
        discord = {name: ready["env"][name] for name in ready["env"].keys() - gemini_only}
        self.environment_vertex = discord | ready["env_vertex"]

    async def close(self) -> None:
        """Closes the client and ends the process."""
        if hasattr(self, "control"):
            if _recording and self.is_running:
                traffic = await self.control.requests(bodies=True)
                _recording[-1].append(ClosedSandbox(traffic, await self.control.health()))
            await self.control.close()
        await super().close()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

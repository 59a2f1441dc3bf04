"""The real bot as a process, connected to a sandbox."""

from pathlib import Path
from typing import Self

from tests.harness.control import Control
from tests.harness.process import ProgramProcess
from tests.harness.waiting import NotInTime, eventually, stretch_timeout

START_TIMEOUT_S = 90.0
_MAX_LEASE_STRETCH = 5
NO_LIMITS = {
    f"{scope}_{limit}": "none"
    for scope in ("DEFAULT_MEMBER", "DEFAULT_SERVER", "BOT")
    for limit in (
        "CLIPS_PER_DAY",
        "SECONDS_PER_DAY",
        "USD_PER_DAY",
        "USD_PER_MONTH",
        "JOBS_AT_ONCE",
    )
}
"""Settings without any quota or budget."""


class BotProcess(ProgramProcess):
    """``python -m bot`` with the sandbox's environment and a data directory of its own.

    ``directory`` holds its data and its log; a second process with the same one shares the
    database. ``settings`` override the environment.
    """

    def __init__(
        self,
        control: Control,
        environment: dict[str, str],
        directory: Path,
        *,
        name: str = "bot",
        settings: dict[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        defaults = {
            "DATA_DIR": str(directory / "data"),
            "WEB_PORT": "0",
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "DEBUG",
            "REPLY_UNDO_S": "0",  # tests of the undo set it
            "PAID_CALLS": "forbid",  # calls to servers on this machine are allowed
        }
        super().__init__(
            "bot",
            log=directory / f"{name}.log",
            environment=defaults | environment | (settings or {}),
        )
        self._control = control
        self._short_lease_s = float((settings or {}).get("LEASE_S", "0"))

    async def launch(self, *, stdout: Path | None = None) -> None:
        """Start the program. On a busy machine a short lease in the settings is made longer.

        A process that has to wait for a processor for as long as its lease loses it, as it should.
        """
        if short_s := self._short_lease_s:
            lease_s = min(stretch_timeout(short_s), _MAX_LEASE_STRETCH * short_s)
            self.environment["LEASE_S"] = f"{lease_s:.1f}"
        await super().launch(stdout=stdout)

    async def start(self, *, timeout: float = START_TIMEOUT_S) -> None:
        """Start it and wait until it has one more gateway connection and its commands registered.

        Raises `ProcessEnded` when it ends instead, `NotInTime` when it does neither.
        """
        before = await self._control.count_connections()
        await self.launch()
        await self.wait_ready(connections=before + 1, timeout=timeout)

    async def wait_ready(self, *, connections: int = 1, timeout: float = START_TIMEOUT_S) -> None:
        """Wait for that many gateway connections in all and for the commands."""

        async def is_ready() -> bool:
            self.check_running()
            if await self._control.count_connections() < connections:
                return False
            return bool(await self._control.commands())

        try:
            await eventually(is_ready, timeout=timeout, interval=0.05, what="the bot being ready")
        except NotInTime as error:
            error.add_note(self.read_log()[-4000:])
            raise

    async def restart(self, *, timeout: float = START_TIMEOUT_S) -> None:
        """Kill it (SIGKILL) and start it again."""
        await self.kill_and_wait()
        await self.start(timeout=timeout)

    async def kill_and_wait(self) -> None:
        """Kill it and wait until the sandbox has seen its connection close."""
        before = await self._control.count_connections()
        await self.kill()

        async def is_disconnected() -> bool:
            return await self._control.count_connections() < before

        if before:
            await eventually(is_disconnected, what="the sandbox seeing the bot gone")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

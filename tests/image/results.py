"""What the checks found: one line each, printed as they come and kept in ``var/image.json``."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from tests.harness.process import ProcessEnded
from tests.image.engines import EngineFailed


class CheckStatus(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check; ``detail`` is what was found, or why nothing was."""

    check: str
    status: CheckStatus
    detail: str
    seconds: float


class CheckRecorder:
    """Runs checks one after the other. After a failure those that build on it are not made."""

    def __init__(self, report: Path, show: Callable[[CheckResult], None]) -> None:
        self.results: list[CheckResult] = []
        self._report = report
        self._show = show

    @property
    def has_failed(self) -> bool:
        """Whether a check failed."""
        return any(each.status is CheckStatus.FAILED for each in self.results)

    async def check(
        self, name: str, look: Callable[[], Awaitable[str]], *, omission: str | None = None
    ) -> bool:
        """Make a check, unless there is an ``omission``; return whether it did not fail."""
        started_at = time.monotonic()
        status, detail = CheckStatus.NOT_CHECKED, omission or ""
        if omission is None:
            try:
                status, detail = CheckStatus.OK, await look()
            except (AssertionError, EngineFailed, ProcessEnded, TimeoutError) as error:
                status = CheckStatus.FAILED
                detail = "\n".join([str(error) or repr(error), *getattr(error, "__notes__", ())])
        self._add(CheckResult(name, status, detail, round(time.monotonic() - started_at, 1)))
        return status is not CheckStatus.FAILED

    def skip(self, name: str, reason: str) -> None:
        """Record that a check was not made."""
        self._add(CheckResult(name, CheckStatus.NOT_CHECKED, reason, 0.0))

    def _add(self, result: CheckResult) -> None:
        self.results.append(result)
        self._show(result)
        self._report.parent.mkdir(parents=True, exist_ok=True)
        lines = json.dumps([asdict(each) for each in self.results], indent=2)
        self._report.write_text(lines + "\n", "utf-8")

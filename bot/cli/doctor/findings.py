"""What a check found, and checks that run side by side without disturbing each other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """How bad a finding is. The bot works in spite of a warning."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    ``cure`` says what the operator should do, and is missing if there is nothing to do. ``reason``
    is the code that Google or Discord gave, if there was one.
    """

    check: str
    status: CheckStatus
    message: str
    cure: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """Checks that belong together: ``name`` is their finding's if they end without any."""

    name: str
    run: Callable[[], Awaitable[Sequence[Finding]]]
    limit_s: float


async def run_groups(groups: Sequence[CheckGroup]) -> list[Finding]:
    """Run all groups side by side, and return their findings in the order of the groups."""
    found = await asyncio.gather(*map(_run_group, groups))
    return [finding for findings in found for finding in findings]


async def _run_group(group: CheckGroup) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(group.limit_s):
            return await group.run()
    except TimeoutError:
        return [
            Finding(
                group.name,
                CheckStatus.FAILED,
                f"no result within {group.limit_s:g} seconds",
                "check the network and any proxy or firewall in between, then try again",
            )
        ]
    except Exception as error:  # an error of one check must not hide what the others found
        return [
            Finding(
                group.name,
                CheckStatus.FAILED,
                f"the check itself failed ({type(error).__name__}: {error})",
                "report this line as a bug",
            )
        ]

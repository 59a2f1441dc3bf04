"""Keeps the ledger small: old entries are replaced by one for each month, server, member and kind.

Nothing is lost: `bot.store.billing.rollup` replaces entries by their sum in one transaction.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from bot.domain.billing.months import find_month
from bot.domain.ports import Clock
from bot.services.repeated_work import repeat_work
from bot.store.billing.rollup import RollupStore

_INTERVAL_S: Final = 3600.0
_FIRST_DELAY_S: Final = 120.0
_PAUSE_S: Final = 0.1
"""Between two batches, so that requests do not wait for all of them."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRollup:
    """Rolls up whole months that ended more than ``keep_for`` ago; `None` means never."""

    store: RollupStore
    clock: Clock
    keep_for: timedelta | None

    async def run(self) -> None:
        """Roll up every hour what has become old."""
        await self.clock.sleep(_FIRST_DELAY_S)
        await repeat_work(
            self.run_once,
            pause=lambda _: self.clock.sleep(_INTERVAL_S),
            log_postponed=partial(_log.warning, "ledger_rollup.postponed"),
        )

    async def run_once(self) -> int:
        """Roll up all that is old enough; return how many entries were replaced.

        Raises `DatabaseUnavailable`.
        """
        if self.keep_for is None:
            return 0
        before = find_month(self.clock.now() - self.keep_for)
        replaced = 0
        while count := await self.store.roll_up_batch(before=before):
            replaced += count
            await self.clock.sleep(_PAUSE_S)
        if replaced:
            _log.info("ledger_rollup.entries_replaced", entries=replaced)
        return replaced

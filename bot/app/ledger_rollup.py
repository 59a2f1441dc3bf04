"""Builds the loop that keeps the ledger small, with the operator's limit."""

from datetime import timedelta

from bot.config.settings import Settings
from bot.domain.ports import Clock
from bot.services.admin.ledger_rollup import LedgerRollup
from bot.store.billing.rollup import RollupStore
from bot.store.engine.database import Database


def build_ledger_rollup(settings: Settings, database: Database, clock: Clock) -> LedgerRollup:
    """Return the roll-up of entries that are older than the operator keeps them."""
    days = settings.keep_ledger_days
    return LedgerRollup(
        store=RollupStore(database),
        clock=clock,
        keep_for=None if days is None else timedelta(days=days),
    )

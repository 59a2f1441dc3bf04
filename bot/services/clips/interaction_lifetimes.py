"""Learns how long Google keeps Omni interactions, from what it answers (`InteractionWatcher`)."""

from dataclasses import dataclass
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, InteractionWatcher
from bot.store.jobs.interaction_lifetimes import InteractionLifetimeStore

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionLifetimes(InteractionWatcher):
    """What cannot be written down now is seen again another time."""

    store: InteractionLifetimeStore
    clock: Clock

    async def record_gone(self, route: GoogleRoute, interaction_id: str) -> None:
        try:
            kept = await self.store.record_gone(route, interaction_id, now=self.clock.now())
        except DatabaseUnavailable as error:
            _log.warning("interaction.not_recorded", error=str(error))
            return
        if kept is not None:
            _log.warning("interaction.lifetime_learnt", route=route, kept=str(kept))

    async def record_alive(self, route: GoogleRoute, interaction_id: str) -> None:
        try:
            wrong = await self.store.record_alive(route, interaction_id, now=self.clock.now())
        except DatabaseUnavailable as error:
            _log.warning("interaction.not_recorded", error=str(error))
            return
        if wrong is not None:
            _log.info("interaction.lifetime_corrected", route=route, was=str(wrong))

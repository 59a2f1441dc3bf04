"""Learns from Google's answers how long it keeps Omni interactions."""

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
    """Database errors are only logged, because the same can be learned again later."""

    store: InteractionLifetimeStore
    clock: Clock

    async def record_gone(self, route: GoogleRoute, interaction_id: str) -> None:
        try:
            lifetime = await self.store.record_gone(route, interaction_id, now=self.clock.now())
        except DatabaseUnavailable as error:
            _log.warning("interaction.not_recorded", error=str(error))
            return
        if lifetime is not None:
            _log.warning("interaction.lifetime_learned", route=route, lifetime=str(lifetime))

    async def record_alive(self, route: GoogleRoute, interaction_id: str) -> None:
        try:
            disproved = await self.store.record_alive(route, interaction_id, now=self.clock.now())
        except DatabaseUnavailable as error:
            _log.warning("interaction.not_recorded", error=str(error))
            return
        if disproved is not None:
            _log.info("interaction.lifetime_corrected", route=route, previous=str(disproved))

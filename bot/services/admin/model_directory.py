"""Which models can be had: the catalogue, as far as the operator's account reaches.

Google retires models several times a year and says so only to those who ask. The bot asks at its
start and once a day, and believes a refusal in use at once and for a day, in every process and
over restarts: a model that is not there is not offered, and admins can see why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable, VideoError
from bot.domain.jobs.request import GenerationMode, GoogleRoute
from bot.domain.models import ModelCatalogue, ModelSpec
from bot.domain.ports import Clock, VideoModels
from bot.store.jobs.model_states import ModelStateStore

REFRESH_INTERVAL_S: Final = 86_400.0
RETRY_INTERVAL_S: Final = 300.0
SYNC_INTERVAL_S: Final = 60.0
"""How often a process looks what the others have learnt."""
_REFUSAL_VALIDITY: Final = timedelta(seconds=REFRESH_INTERVAL_S)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ModelOfferStatus:
    """Whether a model is offered; ``reason`` is why not in Google's words, if it gave any.

    ``configured`` is whether this bot can ask Google for it at all; ``checked_at`` is when Google
    last said so (`None`: it has not been asked yet).
    """

    model: ModelSpec
    offered: bool
    configured: bool = True
    reason: str | None = None
    checked_at: datetime | None = None


class ModelDirectory:
    """The catalogue with what the account can reach.

    ``adapters`` are the configured routes; through ``states`` the processes tell each other what
    was refused in use (`None`: this process keeps it to itself).
    """

    def __init__(
        self,
        *,
        catalogue: ModelCatalogue,
        routes: Mapping[GoogleRoute, VideoModels],
        clock: Clock,
        model_states: ModelStateStore | None = None,
    ) -> None:
        self.catalogue = catalogue
        self._routes = routes
        self._clock = clock
        self._model_states = model_states
        self._refused_at: dict[str, datetime] = {}
        # Until Google has been asked, everything on a configured route is offered: a start while
        # Google is busy must not close the shop.
        self._offer_statuses = {
            model.id: ModelOfferStatus(
                model,
                offered=model.route in routes,
                configured=model.route in routes,
            )
            for model in catalogue.models
        }

    async def refresh_from_google(self) -> bool:
        """Ask Google for every model; return whether it has answered for each.

        What was refused in use within a day stays off: Google lists models that it no longer runs.
        """
        answered = True
        for route, adapter in self._routes.items():
            ids = [model.id for model in self.catalogue.restrict_to(route).models]
            try:
                found = await adapter.check_reachability(ids)
            except VideoError as error:
                answered = False
                _log.warning("models.unknown", route=route, reason=str(error))
                continue
            answered = answered and len(found) == len(ids)
            for each in found:
                if self._is_refusal_recent(each.model):
                    continue
                self._set_offer_status(each.model, offered=each.is_reachable, reason=each.reason)
                if self._refused_at.pop(each.model, None) is not None and each.is_reachable:
                    await self._save_refusal(each.model, None)
        return answered

    async def run_refresh_loop(self) -> None:
        """Ask once a day, sooner while Google does not answer, and look every minute what other
        processes have learnt; runs until it is cancelled, whatever goes wrong."""
        due = self._clock.now()
        while True:
            await self._sync_safely()
            if self._clock.now() >= due:
                answered = await self._refresh_safely()
                due = self._clock.now() + timedelta(
                    seconds=REFRESH_INTERVAL_S if answered else RETRY_INTERVAL_S
                )
            now = self._clock.now()
            ends = (at + _REFUSAL_VALIDITY for at in self._refused_at.values())
            due = min([due, *(end for end in ends if end > now)])
            await self._clock.sleep(min(SYNC_INTERVAL_S, (due - now).total_seconds()))

    async def _refresh_safely(self) -> bool:
        try:
            return await self.refresh_from_google()
        except Exception:  # unforeseen: what is known stays, and it is asked again
            _log.exception("models.fault")
            return False

    async def _sync_safely(self) -> None:
        try:
            await self.sync_with_store()
        except DatabaseUnavailable:
            _log.warning("models.not_shared")
        except Exception:
            _log.exception("models.fault")

    async def sync_with_store(self) -> None:
        """Take over what other processes, or this one before its restart, have learnt in use.

        Raises `StoreAway`.
        """
        if self._model_states is None:
            return
        known = await self._model_states.load_states()
        for model_id, refused_at in list(self._refused_at.items()):
            state = known.get(model_id)
            if state is None or state.changed_at is None or state.changed_at < refused_at:
                await self._save_refusal(model_id, refused_at)
        for model_id, state in known.items():
            standing, at = self._offer_statuses.get(model_id), state.changed_at
            if standing is None or at is None or standing.model.route not in self._routes:
                continue
            if standing.checked_at is not None and at <= standing.checked_at:
                continue
            if state.disabled:
                self._refused_at[model_id] = at
                self._set_offer_status(model_id, offered=False, reason=state.disabled_reason)
            elif self._refused_at.pop(model_id, None) is not None:
                self._set_offer_status(model_id, offered=True, reason=None)

    def _is_refusal_recent(self, model_id: str) -> bool:
        at = self._refused_at.get(model_id)
        return at is not None and self._clock.now() - at < _REFUSAL_VALIDITY

    def _set_offer_status(self, model_id: str, *, offered: bool, reason: str | None) -> None:
        before = self._offer_statuses[model_id]
        self._offer_statuses[model_id] = replace(
            before, offered=offered, reason=reason, checked_at=self._clock.now()
        )
        if before.offered != offered:
            _log.warning("model.offered" if offered else "model.off", model=model_id, reason=reason)

    async def mark_unavailable(self, model_id: str, reason: str | None) -> None:
        """Take a model off the shelf that Google has refused in use; the next day asks again.

        Other processes learn it from the store, as soon as that can be reached.
        """
        if model_id in self._offer_statuses:
            self._refused_at[model_id] = self._clock.now()
            self._set_offer_status(model_id, offered=False, reason=reason)
            await self._save_refusal(model_id, self._refused_at[model_id])

    async def _save_refusal(self, model_id: str, refused_at: datetime | None) -> None:
        if self._model_states is None:
            return
        off = refused_at is not None
        try:
            await self._model_states.set_disabled(
                model_id,
                disabled=off,
                reason=self._offer_statuses[model_id].reason if off else None,
                now=refused_at or self._clock.now(),
            )
        except DatabaseUnavailable:
            _log.warning("model.not_saved", model=model_id, off=off)

    def list_offered(self, mode: GenerationMode | None = None) -> tuple[ModelSpec, ...]:
        """Return the models that can be had now, or those of them that know ``mode``."""
        return tuple(
            each.model
            for each in self._offer_statuses.values()
            if each.offered and (mode is None or mode in each.model.modes)
        )

    def get_offer_status(self, model_id: str) -> ModelOfferStatus | None:
        """Return how a model stands, or `None` for one that the catalogue does not know."""
        return self._offer_statuses.get(model_id)

    def list_offer_statuses(self) -> tuple[ModelOfferStatus, ...]:
        """Return every model of the catalogue with how it stands, in the catalogue's order."""
        return tuple(self._offer_statuses.values())

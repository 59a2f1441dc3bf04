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

from bot.domain.errors import StoreAway, VideoError
from bot.domain.jobs.request import Mode, Route
from bot.domain.models import Catalogue, Model
from bot.domain.ports import Clock, VideoModels
from bot.store.jobs.model_states import ModelStore

REFRESH_S: Final = 86_400.0
RETRY_S: Final = 300.0
SHARE_S: Final = 60.0
"""How often a process looks what the others have learnt."""
_BELIEVED: Final = timedelta(seconds=REFRESH_S)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ModelStanding:
    """Whether a model is offered; ``reason`` is why not in Google's words, if it gave any.

    ``configured`` is whether this bot can ask Google for it at all; ``checked_at`` is when Google
    last said so (`None`: it has not been asked yet).
    """

    model: Model
    offered: bool
    configured: bool = True
    reason: str | None = None
    checked_at: datetime | None = None


class Models:
    """The catalogue with what the account can reach.

    ``adapters`` are the configured routes; through ``states`` the processes tell each other what
    was refused in use (`None`: this process keeps it to itself).
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        adapters: Mapping[Route, VideoModels],
        clock: Clock,
        states: ModelStore | None = None,
    ) -> None:
        self.catalogue = catalogue
        self._adapters = adapters
        self._clock = clock
        self._states = states
        self._refused: dict[str, datetime] = {}
        # Until Google has been asked, everything on a configured route is offered: a start while
        # Google is busy must not close the shop.
        self._standing = {
            model.id: ModelStanding(
                model,
                offered=model.route in adapters,
                configured=model.route in adapters,
            )
            for model in catalogue.models
        }

    async def refresh(self) -> bool:
        """Ask Google for every model; return whether it has answered for each.

        What was refused in use within a day stays off: Google lists models that it no longer runs.
        """
        answered = True
        for route, adapter in self._adapters.items():
            ids = [model.id for model in self.catalogue.on(route).models]
            try:
                found = await adapter.reachability(ids)
            except VideoError as error:
                answered = False
                _log.warning("models.unknown", route=route, reason=str(error))
                continue
            answered = answered and len(found) == len(ids)
            for each in found:
                if self._believed(each.model):
                    continue
                self._set(each.model, offered=each.reachable, reason=each.reason)
                if self._refused.pop(each.model, None) is not None and each.reachable:
                    await self._save(each.model, None)
        return answered

    async def keep_fresh(self) -> None:
        """Ask once a day, sooner while Google does not answer, and look every minute what other
        processes have learnt; runs until it is cancelled, whatever goes wrong."""
        due = self._clock.now()
        while True:
            await self._share_safely()
            if self._clock.now() >= due:
                answered = await self._refresh_safely()
                due = self._clock.now() + timedelta(seconds=REFRESH_S if answered else RETRY_S)
            now = self._clock.now()
            ends = (at + _BELIEVED for at in self._refused.values())
            due = min([due, *(end for end in ends if end > now)])
            await self._clock.sleep(min(SHARE_S, (due - now).total_seconds()))

    async def _refresh_safely(self) -> bool:
        try:
            return await self.refresh()
        except Exception:  # unforeseen: what is known stays, and it is asked again
            _log.exception("models.fault")
            return False

    async def _share_safely(self) -> None:
        try:
            await self.share()
        except StoreAway:
            _log.warning("models.not_shared")
        except Exception:
            _log.exception("models.fault")

    async def share(self) -> None:
        """Take over what other processes, or this one before its restart, have learnt in use.

        Raises `StoreAway`.
        """
        if self._states is None:
            return
        known = await self._states.all()
        for model_id, refused_at in list(self._refused.items()):
            state = known.get(model_id)
            if state is None or state.changed_at is None or state.changed_at < refused_at:
                await self._save(model_id, refused_at)
        for model_id, state in known.items():
            standing, at = self._standing.get(model_id), state.changed_at
            if standing is None or at is None or standing.model.route not in self._adapters:
                continue
            if standing.checked_at is not None and at <= standing.checked_at:
                continue
            if state.off:
                self._refused[model_id] = at
                self._set(model_id, offered=False, reason=state.reason)
            elif self._refused.pop(model_id, None) is not None:
                self._set(model_id, offered=True, reason=None)

    def _believed(self, model_id: str) -> bool:
        at = self._refused.get(model_id)
        return at is not None and self._clock.now() - at < _BELIEVED

    def _set(self, model_id: str, *, offered: bool, reason: str | None) -> None:
        before = self._standing[model_id]
        self._standing[model_id] = replace(
            before, offered=offered, reason=reason, checked_at=self._clock.now()
        )
        if before.offered != offered:
            _log.warning("model.offered" if offered else "model.off", model=model_id, reason=reason)

    async def switch_off(self, model_id: str, reason: str | None) -> None:
        """Take a model off the shelf that Google has refused in use; the next day asks again.

        Other processes learn it from the store, as soon as that can be reached.
        """
        if model_id in self._standing:
            self._refused[model_id] = self._clock.now()
            self._set(model_id, offered=False, reason=reason)
            await self._save(model_id, self._refused[model_id])

    async def _save(self, model_id: str, refused_at: datetime | None) -> None:
        if self._states is None:
            return
        off = refused_at is not None
        try:
            await self._states.switch(
                model_id,
                off=off,
                reason=self._standing[model_id].reason if off else None,
                now=refused_at or self._clock.now(),
            )
        except StoreAway:
            _log.warning("model.not_saved", model=model_id, off=off)

    def offered(self, mode: Mode | None = None) -> tuple[Model, ...]:
        """Return the models that can be had now, or those of them that know ``mode``."""
        return tuple(
            each.model
            for each in self._standing.values()
            if each.offered and (mode is None or mode in each.model.modes)
        )

    def standing(self, model_id: str) -> ModelStanding | None:
        """Return how a model stands, or `None` for one that the catalogue does not know."""
        return self._standing.get(model_id)

    def overview(self) -> tuple[ModelStanding, ...]:
        """Return every model of the catalogue with how it stands, in the catalogue's order."""
        return tuple(self._standing.values())

"""Knows which models of the catalog the operator's account can use.

Google retires models several times a year and only says so when asked. So it is asked at the start
and once a day. A model that is refused in use is not offered for a day, in every process and after
restarts. Gateways may still have a model past its announced shutdown date, and Google itself may be
late. So such a model is offered once the route's server has confirmed it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.domain.errors import AccessRefused, DatabaseUnavailable, VideoError
from bot.domain.jobs.request import GenerationMode, GoogleRoute
from bot.domain.models import ModelCatalog, ModelSpec
from bot.domain.ports import Clock, ModelReachability, VideoModels
from bot.store.jobs.model_states import ModelStateStore

REFRESH_INTERVAL_S: Final = 86_400.0
RETRY_INTERVAL_S: Final = 300.0
SYNC_INTERVAL_S: Final = 60.0  # how often a process reads what the others have learned
_FIRST_ROUND_WAIT_S: Final = 10.0
_REFUSAL_VALIDITY: Final = timedelta(seconds=REFRESH_INTERVAL_S)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ModelOfferStatus:
    """Whether a model is offered; ``checked_at`` and Google's ``reason`` are `None` until known.

    With ``is_past_end`` it is off because its announced shutdown date has passed. With
    ``is_unconfirmed`` the route's server has not been asked yet whether it still has the model.
    ``replacement`` is the name of its successor.
    """

    model: ModelSpec
    offered: bool
    configured: bool = True
    reason: str | None = None
    checked_at: datetime | None = None
    is_past_end: bool = False
    is_unconfirmed: bool = False
    replacement: str | None = None


class RouteWatcher(Protocol):
    """Learns how Google answered for each configured route."""

    def record_check(self, route: GoogleRoute, error: VideoError | None) -> None: ...

    def record_round(self) -> None:
        """Record that every route has been asked."""
        ...


@dataclass(kw_only=True, eq=False)
class ModelDirectory:
    """What the account can use; ``model_states`` shares refusals with other processes.

    On ``dated_routes`` the announced shutdown date always counts, because Google's own host may
    still list a model that no longer runs.
    """

    catalog: ModelCatalog
    routes: Mapping[GoogleRoute, VideoModels]
    clock: Clock
    dated_routes: frozenset[GoogleRoute] = frozenset()
    model_states: ModelStateStore | None = None
    watcher: RouteWatcher | None = None
    _refused_at: dict[str, datetime] = field(init=False, default_factory=dict)
    _confirmed: set[str] = field(init=False, default_factory=set)
    _first_round: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        # Until Google has answered, all models of configured routes are offered unless their
        # shutdown date has passed. Otherwise a start while Google is unavailable would refuse
        # every request.
        names = {model.id: model.name for model in self.catalog.models}
        self._offer_statuses = {
            model.id: ModelOfferStatus(
                model,
                offered=model.route in self.routes,
                configured=model.route in self.routes,
                replacement=names.get(model.replaced_by or ""),
            )
            for model in self.catalog.models
        }

    async def refresh_from_google(self) -> bool:
        """Ask Google about every model; return whether it has answered for each.

        A model that was refused in use within a day stays off, because Google may still list a
        model that it no longer runs.
        """
        try:
            return await self._ask_routes()
        finally:
            self._first_round.set()

    async def _ask_routes(self) -> bool:
        answered = True
        for route, adapter in self.routes.items():
            ids = [model.id for model in self.catalog.restrict_to(route).models]
            try:
                answers = await adapter.check_reachability(ids)
            except AccessRefused as error:
                answered = False
                _log.error(
                    "models.check_failed", route=route, error=str(error), reason=error.reason
                )
                self._report_route(route, error)
                continue
            except VideoError as error:
                answered = False
                _log.warning("models.check_failed", route=route, error=str(error))
                self._report_route(route, error)
                continue
            self._report_route(route, None)
            answered = answered and len(answers) == len(ids)
            for answer in answers:
                if self._is_refusal_recent(answer.model):
                    continue
                self._record_answer(answer)
                if self._refused_at.pop(answer.model, None) is not None and answer.is_reachable:
                    await self._save_refusal(answer.model, None)
        if self.watcher is not None:
            self.watcher.record_round()
        return answered

    def _record_answer(self, answer: ModelReachability) -> None:
        if answer.is_reachable:
            self._confirmed.add(answer.model)
        else:
            self._confirmed.discard(answer.model)
        self._set_offer_status(answer.model, offered=answer.is_reachable, reason=answer.reason)

    async def wait_for_first_round(self) -> None:
        """Wait up to 10 seconds for Google's first answers if they may confirm a model.

        Otherwise a request right after the start would be refused, or made with another model.
        """
        if self._first_round.is_set():
            return
        if not any(status.is_unconfirmed for status in self._list_current()):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_ROUND_WAIT_S):
                await self._first_round.wait()

    def _report_route(self, route: GoogleRoute, error: VideoError | None) -> None:
        if self.watcher is not None:
            self.watcher.record_check(route, error)

    async def run_refresh_loop(self) -> None:
        """Ask Google once a day, or every five minutes as long as it does not answer.

        Every minute, read what other processes have learned.
        """
        due = self.clock.now()
        while True:
            try:
                await self.sync_with_store()
            except DatabaseUnavailable:
                _log.warning("models.sync_postponed")
            if self.clock.now() >= due:
                answered = await self.refresh_from_google()
                due = self.clock.now() + timedelta(
                    seconds=REFRESH_INTERVAL_S if answered else RETRY_INTERVAL_S
                )
            now = self.clock.now()
            expiries = (at + _REFUSAL_VALIDITY for at in self._refused_at.values())
            due = min([due, *(expiry for expiry in expiries if expiry > now)])
            await self.clock.sleep(min(SYNC_INTERVAL_S, (due - now).total_seconds()))

    async def sync_with_store(self) -> None:
        """Apply what was learned earlier or by other processes. Raises `DatabaseUnavailable`."""
        if self.model_states is None:
            return
        known = await self.model_states.load_states()
        for model_id, refused_at in list(self._refused_at.items()):
            state = known.get(model_id)
            if state is None or state.changed_at is None or state.changed_at < refused_at:
                await self._save_refusal(model_id, refused_at)
        for model_id, state in known.items():
            status, at = self._offer_statuses.get(model_id), state.changed_at
            if status is None or at is None or status.model.route not in self.routes:
                continue
            if status.checked_at is not None and at <= status.checked_at:
                continue
            if state.disabled:
                self._refused_at[model_id] = at
                self._set_offer_status(model_id, offered=False, reason=state.disabled_reason)
            elif self._refused_at.pop(model_id, None) is not None:
                self._confirmed.add(model_id)  # the other process has asked Google
                self._set_offer_status(model_id, offered=True, reason=None)

    def _is_refusal_recent(self, model_id: str) -> bool:
        at = self._refused_at.get(model_id)
        return at is not None and self.clock.now() - at < _REFUSAL_VALIDITY

    def _set_offer_status(self, model_id: str, *, offered: bool, reason: str | None) -> None:
        before = self._offer_statuses[model_id]
        self._offer_statuses[model_id] = replace(
            before, offered=offered, reason=reason, checked_at=self.clock.now()
        )
        if before.offered != offered:
            event = "model.offered" if offered else "model.withdrawn"
            _log.warning(event, model=model_id, reason=reason)

    async def mark_unavailable(self, model_id: str, reason: str | None) -> None:
        """Stop offering a model for a day, in this process at once and in others by the store."""
        if model_id in self._offer_statuses:
            self._refused_at[model_id] = self.clock.now()
            self._set_offer_status(model_id, offered=False, reason=reason)
            await self._save_refusal(model_id, self._refused_at[model_id])

    async def _save_refusal(self, model_id: str, refused_at: datetime | None) -> None:
        if self.model_states is None:
            return
        disabled = refused_at is not None
        try:
            await self.model_states.set_disabled(
                model_id,
                disabled=disabled,
                reason=self._offer_statuses[model_id].reason if disabled else None,
                now=refused_at or self.clock.now(),
            )
        except DatabaseUnavailable:
            _log.warning("model.save_failed", model=model_id, disabled=disabled)

    def list_offered(self, mode: GenerationMode | None = None) -> tuple[ModelSpec, ...]:
        return tuple(
            status.model
            for status in self._list_current()
            if status.offered and (mode is None or mode in status.model.modes)
        )

    def list_retired(self) -> tuple[ModelSpec, ...]:
        """Return the models of configured routes that Google has shut down."""
        return tuple(
            status.model
            for status in self._list_current()
            if status.is_past_end and not status.is_unconfirmed
        )

    def get_offer_status(self, model_id: str) -> ModelOfferStatus | None:
        status = self._offer_statuses.get(model_id)
        return None if status is None else self._apply_shutdown_date(status)

    def list_offer_statuses(self) -> tuple[ModelOfferStatus, ...]:
        return tuple(self._list_current())

    def _list_current(self) -> Iterator[ModelOfferStatus]:
        return map(self._apply_shutdown_date, self._offer_statuses.values())

    def _apply_shutdown_date(self, status: ModelOfferStatus) -> ModelOfferStatus:
        """Return ``status``, switched off if the model's shutdown date has passed by now."""
        model = status.model
        if not status.configured or not model.has_retired(self.clock.now().date()):
            return status
        may_outlive = model.route not in self.dated_routes
        if may_outlive and model.id in self._confirmed:
            return status
        return replace(
            status,
            offered=False,
            is_past_end=True,
            is_unconfirmed=may_outlive and status.checked_at is None,
        )

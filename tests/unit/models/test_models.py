"""What is offered follows from what Google says, and admins see why."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.config.model_catalogue import load
from bot.domain.errors import GoogleBusy, StoreAway
from bot.domain.jobs.request import Mode, Route, VideoPlan
from bot.domain.ports import Finished, Poll, Reachability, RemoteVideo
from bot.domain.stores import ModelState
from bot.i18n.catalogs import say
from bot.services.admin.model_directory import REFRESH_S, RETRY_S, SHARE_S, Models
from bot.store.jobs.model_states import ModelStore
from bot.ui.text_lists import models_overview

VEO, LITE = "veo-3.1-generate-preview", "veo-3.1-lite-generate-preview"
START = datetime(2026, 11, 23, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time, self.naps, self.awake = START, list[float](), asyncio.Event()
        self.stop_after_s = RETRY_S + REFRESH_S + 1

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.time += timedelta(seconds=seconds)
        if self.time - START > timedelta(seconds=self.stop_after_s):
            self.awake.set()
            await asyncio.Event().wait()


class Route1:
    """A route that says what the test wants."""

    route = Route.GEMINI

    def __init__(self) -> None:
        self.gone: dict[str, str] = {}
        self.fails: Exception | None = None
        self.silent: set[str] = set()
        self.asked = 0

    async def reachability(self, models: Sequence[str]) -> list[Reachability]:
        self.asked += 1
        if self.fails is not None:
            error, self.fails = self.fails, None
            raise error
        return [
            Reachability(each, reachable=each not in self.gone, reason=self.gone.get(each))
            for each in models
            if each not in self.silent
        ]

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        mark: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        raise NotImplementedError

    async def poll(self, operation: str) -> Poll:
        raise NotImplementedError

    async def fetch(self, video: RemoteVideo, destination: Path) -> None:
        raise NotImplementedError

    async def find(self, plan: VideoPlan, *, job_id: int, mark: str = "") -> Finished | None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


@pytest.fixture
def google() -> Route1:
    return Route1()


@pytest.fixture
def models(google: Route1) -> Models:
    return Models(catalogue=load(), adapters={Route.GEMINI: google}, clock=Clock())


def ids(models: Models, mode: Mode | None = None) -> list[str]:
    return [model.id for model in models.offered(mode)]


def test_before_google_was_asked_the_configured_routes_are_offered(models: Models) -> None:
    assert len(ids(models)) == 6
    assert {model.route for model in models.offered()} == {Route.GEMINI}
    other = models.standing("veo-3.1-generate-001")
    assert other is not None
    assert (other.offered, other.configured, other.checked_at) == (False, False, None)


def test_a_past_shutdown_date_decides_nothing(models: Models) -> None:
    assert all(model.retires and model.retires < START.date() for model in models.offered())


async def test_what_cannot_be_reached_is_not_offered(models: Models, google: Route1) -> None:
    google.gone = {VEO: "no longer available"}
    assert await models.refresh()
    assert VEO not in ids(models)
    found = models.standing(VEO)
    assert found is not None
    assert (found.offered, found.reason, found.checked_at) == (False, "no longer available", START)
    google.gone = {}
    assert await models.refresh()
    assert VEO in ids(models)


async def test_a_busy_google_changes_nothing(models: Models, google: Route1) -> None:
    google.gone = {VEO: "gone"}
    await models.refresh()
    google.fails = GoogleBusy("busy")
    assert not await models.refresh()
    assert VEO not in ids(models)
    assert LITE in ids(models)


async def test_a_refusal_in_use_is_believed_at_once(models: Models) -> None:
    await models.switch_off(LITE, "This model is no longer available.")
    await models.switch_off("nobody knows it", "whatever")
    assert LITE not in ids(models)
    found = models.standing(LITE)
    assert found is not None
    assert found.reason == "This model is no longer available."


async def test_why_a_model_is_not_offered_is_told_in_the_language_of_who_asks(
    models: Models,
) -> None:
    await models.switch_off(LITE, None)
    await models.switch_off(VEO, "This model is no longer available.")
    for locale in ("en-US", "de", "ja"):
        told = "\n".join(models_overview(models.overview(), locale))
        assert told.count(say("models.not_configured", locale)) == 3
        assert told.count(say("models.refused", locale)) == 1
        reason = say("models.reason", locale, reason="This model is no longer available.")
        assert told.count(reason) == 1


def test_by_mode(models: Models) -> None:
    assert ids(models, Mode.EXTENSION) == [VEO, "veo-3.1-fast-generate-preview"]


def test_the_overview_shows_everything(models: Models) -> None:
    assert [each.model for each in models.overview()] == list(load().models)
    assert models.standing("veo-9") is None


async def test_it_asks_once_a_day_and_sooner_after_a_failure(google: Route1) -> None:
    clock = Clock()
    models = Models(catalogue=load(), adapters={Route.GEMINI: google}, clock=clock)
    google.fails = GoogleBusy("busy")
    task = asyncio.create_task(models.keep_fresh())
    await clock.awake.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert google.asked == 3
    assert max(clock.naps) <= SHARE_S


async def run_for(models: Models, clock: Clock, seconds: float) -> None:
    clock.awake.clear()
    clock.stop_after_s = (clock.time - START).total_seconds() + seconds
    task = asyncio.create_task(models.keep_fresh())
    await asyncio.wait_for(clock.awake.wait(), 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nothing_unforeseen_ends_the_asking(google: Route1) -> None:
    clock = Clock()
    models = Models(catalogue=load(), adapters={Route.GEMINI: google}, clock=clock)
    google.fails, google.gone = RuntimeError("who knows"), {VEO: "gone"}
    await run_for(models, clock, RETRY_S + 1)
    assert google.asked == 2
    assert VEO not in ids(models)


async def test_what_google_does_not_answer_stays_as_it_was(models: Models, google: Route1) -> None:
    google.gone = {VEO: "gone"}
    await models.refresh()
    google.silent, google.gone = {VEO}, {LITE: "gone too"}
    assert not await models.refresh()
    assert VEO not in ids(models)
    assert LITE not in ids(models)


class States(ModelStore):
    """The store's rows, with a switch for its being away."""

    def __init__(self) -> None:
        self.rows: dict[str, ModelState] = {}
        self.away = False

    async def all(self) -> dict[str, ModelState]:
        if self.away:
            raise StoreAway
        return dict(self.rows)

    async def switch(self, model: str, *, off: bool, reason: str | None, now: datetime) -> None:
        if self.away:
            raise StoreAway
        self.rows[model] = ModelState(model, off=off, reason=reason, changed_at=now)

    async def hold(self, model: str, until: datetime) -> None:
        raise NotImplementedError

    async def measured(self, plan: VideoPlan, *, seconds: float, now: datetime) -> None:
        raise NotImplementedError

    async def durations(self, model: str, *, most: int) -> list[float]:
        raise NotImplementedError


def process(google: Route1, states: States, clock: Clock) -> Models:
    return Models(catalogue=load(), adapters={Route.GEMINI: google}, clock=clock, states=states)


async def test_a_refusal_in_use_reaches_other_processes_and_restarts(google: Route1) -> None:
    states, clock = States(), Clock()
    here, there = process(google, states, clock), process(google, states, clock)
    await here.refresh()
    await there.refresh()
    clock.time += timedelta(seconds=1)
    await here.switch_off(VEO, "no longer available")
    await there.share()
    after = process(google, states, clock)
    await run_for(after, clock, 1)
    for each in (here, there, after):
        found = each.standing(VEO)
        assert found is not None
        assert (found.offered, found.reason) == (False, "no longer available")


async def test_after_a_day_it_is_asked_again_and_comes_back_everywhere(google: Route1) -> None:
    states, clock = States(), Clock()
    here, there = process(google, states, clock), process(google, states, clock)
    await here.refresh()
    clock.time += timedelta(seconds=1)
    await here.switch_off(VEO, "no longer available")
    await there.share()
    await run_for(here, clock, REFRESH_S - 120)
    assert VEO not in ids(here)
    await run_for(here, clock, 240)
    assert VEO in ids(here)
    assert not states.rows[VEO].off
    await there.share()
    assert VEO in ids(there)


async def test_a_store_that_is_away_gets_it_later(google: Route1) -> None:
    states, clock = States(), Clock()
    models, states.away = process(google, states, clock), True
    await models.switch_off(VEO, "gone")
    assert VEO not in ids(models)
    await run_for(models, clock, SHARE_S)
    states.away = False
    await run_for(models, clock, SHARE_S)
    assert states.rows[VEO].off

"""Models are offered by what Google says about them, and admins see why one is not."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.config.model_catalog import load_catalog
from bot.domain.errors import DatabaseUnavailable, GoogleUnavailable
from bot.domain.jobs.request import GenerationMode, GoogleRoute, VideoPlan
from bot.domain.models.spec import ModelState
from bot.domain.ports import (
    DownloadedVideo,
    ModelReachability,
    OperationFinished,
    PollResult,
    RemoteVideo,
)
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_day
from bot.services.admin.model_directory import (
    REFRESH_INTERVAL_S,
    RETRY_INTERVAL_S,
    SYNC_INTERVAL_S,
    ModelDirectory,
)
from bot.store.jobs.model_states import ModelStateStore
from bot.ui.models_overview import list_model_sections
from tests.harness.waiting import stretch_timeout

VEO, FAST = "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview"
LITE = "veo-3.1-lite-generate-preview"
VEO_3, FAST_3, VEO_2 = "veo-3.0-generate-001", "veo-3.0-fast-generate-001", "veo-2.0-generate-001"
START = datetime(2026, 10, 1, tzinfo=UTC)
"""Before the end of Veo 3.1 by key, so that what is tested here is not its end."""


class Clock:
    def __init__(self) -> None:
        self.time, self.naps, self.awake = START, list[float](), asyncio.Event()
        self.stop_after_s = RETRY_INTERVAL_S + REFRESH_INTERVAL_S + 1

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
    """A route with answers set by the test."""

    route = GoogleRoute.GEMINI

    def __init__(self) -> None:
        self.gone: dict[str, str] = {}
        self.fails: Exception | None = None
        self.silent: set[str] = set()
        self.asked = 0

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        self.asked += 1
        if self.fails is not None:
            error, self.fails = self.fails, None
            raise error
        return [
            ModelReachability(each, is_reachable=each not in self.gone, reason=self.gone.get(each))
            for each in models
            if each not in self.silent
        ]

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        raise NotImplementedError

    async def poll(self, operation: str) -> PollResult:
        raise NotImplementedError

    async def download_video(self, video: RemoteVideo, destination: Path) -> DownloadedVideo:
        raise NotImplementedError

    async def cancel_operation(self, operation: str) -> bool:
        raise NotImplementedError

    async def delete_operation(self, operation: str) -> None:
        raise NotImplementedError

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


@pytest.fixture
def google() -> Route1:
    return Route1()


@pytest.fixture
def models(google: Route1) -> ModelDirectory:
    return ModelDirectory(
        catalog=load_catalog(), routes={GoogleRoute.GEMINI: google}, clock=Clock()
    )


def ids(models: ModelDirectory, mode: GenerationMode | None = None) -> list[str]:
    return [model.id for model in models.list_offered(mode)]


def test_before_google_was_asked_the_configured_routes_are_offered(models: ModelDirectory) -> None:
    assert ids(models) == [VEO, FAST, LITE]
    other = models.get_offer_status("veo-3.1-generate-001")
    assert other is not None
    assert (other.offered, other.configured, other.checked_at) == (False, False, None)


def test_a_model_whose_end_has_passed_waits_for_the_servers_word(models: ModelDirectory) -> None:
    found = models.get_offer_status(VEO_2)
    assert found is not None
    assert (found.offered, found.is_past_end, found.is_unconfirmed) == (False, True, True)
    assert models.list_retired() == ()  # nobody knows yet


async def test_a_server_that_has_it_brings_it_back(models: ModelDirectory) -> None:
    """Gateways, and Google on Vertex, may run models beyond Google's dates."""
    await models.refresh_from_google()
    assert VEO_2 in ids(models)
    assert models.list_retired() == ()


async def test_a_server_that_has_it_not_leaves_it_off(
    models: ModelDirectory, google: Route1
) -> None:
    google.gone = {VEO_2: "not found"}
    await models.refresh_from_google()
    assert VEO_2 not in ids(models)
    found = models.get_offer_status(VEO_2)
    assert found is not None
    assert (found.is_past_end, found.is_unconfirmed) == (True, False)
    assert found.replacement == "Gemini Omni 1.2 Flash"
    assert [model.id for model in models.list_retired()] == [VEO_2]


async def test_a_silent_server_leaves_it_off(models: ModelDirectory, google: Route1) -> None:
    google.silent = {VEO_2}
    await models.refresh_from_google()
    assert VEO_2 not in ids(models)
    google.fails = GoogleUnavailable("busy")
    await models.refresh_from_google()
    assert VEO_2 not in ids(models)


def on_googles_host(google: Route1, clock: Clock) -> ModelDirectory:
    return ModelDirectory(
        catalog=load_catalog(),
        routes={GoogleRoute.GEMINI: google},
        clock=clock,
        dated_routes=frozenset({GoogleRoute.GEMINI}),
    )


async def test_on_googles_own_host_its_date_counts_more_than_its_list(google: Route1) -> None:
    """Google lists models that it no longer runs."""
    models = on_googles_host(google, Clock())
    assert [model.id for model in models.list_retired()] == [VEO_3, FAST_3, VEO_2]
    await models.refresh_from_google()
    assert ids(models) == [VEO, FAST, LITE]


async def test_an_end_comes_by_itself(models: ModelDirectory, google: Route1) -> None:
    clock = Clock()
    official = on_googles_host(google, clock)
    await official.refresh_from_google()
    clock.time = datetime(2026, 10, 21, 23, 59, tzinfo=UTC)
    assert VEO in ids(official)
    clock.time = datetime(2026, 10, 22, tzinfo=UTC)
    assert ids(official) == []
    await models.refresh_from_google()
    assert isinstance(models.clock, Clock)
    models.clock.time = clock.time
    assert VEO in ids(models)  # this server still has it


async def test_the_reason_for_a_retired_model_is_shown(
    models: ModelDirectory, google: Route1
) -> None:
    for locale in ("en-US", "de", "ja"):
        told = "\n".join(list_model_sections(models.list_offer_statuses(), locale))
        day = format_day(date(2026, 6, 30), locale)
        assert told.count(translate("models.unconfirmed", locale, date=day)) == 3
    google.gone = {VEO_2: "not found"}
    await models.refresh_from_google()
    for locale in ("en-US", "de", "ja"):
        told = "\n".join(list_model_sections(models.list_offer_statuses(), locale))
        replaced = translate(
            "models.replaced",
            locale,
            models=f"Veo 2 `{VEO_2}`",
            date=format_day(date(2026, 6, 30), locale),
            replacement="Gemini Omni 1.2 Flash",
        )
        assert told.count(replaced) == 1
        assert "not found" not in told


async def test_the_start_waits_for_the_first_answers_where_they_may_bring_a_model_back(
    models: ModelDirectory, google: Route1
) -> None:
    waiting = asyncio.create_task(models.wait_for_first_round())
    await asyncio.sleep(0)
    assert not waiting.done()
    await models.refresh_from_google()
    await waiting
    assert VEO_2 in ids(models)
    await models.wait_for_first_round()  # at once


async def test_the_start_waits_for_no_longer_than_the_round(
    models: ModelDirectory, google: Route1
) -> None:
    google.fails = RuntimeError("unforeseen")
    waiting = asyncio.create_task(models.wait_for_first_round())
    with pytest.raises(RuntimeError):
        await models.refresh_from_google()
    await asyncio.wait_for(waiting, stretch_timeout(5))


async def test_the_start_does_not_wait_where_no_answer_brings_a_model_back(
    google: Route1,
) -> None:
    await asyncio.wait_for(
        on_googles_host(google, Clock()).wait_for_first_round(), stretch_timeout(5)
    )
    assert google.asked == 0


async def test_what_cannot_be_reached_is_not_offered(
    models: ModelDirectory, google: Route1
) -> None:
    google.gone = {VEO: "no longer available"}
    assert await models.refresh_from_google()
    assert VEO not in ids(models)
    found = models.get_offer_status(VEO)
    assert found is not None
    assert (found.offered, found.reason, found.checked_at) == (False, "no longer available", START)
    google.gone = {}
    assert await models.refresh_from_google()
    assert VEO in ids(models)


async def test_a_busy_google_changes_nothing(models: ModelDirectory, google: Route1) -> None:
    google.gone = {VEO: "gone"}
    await models.refresh_from_google()
    google.fails = GoogleUnavailable("busy")
    assert not await models.refresh_from_google()
    assert VEO not in ids(models)
    assert LITE in ids(models)


async def test_refusal_disables_model_immediately(models: ModelDirectory) -> None:
    await models.mark_unavailable(LITE, "This model is no longer available.")
    await models.mark_unavailable("nobody knows it", "whatever")
    assert LITE not in ids(models)
    found = models.get_offer_status(LITE)
    assert found is not None
    assert found.reason == "This model is no longer available."


async def test_why_a_model_is_not_offered_is_told_in_the_language_of_who_asks(
    models: ModelDirectory,
) -> None:
    await models.mark_unavailable(LITE, None)
    await models.mark_unavailable(VEO, "This model is no longer available.")
    for locale in ("en-US", "de", "ja"):
        told = "\n".join(list_model_sections(models.list_offer_statuses(), locale))
        assert told.count(translate("models.not_configured", locale)) == 5
        assert told.count(translate("models.refused", locale)) == 1
        reason = translate("models.reason", locale, reason="This model is no longer available.")
        assert told.count(reason) == 1


@pytest.mark.parametrize("locale", ["en-US", "de", "es-ES", "fr", "ja", "zh-CN"])
async def test_what_is_offered_comes_first_and_dead_models_share_lines(
    models: ModelDirectory, google: Route1, locale: str
) -> None:
    google.gone = dict.fromkeys((VEO_3, FAST_3, VEO_2), "not found")
    await models.refresh_from_google()
    told = list_model_sections(models.list_offer_statuses(), locale)
    assert all(len(section.splitlines()) <= 6 for section in told)
    marks = [line[0] for line in "\n".join(told).splitlines() if line[0] in "✓✗"]
    assert marks == sorted(marks)
    [last] = told[-1].splitlines()  # the same day and successor
    assert re.findall(r"`(.+?)`", last) == [VEO_3, FAST_3, VEO_2]
    assert last.count("Gemini Omni 1.2 Flash") == 1


def test_consecutive_lengths_are_shown_as_a_range(models: ModelDirectory) -> None:
    told = list_model_sections(models.list_offer_statuses(), "en-US")
    omni = next(section for section in told if "`gemini-omni-1.2-flash`" in section)
    veo = next(section for section in told if f"`{VEO}`" in section)
    assert " 3–15 s · " in omni
    assert " 4, 6, 8 s · " in veo
    assert "360p $0.024" in omni


def test_by_mode(models: ModelDirectory) -> None:
    assert ids(models, GenerationMode.EXTENSION) == [VEO, FAST]


def test_the_overview_shows_everything(models: ModelDirectory) -> None:
    assert [each.model for each in models.list_offer_statuses()] == list(load_catalog().models)
    assert models.get_offer_status("veo-9") is None


async def test_models_are_probed_daily_and_sooner_after_failure(google: Route1) -> None:
    clock = Clock()
    models = ModelDirectory(
        catalog=load_catalog(), routes={GoogleRoute.GEMINI: google}, clock=clock
    )
    google.fails = GoogleUnavailable("busy")
    task = asyncio.create_task(models.run_refresh_loop())
    await clock.awake.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert google.asked == 3
    assert max(clock.naps) <= SYNC_INTERVAL_S


async def run_for(models: ModelDirectory, clock: Clock, seconds: float) -> None:
    clock.awake.clear()
    clock.stop_after_s = (clock.time - START).total_seconds() + seconds
    task = asyncio.create_task(models.run_refresh_loop())
    await asyncio.wait_for(clock.awake.wait(), stretch_timeout(30))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_unexpected_error_reaches_the_supervisor_and_a_restart_asks_again(
    google: Route1,
) -> None:
    clock = Clock()
    models = ModelDirectory(
        catalog=load_catalog(), routes={GoogleRoute.GEMINI: google}, clock=clock
    )
    google.fails, google.gone = RuntimeError("unforeseen"), {VEO: "gone"}
    with pytest.raises(RuntimeError, match="unforeseen"):
        await models.run_refresh_loop()
    await run_for(models, clock, 1)
    assert google.asked == 2
    assert VEO not in ids(models)


async def test_unanswered_probe_keeps_state(models: ModelDirectory, google: Route1) -> None:
    google.gone = {VEO: "gone"}
    await models.refresh_from_google()
    google.silent, google.gone = {VEO}, {LITE: "gone too"}
    assert not await models.refresh_from_google()
    assert VEO not in ids(models)
    assert LITE not in ids(models)


class States(ModelStateStore):
    """The store's rows, with a switch that makes the store unavailable."""

    def __init__(self) -> None:
        self.rows: dict[str, ModelState] = {}
        self.away = False

    async def load_states(self) -> dict[str, ModelState]:
        if self.away:
            raise DatabaseUnavailable
        return dict(self.rows)

    async def set_disabled(
        self, model: str, *, disabled: bool, reason: str | None, now: datetime
    ) -> None:
        if self.away:
            raise DatabaseUnavailable
        self.rows[model] = ModelState(
            model, disabled=disabled, disabled_reason=reason, changed_at=now
        )

    async def mark_rate_limited(self, model: str, until: datetime) -> None:
        raise NotImplementedError

    async def record_duration(
        self,
        plan: VideoPlan,
        *,
        duration_s: float,
        now: datetime,
        last_pending_s: float | None = None,
    ) -> None:
        raise NotImplementedError

    async def list_durations(self, model: str, *, limit: int) -> list[float]:
        raise NotImplementedError


def process(google: Route1, states: States, clock: Clock) -> ModelDirectory:
    return ModelDirectory(
        catalog=load_catalog(),
        routes={GoogleRoute.GEMINI: google},
        clock=clock,
        model_states=states,
    )


async def test_a_refusal_in_use_reaches_other_processes_and_restarts(google: Route1) -> None:
    states, clock = States(), Clock()
    here, there = process(google, states, clock), process(google, states, clock)
    await here.refresh_from_google()
    await there.refresh_from_google()
    clock.time += timedelta(seconds=1)
    await here.mark_unavailable(VEO, "no longer available")
    await there.sync_with_store()
    after = process(google, states, clock)
    await run_for(after, clock, 1)
    for each in (here, there, after):
        found = each.get_offer_status(VEO)
        assert found is not None
        assert (found.offered, found.reason) == (False, "no longer available")


async def test_after_a_day_it_is_asked_again_and_comes_back_everywhere(google: Route1) -> None:
    states, clock = States(), Clock()
    here, there = process(google, states, clock), process(google, states, clock)
    await here.refresh_from_google()
    clock.time += timedelta(seconds=1)
    await here.mark_unavailable(VEO, "no longer available")
    await there.sync_with_store()
    await run_for(here, clock, REFRESH_INTERVAL_S - 120)
    assert VEO not in ids(here)
    await run_for(here, clock, 240)
    assert VEO in ids(here)
    assert not states.rows[VEO].disabled
    await there.sync_with_store()
    assert VEO in ids(there)


async def test_a_store_that_is_away_gets_it_later(google: Route1) -> None:
    states, clock = States(), Clock()
    models, states.away = process(google, states, clock), True
    await models.mark_unavailable(VEO, "gone")
    assert VEO not in ids(models)
    await run_for(models, clock, SYNC_INTERVAL_S)
    states.away = False
    await run_for(models, clock, SYNC_INTERVAL_S)
    assert states.rows[VEO].disabled

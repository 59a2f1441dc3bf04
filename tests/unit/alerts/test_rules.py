"""What is an alert, and how often one is told."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.model_catalog import load_catalog
from bot.domain.alerts import (
    MINIMUM_FREE_DISK_BYTES,
    MINIMUM_PAUSE,
    SECTIONS,
    Alert,
    AlertKind,
    ModelReading,
    RefusalReading,
    ToldAlert,
    UnknownJobsReading,
    find_budget_alerts,
    find_cheapest_request,
    find_failing_checks,
    find_failing_loops,
    find_full_disk,
    find_gone_models,
    find_newer_schema,
    find_refusals,
    find_unknown_jobs,
    is_due,
)
from bot.domain.billing.limits import QuotaLine, UsageAmount
from bot.domain.billing.money import Micros
from bot.domain.errors import LimitScope
from bot.domain.jobs.request import GoogleRoute
from bot.domain.moderation.check_failures import AWAY_AFTER, CheckFailures, CheckReading
from tests.harness.process import ROOT

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CATALOG = load_catalog()
MODEL = next(model for model in CATALOG.models if model.retires is not None)
CENT = Micros(10_000)


def make_alert(kind: AlertKind, occurrence: str = "") -> Alert:
    return Alert(
        kind=kind, subject="it", message="It broke.", cure="Mend it.", occurrence=occurrence
    )


def list_kinds(alerts: list[Alert]) -> list[AlertKind]:
    return [alert.kind for alert in alerts]


# -- how often


def test_what_was_never_told_is_due() -> None:
    assert is_due(make_alert(AlertKind.TEST), ToldAlert(), NOON)


def test_what_another_process_is_telling_is_not_due_until_that_has_had_its_time() -> None:
    claimed = ToldAlert(claimed_until=NOON + HOUR)
    assert not is_due(make_alert(AlertKind.TEST), claimed, NOON)
    assert is_due(make_alert(AlertKind.TEST), claimed, NOON + HOUR)


@given(
    kind=st.sampled_from(list(AlertKind)),
    occurrences=st.lists(st.sampled_from("abc"), min_size=1, max_size=40),
    pauses=st.lists(st.integers(1, 5000), min_size=40, max_size=40),
)
def test_no_two_alerts_about_the_same_are_within_an_hour(
    kind: AlertKind, occurrences: list[str], pauses: list[int]
) -> None:
    now, told, times = NOON, ToldAlert(), []
    for occurrence, pause_s in zip(occurrences, pauses, strict=False):
        now += timedelta(seconds=pause_s)
        if is_due(make_alert(kind, occurrence), told, now):
            told = ToldAlert(occurrence, told_at=now)
            times.append(now)
    assert times, "the first one is told"
    assert all(later - earlier >= MINIMUM_PAUSE for earlier, later in pairwise(times))


def test_what_happens_anew_is_told_after_an_hour() -> None:
    told = ToldAlert("first", told_at=NOON)
    again = make_alert(AlertKind.UNKNOWN_JOB, "second")
    assert not is_due(again, told, NOON + HOUR - timedelta(seconds=1))
    assert is_due(again, told, NOON + HOUR)


@pytest.mark.parametrize(
    ("kind", "repeated_after"),
    [
        (AlertKind.BUDGET_USED_UP, DAY),
        (AlertKind.DISK_NEARLY_FULL, DAY),
        (AlertKind.MODEL_GONE, 7 * DAY),
        (AlertKind.UNKNOWN_JOB, None),
        (AlertKind.LOOP_FAILING, None),
    ],
)
def test_what_lasts_is_told_again_after_long(
    kind: AlertKind, repeated_after: timedelta | None
) -> None:
    told, alert = ToldAlert("", told_at=NOON), make_alert(kind)
    if repeated_after is None:
        assert not is_due(alert, told, NOON + 365 * DAY)
    else:
        assert not is_due(alert, told, NOON + repeated_after - HOUR)
        assert is_due(alert, told, NOON + repeated_after)


# -- what


def read_model(**changes: Any) -> ModelReading:
    return replace(ModelReading(model=MODEL, is_offered=False, was_used=True), **changes)


def test_a_model_that_was_used_and_is_gone_is_told_with_its_successor() -> None:
    [alert] = find_gone_models([replace(read_model(), replacement="Veo 9")], NOON.date())
    assert (alert.kind, alert.subject) == (AlertKind.MODEL_GONE, MODEL.id)
    assert MODEL.name in alert.message
    assert "Veo 9" in alert.cure


@pytest.mark.parametrize("reading", [read_model(is_offered=True), read_model(was_used=False)])
def test_a_model_that_works_or_was_never_there_is_no_news(reading: ModelReading) -> None:
    assert find_gone_models([reading], NOON.date()) == []


def test_an_announced_shutdown_is_news_for_a_week() -> None:
    assert MODEL.retires is not None
    past = read_model(is_past_end=True)

    def count(today: date) -> int:
        return len(find_gone_models([past], today))

    assert count(MODEL.retires) == 1
    assert count(MODEL.retires + 7 * DAY) == 1
    assert count(MODEL.retires + 8 * DAY) == 0


def read_refusal(**changes: Any) -> RefusalReading:
    reading = RefusalReading(
        account="GEMINI_API_KEY", reason="API_KEY_INVALID", is_about_credit=False, refused_at=NOON
    )
    return replace(reading, **changes)


@pytest.mark.parametrize(
    ("is_about_credit", "kind"),
    [(False, AlertKind.KEY_REFUSED), (True, AlertKind.CREDIT_USED_UP)],
)
def test_a_refusal_of_the_account_is_told_with_its_code(
    is_about_credit: bool, kind: AlertKind
) -> None:
    [alert] = find_refusals([read_refusal(is_about_credit=is_about_credit)], NOON + HOUR)
    assert (alert.kind, alert.subject) == (kind, "GEMINI_API_KEY")
    assert "API_KEY_INVALID" in alert.message


def test_each_new_refusal_is_a_new_occurrence_and_an_old_one_is_no_news() -> None:
    [first] = find_refusals([read_refusal()], NOON)
    [second] = find_refusals([read_refusal(refused_at=NOON + HOUR)], NOON + HOUR)
    assert first.occurrence != second.occurrence
    assert find_refusals([read_refusal()], NOON + DAY + HOUR) == []


def test_a_sentence_in_the_place_of_a_code_is_not_passed_on() -> None:
    sentence = "project 12345 of ada@example.com has no credit"
    [alert] = find_refusals([read_refusal(reason=sentence)], NOON)
    assert "12345" not in alert.message + alert.cure


def test_an_account_is_told_once_though_several_routes_and_questions_are_refused() -> None:
    newest = read_refusal(refused_at=NOON + HOUR, is_about_credit=True)
    readings = [read_refusal(refused_at=None), read_refusal(), newest]
    [alert] = find_refusals(readings, NOON + HOUR)
    assert alert.kind is AlertKind.CREDIT_USED_UP
    other = read_refusal(account="GOOGLE_CLOUD_PROJECT", refused_at=None)
    assert len(find_refusals([*readings, other], NOON + HOUR)) == 2


def test_a_key_that_is_refused_when_google_is_only_asked_is_told_too() -> None:
    [alert] = find_refusals([read_refusal(refused_at=None)], NOON)
    [later] = find_refusals([read_refusal(refused_at=None)], NOON + HOUR)
    assert alert.kind is AlertKind.KEY_REFUSED
    assert alert.occurrence == later.occurrence


def find_for(used: int, allowed: int, limit: str = "usd_per_day") -> list[AlertKind]:
    line = QuotaLine(LimitScope.BOT, limit, allowed=allowed * CENT, used=used * CENT)
    return list_kinds(find_budget_alerts([line], UsageAmount(Micros(5 * CENT), 1, 3)))


def test_a_budget_is_told_at_80_percent_and_when_nothing_fits_any_more() -> None:
    assert find_for(79, 100) == []
    assert find_for(80, 100) == [AlertKind.BUDGET_NEARLY_USED]
    assert find_for(95, 100) == [AlertKind.BUDGET_NEARLY_USED]
    assert find_for(96, 100) == [AlertKind.BUDGET_USED_UP], "the cheapest clip costs 5"
    assert find_for(100, 100) == [AlertKind.BUDGET_USED_UP]


def test_a_budget_names_its_setting_and_amounts() -> None:
    line = QuotaLine(LimitScope.BOT, "usd_per_month", allowed=300_000_000, used=300_000_000)
    [alert] = find_budget_alerts([line], None)
    assert "BOT_USD_PER_MONTH" in alert.message
    assert "300.00 of 300.00" in alert.message


def test_jobs_at_once_and_a_budget_of_nothing_are_no_news() -> None:
    assert find_for(0, 0) == []
    assert find_for(200, 200, "jobs_at_once") == []


def test_the_cheapest_request_is_known_for_the_models_on_offer() -> None:
    omni = CATALOG.restrict_to(GoogleRoute.OMNI).models
    cheapest = find_cheapest_request(omni)
    assert cheapest is not None
    prices = [
        model.compute_price(resolution, seconds, 1)
        for model in omni
        for resolution in model.prices
        for seconds in model.lengths
    ]
    assert cheapest == UsageAmount(min(prices), 1, min(s for m in omni for s in m.lengths))
    assert find_cheapest_request([]) is None


def test_unknown_jobs_are_told_together_while_they_are_news() -> None:
    reading = UnknownJobsReading(count=3, latest_id=41, latest_at=NOON)
    [alert] = find_unknown_jobs(reading, NOON)
    assert alert.kind is AlertKind.UNKNOWN_JOB
    assert "41" in alert.message
    [later] = find_unknown_jobs(replace(reading, latest_at=NOON + HOUR), NOON + HOUR)
    assert later.occurrence != alert.occurrence
    assert find_unknown_jobs(reading, NOON + DAY + HOUR) == []
    assert find_unknown_jobs(None, NOON) == []


def test_a_loop_is_told_when_it_has_failed_again() -> None:
    before, after = {"shards": 2, "heartbeat": 0}, {"shards": 3, "heartbeat": 0, "maintenance": 1}
    alerts = find_failing_loops(before, after, host="box", now=NOON)
    assert [alert.subject for alert in alerts] == ["maintenance", "shards"]
    assert find_failing_loops(after, after, host="box", now=NOON) == []


def read_checks(**changes: Any) -> CheckReading:
    facts: dict[str, Any] = {"model": "judge", "failing_since": NOON, "failed_at": NOON}
    return CheckReading(**facts | changes)


def test_a_model_for_checks_that_stays_away_is_an_alert_with_the_clips_that_wait() -> None:
    later = NOON + AWAY_AFTER
    assert find_failing_checks(None, NOON) == []
    assert find_failing_checks(read_checks(failed_at=later - timedelta(seconds=1)), later) == []
    [alert] = find_failing_checks(read_checks(failed_at=later, waiting_clips=3), later)
    assert (alert.kind, alert.subject) == (AlertKind.CHECK_FAILING, "judge")
    assert "3 jobs" in alert.message
    assert find_failing_checks(read_checks(failed_at=later), later + 2 * DAY) == [], "no news"


def test_a_refused_model_for_checks_is_an_alert_at_once() -> None:
    [alert] = find_failing_checks(read_checks(refusal="404 NOT_FOUND"), NOON)
    assert "404 NOT_FOUND" in alert.message
    assert "MODERATION_MODEL" in alert.cure
    [other] = find_failing_checks(read_checks(refusal="403 PERMISSION_DENIED"), NOON)
    assert alert.occurrence != other.occurrence
    [open_alert] = find_failing_checks(read_checks(refusal="x", accepts_unchecked=True), NOON)
    assert "accepted unchecked" in open_alert.message


def test_a_verdict_ends_the_failures() -> None:
    failures = CheckFailures()
    read = partial(failures.read, "judge", accepts_unchecked=False, waiting_clips=0)
    assert read() is None
    for minutes in (0, 6, 12):
        failures.record_failure(NOON + timedelta(minutes=minutes), refusal=None)
    reading = read()
    assert reading is not None
    assert reading.is_away
    failures.record_verdict()
    assert read() is None
    failures.record_failure(NOON + DAY, refusal=None)
    reading = read()
    assert reading is not None
    assert not reading.is_away


def test_a_disk_is_told_when_hardly_anything_is_free() -> None:
    assert find_full_disk(MINIMUM_FREE_DISK_BYTES, host="box") == []
    [alert] = find_full_disk(MINIMUM_FREE_DISK_BYTES - 1, host="box")
    assert (alert.kind, alert.subject) == (AlertKind.DISK_NEARLY_FULL, "box")
    assert find_full_disk(None, host="box") == []


def test_a_schema_is_told_only_if_this_program_does_not_know_it() -> None:
    assert find_newer_schema([], host="box") == []
    [alert] = find_newer_schema(["9999"], host="box")
    assert alert.kind is AlertKind.NEWER_SCHEMA
    assert "9999" in alert.message


def test_every_kind_names_a_section_that_the_guide_has() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text("utf-8")
    headings = {line.lstrip("# ") for line in guide.splitlines() if line.startswith("#")}
    assert set(SECTIONS) == set(AlertKind)
    assert set(SECTIONS.values()) <= headings

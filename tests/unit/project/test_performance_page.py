"""docs/performance.md is written from recorded results alone."""

import json

from tests.bench.__main__ import BENCHES
from tests.bench.figures import BenchResult, Figure, RecordedResult
from tests.bench.performance_page import PAGE, load_results, render_page

RECORDED = RecordedResult(
    name="start",
    result=BenchResult(
        title="Starts",
        method="The bot is started.",
        figures=(
            Figure(what="start | first", value="3 s", beside="bare: 2 s", goal="≤ 4 s"),
            Figure(what="memory", value="120 MiB", goal="≤ 100 MiB", is_met=False, limit="80 MiB"),
            Figure(what="processor", value="1 s"),
        ),
    ),
    machine="2 processors",
    commit="12345678",
    day="2026-11-30",
)


def test_page_is_rendered_from_the_recorded_results() -> None:
    results = load_results()
    assert results.keys() <= set(BENCHES)
    assert PAGE.read_text("utf-8") == render_page(results.values())


def test_results_survive_being_recorded() -> None:
    document = json.loads(json.dumps(RECORDED.to_json()))
    assert RecordedResult.from_json(document) == RECORDED


def test_missed_goal_is_said() -> None:
    rows = [line for line in render_page([RECORDED]).splitlines() if line.startswith("| ")]
    assert rows[2:] == [
        "| start \\| first | 3 s | bare: 2 s | ≤ 4 s | met | – |",
        "| memory | 120 MiB | – | ≤ 100 MiB | missed | 80 MiB |",
        "| processor | 1 s | – | – |  | – |",
    ]
    assert not RECORDED.result.is_met

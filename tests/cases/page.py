"""Writes `docs/cases.md` from a test run: each row with its tests and their outcome.

``--cases-page PATH`` writes the page. ``--cases-only`` runs only the tests that name a row.
"""

from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from tests.cases.rows import find_in_item, load_rows

_PROPERTY: Final = "reported rows"
_TITLES: Final = {
    "google": "Google's answers",
    "discord": "Discord",
    "images": "Images",
    "web": "The web",
    "people": "People",
}
_HEAD: Final = """# Reported faults and their tests

Each row is a fault that was reported in real use: what has to be true now, the tests that check it,
and their last result. `make cases` writes this page; do not edit it.
"""


class CasePage:
    """A pytest plugin that writes the page; ``only_rows`` runs only the tests that name a row."""

    def __init__(self, path: Path, *, only_rows: bool) -> None:
        self._path = path
        self._only_rows = only_rows
        self._outcomes: dict[str, dict[str, str]] = defaultdict(dict)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Give the tests that name a row its id, which their reports carry to the page."""
        named = []
        for item in items:
            row_ids = find_in_item(item)
            if row_ids:
                item.user_properties.append((_PROPERTY, row_ids))
                named.append(item)
        if self._only_rows:
            config.hook.pytest_deselected(items=[item for item in items if item not in named])
            items[:] = named

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst outcome of a test: its set-up, its call and its tear-down report."""
        row_ids = dict(report.user_properties).get(_PROPERTY)
        for row_id in row_ids if isinstance(row_ids, list) else []:
            test = report.nodeid.split("[", 1)[0]
            before = self._outcomes[row_id].get(test, "passed")
            self._outcomes[row_id][test] = before if report.passed else report.outcome

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the page, once for all processes."""
        if not hasattr(session.config, "workerinput"):
            self._path.write_text(self._render_page(), "utf-8")

    def _render_page(self) -> str:
        rows = load_rows()
        lines = [_HEAD.strip()]
        table = ""
        for row_id, sentence in rows.sentences.items():
            if row_id.split("-")[0] != table:
                table = row_id.split("-")[0]
                lines += [
                    "",
                    f"## {_TITLES[table]}",
                    "",
                    "| row | what has to be true | tests | result |",
                ]
                lines.append("|---|---|---|---|")
            tests = sorted(self._outcomes.get(row_id, {}).items())
            names = "<br>".join(f"`{test.removeprefix('tests/')}`" for test, _ in tests)
            outcome = ", ".join(sorted({outcome for _, outcome in tests}))
            if not tests and row_id in rows.judged_otherwise:
                names, outcome = rows.judged_otherwise[row_id], "judged otherwise"
            lines.append(f"| {row_id} | {sentence} | {names} | {outcome or 'no test'} |")
        return "\n".join(lines) + "\n"

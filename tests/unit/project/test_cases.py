"""Each reported fault has a test that names its row, and docs/cases.md lists it."""

import re
from pathlib import Path

import pytest

from tests.cases.rows import PAGE, ROW_ID, find_in_docstring, find_in_sources, load_rows

_LINE = re.compile(
    r"^\| (?P<row>\w+-\S+) \| .* \| (?P<tests>.*) \| (?P<outcome>[\w ,]+) \|$", re.MULTILINE
)


@pytest.fixture(scope="module")
def named(root: Path) -> dict[str, set[str]]:
    """The files that name each row, except this one with its examples."""
    paths = (path for path in (root / "tests").rglob("test_*.py") if path != Path(__file__))
    return find_in_sources(paths)


def test_rows_are_found_in_docstrings() -> None:
    text = "A page is not Google's word. [google-A13, google-K2] (see [the list])"
    assert find_in_docstring(text) == ["google-A13", "google-K2"]
    assert find_in_docstring("images-F5a without brackets") == []


def test_every_row_has_a_test_or_a_reason(named: dict[str, set[str]]) -> None:
    rows = load_rows()
    assert [row for row in rows.sentences if row not in {*named, *rows.judged_otherwise}] == []


def test_tests_name_only_rows_that_exist(named: dict[str, set[str]]) -> None:
    assert sorted(set(named) - set(load_rows().sentences)) == []
    assert set(load_rows().judged_otherwise) <= set(load_rows().sentences)


def test_the_page_is_of_these_tests(named: dict[str, set[str]]) -> None:
    """`make cases` writes it anew."""
    lines = {match["row"]: match for match in _LINE.finditer(PAGE.read_text("utf-8"))}
    assert list(lines) == list(load_rows().sentences)
    listed = {
        row: set(re.findall(r"(test_\w+\.py)::", match["tests"])) for row, match in lines.items()
    }
    assert {row: files for row, files in listed.items() if files} == named
    assert {match["outcome"] for match in lines.values()} <= {"passed", "judged otherwise"}
    assert all(ROW_ID.fullmatch(row) for row in lines)

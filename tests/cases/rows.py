"""Loads the rows of reported faults and finds the tests that name them.

A test names a row in square brackets in its docstring (``[google-K2, google-A13]``) or at the
start of a parameter's id (``pytest.param(…, id="google-A13-html")``), before which pytest may put
the ids of others.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROWS_FILE: Final = Path(__file__).parent / "rows.toml"
PAGE: Final = Path(__file__).parents[2] / "docs" / "cases.md"
_TABLES: Final = ("google", "discord", "images", "web", "people")
_ID: Final = rf"(?:{'|'.join(_TABLES)})-(?:[A-Z]\d+[a-z]?\b|text-[\w.-]*\w)"
ROW_ID: Final = re.compile(rf"\b{_ID}")
_IN_BRACKETS: Final = re.compile(rf"\[({_ID}(?:,\s+{_ID})*)\]")


@dataclass(frozen=True, slots=True)
class ReportedRows:
    """Every row with what has to hold, by its id; ``judged_otherwise`` has the reason."""

    sentences: dict[str, str]
    judged_otherwise: dict[str, str]


def load_rows() -> ReportedRows:
    """Read `rows.toml`; ids get the name of their table."""
    tables = tomllib.loads(ROWS_FILE.read_text("utf-8"))
    judged_otherwise = tables.pop("judged_otherwise")
    return ReportedRows(
        {f"{table}-{row}": text for table, rows in tables.items() for row, text in rows.items()},
        judged_otherwise,
    )


def find_in_docstring(docstring: str | None) -> list[str]:
    """Return the ids that a docstring names in brackets."""
    groups = _IN_BRACKETS.findall(docstring or "")
    return [row_id for group in groups for row_id in ROW_ID.findall(group)]


def find_in_item(item: pytest.Item) -> list[str]:
    """Return the ids that one test names, in order and each once."""
    function = getattr(item, "obj", None)
    found = find_in_docstring(getattr(function, "__doc__", None))
    call = getattr(item, "callspec", None)
    if call is not None:
        found += ROW_ID.findall(call.id)
    return list(dict.fromkeys(found))


def find_in_sources(paths: Iterable[Path]) -> dict[str, set[str]]:
    """Return the files whose text names each id, as the page lists them."""
    found: dict[str, set[str]] = {}
    for path in paths:
        text = path.read_text("utf-8")
        ids = find_in_docstring(text)
        ids += [match[1] for match in re.finditer(rf'\bid=f?"({_ID})', text)]
        for row_id in ids:
            found.setdefault(row_id, set()).add(path.name)
    return found

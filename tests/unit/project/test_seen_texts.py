"""Every text that tells a person what went wrong is seen by a test from outside, by its words.

A test under tests/e2e refers to a text when one of its strings stands in that text and in no other
of the catalogue. What cannot be brought about from outside is named here with the unit test that
sees it.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[3]
CATALOGUE = ROOT / "bot/locales/en/LC_MESSAGES/clapper.po"
TOLD = ("error", "outcome", "rule", "image", "not_found", "not_allowed", "reply")
TOLD_PARTS = ("limit.reached", "limit.frees", "limit.never", "stage.waiting", "paused.")
SHORTEST = 7
"""A shorter string says too little to be a reference."""

_SELDOM = "tests/unit/words/test_seldom.py::test_seldom_words"
ELSEWHERE: dict[str, str] = {
    "error.store_away": "tests/unit/cogs/test_cogs.py::test_a_database_that_is_away_is_told",
    "error.command_outdated": "tests/unit/words/test_seldom.py::test_what_discord_itself_garbles",
    "error.option": "tests/unit/words/test_seldom.py::test_what_discord_itself_garbles",
    "error.unexpected_number": "tests/unit/words/test_seldom.py::test_what_discord_itself_garbles",
    **dict.fromkeys(
        (
            "error.file_too_large",
            "error.unexpected",
            "image.image_file_too_large",
            "image.image_not_from_discord",
            "limit.frees_sometime",
            "not_allowed.showcase_server",
            "not_found.clip_file",
            "not_found.server",
            "outcome.google_busy",
            "outcome.google_quota",
            "outcome.not_sent",
            "rule.aspect_ratio_not_offered",
            "rule.extension_aspect_ratio",
            "rule.extension_excludes_images",
            "rule.extension_length",
            "rule.extension_resolution",
            "rule.needs_aspect_ratio",
            "rule.needs_resolution",
            "rule.negative_prompt_unsupported",
            "rule.person_rule_none",
            "rule.seed_range",
            "rule.source_gone",
            "rule.source_mode",
            "rule.source_other_route",
            "rule.source_too_long",
            "rule.source_too_many_hops",
            "rule.too_many_references",
        ),
        _SELDOM,
    ),
}
"""Texts that nothing done from outside can bring about, and the unit test that sees each."""


@cache
def texts() -> dict[str, str]:
    """Return all English texts by key."""
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file)
    return {
        str(message.id[0] if isinstance(message.id, tuple) else message.id): "\n".join(
            [message.string] if isinstance(message.string, str) else (message.string or ())
        )
        for message in catalogue
        if message.id
    }


def told() -> list[str]:
    """Return the keys that this is about."""
    return sorted(
        key for key in texts() if key.partition(".")[0] in TOLD or key.startswith(TOLD_PARTS)
    )


def strings_of(path: Path) -> Iterator[str]:
    """Return the constant strings of a module, those of f-strings too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.strip()


@cache
def references() -> frozenset[str]:
    """Return the keys whose words stand in a test under tests/e2e."""
    said = {
        text
        for path in (ROOT / "tests/e2e").glob("test_*.py")
        for text in strings_of(path)
        if len(text) >= SHORTEST
    }
    pieces = {key: re.split(r"\{\w+\}", text) for key, text in texts().items()}
    found = set()
    for text in said:
        keys = [key for key, parts in pieces.items() if any(text in part for part in parts)]
        if len(keys) == 1:
            found.add(keys[0])
    return frozenset(found)


@pytest.mark.parametrize("key", told())
def test_somebody_sees_it(key: str) -> None:
    if key not in ELSEWHERE:
        assert key in references(), f"no test under tests/e2e says: {texts()[key]}"
        return
    assert key not in references(), "seen from outside after all: take it out of the list"
    path, _, name = ELSEWHERE[key].partition("::")
    module = ast.parse((ROOT / path).read_text("utf-8"))
    test = next(
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    )
    named = f"{ast.unparse(module)}" if key not in ast.unparse(test) else ast.unparse(test)
    assert key in named or texts()[key] in named, f"{ELSEWHERE[key]} does not see {key}"


def test_the_list_names_only_what_there_is() -> None:
    assert set(ELSEWHERE) <= set(told())

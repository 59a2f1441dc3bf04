"""Tests hold behaviour, not sentences: none of them repeats what a catalogue says."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from bot.i18n.translations import list_languages
from tests.harness.texts import list_literals, quote_text

WORDS: Final = 3
"""Words in a row that a test may not share with a text."""
CHARACTERS: Final = 5
"""The same for languages that are written without spaces."""
_WORD: Final = re.compile(r"\w+(?:['’]\w+)*|[`*{}/]")
_UNSPACED: Final = re.compile(rf"[぀-ヿ一-鿿]{{{CHARACTERS},}}")
EXEMPT: Final = {
    "tests/unit/project/test_no_pinned_texts.py",
}
"""Files whose subject are the words themselves, each with its reason in its docstring."""


def split_runs(text: str) -> Iterator[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    for start in range(len(words) - WORDS + 1):
        run = tuple(words[start : start + WORDS])
        if all(word[0].isalnum() for word in run) and sum(map(len, run)) >= 9:
            yield run
    for stretch in _UNSPACED.findall(text):
        for start in range(len(stretch) - CHARACTERS + 1):
            yield (stretch[start : start + CHARACTERS],)


@cache
def said_runs() -> frozenset[tuple[str, ...]]:
    return frozenset(
        run
        for language in list_languages()
        for domain in ("clapper", "web")
        for literal in list_literals(language, domain)
        for run in split_runs(literal)
    )


def list_strings(source: str) -> Iterator[tuple[int, str]]:
    """Return the strings of a module with their lines, without docstrings and assert messages."""
    tree = ast.parse(source)
    documents = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    documents |= {
        id(node)
        for each in ast.walk(tree)
        if isinstance(each, ast.Assert) and each.msg
        for node in ast.walk(each.msg)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in documents:
            continue
        if isinstance(node.value, str):
            yield node.lineno, node.value


def find_pinned(source: str) -> list[tuple[int, str]]:
    return [
        (line, text)
        for line, text in list_strings(source)
        if any(run in said_runs() for run in split_runs(text))
    ]


def test_no_test_repeats_a_text(root: Path) -> None:
    """Write `quote_text("key")` instead."""
    pinned = [
        f"{name}:{line}: {text[:90]!r}"
        for path in sorted((root / "tests").rglob("*.py"))
        if (name := str(path.relative_to(root))) not in EXEMPT
        for line, text in find_pinned(path.read_text("utf-8"))
    ]
    assert not pinned, "\n".join(pinned)


def test_a_repeated_text_is_found() -> None:
    sentence = quote_text("error.unexpected")
    assert find_pinned(f"assert {sentence!r} in text")
    assert not find_pinned('assert quote_text("error.unexpected") in text')

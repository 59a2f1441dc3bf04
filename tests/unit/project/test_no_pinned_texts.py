"""Tests quote texts by key and never repeat a text of a catalog."""

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
    "tests/bench/media.py": "the sentences of docs/performance.md",
    "tests/unit/catalog/test_document.py": "the cells of docs/models.md",
    "tests/unit/models/test_models.py": "what Google answers",
    "tests/unit/project/test_no_pinned_texts.py": "it quotes what it finds",
    "tests/unit/replies/test_reply_intent.py": "what members type",
}
"""Files whose subject are the words themselves, each with its reason."""
SPEAKERS: Final = ("bot/i18n/", "tests/harness/process.py", "demo/")
"""Where texts come from, in a test's process or from a program that it starts. A test that imports
none of these meets only the words of Google, Discord and members, which may resemble a text."""


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


@cache
def list_imports(path: Path, root: Path) -> frozenset[Path]:
    """Return the project's modules that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    places = [root.joinpath(*name.split(".")) for name in names]
    modules = [
        module
        for place in places
        for module in (place.with_suffix(".py"), place / "__init__.py")
        if module.is_file()
    ]
    return frozenset(modules)


def can_meet_texts(path: Path, root: Path) -> bool:
    """Whether a test, with its `conftest.py`, imports or starts something that has the texts."""
    tests = root / "tests"  # whose own `conftest.py` prepares what only few tests start
    folders = [folder for folder in path.parents if tests in folder.parents]
    waiting = [path, *(folder / "conftest.py" for folder in folders)]
    seen: set[Path] = set()
    while waiting:
        module = waiting.pop()
        if module in seen or not module.is_file():
            continue
        seen.add(module)
        if module.relative_to(root).as_posix().startswith(SPEAKERS):
            return True
        waiting += list_imports(module, root)
    return False


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
        if (name := path.relative_to(root).as_posix()) not in EXEMPT and can_meet_texts(path, root)
        for line, text in find_pinned(path.read_text("utf-8"))
    ]
    assert not pinned, "\n".join(pinned)


def test_only_tests_that_meet_texts_are_read(root: Path) -> None:
    tests = root / "tests"
    assert can_meet_texts(tests / "unit" / "cards" / "test_cards.py", root)
    assert can_meet_texts(tests / "web" / "test_browser.py", root)
    assert can_meet_texts(tests / "e2e" / "test_making.py", root)
    assert not can_meet_texts(tests / "unit" / "video" / "test_outcomes.py", root)


def test_a_repeated_text_is_found() -> None:
    sentence = quote_text("error.unexpected")
    assert find_pinned(f"assert {sentence!r} in text")
    assert not find_pinned('assert quote_text("error.unexpected") in text')

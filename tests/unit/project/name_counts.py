"""Counts names and sizes in `bot` and `cogs`: `python -m tests.unit.project.name_counts`.

`test_name_counts.py` keeps these figures from getting worse. Migrations are not counted, because
they never change.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("bot", "cogs")
TOP_LEVEL_FILES = {"__init__.py", "__main__.py", "py.typed"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class NameCounts:
    """The figures over one checkout."""

    class_names: Sequence[str]
    function_names: Sequence[str]
    line_counts: dict[str, int]
    files_at_the_top: frozenset[str]

    @property
    def one_word_classes(self) -> list[str]:
        """The classes whose name is a single word."""
        return sorted(name for name in self.class_names if count_words(name) == 1)

    @property
    def one_word_functions(self) -> list[str]:
        """The functions and methods whose name is a single word."""
        return sorted(name for name in self.function_names if count_words(name) == 1)

    @property
    def repeated_classes(self) -> list[str]:
        """The class names that are defined more than once."""
        return sorted(name for name, count in Counter(self.class_names).items() if count > 1)

    @property
    def longest_module(self) -> tuple[str, int]:
        """The module with the most lines, and how many they are."""
        return max(self.line_counts.items(), key=lambda item: item[1])

    @property
    def total_lines(self) -> int:
        """Lines of Python, blank ones and comments included."""
        return sum(self.line_counts.values())


def count_words(name: str) -> int:
    """Return how many words a name is made of: `JobTask` and `build_task` have two."""
    return sum(len(_WORD.findall(part)) for part in name.split("_"))


def count_names(root: Path) -> NameCounts:
    """Return the figures of the checkout at ``root``."""
    classes: list[str] = []
    functions: list[str] = []
    lines: dict[str, int] = {}
    for path in _list_modules(root):
        text = path.read_text("utf-8")
        lines[path.relative_to(root).as_posix()] = len(text.splitlines())
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                classes.append(node.name)
            elif isinstance(
                node, ast.FunctionDef | ast.AsyncFunctionDef
            ) and not node.name.startswith("__"):
                functions.append(node.name)
    top = frozenset(path.name for path in (root / "bot").iterdir() if path.is_file())
    return NameCounts(classes, functions, lines, top)


def _list_modules(root: Path) -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def main() -> None:
    """Print the figures."""
    counts = count_names(Path(__file__).resolve().parents[3])
    for kind, names, one_word in (
        ("class", counts.class_names, counts.one_word_classes),
        ("function", counts.function_names, counts.one_word_functions),
    ):
        share = len(one_word) / len(names)
        print(f"{kind} names of one word: {len(one_word)} of {len(names)} ({share:.1%})")
        if "-v" in sys.argv:
            print("   ", ", ".join(f"{n} ×{c}" for n, c in Counter(one_word).most_common()))
    print("class names defined more than once:", ", ".join(counts.repeated_classes) or "none")
    extra = sorted(counts.files_at_the_top - TOP_LEVEL_FILES)
    print("files in bot/ besides the three:", ", ".join(extra) or "none")
    print("longest module: {} ({} lines)".format(*counts.longest_module))
    print(f"lines of Python without migrations: {counts.total_lines}")


if __name__ == "__main__":
    main()

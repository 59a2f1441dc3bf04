"""Reads the project's documents: tables, links and headings."""

import re
from collections.abc import Iterator
from pathlib import Path

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def documents(root: Path) -> list[Path]:
    """Return every document of the project."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def prose(path: Path) -> str:
    """Return a document without its fenced blocks."""
    return _FENCE.sub("", path.read_text("utf-8"))


def links(path: Path) -> list[str]:
    """Return the targets of a document's links and pictures."""
    return [one or other for one, other in _LINK.findall(prose(path))]


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as code hosts derive them."""
    headings = re.findall(r"^#+\s+(.+)$", prose(path), re.MULTILINE)
    plain = (re.sub(r"[`*\[\]]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each table row in ``text``, without the lines under the headers."""
    for line in text.splitlines():
        if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line):
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            yield [cell.strip() for cell in cells]

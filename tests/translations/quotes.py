"""Rewrites the texts that documents quote from the English catalog.

A quote is a line beginning with ``> ``, or a table's cell in double quotes, with its texts in a
comment behind it: ``> Ready soon. <!-- text: eta.about when=soon -->``. Several texts are joined by
``+``. A value may name other texts (``{people.nobody}``, ``{clips:2}`` for a plural form), and a
placeholder without a value is shown as ``…``. Labels within sentences are listed once, in a comment
that begins with ``<!-- labels``: ``*Redo*: button.redo``.
"""

import re
import shlex
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.i18n.translations import DEFAULT_LANGUAGE, find_template

_QUOTE: Final = re.compile(
    r"^(?P<start>> )[^\n]*? (?P<comment><!-- text: (?P<texts>[^\n]+?) -->)$"
    r'|(?<=\| )"[^|\n]*" (?P<other><!-- text: (?P<parts>[^|\n]+?) -->)',
    re.MULTILINE,
)
_LABELS: Final = re.compile(r"(?<=^<!-- labels\n).*?(?=^-->$)", re.MULTILINE | re.DOTALL)
_LABEL: Final = re.compile(r"^\*(?P<label>[^*\n]+)\*: (?P<key>[\w.]+)$", re.MULTILINE)
_REFERENCE: Final = re.compile(r"\{([\w.]+)(?::(\d+))?\}")


def rewrite_documents(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the documents that quote texts, with their expected content."""
    for path in sorted([*root.glob("*.md"), *root.glob("docs/*.md")]):
        content = path.read_text("utf-8")
        if _QUOTE.search(content) or _LABELS.search(content):
            yield path, rewrite_quotes(rewrite_labels(content))


def rewrite_quotes(page: str) -> str:
    """Raises `KeyError` for a text that English does not have."""

    def rewrite(match: re.Match[str]) -> str:
        if match["start"]:
            return f"> {compose_text(match['texts'])} {match['comment']}"
        return f'"{compose_text(match["parts"])}" {match["other"]}'

    return _QUOTE.sub(rewrite, page)


def rewrite_labels(page: str) -> str:
    """Raises `KeyError` for a label that English does not have."""
    labels = {label: find_template(key, DEFAULT_LANGUAGE) for label, key in list_labels(page)}
    if not labels:
        return page
    shown = re.compile(rf"\*({'|'.join(map(re.escape, labels))})\*")
    return shown.sub(lambda match: f"*{labels[match[1]]}*", page)


def list_labels(page: str) -> list[tuple[str, str]]:
    """Return the labels that a page lists, each with its key."""
    return [
        (match["label"], match["key"])
        for listed in _LABELS.findall(page)
        for match in _LABEL.finditer(listed)
    ]


def compose_text(description: str) -> str:
    """Return what ``key name=value + key …`` stands for, on one line."""
    return " ".join(_fill_text(*part) for part in _split_texts(description)).replace("\n", " ")


def _split_texts(description: str) -> Iterator[tuple[str, dict[str, str]]]:
    words = [*shlex.split(description), "+"]
    while words:
        end = words.index("+")
        key, *values = words[:end]
        yield key, dict(value.split("=", 1) for value in values)
        words = words[end + 1 :]


def _fill_text(key: str, values: dict[str, str]) -> str:
    count = int(values["count"]) if "count" in values else None
    text = ""
    for literal, name, _, _ in string.Formatter().parse(
        find_template(key, DEFAULT_LANGUAGE, count)
    ):
        text += literal
        if name is not None:
            text += _REFERENCE.sub(_resolve_reference, values.get(name, "…"))
    return text


def _resolve_reference(match: re.Match[str]) -> str:
    return find_template(match[1], DEFAULT_LANGUAGE, int(match[2]) if match[2] else None)

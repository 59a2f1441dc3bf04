"""Catalogs are compiled once, again after a change, and also where nothing can be written."""

import gettext
import os
import sys
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages import pofile

from bot.i18n.compiled_catalogs import read_compiled_catalog


def write_source(path: Path, text: str, *, time_s: int) -> None:
    """Write a catalog with one message, as if it was changed at ``time_s``."""
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    path.write_text(f'{head}msgid "greeting"\nmsgstr "{text}"\n', "utf-8")
    os.utime(path, (time_s, time_s))


def read_greeting(source: Path) -> str:
    """Return the message of a catalog."""
    return gettext.GNUTranslations(BytesIO(read_compiled_catalog(source, "de"))).gettext("greeting")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a catalog, in a process that may write bytecode."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "clapper.po"
    write_source(path, "Guten Tag", time_s=1_000_000)
    return path


def forbid_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the parsing of sources fail."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("parsed although a compiled catalog exists")

    monkeypatch.setattr(pofile, "read_po", fail)


def test_a_catalog_is_compiled_once(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_greeting(source) == "Guten Tag"
    forbid_parsing(monkeypatch)
    assert read_greeting(source) == "Guten Tag"


@pytest.mark.parametrize(("text", "time_s"), [("Moin, moin", 1_000_000), ("Gute Zeit", 1_000_001)])
def test_a_changed_catalog_is_compiled_again(source: Path, text: str, time_s: int) -> None:
    read_greeting(source)
    write_source(source, text, time_s=time_s)
    assert read_greeting(source) == text
    assert read_greeting(source) == text


@pytest.mark.parametrize("content", [b"", b"\0" * 7])
def test_a_damaged_file_is_replaced(source: Path, content: bytes) -> None:
    read_greeting(source)
    (compiled,) = (source.parent / "__pycache__").iterdir()
    compiled.write_bytes(content)
    assert read_greeting(source) == "Guten Tag"
    assert len(compiled.read_bytes()) > len(content)


def test_texts_are_read_where_nothing_can_be_written(source: Path) -> None:
    (source.parent / "__pycache__").write_bytes(b"")  # no folder can have this name
    assert read_greeting(source) == "Guten Tag"


def test_nothing_is_written_if_python_may_not(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert read_greeting(source) == "Guten Tag"
    assert list(source.parent.iterdir()) == [source]

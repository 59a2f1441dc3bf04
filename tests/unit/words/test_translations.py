"""`make messages` keeps catalogs in step with the code and English, and keeps translations."""

import shutil
from pathlib import Path

import pytest

from bot.i18n.translations import list_languages
from tests.translations.__main__ import DOMAINS, LOCALES, ROOT, update_catalogs
from tests.translations.catalog_file import CatalogFile
from tests.translations.extraction import extract_keys

OTHERS = [language for language in list_languages() if language != "en"]


def read(locales: Path, language: str, domain: str = "clapper") -> CatalogFile:
    path = locales / language / "LC_MESSAGES" / f"{domain}.po"
    return CatalogFile.parse(path.read_text("utf-8"))


def apply(locales: Path, new_language: str | None = None) -> None:
    for path, content in update_catalogs(locales, new_language=new_language):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


@pytest.fixture
def locales(tmp_path: Path) -> Path:
    """A copy of the catalogs."""
    return shutil.copytree(LOCALES, tmp_path / "locales")


def test_catalogs_are_in_step_and_complete() -> None:
    """Otherwise run `make messages` and fill in the empty texts."""
    for path, content in update_catalogs(LOCALES):
        assert path.read_text("utf-8") == content, path
        assert CatalogFile.parse(content).list_untranslated() == [], path


def test_keys_are_found_in_the_code() -> None:
    keys = extract_keys(ROOT)
    assert len(keys) > 200
    assert keys <= set(read(LOCALES, "en").keys)


def test_blank_lines_at_the_end_are_no_text() -> None:
    content = (LOCALES / "de" / "LC_MESSAGES" / "web.po").read_text("utf-8")
    assert CatalogFile.parse(content + "\n\n") == CatalogFile.parse(content)


@pytest.mark.parametrize("language", OTHERS)
def test_a_lost_text_is_added_where_english_has_it(locales: Path, language: str) -> None:
    path = locales / language / "LC_MESSAGES" / "clapper.po"
    before = read(locales, language)
    lost = before.entries[100]
    path.write_text(
        CatalogFile(before.header, (*before.entries[:100], *before.entries[101:])).format()
    )
    apply(locales)
    after = read(locales, language)
    assert after.list_untranslated() == [lost.key]
    assert after.keys[:100] == before.keys[:100]
    added = next(entry for entry in after.entries if entry.key == lost.key)
    english = next(entry for entry in read(locales, "en").entries if entry.key == lost.key)
    assert english.find_text().replace("\n", "\\n") in added.lines[1]
    rest = tuple(entry for entry in after.entries if entry.key != lost.key)
    assert rest == (*before.entries[:100], *before.entries[101:])


def test_a_text_that_english_lost_is_removed(locales: Path) -> None:
    path = locales / "en" / "LC_MESSAGES" / "web.po"
    before = read(locales, "en", "web")
    path.write_text(CatalogFile(before.header, before.entries[1:]).format())
    apply(locales)
    for language in OTHERS:
        after = read(locales, language, "web")
        assert before.entries[0].key not in after.keys
        assert set(after.keys) == set(before.keys[1:])


def test_a_new_language_begins_with_every_text_empty(locales: Path) -> None:
    apply(locales, "pl")
    for domain in DOMAINS:
        begun, english = read(locales, "pl", domain), read(locales, "en", domain)
        assert begun.keys == english.keys
        assert len(begun.list_untranslated()) == len(english.keys)
        assert "nplurals=3" in "\n".join(begun.header.lines)
        plural = next(entry for entry in begun.entries if entry.has_plural)
        assert sum(line.startswith("msgstr[") for line in plural.lines) == 3


def test_an_entry_with_two_texts_is_refused() -> None:
    """Gettext would show the last one, and nobody would see the other."""
    entry = """msgid ""
msgstr ""

msgid "{}"
msgstr "one"
msgstr "two"
"""
    with pytest.raises(ValueError, match=r"input_kind\.edit"):
        CatalogFile.parse(entry.format("input_kind.edit"))

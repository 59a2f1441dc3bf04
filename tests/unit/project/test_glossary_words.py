"""docs/glossary.md has the words of each language, and the texts use them."""

from pathlib import Path
from typing import Final

import pytest

from bot.i18n.translations import list_languages, load_translations

_HEADING: Final = "## Words of each language"


def read_words(root: Path) -> dict[str, list[str]]:
    """Return the words of the table by language, without remarks in brackets."""
    section = (root / "docs" / "glossary.md").read_text("utf-8").partition(_HEADING)[2]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    languages, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {
        language: [row[place].partition(" (")[0].partition(",")[0] for row in rows[:-1]]
        for place, language in enumerate(languages)
    }


def list_unused(words: list[str], language: str) -> list[str]:
    texts = "\n".join(map(str, load_translations(language)._catalog.values())).casefold()
    return [word for word in words if word.casefold() not in texts]


def test_every_language_has_its_words(root: Path) -> None:
    assert sorted(read_words(root)) == sorted(list_languages())


@pytest.mark.parametrize("language", list_languages())
def test_the_texts_use_these_words(root: Path, language: str) -> None:
    words = read_words(root)[language]
    assert len(words) > 10
    assert list_unused(words, language) == []


def test_a_word_that_no_text_uses_is_seen() -> None:
    assert list_unused(["Clip", "Filmchen"], "de") == ["Filmchen"]

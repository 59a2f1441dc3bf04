"""``python -m tests.translations [--new LANGUAGE] [--check]``: updates the catalogs from the code.

Keys that the code uses and English lacks are added to English. Keys that a language lacks are added
to it without a text, and keys that English no longer has are removed. Members read English until a
text is translated. Quotes in documents are rewritten from English.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog

from bot.i18n.translations import DEFAULT_LANGUAGE, to_babel_locale
from tests.translations.catalog_file import CatalogFile, make_header
from tests.translations.extraction import extract_keys
from tests.translations.quotes import rewrite_documents

ROOT: Final = Path(__file__).parents[2]
LOCALES: Final = ROOT / "bot" / "i18n" / "locales"
DOMAINS: Final = ("clapper", "web")


def main() -> int:
    """Return 1 with ``--check`` if a file would change or a text is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.translations", description=__doc__)
    parser.add_argument("--new", metavar="LANGUAGE", help="begin a language, such as pt-BR")
    parser.add_argument("--check", action="store_true", help="change nothing")
    arguments = parser.parse_args()
    changed = missing = 0
    for path, content in update_catalogs(LOCALES, new_language=arguments.new):
        untranslated = CatalogFile.parse(content).list_untranslated()
        if not path.exists() or path.read_text("utf-8") != content:
            changed += 1
            if not arguments.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, "utf-8")
        missing += len(untranslated)
        if untranslated:
            print(f"{path.relative_to(ROOT)}: {len(untranslated)} to write: {untranslated[0]}, …")
    for path, content in rewrite_documents(ROOT):
        if path.read_text("utf-8") != content:
            changed += 1
            if not arguments.check:
                path.write_text(content, "utf-8")
    print(
        f"{changed} files {'would change' if arguments.check else 'changed'}, {missing} texts empty"
    )
    return int(arguments.check and bool(changed or missing))


def update_catalogs(
    locales: Path, *, new_language: str | None = None
) -> Iterator[tuple[Path, str]]:
    """Yield each catalog's path and its expected content."""
    languages = {path.name for path in locales.iterdir()} - {DEFAULT_LANGUAGE}
    if new_language is not None:
        languages.add(new_language)
    for domain in DOMAINS:
        english_path = _build_path(locales, DEFAULT_LANGUAGE, domain)
        english = CatalogFile.parse(english_path.read_text("utf-8"))
        if domain == "clapper":
            english = english.add_keys(extract_keys(ROOT))
        yield english_path, english.format()
        for language in sorted(languages):
            path = _build_path(locales, language, domain)
            catalog = Catalog(to_babel_locale(language))
            if path.exists():
                present = CatalogFile.parse(path.read_text("utf-8"))
            else:
                name = str(catalog.locale.english_name if catalog.locale else language)
                present = CatalogFile(make_header(language, name, catalog.plural_forms), ())
            yield path, present.follow(english, catalog.num_plurals).format()


def _build_path(locales: Path, language: str, domain: str) -> Path:
    return locales / language / "LC_MESSAGES" / f"{domain}.po"


if __name__ == "__main__":
    sys.exit(main())

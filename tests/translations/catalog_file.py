"""Edits a catalog's file entry by entry and leaves every other line unchanged.

Babel would rewrite the whole file, with other line breaks and moved comments, and a translator
could not find the new entries in the diff.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from babel.messages.pofile import read_po


@dataclass(frozen=True, slots=True)
class Entry:
    """One text: its key, and its lines in the file with the comments above it."""

    key: str
    lines: tuple[str, ...]

    @property
    def has_plural(self) -> bool:
        return any(line.startswith("msgid_plural ") for line in self.lines)

    @property
    def is_translated(self) -> bool:
        """Whether all of its forms have a text; long ones begin with an empty line."""
        following = (*self.lines[1:], "")
        return not any(
            line.startswith("msgstr") and line.endswith('""') and not after.startswith('"')
            for line, after in zip(self.lines, following, strict=True)
        )

    def find_text(self) -> str:
        """Return the text, in its last plural form."""
        catalog = read_po(line + "\n" for line in self.lines)
        message = next(message for message in catalog if message.id)
        text = message.string
        forms = [
            str(form) for form in (text if isinstance(text, list | tuple) else (text,)) if form
        ]
        return forms[-1] if forms else ""


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """The header of a ``.po`` file, which is an entry too, and its entries in their order."""

    header: Entry
    entries: tuple[Entry, ...]

    @classmethod
    def parse(cls, content: str) -> "CatalogFile":
        entries: list[Entry] = []
        lines: list[str] = []
        for line in content.rstrip().splitlines():
            begins = not line or line.startswith(("#", "msgid "))
            if begins and any(earlier.startswith("msgstr") for earlier in lines):
                entries.append(_parse_entry(lines))
                lines = []
            lines.append(line)
        entries.append(_parse_entry(lines))
        return cls(entries[0], tuple(entries[1:]))

    def format(self) -> str:
        return "".join(
            line + "\n" for entry in (self.header, *self.entries) for line in entry.lines
        )

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(entry.key for entry in self.entries)

    def list_untranslated(self) -> list[str]:
        return [entry.key for entry in self.entries if not entry.is_translated]

    def add_keys(self, keys: Iterable[str]) -> "CatalogFile":
        """Return the file with empty entries at its end for the keys that it lacks."""
        added = [_make_entry(key) for key in sorted(set(keys) - set(self.keys))]
        return replace(self, entries=(*self.entries, *added))

    def follow(self, english: "CatalogFile", plural_count: int) -> "CatalogFile":
        """Return the file with the keys of ``english``: those that it lacks are empty entries.

        Each is added behind the one that it follows in English; all others stay where they are.
        """
        present = set(self.keys)
        missing_behind: dict[str, list[Entry]] = {"": []}
        before = ""
        for original in english.entries:
            if original.key in present:
                before = original.key
                missing_behind[before] = []
            else:
                missing_behind[before].append(_make_entry(original.key, original, plural_count))
        entries = missing_behind[""]
        for entry in self.entries:
            if entry.key in missing_behind:
                entries += [entry, *missing_behind[entry.key]]
        return replace(self, entries=tuple(entries))


def make_header(language: str, language_name: str, plural_forms: str) -> Entry:
    """Return the header of a new language's file; ``plural_forms`` is gettext's rule."""
    lines = (
        f"# What Clapper says, in {language_name}. The key names the place; placeholders are filled"
        " by name.",
        'msgid ""',
        'msgstr ""',
        '"Project-Id-Version: Clapper 0.1\\n"',
        f'"Language: {language}\\n"',
        f'"Plural-Forms: {plural_forms}\\n"',
        '"MIME-Version: 1.0\\n"',
        '"Content-Type: text/plain; charset=utf-8\\n"',
        '"Content-Transfer-Encoding: 8bit\\n"',
    )
    return Entry("", lines)


def _parse_entry(lines: list[str]) -> Entry:
    """Raises `ValueError` for an entry with two texts for one form, as a merge may leave them."""
    key = next(line for line in lines if line.startswith("msgid ")).removeprefix("msgid ")
    forms = [line.partition(" ")[0] for line in lines if line.startswith("msgstr")]
    if len(forms) > len(set(forms)):
        raise ValueError(f"{key} has two texts")
    return Entry(json.loads(key), tuple(lines))


def _make_entry(key: str, original: Entry | None = None, plural_count: int = 1) -> Entry:
    quoted = json.dumps(key)
    lines = ["", f"msgid {quoted}"]
    if original is not None:
        english = original.find_text().replace("\n", "\\n")
        lines.insert(1, f"#. English: {english}")
    if original is not None and original.has_plural:
        lines += [f"msgid_plural {quoted}"]
        lines += [f'msgstr[{form}] ""' for form in range(plural_count)]
    else:
        lines.append('msgstr ""')
    return Entry(key, tuple(lines))

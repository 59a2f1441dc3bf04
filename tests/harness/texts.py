"""Quotes texts of the bot and its pages by key, so that tests contain no sentences.

Changing a text then changes only its catalog. Tests check whether something was said, not how.
"""

import re
import string
from typing import Final

from bot.i18n.translations import DEFAULT_LANGUAGE, find_template, load_translations

_PLACEHOLDERS: Final = string.Formatter()
_COMMAND: Final = re.compile(r"`/[^`]*`")


def quote_text(
    key: str,
    language: str = DEFAULT_LANGUAGE,
    /,
    *,
    domain: str = "clapper",
    count: int | None = None,
    **values: object,
) -> str:
    """Return the longest part of the text ``key`` without an unknown placeholder.

    ``values`` fill placeholders, and ``count`` chooses the plural form; whatever is not given is a
    gap. Raises `KeyError` for an unknown key or a value without a placeholder.
    """
    template = find_template(key, language, count, domain=domain)
    if count is not None:
        values["count"] = count
    stretches = [""]
    unused = set(values) - {"count"}
    for literal, name, _, _ in _PLACEHOLDERS.parse(template):
        stretches[-1] += literal
        if name in values:
            stretches[-1] += str(values[name])
            unused.discard(name)
        elif name is not None:
            stretches.append("")
    if unused:
        raise KeyError(f"{key} has no placeholder for {', '.join(sorted(unused))}")
    return max((stretch.strip() for stretch in stretches), key=len)


def quote_pattern(
    key: str, language: str = DEFAULT_LANGUAGE, /, *, domain: str = "clapper", **values: object
) -> re.Pattern[str]:
    """Return a pattern for the whole text ``key``, with a group for each value not given.

    For texts whose numbers a test reads: ``quote_pattern("x").search(text)["price"]``.
    """
    template = find_template(key, language, domain=domain)
    pattern, seen = "", set()
    for literal, name, _, _ in _PLACEHOLDERS.parse(template):
        pattern += re.escape(literal)
        if name in values:
            pattern += re.escape(str(values[name]))
        elif name is not None:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
            seen.add(name)
    return re.compile(pattern, re.DOTALL)


def list_literals(language: str = DEFAULT_LANGUAGE, domain: str = "clapper") -> list[str]:
    """Return the parts of all texts of a catalog between placeholders.

    Names of commands and words that members type are left out.
    """
    catalog = load_translations(language, domain)._catalog
    texts = {(key if isinstance(key, str) else key[0]): text for key, text in catalog.items()}
    return [
        _COMMAND.sub("`", literal)
        for key, text in texts.items()
        if key and not key.startswith(("name.", "words."))
        for literal, *_ in _PLACEHOLDERS.parse(str(text))
        if literal
    ]

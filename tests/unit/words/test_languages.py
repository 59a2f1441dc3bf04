"""Every language says everything, with the same placeholders, within Discord's limits."""

import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import discord
import pytest
from babel.core import Locale
from babel.messages.plurals import get_plural

from bot.discord.client import build_command_payloads
from bot.i18n import catalogs as language
from bot.i18n.catalogs import load_translations, translate
from sandbox.discord.command_rules import read_command
from sandbox.discord.errors import FormErrors
from sandbox.discord.form_fields import FormFields
from tests.harness import conformance
from tests.unit.client.commands import tree_of

Json = dict[str, Any]

OFFERED: Final = ("de", "en", "es", "fr", "ja", "zh-CN")
OTHERS: Final = tuple(each for each in OFFERED if each != "en")
LOCALES: Final = {
    "de": "de",
    "es-ES": "es",
    "es-419": "es",
    "fr": "fr",
    "ja": "ja",
    "zh-CN": "zh-CN",
}
"""Discord's locales that are spoken to in a language of their own."""
MOST: Final = {
    "command.": 100,
    "option.": 100,
    "choice.": 100,
    "button.": 80,
    "menu.": 32,
    "name.": 32,
}
"""Discord's limits by the beginning of a key; the end of a form's key says which of its texts."""
FORM: Final = {"title": 45, "label": 45, "hint": 100}
MESSAGE: Final = 2000


def texts(spoken: str) -> dict[str, list[str]]:
    """Return every text of a language, with all its plural forms."""
    found: dict[str, list[str]] = {}
    for key, text in load_translations(spoken)._catalog.items():  # type: ignore[attr-defined]
        if key != "":
            found.setdefault(key[0] if isinstance(key, tuple) else key, []).append(text)
    return found


def placeholders(text: str) -> set[str]:
    return {
        f"{name}:{spec}" for _, name, spec, _ in string.Formatter().parse(text) if name is not None
    }


def test_six_languages_are_spoken() -> None:
    assert language.list_languages() == OFFERED


@pytest.mark.parametrize("spoken", OTHERS)
def test_catalogs_have_no_missing_or_unused_keys(spoken: str) -> None:
    english, other = texts("en"), texts(spoken)
    assert [key for key in english if key not in other] == []
    assert [key for key in other if key not in english] == []
    assert [key for key, forms in other.items() if not all(form.strip() for form in forms)] == []


@pytest.mark.parametrize("spoken", OTHERS)
def test_every_plural_has_as_many_forms_as_the_language_needs(spoken: str) -> None:
    english, other = texts("en"), texts(spoken)
    needed = get_plural(Locale.parse(spoken, sep="-")).num_plurals
    for key, forms in other.items():
        assert len(forms) == (needed if len(english[key]) > 1 else 1), key


@pytest.mark.parametrize("spoken", OFFERED)
def test_every_form_of_a_text_has_the_english_placeholders(spoken: str) -> None:
    english = texts("en")
    for key, forms in texts(spoken).items():
        wanted = placeholders(english[key][-1])
        assert placeholders(forms[-1]) == wanted, (spoken, key)
        for form in forms:  # "in the last day" needs no number
            assert placeholders(form) | {"count:"} == wanted | {"count:"}, (spoken, key)


@pytest.mark.parametrize("spoken", OFFERED)
def test_every_text_fits_where_discord_shows_it(spoken: str) -> None:
    for key, forms in texts(spoken).items():
        most = next((limit for start, limit in MOST.items() if key.startswith(start)), MESSAGE)
        if key.startswith("form."):
            most = FORM[key.rpartition(".")[2]]
        assert max(map(len, forms)) <= most, (spoken, key)


@pytest.mark.parametrize("spoken", OFFERED)
def test_commands_are_called_in_texts_what_discord_calls_them(spoken: str) -> None:
    """A member who reads of a command finds it under that very name."""
    names = {
        key.removeprefix("name.command."): forms[0]
        for key, forms in texts(spoken).items()
        if key.startswith("name.command.")
    }
    spelled = {
        " ".join(names[".".join(path[: depth + 1])] for depth in range(len(path)))
        for path in (key.split(".") for key in names)
    }
    found = 0
    for key, forms in texts(spoken).items():
        for form in forms:
            for said in re.findall(r"`/([^`]+)`", form):
                found += 1
                assert said in spelled, (spoken, key, said)
    assert found > 10


async def test_discord_gets_every_command_in_every_language() -> None:
    payloads = await build_command_payloads(await tree_of())
    walked = 0
    for part in _parts(payloads):
        for field in ("name", "description"):
            if not part.get(field):  # a menu has no description
                continue
            localized = part[f"{field}_localizations"]
            assert set(localized) == set(LOCALES), part[field]
            walked += len(localized)
    assert walked > 500


async def test_the_sandbox_and_discords_description_take_every_command() -> None:
    payloads = await build_command_payloads(await tree_of())
    errors = FormErrors()
    for index, payload in enumerate(payloads):
        read_command(FormFields(payload, errors, (index,)))
    errors.raise_if_any()
    entry = {
        "n": 1,
        "server": "discord",
        "method": "PUT",
        "path": "/api/v10/applications/1/commands",
        "json": payloads,
        "status": 200,
    }
    report = conformance.check_requests([entry])
    if report.not_checked:
        pytest.skip(report.not_checked)
    assert report.checked == 1
    assert report.problems == []


async def test_english_names_are_those_that_the_code_declares() -> None:
    declared = {
        f"name.command.{path}": part["name"]
        for path, part in _commands(await build_command_payloads(await tree_of()))
    }
    said = {key: forms[0] for key, forms in texts("en").items() if key.startswith("name.command.")}
    assert said == declared
    options = {
        part["name"]: translate(f"name.option.{part['name']}")
        for part in _parts(await build_command_payloads(await tree_of()))
        if part.get("type", 1) > 2 and "required" in part
    }
    assert options == {name: name for name in options}
    known = {key.rpartition(".")[2] for key in texts("en") if key.startswith("name.option.")}
    assert known == set(options)


@pytest.mark.parametrize("locale", list(discord.Locale), ids=str)
def test_every_locale_of_discord_is_answered(locale: discord.Locale) -> None:
    spoken = LOCALES.get(locale.value, "en")
    assert language.resolve_language(locale.value) == spoken


def _parts(payloads: list[Json]) -> Iterator[Json]:
    """Yield commands, options and choices, from the outside in."""
    for payload in payloads:
        yield payload
        yield from _parts([*payload.get("options", []), *payload.get("choices", [])])


def _commands(payloads: list[Json], above: str = "") -> Iterator[tuple[str, Json]]:
    """Yield slash commands, groups and sub-commands with their paths."""
    for payload in payloads:
        if payload.get("type", 1) in (1, 2) and "required" not in payload:
            path = f"{above}.{payload['name']}".strip(".")
            yield path, payload
            yield from _commands(payload.get("options", []), path)


@pytest.mark.parametrize("spoken", OFFERED)
def test_catalogs_have_no_duplicate_texts(spoken: str) -> None:
    """Of two texts with one key the reader of catalogues silently takes the last."""
    path = Path(language.__file__).parent / "locales" / spoken / "LC_MESSAGES" / "clapper.po"
    keys = re.findall(r'^msgid "(.+)"$', path.read_text("utf-8"), re.MULTILINE)
    assert sorted(keys) == sorted(set(keys))
    assert len(keys) == len(texts(spoken))

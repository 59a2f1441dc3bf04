"""Every language has all texts with the same placeholders, and Discord accepts the commands."""

import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import discord
import pytest
from babel.core import Locale
from babel.messages.plurals import get_plural

from bot.discord.command_sync import build_command_payloads
from bot.i18n import catalogs as language
from bot.i18n.catalogs import translate
from bot.i18n.translations import list_languages, load_translations
from sandbox.discord.command_rules import read_command
from sandbox.discord.errors import FormErrors
from sandbox.discord.form_fields import FormFields
from tests.harness import conformance
from tests.unit.client.commands import tree_of

Json = dict[str, Any]

OFFERED: Final = ("de", "en", "es", "fr", "ja", "zh-CN")
OTHERS: Final = tuple(code for code in OFFERED if code != "en")
LOCALES: Final = {
    "de": "de",
    "es-ES": "es",
    "es-419": "es",
    "fr": "fr",
    "ja": "ja",
    "zh-CN": "zh-CN",
}
"""Discord's locales that do not get English."""


def texts(spoken: str) -> dict[str, list[str]]:
    """Return every text of a language, with all its plural forms."""
    forms: dict[str, list[str]] = {}
    for key, text in load_translations(spoken)._catalog.items():
        if key != "":
            forms.setdefault(key[0] if isinstance(key, tuple) else key, []).append(text)
    return forms


def placeholders(text: str) -> set[str]:
    return {
        f"{name}:{spec}" for _, name, spec, _ in string.Formatter().parse(text) if name is not None
    }


def test_six_languages_are_spoken() -> None:
    assert list_languages() == OFFERED


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
        expected = placeholders(english[key][-1])
        assert placeholders(forms[-1]) == expected, (spoken, key)
        for form in forms:  # "in the last day" needs no number
            assert placeholders(form) | {"count:"} == expected | {"count:"}, (spoken, key)


@pytest.mark.parametrize("spoken", OFFERED)
def test_texts_name_commands_as_discord_does(spoken: str) -> None:
    """A command mentioned in a text exists under that name."""
    names = {
        key.removeprefix("name.command."): forms[0]
        for key, forms in texts(spoken).items()
        if key.startswith("name.command.")
    }
    spelled = {
        " ".join(names[".".join(path[: depth + 1])] for depth in range(len(path)))
        for path in (key.split(".") for key in names)
    }
    mentions = 0
    for key, forms in texts(spoken).items():
        for form in forms:
            for mention in re.findall(r"`/([^`]+)`", form):
                mentions += 1
                assert mention in spelled, (spoken, key, mention)
    assert mentions > 10


async def test_discord_gets_every_command_in_every_language() -> None:
    payloads = await build_command_payloads(await tree_of())
    localizations = 0
    for part in _parts(payloads):
        for field in ("name", "description"):
            if not part.get(field):  # a menu has no description
                continue
            localized = part[f"{field}_localizations"]
            assert set(localized) == set(LOCALES), part[field]
            localizations += len(localized)
    assert localizations > 500


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
    named = {key: forms[0] for key, forms in texts("en").items() if key.startswith("name.command.")}
    assert named == declared
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
    """Babel silently takes the last of two texts with one key."""
    path = Path(language.__file__).parent / "locales" / spoken / "LC_MESSAGES" / "clapper.po"
    keys = re.findall(r'^msgid "(.+)"$', path.read_text("utf-8"), re.MULTILINE)
    assert sorted(keys) == sorted(set(keys))
    assert len(keys) == len(texts(spoken))


def test_french_signs_never_begin_a_line() -> None:
    """The space before them does not break; Discord would put a lone ":" on the next line."""
    breaking = re.compile(r"(?<=\S) [:;?!»](?=\s|$)|« ")
    found = {key for key, forms in texts("fr").items() if breaking.search(" \n".join(forms))}
    assert found == set()

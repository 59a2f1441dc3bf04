"""The catalogue: every text that the code asks for is there, and none is there for nobody."""

import re
from pathlib import Path

import pytest

from bot.domain.billing.limits import UsageLimits
from bot.domain.billing.money import Micros
from bot.i18n.catalogs import has_message, load_translations, resolve_language, translate
from bot.i18n.formatting import format_mebibytes, format_money, join_list
from bot.ui.text_lists import format_limits

ROOT = Path(__file__).parents[3]
SOURCES = [*(ROOT / "bot").rglob("*.py"), *(ROOT / "cogs").rglob("*.py")]
_KEY = re.compile(r"""(f?)["']([a-z_]+(?:\.[a-z_0-9{}.\[\]'"]+)*)["']""")


def used() -> tuple[set[str], set[str]]:
    """Return the keys that stand in the code, and the beginnings of those that are put together."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    whole = {match[2] for match in _KEY.finditer(text) if not match[1] and "{" not in match[2]}
    begun = {
        match[2].split("{")[0] for match in _KEY.finditer(text) if match[1] and "{" in match[2]
    }
    return whole, {start for start in begun if "." in start}


def keys() -> set[str]:
    messages = load_translations("en")._catalog  # type: ignore[attr-defined]
    return {key[0] if isinstance(key, tuple) else key for key in messages} - {""}


def asked_for() -> set[str]:
    """Return the keys that are asked for by a literal."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    calls = re.compile(r"""(?:say|command_text|_say)\(\s*(?:interaction,\s*)?"([a-z_.0-9]+)\"""")
    return set(calls.findall(text))


def test_every_text_that_is_asked_for_is_there() -> None:
    missing = {key for key in asked_for() if not has_message(key)}
    assert not missing
    assert len(asked_for()) > 100  # the search itself works


def test_every_text_is_used() -> None:
    whole, begun = used()
    assert "rule." in begun
    unused = {
        key for key in keys() if key not in whole and not any(key.startswith(s) for s in begun)
    }
    # built from a form's name and a part: form.extend + .title
    unused = {key for key in unused if key.rpartition(".")[0] not in whole}
    assert not unused


def test_an_unknown_language_is_spoken_to_in_english_and_a_region_in_its_language() -> None:
    assert resolve_language("tlh") == "en"
    assert resolve_language("en-GB") == "en"
    assert resolve_language(None) == "en"


def test_plural_forms_follow_the_count() -> None:
    assert translate("usage.none", "en-US", count=1) != translate("usage.none", "en-US", count=30)
    assert "30" in translate("usage.none", "en-US", count=30)


def test_what_people_wrote_is_never_a_format_string() -> None:
    evil = "{count.__class__} {0} {missing}"
    assert evil in translate("outcome.reason", None, reason=evil)


def test_a_key_that_nobody_wrote_is_a_fault_of_the_program() -> None:
    with pytest.raises(KeyError):
        translate("no.such.text")


@pytest.mark.parametrize(
    ("locale", "dear", "cheap", "size"),
    [
        ("en-US", "$1,234.50", "$0.0125", "63.2 MiB"),
        ("de", "1.234,50 $", "0,0125 $", "63,2 MiB"),
        ("fr", "1 234,50 $US", "0,0125 $US", "63,2 MiB"),
        ("ja", "$1,234.50", "$0.0125", "63.2 MiB"),
    ],
)
def test_money_and_sizes_are_written_as_the_language_does(
    locale: str, dear: str, cheap: str, size: str
) -> None:
    said = format_money(Micros(1_234_500_000), locale), format_money(Micros(12_500), locale)
    plain = tuple(re.sub(r"\s", " ", each) for each in said)
    assert plain == (dear, cheap)
    assert format_mebibytes(int(63.2 * 2**20), locale) == size


def test_a_list_is_parted_as_the_language_does() -> None:
    assert join_list(["a", "b"], "en-US") == "a, b"
    assert join_list(["a", "b"], "zh-CN") == "a、b"


@pytest.mark.parametrize(("count", "words"), [(1, "1 clip a day"), (2, "2 clips a day")])
def test_an_amount_agrees_with_what_it_is_of(count: int, words: str) -> None:
    assert format_limits(UsageLimits(clips_per_day=count), "en-US") == words

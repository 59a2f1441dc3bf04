"""Every text that the code uses exists in the catalog, and none is unused."""

import re
from pathlib import Path

import pytest

from bot.domain.billing.limits import UsageLimits
from bot.domain.billing.money import Micros
from bot.i18n.catalogs import has_message, resolve_language, translate
from bot.i18n.formatting import format_mebibytes, format_money, join_list
from bot.i18n.translations import load_translations
from bot.ui.text_lists import format_limits

ROOT = Path(__file__).parents[3]
SOURCES = [*(ROOT / "bot").rglob("*.py"), *(ROOT / "cogs").rglob("*.py")]
_KEY = re.compile(r"""(f?)["']([a-z_]+(?:\.[a-z_0-9{}.\[\]'"]+)*)["']""")


def used() -> tuple[set[str], set[str]]:
    """Return the keys in the code, and the beginnings of those that f-strings build."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    whole = {match[2] for match in _KEY.finditer(text) if not match[1] and "{" not in match[2]}
    prefixes = {
        match[2].split("{")[0] for match in _KEY.finditer(text) if match[1] and "{" in match[2]
    }
    return whole, {start for start in prefixes if "." in start}


def keys() -> set[str]:
    messages = load_translations("en")._catalog
    return {key[0] if isinstance(key, tuple) else key for key in messages} - {""}


def requested_keys() -> set[str]:
    """Return the keys that are literals in calls."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    calls = re.compile(
        r"""(?:\w*translate|build_command_text)\(\s*(?:interaction,\s*)?"([a-z_.0-9]+)\""""
    )
    return set(calls.findall(text))


def test_every_requested_text_exists() -> None:
    missing = {key for key in requested_keys() if not has_message(key)}
    assert not missing
    assert len(requested_keys()) > 100  # the search itself works


def test_every_text_is_used() -> None:
    whole, prefixes = used()
    assert "rule." in prefixes
    unused = {
        key for key in keys() if key not in whole and not any(key.startswith(s) for s in prefixes)
    }
    # built from a form's name and a part: form.extend + .title
    unused = {key for key in unused if key.rpartition(".")[0] not in whole}
    assert not unused


def test_unknown_locales_get_english_and_regions_their_language() -> None:
    assert resolve_language("tlh") == "en"
    assert resolve_language("en-GB") == "en"
    assert resolve_language(None) == "en"


def test_plural_forms_follow_the_count() -> None:
    assert translate("usage.none", "en-US", count=1) != translate("usage.none", "en-US", count=30)
    assert "30" in translate("usage.none", "en-US", count=30)


def test_user_text_is_never_a_format_string() -> None:
    evil = "{count.__class__} {0} {missing}"
    assert evil in translate("outcome.reason", None, reason=evil)


def test_an_unknown_key_raises() -> None:
    with pytest.raises(KeyError):
        translate("no.such.text")


@pytest.mark.parametrize(
    ("locale", "large", "small", "size"),
    [
        ("en-US", "$1,234.50", "$0.0125", "63.2 MiB"),
        ("de", "1.234,50 $", "0,0125 $", "63,2 MiB"),
        ("fr", "1 234,50 $US", "0,0125 $US", "63,2 MiB"),
        ("ja", "$1,234.50", "$0.0125", "63.2 MiB"),
    ],
)
def test_money_and_sizes_are_localized(locale: str, large: str, small: str, size: str) -> None:
    amounts = format_money(Micros(1_234_500_000), locale), format_money(Micros(12_500), locale)
    plain = tuple(re.sub(r"\s", " ", amount) for amount in amounts)
    assert plain == (large, small)
    assert format_mebibytes(int(63.2 * 2**20), locale) == size


def test_google_bill_is_shown_with_four_decimals() -> None:
    assert format_money(Micros(561_234), "en-US") == "$0.5612"
    assert format_money(Micros(561_234), "de").startswith("0,5612")
    assert format_money(Micros(569_999), "en-US") == "$0.57"


def test_list_separators_are_localized() -> None:
    assert join_list(["a", "b"], "en-US") == "a, b"
    assert join_list(["a", "b"], "zh-CN") == "a、b"


def test_a_unit_agrees_with_its_amount() -> None:
    texts = {count: format_limits(UsageLimits(clips_per_day=count), "en-US") for count in (1, 2)}
    assert texts[1] == f"1 {translate('limit.clips_per_day', count=1)}"
    assert texts[2] == f"2 {translate('limit.clips_per_day', count=2)}"
    assert texts[1] != texts[2].replace("2", "1")

"""Every text fits where it is shown, in every language, with the longest values."""

import pytest

from bot.i18n.translations import list_languages
from tests.unit.words.longest_values import fill_text, list_texts
from tests.unit.words.places import PLACES, find_places, measure_width


def test_every_text_has_one_place() -> None:
    """A new key needs a pattern in `places.py`: where it is shown decides how long it may be."""
    places = {key: find_places(key) for key in list_texts("en")}
    assert {key: found for key, found in places.items() if len(found) != 1} == {}
    assert {place for [place] in places.values()} == set(PLACES)
    assert find_places("nothing.like.this") == []


@pytest.mark.parametrize("language", list_languages())
def test_every_text_fits_its_place(language: str) -> None:
    too_long = []
    for key, forms in list_texts(language).items():
        [place] = find_places(key)
        suffix = place.suffix(language) if place.suffix else ""
        for form in forms:
            text = fill_text(key, form, language) + suffix
            length = measure_width(text) if place.in_columns else len(text)
            if length > place.limit:
                too_long.append(f"{key}: {length} of {place.limit} ({place.name}): {text!r}")
    assert not too_long, "\n".join(too_long)


def test_a_placeholder_without_a_longest_value_is_seen() -> None:
    assert fill_text("card.missing", "{count} videos", "en") == "1000000 videos"
    with pytest.raises(KeyError):
        fill_text("card.missing", "{unheard_of}", "en")


def test_wide_signs_count_twice() -> None:
    assert measure_width("もう一度") == 8
    assert measure_width("Redo") == 4

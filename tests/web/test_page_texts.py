"""The pages' texts are complete in six languages, used, and have the same placeholders."""

import re
import string
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot.domain.jobs.request import GenerationMode
from bot.domain.showcase.gallery import ClipLength, ClipShape, GalleryOrder, GalleryPeriod
from bot.web.page_texts import LANGUAGES, PageTexts, choose_language

ROOT = Path(__file__).parents[2]
WEB = ROOT / "bot" / "web"


def texts(language: str) -> dict[str, tuple[str, ...]]:
    path = ROOT / "bot" / "i18n" / "locales" / language / "LC_MESSAGES" / "web.po"
    with path.open("rb") as file:
        catalog = read_po(file, locale=language.replace("-", "_"))
    return {
        str(message.id[0] if isinstance(message.id, tuple) else message.id): (
            tuple(message.string)
            if isinstance(message.string, list | tuple)
            else (str(message.string),)
        )
        for message in catalog
        if message.id
    }


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalog_is_complete(language: str) -> None:
    english, spoken = texts("en"), texts(language)
    assert spoken.keys() == english.keys()
    for key, forms in spoken.items():
        assert all(form.strip() for form in forms), key
        for form in forms:
            assert placeholders(form) == placeholders(english[key][-1]), key


def test_every_text_is_used_and_every_used_one_exists() -> None:
    keys = set(texts("en"))
    sources = [*WEB.glob("*.py"), *(WEB / "templates").iterdir()]
    code = "\n".join(path.read_text("utf-8") for path in sources)
    used = set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)?)"', code)) & keys
    used |= {f"mode.{mode}" for mode in GenerationMode} | {
        f"order.{order}" for order in GalleryOrder
    }
    used |= {f"length.{length}" for length in ClipLength} | {
        f"shape.{shape}" for shape in ClipShape
    }
    used |= {f"filter.{field}" for field in ("shape", "length", "model")}
    used |= {f"period.{period}" for period in (*GalleryPeriod, "all")}
    used |= {f"gallery.best_of_{period}" for period in GalleryPeriod}
    received = ("sent", "again", "limited")
    used |= {f"report.{receipt}{end}" for receipt in received for end in ("", "_text")}
    kinds = ("400", "404", "405", "429", "500", "503")
    used |= {f"failure.{kind}{end}" for kind in kinds for end in ("", ".hint")}
    assert used == keys
    requested = set(re.findall(r'\bt\("([\w.]+)"\s*[,)]', code))
    assert requested <= keys


@pytest.mark.parametrize(
    ("switch", "accepted", "language"),
    [
        (None, None, "en"),
        (None, "de-AT,de;q=0.9,en;q=0.5", "de"),
        (None, "en;q=0.2, ja;q=0.8", "ja"),
        (None, "pt-BR, es;q=0.7", "es"),
        (None, "zh-TW", "zh-CN"),
        (None, "fr;q=0, en", "en"),
        (None, "xx, yy", "en"),
        (None, "de;q=high, fr", "fr"),
        (None, "*", "en"),
        ("ja", "de", "ja"),
        ("klingon", "de", "de"),
        (None, ";;;,,," * 1000, "en"),
        (None, "EN-GB", "en"),
        (None, "zh", "zh-CN"),
        (None, "pt, de-CH;q=0.1", "de"),
    ],
)
def test_locale_is_negotiated(switch: str | None, accepted: str | None, language: str) -> None:
    assert choose_language(switch, accepted) == language


def test_the_languages_of_an_address_come_first() -> None:
    assert choose_language("ja", "de", wanted="fr") == "fr"
    assert choose_language("ja", "de", wanted="klingon") == "ja"


def test_plural_forms() -> None:
    english, german, french = (PageTexts(language) for language in ("en", "de", "fr"))
    assert english("clip.votes", count=1) != english("clip.votes", count=2).replace("2", "1")
    assert "1.200" in german("clip.votes", count=1200)
    assert french("clip.votes", count=0) == french("clip.votes", count=1).replace("1", "0")
    with pytest.raises(KeyError):
        PageTexts("en")("no.such.text")

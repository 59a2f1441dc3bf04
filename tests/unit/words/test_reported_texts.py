"""Texts that readers have reported, checked for what they must say."""

import re
from pathlib import Path

import pytest

from bot.domain.billing.limits import QuotaLine, QuotaStatus
from bot.domain.errors import LimitReached, LimitScope
from bot.i18n.catalogs import list_languages, translate
from bot.i18n.translations import load_translations
from bot.ui.error_messages import describe_error
from bot.ui.text_lists import list_quota_sections
from tests.unit.project.test_glossary_words import read_words

LINES = QuotaStatus(
    (
        QuotaLine(LimitScope.MEMBER, "seconds_per_day", 100, 20),
        QuotaLine(LimitScope.BOT, "usd_per_day", 77_000_000, 1_000_000),
    )
)


@pytest.mark.parametrize("language", list_languages())
def test_a_limit_is_named_before_its_amount(language: str) -> None:
    """[people-text-quota.line]"""
    name = translate("quota.name.seconds_per_day", language)
    told = "\n".join(list_quota_sections(LINES, language))
    assert re.search(rf"^{re.escape(name)}.*80.*20", told, re.MULTILINE)


@pytest.mark.parametrize("language", list_languages())
def test_members_do_not_read_the_money_of_the_whole_bot(language: str) -> None:
    """[people-text-quota.scope.bot]"""
    assert "77" not in "\n".join(list_quota_sections(LINES, language))
    only_the_bots = QuotaStatus(LINES.lines_for(LimitScope.BOT))
    assert list_quota_sections(only_the_bots, language) == [translate("quota.unlimited", language)]


@pytest.mark.parametrize("language", list_languages())
def test_a_reached_limit_says_all_three_amounts(language: str) -> None:
    """[people-text-limit.reached]"""
    error = LimitReached(
        "clips_per_day", LimitScope.MEMBER, used=3, requested=2, allowed=4, frees_at=None
    )
    text = describe_error(error, language)
    assert all(amount in text for amount in ("2", "3", "4"))
    assert translate("scope.member", language) in text


def test_the_database_is_no_memory() -> None:
    """[people-text-error.store_away]"""
    texts = [translate("error.store_away", language) for language in list_languages()]
    assert not [
        text for text in texts if re.search("memor|mémoire|gedächtnis", text, re.IGNORECASE)
    ]
    assert len(set(texts)) == len(texts)


def read_texts(language: str) -> dict[str, str]:
    """Every text of a language, without the words that replies may use."""
    texts: dict[str, str] = {}
    for key, text in load_translations(language)._catalog.items():
        name = key[0] if isinstance(key, tuple) else key
        if name and not name.startswith("reply_words."):
            texts[name] = texts.get(name, "") + str(text)
    return texts


def test_chinese_has_one_word_for_each_thing() -> None:
    """[people-text-zh.one_word]"""
    texts = read_texts("zh-CN")
    assert len(texts) > 500
    assert [key for key, text in texts.items() if re.search("接续|产生费用", text)] == []
    # the command's own name, the ways of making, what models do, and files that are not clips
    allowed = re.compile("/视频|文生视频|图生视频|视频模型|做视频|成的视频|视频或")
    others = {
        key: allowed.sub("", text) for key, text in texts.items() if key != "command.video.name"
    }
    assert [key for key, text in others.items() if "视频" in text and text != "视频"] == []


def test_spanish_writes_video_for_everybody() -> None:
    """[people-text-es.video]"""
    texts = read_texts("es")
    assert any("video" in text for text in texts.values())
    assert [key for key, text in texts.items() if "vídeo" in text.lower()] == []


@pytest.mark.parametrize("language", list_languages())
def test_an_unknown_outcome_names_the_quota(language: str) -> None:
    """The text uses the glossary's word. [people-text-outcome.submit_unknown]"""
    words = read_words(Path(__file__).parents[3])
    quota = words[language][words["en"].index("quota")]
    assert quota in translate("outcome.submit_unknown", language)

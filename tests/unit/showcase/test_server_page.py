"""What admins write about their server is clean and short, and a slip loses nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.showcase.server_page import (
    MAX_DESCRIPTION_LENGTH,
    PageField,
    ServerPage,
    apply_page_form,
    clean_page_text,
    parse_invite_code,
    read_page_form,
)

SET = ServerPage(
    7,
    title="Harbour",
    description="Films of the harbour.",
    accent=0x3366FF,
    invite_code="harbour",
    icon_hash="0" * 32,
    has_icon=True,
    icon_accent=0x112233,
)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("https://discord.gg/aBc-12", "aBc-12"),
        ("discord.gg/abc/", "abc"),
        ("http://www.discord.com/invite/abc", "abc"),
        (" harbour ", "harbour"),
        ("https://discord.gg.evil.example/abc", None),
        ("https://evil.example/discord.gg/abc", None),
        ("https://discord.com/channels/1/2", None),
        ("discord.gg/abc?x=1", None),
        ("javascript:alert(1)", None),
        ("discord.gg/é", None),
        ("", None),
    ],
)
def test_only_invites_of_discord_are_taken(typed: str, code: str | None) -> None:
    assert parse_invite_code(typed) == code


@given(st.text(max_size=900))
def test_a_text_is_one_short_line_without_invisible_signs(typed: str) -> None:
    text = clean_page_text(typed, MAX_DESCRIPTION_LENGTH)
    if text is None:
        return
    assert 0 < len(text) <= MAX_DESCRIPTION_LENGTH
    assert text == " ".join(text.split())
    for sign in text:
        assert unicodedata.category(sign) not in {"Cc", "Cs", "Co"}
        assert unicodedata.bidirectional(sign) not in {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI"}
    assert clean_page_text(text, MAX_DESCRIPTION_LENGTH) == text


def test_signs_that_words_and_emoji_need_are_kept() -> None:
    family, persian = "👩\u200d👧", "می\u200cخواهم"
    assert clean_page_text(f"{family} {persian}", 80) == f"{family} {persian}"
    assert clean_page_text("\u202egnp.exe\u200b", 80) == "gnp.exe"
    assert clean_page_text(" \u200d\n", 80) is None


def test_the_form_shows_what_is_set_and_saves_it_unchanged() -> None:
    form = read_page_form(SET)
    assert form[PageField.ACCENT] == "#3366ff"
    assert apply_page_form(SET, form) == (SET, [])


def test_empty_fields_clear_and_leave_the_icon() -> None:
    page, unusable = apply_page_form(SET, dict.fromkeys(PageField, "  "))
    assert unusable == []
    assert page == ServerPage(7, icon_hash="0" * 32, has_icon=True, icon_accent=0x112233)
    assert page.shown_accent == 0x112233
    assert page.invite_url is None


def test_what_cannot_be_used_leaves_what_was_set() -> None:
    form = read_page_form(SET) | {
        PageField.TITLE: "New title",
        PageField.ACCENT: "blue",
        PageField.INVITE: "https://evil.example/abc",
    }
    page, unusable = apply_page_form(SET, form)
    assert unusable == [PageField.ACCENT, PageField.INVITE]
    assert (page.title, page.accent, page.invite_code) == ("New title", 0x3366FF, "harbour")

"""What admins and blocked members read about word lists and blocks."""

from datetime import timedelta

import pytest

from bot.domain.errors import MemberBlocked, WordsRefused
from bot.domain.jobs.request import VideoRequest
from bot.domain.moderation.request_block import RequestBlock
from bot.domain.moderation.word_list import (
    WordAction,
    WordEntry,
    WordListChange,
    WordMatch,
    read_operator_list,
)
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.i18n.formatting import MESSAGE_LIMIT, format_timestamp
from bot.i18n.translations import list_languages
from bot.ui.audit_log import format_audit_log
from bot.ui.error_messages import describe_error, describe_error_in_public
from bot.ui.moderation import (
    build_word_list_file,
    format_added_words,
    format_blocked,
    format_blocks,
    format_word_list,
    format_word_test,
)
from tests.harness.texts import quote_text
from tests.unit.words.examples import NOW

ENTRIES = [
    WordEntry("g*re"),
    WordEntry("gin", WordAction.LOG),
    WordEntry("rum", WordAction.ASK),
    WordEntry("kill_you"),
]


def test_a_short_list_is_shown_and_a_long_one_is_only_in_the_file() -> None:
    shown = format_word_list(ENTRIES, "en-US")
    assert quote_text("server.words.title", total=4) in shown
    assert r"g\*re" in shown
    assert r"kill\_you" in shown
    many = [WordEntry(f"word{number}") for number in range(1000)]
    hidden = format_word_list(many, "en-US")
    assert len(hidden) < MESSAGE_LIMIT
    assert "word7" not in hidden
    assert format_word_list([], "en-US") == quote_text("server.words.none")


def test_admins_read_that_nobody_can_be_asked() -> None:
    asked = [WordMatch(ENTRIES[2], by_operator=False)]
    refused = [WordMatch(ENTRIES[0], by_operator=False)]
    hint = quote_text("server.words.no_staff_channel")
    many = [*ENTRIES, *(WordEntry(f"word{number}") for number in range(1000))]
    for can_ask in (True, False):
        change = WordListChange(1, 4)
        assert (hint in format_added_words(change, "en-US", can_ask=can_ask)) is not can_ask
        assert (hint in format_word_list(many, "en-US", can_ask=can_ask)) is not can_ask
        assert (hint in format_word_test(asked, "en-US", can_ask=can_ask)) is not can_ask
        assert hint not in format_word_list(ENTRIES[:2], "en-US", can_ask=can_ask)
        assert hint not in format_word_test(refused, "en-US", can_ask=can_ask)


def test_the_file_can_be_used_as_the_operators() -> None:
    assert list(read_operator_list(build_word_list_file(ENTRIES).decode())) == ENTRIES


def test_a_tested_text_names_each_entry_and_its_list() -> None:
    matches = [WordMatch(ENTRIES[0], by_operator=True), WordMatch(ENTRIES[1], by_operator=False)]
    said = format_word_test(matches, "en-US")
    assert quote_text("server.words.operators") in said
    assert quote_text("server.words.servers") in said
    assert r"g\*re" in said
    assert "gin" in said


@pytest.mark.parametrize("language", list_languages())
def test_only_a_private_answer_names_the_word_or_the_reason(language: str) -> None:
    until = NOW + timedelta(hours=1)
    for by_operator in (False, True):
        refused = WordsRefused("gore", by_operator=by_operator, request=VideoRequest("gore"))
        assert "gore" in describe_error(refused, language)
        assert "gore" not in describe_error_in_public(refused, language)
    for ends_at in (None, until):
        blocked = MemberBlocked(ends_at=ends_at, reason="rude")
        private, public = (
            describe_error(blocked, language),
            describe_error_in_public(blocked, language),
        )
        assert "rude" in private
        assert "rude" not in public
        time = format_timestamp(until, "f")
        assert (time in private) is (ends_at is not None)
        assert time not in public


def test_blocks_are_listed_with_their_end_and_reason() -> None:
    until = NOW + timedelta(hours=1)
    blocks = [RequestBlock(10, 1, until, "[rude](https://x.example)"), RequestBlock(10, 2)]
    listed = format_blocks(blocks, "en-US")
    assert "<@1>" in listed
    assert "<@2>" in listed
    assert format_timestamp(until, "f") in listed
    assert r"\[rude\]" in listed
    assert format_blocks([], "en-US") == quote_text("server.block.none")
    assert quote_text("server.block.jobs", jobs=2) in format_blocked(blocks[1], 2, "en-US")
    assert quote_text("server.block.jobs") not in format_blocked(blocks[1], 0, "en-US")


def test_the_log_hides_a_used_word_until_it_is_clicked() -> None:
    use = AuditEntry(10, 1, AuditAction.USE_WORD, NOW, comment="77 kill_you all")
    text = format_audit_log([use], "en-US")
    assert "<#77>" in text
    assert r"||kill\_you all||" in text

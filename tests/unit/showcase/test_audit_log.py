"""The audit log is readable: names and sentences instead of raw values."""

import re

import pytest

from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.i18n.translations import list_languages
from bot.ui.audit_log import format_audit_log
from tests.unit.words.examples import NOW

OLD = "channel_id = 1576582373460410368, digest_day = 0, name = Cinema, public = True, stars = 3"
OF_THE_BOT = {
    AuditAction.CHANNEL_GONE,
    AuditAction.REPORT,
    AuditAction.REPORT_LIMIT,
    AuditAction.REVIEW_EXPIRE,
    AuditAction.LOG_STOPPED,
}
"""What no person does."""
NEW = "curation = always, digest_day = 2, digest_hour = 9, digest_zone = Europe/Berlin"


def entry(action: AuditAction, actor_id: int | None = 1, **changes: object) -> AuditEntry:
    facts = {"clip_id": 5, "target_user_id": 2} | changes
    return AuditEntry(10, actor_id, action, NOW, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", list_languages())
@pytest.mark.parametrize("comment", [OLD, NEW, "channel_id = None"])
def test_changes_are_described_in_words(language: str, comment: str) -> None:
    """No field names and no raw channel ids. [people-A11]"""
    text = format_audit_log(
        [entry(AuditAction.ARRANGE, clip_id=None, target_user_id=None, comment=comment)], language
    )
    assert " = " not in text
    assert not re.search(r"[a-z]+_[a-z]+", text), text
    assert "1576582373460410368" not in text.replace("<#1576582373460410368>", "")
    assert "Cinema" not in text


def test_entry_that_changed_nothing_is_left_out() -> None:
    """[people-A11]"""
    nothing = entry(AuditAction.ARRANGE, clip_id=None, target_user_id=None, comment=None)
    renamed = entry(AuditAction.ARRANGE, comment="locale = de, name = Cinema")
    assert format_audit_log([nothing, renamed], "en-US") == format_audit_log([], "en-US")


@pytest.mark.parametrize("language", list_languages())
@pytest.mark.parametrize("action", AuditAction)
def test_acts_without_an_actor_have_sentences_of_their_own(
    language: str, action: AuditAction
) -> None:
    """For erased members, votes, and the bot itself. [people-A11]"""
    by_nobody = format_audit_log([entry(action, actor_id=None, comment="stars = 3")], language)
    assert "None" not in by_nobody
    assert f"log.{action}" not in by_nobody
    if action not in OF_THE_BOT:
        assert "<@1>" in format_audit_log([entry(action, comment="stars = 3")], language)

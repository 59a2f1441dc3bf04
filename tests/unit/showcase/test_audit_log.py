"""The audit log is readable: names and sentences instead of raw values."""

import dataclasses
import json
import re

import pytest

from bot.domain.guild import GuildRules
from bot.domain.moderation.log_channel import MAX_ENTRIES_LISTED
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.i18n.translations import list_languages
from bot.ui.audit_log import count_fitting_entries, format_audit_log, format_log_post
from bot.ui.rule_changes import describe_rule_changes
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


COMMENTS = {
    AuditAction.CHANGE_RULES: '{"extend_by": "requester"}',
    AuditAction.CHANGE_LIMITS: '{"subject": "default", "limits": null}',
}
"""What is in the comment, where it decides what is said."""


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
    comment = COMMENTS.get(action, "stars = 3")
    by_nobody = format_audit_log([entry(action, actor_id=None, comment=comment)], language)
    assert "None" not in by_nobody
    assert f"log.{action}" not in by_nobody
    if action not in OF_THE_BOT:
        assert "<@1>" in format_audit_log([entry(action, comment=comment)], language)


RULES: dict[str, object] = {
    "paused": True,
    "pause_reason": "we *tidy* up",
    "person_rule": "adults",
    "channel_person_rules": {"77": "nobody", "78": None},
    "confirm_above": None,
    "extend_by": "requester",
    "reply_mode": "ask",
    "shows_prices": True,
    "locale": "ja",
    "allowed_channels": [71, 72, 73, 74, 75, 76, 99],
    "reports_to_hide": 3,
    "review_scope": "untrusted",
    "staff_channel": 79,
    "trusted_role": 80,
    "review_channel": None,
}


@pytest.mark.parametrize("language", list_languages())
def test_every_rule_has_words(language: str) -> None:
    """One that is added without them would be missing here, and so would its entry."""
    fields = {field.name for field in dataclasses.fields(GuildRules)}
    silent = {"guild_id", "age_restricted_only", "word_list_version"}
    assert RULES.keys() == fields - silent
    together = {"pause_reason", "staff_channel", "trusted_role", "review_channel"}
    changes = entry(AuditAction.CHANGE_RULES, comment=json.dumps(RULES))
    sentences = describe_rule_changes(changes, language)
    assert len(sentences) == len(RULES) - len(together) + 1, "two channels have a rule"
    text = format_audit_log([changes], language)
    for mention in ("<#77>", "<#78>", "<#71>", "<#79>", "<@&80>", "日本語", r"\*tidy\*"):
        assert mention in text
    assert "<#99>" not in text
    assert not re.search(r"[a-z]+_[a-z]+", text.replace("view_channel", "")), text


@pytest.mark.parametrize("language", list_languages())
@pytest.mark.parametrize("limits", [None, {"clips_per_day": 12}])
def test_limits_name_whose_they_are(language: str, limits: dict[str, int] | None) -> None:
    """A member's id is only in a column that erasure clears."""
    for subject, mention in (("member", "<@2>"), ("role", "<@&9>"), ("default", ""), ("guild", "")):
        comment = json.dumps({"subject": subject, "subject_id": 9, "limits": limits})
        text = format_audit_log([entry(AuditAction.CHANGE_LIMITS, comment=comment)], language)
        assert mention in text
        assert ("12" in text) == (limits is not None)


def test_a_channel_does_not_learn_the_words_of_the_list() -> None:
    used = entry(AuditAction.USE_WORD, comment="77 g*re", clip_id=None, target_user_id=None)
    assert "g\\*re" in format_audit_log([used], "en-US")
    posted = format_log_post([used], "en-US")
    assert "g\\*re" not in posted
    assert "<#77>" in posted


@pytest.mark.parametrize("language", list_languages())
def test_a_flood_is_one_message_with_the_last_entry_of_each_kind(language: str) -> None:
    words = [entry(AuditAction.USE_WORD, actor_id=n, comment="77 x") for n in range(100, 400)]
    flood = [*words, entry(AuditAction.HIDE), entry(AuditAction.BLOCK)]
    text = format_log_post(flood, language)
    assert len(text) < 2000
    assert "302" in text
    assert "299" in text
    assert "<@399>" in text
    assert "<@100>" not in text
    assert len(text.splitlines()) == 4


def test_only_as_many_entries_as_fit_are_one_message() -> None:
    long = entry(AuditAction.CHANGE_RULES, comment=json.dumps(RULES))
    entries = [long] * MAX_ENTRIES_LISTED
    count = count_fitting_entries(entries, "en-US")
    assert 1 <= count < MAX_ENTRIES_LISTED
    assert "…" not in format_log_post(entries[:count], "en-US").splitlines()
    assert count_fitting_entries([entry(AuditAction.HIDE)] * 3, "en-US") == 3

"""docs/errors.md lists every outcome of a job and every refusal that a member can read."""

import re
from pathlib import Path
from typing import Final

import pytest

from bot.domain import errors
from bot.domain.jobs.job import Outcome
from bot.i18n.translations import load_translations
from bot.ui.error_messages import describe_error

KEYS_BY_ERROR: Final = {
    errors.RuleBroken: "rule.",
    errors.PersonPolicyUnsatisfiable: "rule.person_rule",
    errors.ImageRefused: "image.",
    errors.LimitReached: "limit.reached",
    errors.RequestsPaused: "paused.",
    errors.WordsRefused: "words_refused.",
    errors.WordEntryRefused: "word_entry.",
    errors.TooManyQuestions: "question.too_many",
    errors.ContentRefused: "content_refused.",
    errors.ContentUnchecked: "content_unchecked.",
    errors.MemberBlocked: "blocked.",
    errors.NotAllowed: "not_allowed.",
    errors.ChannelNotAllowed: "error.channel_not_allowed",
    errors.RecordNotFound: "not_found.",
    errors.MissingPermissions: "error.missing_permissions",
    errors.ChannelUnavailable: "error.channel_closed",
    errors.ContentBlocked: "error.blocked.",
    errors.AlreadyAccepted: "error.already_accepted",
    errors.FileTooLarge: "error.file_too_large",
    errors.DatabaseUnavailable: "error.store_away",
    errors.MediaUnavailable: "error.media_away",
    errors.DiscordUnavailable: "error.delivery_busy",
}
"""How the keys of an error's texts begin."""
PARTS: Final = {"error.your_words", "image.of_file", "image.of_option", "paused.reason"}
"""Texts that only stand beside others."""


@pytest.fixture(scope="module")
def quoted(root: Path) -> set[str]:
    page = (root / "docs" / "errors.md").read_text("utf-8")
    comments = re.findall(r"<!-- text: (.+?) -->", page)
    return {part.split()[0] for comment in comments for part in comment.split(" + ")}


def test_every_outcome_has_a_text(quoted: set[str]) -> None:
    told = {f"outcome.{outcome}" for outcome in Outcome if outcome is not Outcome.DELIVERED}
    assert told - quoted == set()


def test_every_error_that_a_member_can_meet_has_a_text(quoted: set[str]) -> None:
    described = {kind for kind in describe_error.registry if issubclass(kind, errors.ClapperError)}
    assert described == set(KEYS_BY_ERROR)
    beginnings = tuple(KEYS_BY_ERROR.values())
    keys = {key if isinstance(key, str) else key[0] for key in load_translations("en")._catalog}
    texts = {key for key in keys if key.startswith((*beginnings, "error.", "limit.frees"))}
    assert len(texts) > 100
    assert texts - quoted - PARTS == set()

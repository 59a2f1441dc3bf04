"""Each error has a message of its own, which reveals nothing private."""

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from bot.domain import errors
from bot.domain.billing.limits import LIMIT_RULES
from bot.domain.errors import (
    AlreadyAccepted,
    ChannelUnavailable,
    CheckFailed,
    ClapperError,
    ContentBlocked,
    ContentRefused,
    FileTooLarge,
    ImageRefused,
    LimitReached,
    LimitScope,
    MemberBlocked,
    MissingPermissions,
    NotAllowed,
    PersonPolicyUnsatisfiable,
    PromptTooLong,
    RecordNotFound,
    RequestsPaused,
    RuleBroken,
    SourceNotExtendable,
    TooManyQuestions,
    VideoRefused,
    WordEntryRefused,
    WordsRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import MODEL_MODES, PersonRule, VideoRequest
from bot.domain.moderation.content_check import ContentKind
from bot.i18n.catalogs import has_message, translate
from bot.ui.error_messages import (
    clean_detail,
    describe_error,
    describe_outcome,
    format_limit_amount,
)
from tests.harness.texts import quote_text
from tests.unit.words.examples import a_job

ROOT = Path(__file__).parents[3]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


NEVER_SHOWN = (
    errors.ClapperError,
    errors.RequestRefused,
    errors.LeaseLost,
    errors.CheckFailed,
    errors.VideoError,
    errors.VideoRefused,
    errors.SubmitUncertain,
    errors.AnswerNotFromGoogle,
    errors.VideoNotFetchable,
    errors.GoogleUnavailable,
    errors.GoogleQuotaExceeded,
    errors.AccessRefused,
    errors.RemoteNotFound,
    errors.TranscodeFailed,
    errors.JoinFailed,
    errors.DeliveryError,
    errors.AnswerNotDelivered,
)
"""They end a job or are handled on the way; in an answer they get the general message."""


def kinds(root: type[ClapperError] = ClapperError) -> Iterator[type[ClapperError]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


def example(kind: type[ClapperError]) -> ClapperError:
    """Return an error of ``kind`` as its raisers make them."""
    examples: dict[type[ClapperError], ClapperError] = {
        RuleBroken: RuleBroken("seed_range", "seed", most=1),
        SourceNotExtendable: SourceNotExtendable("source_gone", "clip", clip=3),
        PromptTooLong: PromptTooLong(characters=5000, fitting=4000),
        PersonPolicyUnsatisfiable: PersonPolicyUnsatisfiable(
            rule="nobody", model="veo-3.1", mode="text", models=["veo-2.0"]
        ),
        ImageRefused: ImageRefused("image_broken"),
        LimitReached: LimitReached(
            "usd_per_day", LimitScope.MEMBER, used=1, requested=2, allowed=2, frees_at=NOON
        ),
        RequestsPaused: RequestsPaused(by_operator=True, reason="maintenance"),
        WordsRefused: WordsRefused("gore", by_operator=False, request=VideoRequest("gore")),
        WordEntryRefused: WordEntryRefused("too_short", entry="x"),
        TooManyQuestions: TooManyQuestions(5),
        ContentRefused: ContentRefused([ContentKind.HATE]),
        CheckFailed: CheckFailed("HTTP 500", may_be_billed=False),
        MemberBlocked: MemberBlocked(ends_at=NOON, reason="rude"),
        NotAllowed: NotAllowed("delete"),
        RecordNotFound: RecordNotFound("clip"),
        MissingPermissions: MissingPermissions(["attach_files"]),
        AlreadyAccepted: AlreadyAccepted(a_job(id=77)),
        VideoRefused: VideoRefused("x", outcome=Outcome.BLOCKED, detail="violence"),
        FileTooLarge: FileTooLarge("x", limit=20 * 2**20),
        ChannelUnavailable: ChannelUnavailable("x", missing=["send_messages"]),
        ContentBlocked: ContentBlocked("automod"),
    }
    return (
        examples[kind] if kind in examples else kind("HTTP 500 at https://internal/?key=AIzaSecret")
    )


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_every_error_has_message(kind: type[ClapperError]) -> None:
    text = describe_error(example(kind), "en-US")
    assert len(text) > 10
    assert "http" not in text
    assert "AIza" not in text
    assert "Traceback" not in text
    assert (text == translate("error.unexpected")) is (kind in NEVER_SHOWN)


def test_unexpected_error_reveals_nothing() -> None:
    text = describe_error(KeyError("token=AIzaSecret"), "en-US")
    assert text == translate("error.unexpected")


UNHAPPY = [outcome for outcome in Outcome if outcome is not Outcome.DELIVERED]


@pytest.mark.parametrize("outcome", UNHAPPY)
def test_every_outcome_has_its_own_message(outcome: Outcome) -> None:
    text = describe_outcome(a_job(outcome=outcome), "en-US")
    others = {describe_outcome(a_job(outcome=other)) for other in UNHAPPY if other is not outcome}
    assert text not in others


def test_googles_reason_is_shown_without_addresses_keys_and_markup() -> None:
    job = a_job(
        outcome=Outcome.BLOCKED,
        detail="See https://generativelanguage.googleapis.com/v1beta/files/x?key=AIzaSyDabcdefghij"
        "klmnopq now. It looks **violent** @everyone. Ask projects/my-project/locations/us.",
    )
    text = describe_outcome(job)
    assert quote_text("outcome.reason") in text
    for gone in ("http", "AIza", "my-project", "**violent", "@everyone", "See", "Ask"):
        assert gone not in text
    assert "It looks" in text


def test_members_never_see_google_errors_about_the_account() -> None:
    job = a_job(outcome=Outcome.ACCESS_REFUSED, detail="Billing is off for this account.")
    assert "illing" not in describe_outcome(job)


def test_a_long_reason_is_cut() -> None:
    assert len(clean_detail("word " * 500) or "") <= 400
    assert clean_detail("") is None


@cache
def read_calls() -> dict[str, set[str]]:
    """Return what the program calls, with the texts of the first argument."""
    texts: dict[str, set[str]] = defaultdict(set)
    for path in [*(ROOT / "bot").rglob("*.py"), *(ROOT / "cogs").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                texts[name] |= _read_texts(node.args[0])
    return texts


def raised(*kinds: str) -> set[str]:
    """Return the keys that the program gives to errors of ``kinds``, read from its source."""
    return set().union(*(read_calls()[kind] for kind in kinds))


def _read_texts(node: ast.expr) -> set[str]:
    """Return the text of ``node``, or those that it chooses from."""
    if isinstance(node, ast.IfExp):
        return _read_texts(node.body) | _read_texts(node.orelse)
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return {str(node.value)} if isinstance(node, ast.Constant) and is_text else set()


def rules() -> set[str]:
    return raised("RuleBroken", "Violation", "SourceNotExtendable", "_build_source_violation")


def test_every_rule_has_a_text_and_every_text_a_rule() -> None:
    assert len(rules()) > 20
    assert {rule for rule in rules() if not has_message(f"rule.{rule}")} == set()
    with_parts = {"person_rule_models", "person_rule_none", "prompt_too_long", "person_rule"}
    source = (ROOT / "bot/i18n/locales/en/LC_MESSAGES/clapper.po").read_text(encoding="utf-8")
    texts = set(re.findall(r'msgid "rule\.(\w+)"', source))
    assert texts - rules() <= with_parts


def test_every_refused_image_has_a_text() -> None:
    reasons = raised("ImageRefused", "ImageRejected")
    assert len(reasons) > 4
    assert {reason for reason in reasons if not has_message(f"image.{reason}")} == set()


@pytest.mark.parametrize(
    ("kind", "prefix"), [("NotAllowed", "not_allowed"), ("RecordNotFound", "not_found")]
)
def test_every_refusal_has_a_text(kind: str, prefix: str) -> None:
    assert raised(kind)
    assert {what for what in raised(kind) if not has_message(f"{prefix}.{what}")} == set()


@pytest.mark.parametrize("rule", [limit_rule.limit for limit_rule in LIMIT_RULES])
@pytest.mark.parametrize("scope", list(LimitScope))
def test_every_limit_is_named_with_whose_it_is_and_when_it_frees(
    rule: str, scope: LimitScope
) -> None:
    error = LimitReached(rule, scope, used=3, requested=4, allowed=5, frees_at=NOON)
    text = describe_error(error)
    assert translate(f"scope.{scope}") in text
    assert translate(f"limit.{rule}", count=5) in text
    if rule != "jobs_at_once":
        assert f"<t:{int(NOON.timestamp())}:f>" in text


def test_a_request_larger_than_its_limit_is_told_that_waiting_does_not_help() -> None:
    error = LimitReached(
        "usd_per_day", LimitScope.GUILD, used=0, requested=9, allowed=5, frees_at=None
    )
    assert translate("limit.never_frees") in describe_error(error)


def test_a_limit_that_frees_at_no_fixed_time_is_not_called_too_small_for_the_request() -> None:
    error = LimitReached(
        "requests_per_day", LimitScope.MODEL, used=2, requested=1, allowed=2, frees_at=None
    )
    text = describe_error(error)
    assert translate("limit.never_frees") not in text
    assert translate("limit.frees_sometime") in text


def test_amounts_are_in_the_limits_own_unit() -> None:
    assert format_limit_amount("usd_per_day", 3_200_000) == "$3.20"
    assert format_limit_amount("seconds_per_day", 8) == "8 s"
    assert format_limit_amount("clips_per_day", 2) == "2"


def test_modes_and_people_are_called_by_name() -> None:
    for mode in MODEL_MODES:
        assert has_message(f"mode.{mode}")
    for rule in PersonRule:
        assert has_message(f"people.{rule}")
        text = describe_error(
            PersonPolicyUnsatisfiable(rule=rule, model="m", mode="text", models=[])
        )
        assert translate(f"people.{rule}") in text
    expired = SourceNotExtendable("source_expired", "clip", clip=4, expired_at=1_800_000_000)
    assert "<t:1800000000:f>" in describe_error(expired)
    needs = RuleBroken("needs_seconds", "duration", model="m", when="references", seconds=8)
    assert translate("input_kind.references") in describe_error(needs)


def test_docstring_tree_names_every_error() -> None:
    tree = inspect.getdoc(errors) or ""
    for kind in kinds():
        assert re.search(rf"\b{kind.__name__}\b", tree), kind.__name__

"""Turns errors and outcomes into messages for members.

Messages never contain stack traces, addresses or keys. Texts come from the message catalog, numbers
and names from the fields of the error, and Google's own reasons pass through `clean_detail`.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import partial, singledispatch
from typing import Final

import discord

from bot.domain.billing.charges import compute_price_paid
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.disclosure import redact_account_details
from bot.domain.errors import (
    AlreadyAccepted,
    ChannelNotAllowed,
    ChannelUnavailable,
    ClapperError,
    ContentBlocked,
    ContentRefused,
    ContentUnchecked,
    DatabaseUnavailable,
    DiscordUnavailable,
    FileTooLarge,
    ImageRefused,
    LimitReached,
    MediaUnavailable,
    MemberBlocked,
    MissingPermissions,
    NotAllowed,
    PersonPolicyUnsatisfiable,
    RecordNotFound,
    RequestsPaused,
    RuleBroken,
    TooManyQuestions,
    WordEntryRefused,
    WordsRefused,
)
from bot.domain.jobs.job import Job, Outcome
from bot.domain.moderation.content_check import FOUND_BY_GOOGLE, NOT_FOUND_OUT, read_finding
from bot.domain.safety_categories import find_safety_categories, has_only_codes
from bot.i18n.catalogs import has_message, translate
from bot.i18n.formatting import (
    format_day,
    format_money,
    format_timestamp,
    join_list,
    join_sentences,
    list_clip_numbers,
    sanitize_text,
    truncate_text,
)

_MAXIMUM_DETAIL_LENGTH: Final = 400
_MAX_FILE_NAME_LENGTH: Final = 60
_MAX_ENTRY_LENGTH: Final = 60
_OUTCOMES_WITHOUT_DETAIL: Final = frozenset(
    {
        Outcome.CANCELLED,
        Outcome.ACCESS_REFUSED,
        Outcome.GOOGLE_QUOTA,
        Outcome.MODEL_UNAVAILABLE,
        Outcome.NOT_REACHED,
        Outcome.MODEL_RETIRED,  # Google's reason is written for developers
        Outcome.DELIVERY_FAILED,  # its detail is not from Google and has its own text
    }
)
"""Outcomes with reasons that are only for the operator's log, or that say nothing new."""

_OUTCOMES_OF_THE_FILTER: Final = frozenset(
    {Outcome.BLOCKED, Outcome.BLOCKED_AUDIO, Outcome.BLOCKED_IMAGE}
)

MESSAGE_KEYS: Final[dict[type[ClapperError], str]] = {
    DatabaseUnavailable: "error.store_away",
    DiscordUnavailable: "error.delivery_busy",
    MediaUnavailable: "error.media_away",
    ContentUnchecked: "content_unchecked.away",
}
"""Errors with a fixed text. Google's errors are not here: they end a job, so `describe_outcome` has
their texts."""


@singledispatch
def describe_error(error: BaseException, locale: str | None = None) -> str:
    """Return the message for ``error``, by its class or nearest parent class."""
    return translate("error.unexpected", locale)


def _describe_by_key(key: str, _error: ClapperError, locale: str | None = None) -> str:
    return translate(key, locale)


for _error_type, _key in MESSAGE_KEYS.items():
    describe_error.register(_error_type, partial(_describe_by_key, _key))


def describe_error_in_public(error: BaseException, locale: str | None = None) -> str:
    """Return the message for ``error`` in an answer that others see too.

    It names no word of a word list, and does not say that a member is blocked.
    """
    if isinstance(error, WordsRefused):
        owner = "operator" if error.by_operator else "server"
        return translate(f"words_refused.{owner}_in_public", locale)
    if isinstance(error, MemberBlocked):
        return translate("blocked.in_public", locale)
    return describe_error(error, locale)


def describe_outcome(job: Job, locale: str | None = None, clips: Sequence[Clip] = ()) -> str:
    """Return the message for a job that ended without posting its clips.

    ``clips`` were made and kept anyway, and are charged.
    """
    outcome = job.outcome or Outcome.OPERATION_FAILED
    if outcome is Outcome.GOOGLE_QUOTA and job.retry_at is not None:
        when = f"{format_timestamp(job.retry_at, 'f')} ({format_timestamp(job.retry_at, 'R')})"
        return translate("outcome.google_quota_until", locale, when=when)
    if outcome is Outcome.RESULT_REFUSED:
        return describe_finding(job.detail or FOUND_BY_GOOGLE, "outcome.result_refused", locale)
    paid = compute_price_paid(job, clips=len(clips))
    key = f"outcome.{outcome}"
    if outcome is Outcome.CANCELLED and paid:
        key = "outcome.cancelled_late" if clips else "outcome.cancelled_billed"
    text = translate(
        key,
        locale,
        job=job.id,
        price=format_money(paid, locale),
        clip=list_clip_numbers(clips, locale),
        channel=f"<#{job.origin.channel_id}>",
    )
    if outcome is Outcome.OPERATION_LOST:
        # with a user install, the interaction's token will have expired by then
        will_post = not job.cancel_requested and job.origin.user_install_reply is None
        key = "outcome.watched" if will_post else "outcome.watched.kept"
        watched = translate(key, locale, until=format_timestamp(job.watched_until, "f"))
        text = join_sentences(text, watched, locale)
    if outcome is Outcome.DELIVERY_FAILED and job.detail:
        text += "\n" + _describe_refused_post(job.detail, locale)
    detail = clean_detail(job.detail) if outcome not in _OUTCOMES_WITHOUT_DETAIL else None
    if detail and outcome in _OUTCOMES_OF_THE_FILTER:
        categories = find_safety_categories(detail)
        if categories:
            names = join_list((translate(f"safety.{name}", locale) for name in categories), locale)
            text += "\n" + translate("outcome.category", locale, categories=names)
        if has_only_codes(detail):
            return text
    if detail:
        text += "\n" + translate("outcome.reason", locale, reason=detail)
    return text


def describe_finding(finding: str, key: str, locale: str | None) -> str:
    """Return what a check found (`format_finding`), in the texts that begin with ``key``."""
    kinds = [translate(f"content_kind.{kind}", locale) for kind in read_finding(finding)]
    if kinds:
        return translate(key, locale, kinds=join_list(kinds, locale))
    return translate(f"{key}_{'away' if finding == NOT_FOUND_OUT else 'google'}", locale)


def _describe_refused_post(detail: str, locale: str | None) -> str:
    """Return why Discord refused a post: one of its filters, or missing permissions."""
    if has_message(f"outcome.blocked_post.{detail}"):
        return translate(f"outcome.blocked_post.{detail}", locale)
    missing = name_permissions(detail.split(","), locale)
    return translate("outcome.missing_permissions", locale, missing=missing)


def clean_detail(detail: str | None) -> str | None:
    """Return Google's reason without markup and without sentences that name an account."""
    redacted = redact_account_details(detail, max_length=_MAXIMUM_DETAIL_LENGTH) if detail else None
    if redacted is None:
        return None
    text = sanitize_text(redacted)
    return text if len(text) <= _MAXIMUM_DETAIL_LENGTH else text[: _MAXIMUM_DETAIL_LENGTH - 1] + "…"


def format_limit_amount(limit: str, value: int, locale: str | None = None) -> str:
    """Return ``value`` in the unit of ``limit``: money, seconds, clips or jobs."""
    if limit.startswith("usd"):
        return format_money(Micros(value), locale)
    if limit.startswith("seconds"):
        return translate("seconds", locale, count=value)
    return str(value)


@describe_error.register
def _describe_broken_rule(error: RuleBroken, locale: str | None = None) -> str:
    values = {name: _format_value(name, value, locale) for name, value in error.values.items()}
    option = f"name.option.{error.parameter}"
    parameter = translate(option, locale) if has_message(option) else error.parameter
    return translate(f"rule.{error.rule}", locale, parameter=parameter, **values)


@describe_error.register
def _describe_person_policy(error: PersonPolicyUnsatisfiable, locale: str | None = None) -> str:
    rule = translate(f"people.{error.values['person_rule']}", locale)
    mode = translate(f"mode.{error.values['mode']}", locale)
    text = translate("rule.person_rule", locale, rule=rule, mode=mode, model=error.values["model"])
    key = "rule.person_rule_models" if error.models else "rule.person_rule_none"
    models = translate(key, locale, models=join_list(error.models, locale))
    return join_sentences(text, models, locale)


@describe_error.register
def _describe_refused_image(error: ImageRefused, locale: str | None = None) -> str:
    values = {name: _format_value(name, value, locale) for name, value in error.values.items()}
    text = translate(f"image.{error.reason}", locale, **values)
    if error.option is None:
        return text
    option = translate(f"name.option.{error.option}", locale)
    if not error.file_name:
        return translate("image.of_option", locale, option=option, text=text)
    name = sanitize_text(truncate_text(error.file_name, _MAX_FILE_NAME_LENGTH))
    return translate("image.of_file", locale, option=option, name=name, text=text)


@describe_error.register
def _describe_reached_limit(error: LimitReached, locale: str | None = None) -> str:
    text = translate(
        "limit.reached",
        locale,
        limit=translate(f"limit.{error.limit}", locale, count=error.allowed),
        whose=translate(f"scope.{error.scope}", locale),
        used=format_limit_amount(error.limit, error.used, locale),
        asked=format_limit_amount(error.limit, error.requested, locale),
        allowed=format_limit_amount(error.limit, error.allowed, locale),
    )
    if error.limit == "jobs_at_once":
        return join_sentences(text, translate("limit.frees_with_job", locale), locale)
    if error.frees_at is None:
        key = "limit.never_frees" if error.requested > error.allowed else "limit.frees_sometime"
        return join_sentences(text, translate(key, locale), locale)
    when = f"{format_timestamp(error.frees_at, 'f')} ({format_timestamp(error.frees_at, 'R')})"
    return join_sentences(text, translate("limit.frees", locale, when=when), locale)


@describe_error.register
def _describe_pause(error: RequestsPaused, locale: str | None = None) -> str:
    text = translate("paused.operator" if error.by_operator else "paused.server", locale)
    reason = clean_detail(error.reason)
    if not reason:
        return text
    return join_sentences(text, translate("paused.reason", locale, reason=reason), locale)


@describe_error.register
def _describe_refused_words(error: WordsRefused, locale: str | None = None) -> str:
    owner = "operator" if error.by_operator else "server"
    return translate(f"words_refused.{owner}", locale, word=sanitize_text(error.entry))


@describe_error.register
def _describe_questions(error: TooManyQuestions, locale: str | None = None) -> str:
    return translate("question.too_many", locale, count=error.waiting)


@describe_error.register
def _describe_refused_content(error: ContentRefused, locale: str | None = None) -> str:
    if not error.kinds:
        return translate("content_refused.google", locale)
    kinds = [translate(f"content_kind.{kind}", locale) for kind in error.kinds]
    return translate("content_refused.kinds", locale, kinds=join_list(kinds, locale))


@describe_error.register
def _describe_refused_entry(error: WordEntryRefused, locale: str | None = None) -> str:
    entry = sanitize_text(truncate_text(error.entry, _MAX_ENTRY_LENGTH))
    return translate(f"word_entry.{error.reason}", locale, entry=entry, most=error.most)


@describe_error.register
def _describe_block(error: MemberBlocked, locale: str | None = None) -> str:
    if error.ends_at is None:
        text = translate("blocked.forever", locale)
    else:
        text = translate("blocked.until", locale, until=format_timestamp(error.ends_at, "f"))
    if error.reason is not None:
        reason = translate("paused.reason", locale, reason=sanitize_text(error.reason))
        text = join_sentences(text, reason, locale)
    return join_sentences(text, translate("blocked.still", locale), locale)


@describe_error.register
def _describe_not_allowed(error: NotAllowed, locale: str | None = None) -> str:
    return translate(f"not_allowed.{error.reason}", locale)


@describe_error.register
def _describe_refused_channel(error: ChannelNotAllowed, locale: str | None = None) -> str:
    channels = join_list((f"<#{channel}>" for channel in error.channels), locale)
    return translate("error.channel_not_allowed", locale, channels=channels)


@describe_error.register
def _describe_not_found(error: RecordNotFound, locale: str | None = None) -> str:
    return translate(f"not_found.{error.reason}", locale)


@describe_error.register
def _describe_permissions(
    error: MissingPermissions | ChannelUnavailable, locale: str | None = None
) -> str:
    if not error.missing:
        return translate("error.channel_closed", locale)
    missing = name_permissions(error.missing, locale)
    return translate("error.missing_permissions", locale, missing=missing)


@describe_error.register
def _describe_blocked_content(error: ContentBlocked, locale: str | None = None) -> str:
    return translate(f"error.blocked.{error.name}", locale)


@describe_error.register
def _describe_already_accepted(error: AlreadyAccepted, locale: str | None = None) -> str:
    return translate("error.already_accepted", locale, job=error.job.id)


@describe_error.register
def _describe_file_too_large(error: FileTooLarge, locale: str | None = None) -> str:
    if error.limit is None:
        return translate("error.file_too_large", locale)
    return translate("error.file_too_large_limit", locale, limit=f"{error.limit / 2**20:.0f} MiB")


def name_permissions(names: Iterable[str], locale: str | None) -> str:
    """Return Discord's names of permissions, in the language of members."""
    return join_list((f"**{_name_permission(name, locale)}**" for name in names), locale)


def _name_permission(name: str, locale: str | None) -> str:
    key = f"permission.{name}"
    return translate(key, locale) if has_message(key) else name.replace("_", " ").title()


def _format_value(name: str, value: str | int, locale: str | None) -> str:
    """Return a value of a broken rule as text: modes by name, times as timestamps."""
    if name.endswith("_at") and isinstance(value, int):
        return format_timestamp(datetime.fromtimestamp(value, UTC), "f")
    if name == "date":
        return format_day(date.fromisoformat(str(value)), locale)
    if name == "mode":
        return translate(f"mode.{value}", locale)
    if name == "when" and has_message(f"input_kind.{value}"):
        return translate(f"input_kind.{value}", locale)
    return discord.utils.escape_markdown(str(value))

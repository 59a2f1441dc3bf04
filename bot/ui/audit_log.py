"""A server's audit log as text: who did what to which clip, and which settings were changed."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bot.domain.moderation.log_channel import MAX_ENTRIES_LISTED, LogChannel
from bot.domain.showcase.post import STAR_EMOJI, AuditAction, AuditEntry, CurationPolicy
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    MESSAGE_LIMIT,
    format_timestamp,
    join_fitting_lines,
    join_sentences,
    sanitize_text,
)
from bot.ui.rule_changes import describe_limit_change, describe_rule_changes

_CHANGE: Final = re.compile(r"(\w+) = ([^,]*)")
_NOTHING: Final = "None"
Changes = dict[str, str]


def format_audit_log(
    entries: Sequence[AuditEntry], locale: str | None, *, note: str | None = None
) -> str:
    """Return a server's audit log, the latest entry first. ``note`` comes before them."""
    lines = [line for entry in entries if (line := _format_entry(entry, locale)) is not None]
    if not lines:
        lines = [translate("log.none", locale)]
    else:
        lines.insert(0, translate("log.title", locale))
    return join_fitting_lines(lines if note is None else [note, *lines])


def format_log_post(entries: Sequence[AuditEntry], locale: str | None) -> str:
    """Return what is posted in a log channel, the latest entry last; it may be empty.

    Others may read it, so it names no words of the word list. Of more than `MAX_ENTRIES_LISTED`
    entries, only the last one of each kind is named.
    """
    if len(entries) > MAX_ENTRIES_LISTED:
        return _format_flood(entries, locale)
    lines = (_format_entry(entry, locale, is_public=True) for entry in entries)
    return join_fitting_lines([line for line in lines if line is not None])


def count_fitting_entries(entries: Sequence[AuditEntry], locale: str | None) -> int:
    """Return how many of the first entries fit into one message; at least one."""
    length = 0
    for count, entry in enumerate(entries):
        line = _format_entry(entry, locale, is_public=True)
        length += 0 if line is None else len(line) + 1
        if length > MESSAGE_LIMIT:
            return max(count, 1)
    return len(entries)


def describe_log_channel(
    channel: LogChannel | None, locale: str | None, *, is_public: bool
) -> str | None:
    """Return where a server's log is posted, and what is wrong with that."""
    if channel is None:
        return None
    name = f"<#{channel.channel_id}>"
    if channel.stopped_at is not None:
        return translate("server.log.stopped", locale, channel=name)
    text = translate("server.log.channel", locale, channel=name)
    if not is_public:
        return text
    return join_sentences(text, translate("server.log.public", locale, channel=name), locale)


def _format_flood(entries: Sequence[AuditEntry], locale: str | None) -> str:
    """Return the last entry of each kind, with how many more like it there are."""
    by_action: dict[AuditAction, list[AuditEntry]] = {}
    for entry in entries:
        by_action.setdefault(entry.action, []).append(entry)
    lines = [translate("log.flood", locale, count=len(entries))]
    for alike in by_action.values():
        line = _format_entry(alike[-1], locale, is_public=True)
        if line is not None and len(alike) > 1:
            line = translate("log.more_alike", locale, line=line, count=len(alike) - 1)
        lines += [] if line is None else [line]
    return join_fitting_lines(lines)


def _format_entry(entry: AuditEntry, locale: str | None, *, is_public: bool = False) -> str | None:
    """Return an entry as a line, or `None` for an old entry without any change."""
    name = str(entry.action)
    if entry.action is AuditAction.USE_WORD and is_public:
        name = "use_unnamed_word"
    # a separate text, because in most languages "somebody" would not fit into the other one
    key = f"log.{name}" if entry.actor_id is not None else f"log.{name}.unknown"
    channel_id, _, word = (entry.comment or "").partition(" ")  # of a word to log
    member = f"<@{entry.target_user_id}>" if entry.target_user_id is not None else None
    text = translate(
        key,
        locale,
        who=f"<@{entry.actor_id}>",
        clip="" if entry.clip_id is None else f"#{entry.clip_id}",
        member=member or translate("log.former_member", locale),
        change=entry.comment or "",
        channel=f"<#{channel_id}>",
        word=sanitize_text(word),
    )
    describe = _DESCRIBERS.get(entry.action)
    if describe is not None:
        changes = describe(entry, locale)
        if not changes:
            return None
        text = f"{text} {' '.join(changes)}"
    return f"{format_timestamp(entry.recorded_at, 'f')} {text}"


def _describe_arrangement(entry: AuditEntry, locale: str | None) -> list[str]:
    return _describe_changes(dict(_CHANGE.findall(entry.comment or "")), locale)


def _describe_changes(changes: Changes, locale: str | None) -> list[str]:
    """Return one sentence for each new setting of an entry."""
    describers: dict[str, Callable[[str], str]] = {
        "channel_id": lambda value: (
            translate("log.showcase_off", locale)
            if value == _NOTHING
            else translate("showcase_settings.channel", locale, channel=f"<#{value}>")
        ),
        "stars": lambda value: (
            translate("showcase_settings.stars", locale, count=int(value), star=STAR_EMOJI)
            if value.isdecimal() and int(value)
            else translate("showcase_settings.stars_off", locale)
        ),
        "curation": lambda value: translate(
            "showcase_settings.curation",
            locale,
            rule=translate(f"choice.curation.{CurationPolicy(value)}", locale),
        ),
        "public": lambda value: translate(
            "log.gallery_public" if value == str(True) else "showcase_settings.private", locale
        ),
    }
    texts = [describers[name](value) for name, value in changes.items() if name in describers]
    if any(name.startswith("digest_") and name != "digest_since" for name in changes):
        texts.append(_describe_digest(changes, locale))
    return texts


def _describe_digest(changes: Changes, locale: str | None) -> str:
    day, hour, zone = (changes.get(f"digest_{name}") for name in ("day", "hour", "zone"))
    if day == _NOTHING:
        return translate("showcase_settings.digest_off", locale)
    if day is None or hour is None or zone is None:  # from an earlier version
        return translate("log.digest_changed", locale)
    name = translate(f"choice.day.{day}", locale)
    return translate(
        "showcase_settings.digest", locale, day=name, hour=f"{int(hour):02d}:00", zone=zone
    )


_DESCRIBERS: Final[Mapping[AuditAction, Callable[[AuditEntry, str | None], list[str]]]] = {
    AuditAction.ARRANGE: _describe_arrangement,
    AuditAction.CHANGE_RULES: describe_rule_changes,
    AuditAction.CHANGE_LIMITS: describe_limit_change,
}
"""For actions whose text ends with a colon: what was changed."""

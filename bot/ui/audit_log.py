"""A server's audit log as text: who did what to which clip, and which settings were changed."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from bot.domain.showcase.post import STAR_EMOJI, AuditAction, AuditEntry, CurationPolicy
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_timestamp, join_fitting_lines, sanitize_text

_CHANGE: Final = re.compile(r"(\w+) = ([^,]*)")
_NOTHING: Final = "None"
Changes = dict[str, str]


def format_audit_log(entries: Sequence[AuditEntry], locale: str | None) -> str:
    """Return a server's audit log, the latest entry first."""
    lines = [line for entry in entries if (line := _format_entry(entry, locale)) is not None]
    if not lines:
        return translate("log.none", locale)
    return join_fitting_lines([translate("log.title", locale), *lines])


def _format_entry(entry: AuditEntry, locale: str | None) -> str | None:
    """Return an entry as a line, or `None` for an old entry without any change."""
    # a separate text, because in most languages "somebody" would not fit into the other one
    key = f"log.{entry.action}" if entry.actor_id is not None else f"log.{entry.action}.unknown"
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
    if entry.action is AuditAction.ARRANGE:
        changes = _describe_changes(dict(_CHANGE.findall(entry.comment or "")), locale)
        if not changes:
            return None
        text = f"{text} {' '.join(changes)}"
    return f"{format_timestamp(entry.recorded_at, 'f')} {text}"


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

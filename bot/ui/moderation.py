"""Word lists and request blocks as text, for admins."""

from collections.abc import Sequence

from bot.domain.moderation.request_block import RequestBlock
from bot.domain.moderation.word_list import WordAction, WordEntry, WordListChange, WordMatch
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    MESSAGE_LIMIT,
    format_labeled,
    format_timestamp,
    join_fitting_lines,
    join_list,
    sanitize_text,
)


def format_word_list(
    entries: Sequence[WordEntry], locale: str | None, *, can_ask: bool = True
) -> str:
    """Return how long a server's list is, and the list itself if that fits into a message.

    Without ``can_ask`` the server has no staff channel, in which moderators could be asked.
    """
    if not entries:
        return translate("server.words.none", locale)
    lines = [translate("server.words.title", locale, total=len(entries))]
    if not can_ask and any(entry.action is WordAction.ASK for entry in entries):
        lines.append(translate("server.words.no_staff_channel", locale))
    listed = 0
    for action in WordAction:
        texts = [sanitize_text(entry.text) for entry in entries if entry.action is action]
        if texts:
            label = translate(f"choice.words.{action}", locale)
            lines.append(format_labeled(label, join_list(texts, locale), locale))
            listed += 1
    text = "\n".join(lines)
    return text if len(text) <= MESSAGE_LIMIT else "\n".join(lines[:-listed])


def build_word_list_file(entries: Sequence[WordEntry]) -> bytes:
    """Return a server's list as text, in the form that the operator's file has."""
    lines = (f"{entry.action.prefix} {entry.text}".strip() for entry in entries)
    return "".join(f"{line}\n" for line in lines).encode()


def format_added_words(change: WordListChange, locale: str | None, *, can_ask: bool) -> str:
    """Return how many entries were added. Without ``can_ask`` no moderator can be asked."""
    text = translate("server.words.added", locale, added=change.changed, total=change.total)
    if can_ask:
        return text
    return f"{text}\n{translate('server.words.no_staff_channel', locale)}"


def format_word_test(
    matches: Sequence[WordMatch], locale: str | None, *, can_ask: bool = True
) -> str:
    """Return what would happen to a request with these ``matches``."""
    if not matches:
        return translate("server.words.test_free", locale)
    lines = [_format_match(match, locale) for match in matches]
    if not can_ask and any(match.entry.action is WordAction.ASK for match in matches):
        lines.append(translate("server.words.no_staff_channel", locale))
    return "\n".join(lines)


def _format_match(match: WordMatch, locale: str | None) -> str:
    owner = "server.words.operators" if match.by_operator else "server.words.servers"
    return translate(
        f"server.words.test_{match.entry.action}",
        locale,
        word=sanitize_text(match.entry.text),
        list=translate(owner, locale),
    )


def format_blocked(block: RequestBlock, ended_jobs: int, locale: str | None) -> str:
    """Return that a member was blocked, and how many of their jobs ended."""
    lines = [_format_block(block, locale)]
    if ended_jobs:
        lines.append(translate("server.block.jobs", locale, jobs=ended_jobs))
    lines.append(translate("server.block.showcase", locale))
    return "\n".join(lines)


def format_blocks(blocks: Sequence[RequestBlock], locale: str | None) -> str:
    """Return the members who may make no clips in a server."""
    if not blocks:
        return translate("server.block.none", locale)
    return join_fitting_lines(
        [
            translate("server.block.title", locale),
            *(_format_block(block, locale) for block in blocks),
        ]
    )


def _format_block(block: RequestBlock, locale: str | None) -> str:
    member = f"<@{block.user_id}>"
    if block.ends_at is None:
        text = translate("server.block.forever", locale, member=member)
    else:
        until = format_timestamp(block.ends_at, "f")
        text = translate("server.block.until", locale, member=member, until=until)
    if block.reason is None:
        return text
    return f"{text} {translate('paused.reason', locale, reason=sanitize_text(block.reason))}"

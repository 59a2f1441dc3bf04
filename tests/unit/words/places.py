"""Where each text is shown, and how long it may be there."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from bot.i18n.formatting import MESSAGE_LIMIT
from tests.unit.words.longest_values import format_price_of_clip

__all__ = ["PLACES", "Place", "find_places", "measure_width"]


@dataclass(frozen=True, slots=True)
class Place:
    """``patterns`` name the keys shown there, as in a shell; ``limit`` counts filled texts.

    ``in_columns`` counts signs of Chinese and Japanese twice, as they are twice as wide.
    """

    name: str
    limit: int
    patterns: tuple[str, ...]
    in_columns: bool = False
    suffix: Callable[[str], str] | None = None
    """What follows on the text in the same place, given the language."""


def _follow_with_price(language: str) -> str:
    return f" · {format_price_of_clip(language)}"


PLACES: Final = (
    Place("name of a command or option: Discord's limit", 32, ("name.*",)),
    Place("name of a menu: Discord's limit", 32, ("menu.*",)),
    Place("description of a command or option: Discord's limit", 100, ("command.*", "option.*")),
    Place("choice of an option or select: Discord's limit", 100, ("choice.*",)),
    # Discord takes 80, but a phone of 360 pixels shows one button of about 34 columns in a row,
    # and cuts what is longer. The price comes last, where it would be cut.
    Place("button, in a phone's width", 34, ("button.*",), in_columns=True),
    Place(
        "button with a price behind it, in a phone's width",
        34,
        (
            "button.reply",
            "button.reply_edit",
            "button.reply_without_image",
            "button.edit_with_image",
            "button.extend_one",
            "button.edit_clip_one",
        ),
        in_columns=True,
        suffix=_follow_with_price,
    ),
    Place("title of a form: Discord's limit", 45, ("form.*.title",)),
    Place("label of an input: Discord's limit", 45, ("form.*.label",)),
    Place("placeholder of an input: Discord's limit", 100, ("form.*.hint",)),
    # Discord takes 150, and shows one line.
    Place("placeholder of a select", 60, ("setup.*_hint",)),
    # A sentence with several of them is still read at a glance.
    Place(
        "words within another text",
        60,
        (
            "clips",
            "content_kind.*",
            "limit.*_at_once",
            "limit.*_per_*",
            "list.separator",
            "log.former_member",
            "mode.*",
            "offer.*",
            "people.*",
            "permission.*",
            "plan.continuation",
            "plan.edit",
            "plan.extension",
            "quota.name.*",
            "quota.scope.*",
            "safety.*",
            "scope.*",
            "seconds",
            "server.people.left.*",
            "server.people.server",
            "server.words.operators",
            "server.words.servers",
            "server.quota.default",
            "server.quota.guild",
            "server.quota.nothing_set",
            "setup.everywhere",
            "setup.no_review",
            "setup.no_staff_channel",
            "setup.nowhere",
            "showcase.prompt_hidden",
            "showcase.prompt_shown",
            "state.*",
            "usage.former",
            "input_kind.*",
            "ask.takes",
            "ask.videos",
            "takes.number",
            "takes.ready",
            "takes.review",
            "details.cuts_allowed",
            "details.default",
            "details.random",
        ),
    ),
    # A card's line of facts, and what stands before a value in *Details*.
    Place(
        "fact in a line of several",
        80,
        (
            "card.*",
            "chain.begins_with_frame",
            "chain.edited",
            "chain.extended*",
            "chain.from",
            "chain.orphan",
            "details.*",
        ),
    ),
    # Lists end at `MESSAGE_LIMIT`, so longer lines only mean fewer of them: at least five.
    Place(
        "line of a list",
        MESSAGE_LIMIT // 5,
        (
            "chain.alone",
            "chain.more",
            "chain.title",
            "digest.*",
            "showcase_entry.*",
            "history.line",
            "history.title",
            "jobs.line",
            "jobs.request",
            "jobs.requests",
            "jobs.title",
            "log.*",
            "models.*",
            "quota.frees",
            "quota.left*",
            "quota.line",
            "quota.title",
            "server.people.choice*",
            "server.quota.title",
            "setup.fine",
            "setup.lacking",
            "setup.unseen",
            "showcase.mine",
            "showcase.that_week",
            "showcase.top",
            "unknown.line",
            "unknown.watched",
            "usage.line",
            "usage.title",
        ),
    ),
    # What is joined is measured in its own place.
    Place("two texts joined", MESSAGE_LIMIT, ("list.labeled", "list.sentences")),
    # A message joins up to three: a note on a picture, a question with its price, what is left.
    Place(
        "sentences of a message",
        MESSAGE_LIMIT // 3,
        (
            "animate.which",
            "ask.*",
            "cancel.*",
            "report.*",
            "review.*",
            "server.reports.*",
            "server.review.*",
            "server.staff.*",
            "check.*",
            "content_refused.*",
            "content_unchecked.*",
            "card.differs",
            "card.fitted",
            "card.late",
            "card.missing",
            "card.original_*",
            "card.too_large",
            "clip.which",
            "delete.*",
            "error.*",
            "eta.*",
            "get.done",
            "history.none*",
            "showcase_settings.*",
            "image.*",
            "jobs.none",
            "limit.frees*",
            "limit.never_frees",
            "limit.reached",
            "log.arrange*",
            "log.none",
            "log.reason",
            "server.log.*",
            "mention.*",
            "moderated.*",
            "models.none",
            "not_allowed.*",
            "not_found.*",
            "notice.ready",
            "notify.*",
            "offer.changes",
            "outcome.*",
            "paused.*",
            "image_note.*",
            "plan.edit_keeps",
            "plan.new_shot",
            "privacy.export",
            "privacy.forgotten",
            "privacy.will_be",
            "privacy.working",
            "quota.unlimited",
            "reply.*",
            "rule.*",
            "server.budget.*",
            "server.confirm.*",
            "server.extending.*",
            "server.prices.*",
            "server.age.*",
            "server.block.*",
            "server.words.*",
            "question.*",
            "words_refused.*",
            "word_entry.*",
            "blocked.*",
            "server.paused",
            "server.people.*",
            "server.quota.*",
            "server.replies.*",
            "server.resumed",
            "server_page.*",
            "showcase.*",
            "stage.*",
            "status.*",
            "takes.*",
            "unknown.*",
            "usage.none",
            "user_install.opening",
        ),
    ),
    Place(
        "message of its own",
        MESSAGE_LIMIT,
        (
            "error.channel_not_allowed",
            "leaving.not_allowed",
            "image.of_file",
            "image.of_option",
            "privacy.confirm",
            "privacy.kept",
            "report.notice.*",
            "showcase.public_notice*",
        ),
    ),
    # 4,000 characters in all: `test_components` builds these cards whole.
    Place("part of a card", 1000, ("help.*", "setup.*", "welcome.*")),
    Place("what members type: not shown", 1000, ("reply_words.*",)),
)


def find_places(key: str) -> list[Place]:
    """Return the places of a key: those with the most exact pattern for it."""
    found = [
        (len(pattern.replace("*", "")), place)
        for place in PLACES
        for pattern in place.patterns
        if fnmatchcase(key, pattern)
    ]
    most = max((exactness for exactness, _ in found), default=0)
    return [place for exactness, place in found if exactness == most]


def measure_width(text: str) -> int:
    """Return the columns that a text takes, where a Latin letter takes one."""
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)

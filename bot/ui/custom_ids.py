"""Custom ids of buttons, forms, menus and page buttons.

Messages are used months after they were posted and after many restarts. So everything that a press
needs is in the custom id (at most 100 characters), and nothing is kept in memory.
"""

import re
from enum import StrEnum
from typing import Final

from bot.domain.billing.money import Micros
from bot.domain.clips.history_query import (
    MAX_SEARCH_LENGTH,
    HistoryFilter,
    HistoryKind,
    PageDirection,
    PageRequest,
)

_PREFIX: Final = "clapper"
ACTION_PATTERN: Final = re.compile(
    rf"{_PREFIX}:(?P<action>[a-z_]+):(?P<number>\d{{1,20}})(?:@(?P<price>\d{{1,15}}))?"
)
PAGE_PATTERN: Final = re.compile(
    rf"{_PREFIX}-page:(?P<direction>older|newer):(?P<clip>\d{{1,12}}):(?P<kind>[a-z]?)"
    r":(?P<model>[^:]{0,32}):(?P<search_text>.*)",
    re.DOTALL,
)
MENU_PATTERN: Final = re.compile(rf"{_PREFIX}-set:(?P<setting>[a-z_]+)")
MAX_NUMBER: Final = 2**63 - 1
"""The largest number that fits into a column of the database."""
_OLD_REWORD_ACTION: Final = "edit"
_OLD_REWORD_FORM: Final = "edit_form"
"""The names of *Reword and redo* in old messages, from before clips could be edited."""
_KIND_BY_LETTER: Final = {kind[:1]: kind for kind in HistoryKind}


class ButtonAction(StrEnum):
    """What a button does. The comments say what the number in its custom id refers to."""

    # a clip
    EXTEND = "extend"
    EDIT = "edit_clip"
    EXTEND_BY_REPLY = "reply"  # with the words of the reply that the bot's question refers to
    EDIT_BY_REPLY = "reply_edit"  # the same, with its images
    TAKE = "take"  # a draft, to be made in full
    SHOWCASE = "showcase"
    ASK_REPORT = "ask_report"  # under a showcase post; its answer has the next one
    REPORT = "report"
    REPORT_HIDE = "report_hide"  # these are for the staff
    REPORT_DELETE = "report_delete"
    REPORT_BLOCK = "report_block"
    REPORT_DISMISS = "report_dismiss"
    REPORT_SHOW = "report_show"
    PUBLISH = "publish"  # to the showcase, after the notice that it is on the web
    PUBLISH_HIDDEN = "publish_hidden"  # the same, without the prompt
    # a job
    REDO = "redo"
    REWORD = "reword"
    FULL_HD = "full_hd"
    ULTRA_HD = "ultra_hd"
    TAKES = "takes"
    MORE_TAKES = "more_takes"
    UPRIGHT = "upright"
    WIDE = "wide"
    DETAILS = "details"
    DELETE = "delete"
    CONFIRM_DELETE = "delete_yes"
    KEEP = "delete_no"
    CANCEL = "cancel"
    UNDO = "undo"
    RETRY = "retry"
    REVIEW_POST = "review_post"
    REVIEW_SPOILER = "review_spoiler"
    REVIEW_REFUSE = "review_refuse"
    REVIEW_REFUSE_CHARGED = "review_refuse_charged"
    OTHER_MODEL = "other_model"
    # a question to the moderators
    QUESTION_ALLOW = "question_allow"
    QUESTION_REFUSE = "question_refuse"
    QUESTION_CANCEL = "question_cancel"  # this one is for the member
    # a pending confirmation
    ACCEPT = "accept"
    ACCEPT_FITTED = "accept_fitted"
    DECLINE = "decline"
    ANIMATE = "animate"  # an image draft
    REWRITE = "rewrite"  # a request that was refused because of its words
    WITHDRAW = "withdraw"  # a showcase post
    RANKING = "ranking"  # a digest
    ERASE_MEMBER = "forget"  # the member whose data is erased
    CHECK_PERMISSIONS = "check"  # always 0
    SETUP = "setup"  # always 0
    SETUP_PAGE_SAFETY = "setup_page_safety"  # always 0
    SETUP_PAGE_CHANNELS = "setup_page_channels"  # always 0
    MODERATION = "moderation"  # always 0

    @classmethod
    def _missing_(cls, value: object) -> "ButtonAction | None":
        return cls.REWORD if value == _OLD_REWORD_ACTION else None


class FormKind(StrEnum):
    """A form. Its number is that of a clip, job, draft or refused request; for a server 0."""

    EXTEND = "extend_form"
    EDIT = "edit_clip_form"
    REWORD = "reword_form"
    ANIMATE = "animate_form"
    REWRITE = "rewrite_form"
    SERVER_PAGE = "server_page_form"
    MODERATION = "moderation_form"

    @classmethod
    def _missing_(cls, value: object) -> "FormKind | None":
        return cls.REWORD if value == _OLD_REWORD_FORM else None


class SetupSetting(StrEnum):
    CHANNELS = "channels"
    PEOPLE = "people"
    AGE = "age"
    QUOTA = "quota"
    BUDGET = "budget"
    CONFIRMATION = "confirm"
    SHOWCASE = "showcase"
    REPLIES = "replies"
    LANGUAGE = "language"
    TRUSTED_ROLE = "trusted_role"


def build_custom_id(
    action: ButtonAction | FormKind | str, number: int, price: Micros | None = None
) -> str:
    """Return the custom id. ``price`` is shown on the button, and a press accepts it."""
    return f"{_PREFIX}:{action}:{number}" + ("" if price is None else f"@{price}")


def parse_shown_price(custom_id: str) -> Micros | None:
    """Return the price on a pressed button, or `None` if it had none."""
    match = ACTION_PATTERN.fullmatch(custom_id)
    return None if match is None or match["price"] is None else Micros(int(match["price"]))


def parse_button_number(custom_id: str, action: ButtonAction) -> int | None:
    """Return the number in a custom id of ``action``, or `None` for any other id."""
    match = ACTION_PATTERN.fullmatch(custom_id)
    names = (action, _OLD_REWORD_ACTION) if action is ButtonAction.REWORD else (action,)
    if match is None or match["action"] not in names or int(match["number"]) > MAX_NUMBER:
        return None
    return int(match["number"])


def is_known_format(custom_id: str) -> bool:
    """Return whether the custom id has a format that this version uses."""
    patterns = (ACTION_PATTERN, PAGE_PATTERN, MENU_PATTERN)
    return any(pattern.fullmatch(custom_id) for pattern in patterns)


def build_menu_custom_id(setting: SetupSetting) -> str:
    return f"{_PREFIX}-set:{setting}"


def build_page_custom_id(page_request: PageRequest) -> str:
    """Return the custom id of a page button, with the whole query."""
    query = page_request.history_filter
    # Discord counts UTF-16 code units
    units = (query.search_text or "").encode("utf-16-le")[: 2 * MAX_SEARCH_LENGTH]
    search_text = units.decode("utf-16-le", "ignore")
    kind, model = (query.kind or "")[:1], (query.model or "").replace(":", "")[:32]
    position = f"{page_request.direction}:{page_request.clip_id}"
    return f"{_PREFIX}-page:{position}:{kind}:{model}:{search_text}"


def parse_page_request(match: re.Match[str]) -> PageRequest:
    history_filter = HistoryFilter(
        model=match["model"] or None,
        search_text=match["search_text"] or None,
        kind=_KIND_BY_LETTER.get(match["kind"]),
    )
    return PageRequest(PageDirection(match["direction"]), int(match["clip"]), history_filter)

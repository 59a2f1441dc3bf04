"""Where each text is shown, how long it may be there, and the longest values of placeholders."""
"""Where each text is shown, how long it may be there, and the longest values of placeholders."""
"""Where each text is shown, how long it may be there, and the longest values of placeholders."""
"""Where each text is shown, how long it may be there, and the longest values of placeholders."""




import string
import string
import string
import string
import unicodedata
import unicodedata
import unicodedata
import unicodedata
from collections.abc import Callable, Iterator
from collections.abc import Callable, Iterator
from collections.abc import Callable, Iterator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import dataclass
from dataclasses import dataclass
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fnmatch import fnmatchcase
from fnmatch import fnmatchcase
from fnmatch import fnmatchcase
from functools import cache
from functools import cache
from functools import cache
from functools import cache
from typing import Final
from typing import Final
from typing import Final
from typing import Final
from zoneinfo import available_timezones
from zoneinfo import available_timezones
from zoneinfo import available_timezones
from zoneinfo import available_timezones




from bot.config.model_catalog import load_catalog
from bot.config.model_catalog import load_catalog
from bot.config.model_catalog import load_catalog
from bot.config.model_catalog import load_catalog
from bot.domain.billing.limits import UsageLimits
from bot.domain.billing.limits import UsageLimits
from bot.domain.billing.limits import UsageLimits
from bot.domain.billing.limits import UsageLimits
from bot.domain.billing.money import Micros, to_micros
from bot.domain.billing.money import Micros, to_micros
from bot.domain.billing.money import Micros, to_micros
from bot.domain.billing.money import Micros, to_micros
from bot.domain.moderation.word_list import MAX_ENTRY_LENGTH
from bot.domain.moderation.word_list import MAX_ENTRY_LENGTH
from bot.domain.moderation.word_list import MAX_ENTRY_LENGTH
from bot.domain.moderation.word_list import MAX_ENTRY_LENGTH
from bot.i18n.formatting import MESSAGE_LIMIT, format_excerpt, format_money, join_list
from bot.i18n.formatting import MESSAGE_LIMIT, format_excerpt, format_money, join_list
from bot.i18n.formatting import MESSAGE_LIMIT, format_excerpt, format_money, join_list
from bot.i18n.formatting import MESSAGE_LIMIT, format_excerpt, format_money, join_list
from bot.i18n.translations import load_translations
from bot.i18n.translations import load_translations
from bot.i18n.translations import load_translations
from bot.i18n.translations import load_translations
from bot.ui.offer_text import format_model_strengths
from bot.ui.offer_text import format_model_strengths
from bot.ui.offer_text import format_model_strengths
from bot.ui.offer_text import format_model_strengths
from bot.ui.text_lists import format_limits
from bot.ui.text_lists import format_limits
from bot.ui.text_lists import format_limits
from bot.ui.text_lists import format_limits




__all__ = ["PLACES", "Place", "fill_text", "find_places", "list_texts", "measure_width"]
__all__ = ["PLACES", "Place", "fill_text", "find_places", "list_texts", "measure_width"]
__all__ = ["PLACES", "Place", "fill_text", "find_places", "list_texts", "measure_width"]
__all__ = ["PLACES", "Place", "fill_text", "find_places", "list_texts", "measure_width"]








@dataclass(frozen=True, slots=True)
@dataclass(frozen=True, slots=True)
@dataclass(frozen=True, slots=True)
@dataclass(frozen=True, slots=True)
class Place:
class Place:
class Place:
class Place:
    """``patterns`` name the keys shown there, as in a shell; ``limit`` counts filled texts.
    """``patterns`` name the keys shown there, as in a shell; ``limit`` counts filled texts.
    """``patterns`` name the keys shown there, as in a shell; ``limit`` counts filled texts.
    """``patterns`` name the keys shown there, as in a shell; ``limit`` counts filled texts.




    ``in_columns`` counts signs of Chinese and Japanese twice, as they are twice as wide.
    ``in_columns`` counts signs of Chinese and Japanese twice, as they are twice as wide.
    ``in_columns`` counts signs of Chinese and Japanese twice, as they are twice as wide.
    ``in_columns`` counts signs of Chinese and Japanese twice, as they are twice as wide.
    """
    """
    """
    """




    name: str
    name: str
    name: str
    name: str
    limit: int
    limit: int
    limit: int
    limit: int
    patterns: tuple[str, ...]
    patterns: tuple[str, ...]
    patterns: tuple[str, ...]
    patterns: tuple[str, ...]
    in_columns: bool = False
    in_columns: bool = False
    in_columns: bool = False
    in_columns: bool = False
    suffix: Callable[[str], str] | None = None
    suffix: Callable[[str], str] | None = None
    suffix: Callable[[str], str] | None = None
    suffix: Callable[[str], str] | None = None
    """What follows on the text in the same place, given the language."""
    """What follows on the text in the same place, given the language."""
    """What follows on the text in the same place, given the language."""
    """What follows on the text in the same place, given the language."""








def _follow_with_price(language: str) -> str:
def _follow_with_price(language: str) -> str:
def _follow_with_price(language: str) -> str:
def _follow_with_price(language: str) -> str:
    return f" · {_format_price_of_clip(language)}"
    return f" · {_format_price_of_clip(language)}"
    return f" · {_format_price_of_clip(language)}"
    return f" · {_format_price_of_clip(language)}"








PLACES: Final = (
PLACES: Final = (
PLACES: Final = (
PLACES: Final = (
    Place("name of a command or option: Discord's limit", 32, ("name.*",)),
    Place("name of a command or option: Discord's limit", 32, ("name.*",)),
    Place("name of a command or option: Discord's limit", 32, ("name.*",)),
    Place("name of a command or option: Discord's limit", 32, ("name.*",)),
    Place("name of a menu: Discord's limit", 32, ("menu.*",)),
    Place("name of a menu: Discord's limit", 32, ("menu.*",)),
    Place("name of a menu: Discord's limit", 32, ("menu.*",)),
    Place("name of a menu: Discord's limit", 32, ("menu.*",)),
    Place("description of a command or option: Discord's limit", 100, ("command.*", "option.*")),
    Place("description of a command or option: Discord's limit", 100, ("command.*", "option.*")),
    Place("description of a command or option: Discord's limit", 100, ("command.*", "option.*")),
    Place("description of a command or option: Discord's limit", 100, ("command.*", "option.*")),
    Place("choice of an option or select: Discord's limit", 100, ("choice.*",)),
    Place("choice of an option or select: Discord's limit", 100, ("choice.*",)),
    Place("choice of an option or select: Discord's limit", 100, ("choice.*",)),
    Place("choice of an option or select: Discord's limit", 100, ("choice.*",)),
    # Discord takes 80, but a phone of 360 pixels shows one button of about 34 columns in a row,
    # Discord takes 80, but a phone of 360 pixels shows one button of about 34 columns in a row,
    # Discord takes 80, but a phone of 360 pixels shows one button of about 34 columns in a row,
    # Discord takes 80, but a phone of 360 pixels shows one button of about 34 columns in a row,
    # and cuts what is longer. The price comes last, where it would be cut.
    # and cuts what is longer. The price comes last, where it would be cut.
    # and cuts what is longer. The price comes last, where it would be cut.
    # and cuts what is longer. The price comes last, where it would be cut.
    Place("button, in a phone's width", 34, ("button.*",), in_columns=True),
    Place("button, in a phone's width", 34, ("button.*",), in_columns=True),
    Place("button, in a phone's width", 34, ("button.*",), in_columns=True),
    Place("button, in a phone's width", 34, ("button.*",), in_columns=True),
    Place(
    Place(
    Place(
    Place(
        "button with a price behind it, in a phone's width",
        "button with a price behind it, in a phone's width",
        "button with a price behind it, in a phone's width",
        "button with a price behind it, in a phone's width",
        34,
        34,
        34,
        34,
        (
        (
        (
        (
            "button.reply",
            "button.reply",
            "button.reply",
            "button.reply",
            "button.reply_edit",
            "button.reply_edit",
            "button.reply_edit",
            "button.reply_edit",
            "button.reply_without_image",
            "button.reply_without_image",
            "button.reply_without_image",
            "button.reply_without_image",
            "button.edit_with_image",
            "button.edit_with_image",
            "button.edit_with_image",
            "button.edit_with_image",
            "button.extend_one",
            "button.extend_one",
            "button.extend_one",
            "button.extend_one",
            "button.edit_clip_one",
            "button.edit_clip_one",
            "button.edit_clip_one",
            "button.edit_clip_one",
        ),
        ),
        ),
        ),
        in_columns=True,
        in_columns=True,
        in_columns=True,
        in_columns=True,
        suffix=_follow_with_price,
        suffix=_follow_with_price,
        suffix=_follow_with_price,
        suffix=_follow_with_price,
    ),
    ),
    ),
    ),
    Place("title of a form: Discord's limit", 45, ("form.*.title",)),
    Place("title of a form: Discord's limit", 45, ("form.*.title",)),
    Place("title of a form: Discord's limit", 45, ("form.*.title",)),
    Place("title of a form: Discord's limit", 45, ("form.*.title",)),
    Place("label of an input: Discord's limit", 45, ("form.*.label",)),
    Place("label of an input: Discord's limit", 45, ("form.*.label",)),
    Place("label of an input: Discord's limit", 45, ("form.*.label",)),
    Place("label of an input: Discord's limit", 45, ("form.*.label",)),
    Place("placeholder of an input: Discord's limit", 100, ("form.*.hint",)),
    Place("placeholder of an input: Discord's limit", 100, ("form.*.hint",)),
    Place("placeholder of an input: Discord's limit", 100, ("form.*.hint",)),
    Place("placeholder of an input: Discord's limit", 100, ("form.*.hint",)),
    # Discord takes 150, and shows one line.
    # Discord takes 150, and shows one line.
    # Discord takes 150, and shows one line.
    # Discord takes 150, and shows one line.
    Place("placeholder of a select", 60, ("setup.*_hint",)),
    Place("placeholder of a select", 60, ("setup.*_hint",)),
    Place("placeholder of a select", 60, ("setup.*_hint",)),
    Place("placeholder of a select", 60, ("setup.*_hint",)),
    # A sentence with several of them is still read at a glance.
    # A sentence with several of them is still read at a glance.
    # A sentence with several of them is still read at a glance.
    # A sentence with several of them is still read at a glance.
    Place(
    Place(
    Place(
    Place(
        "words within another text",
        "words within another text",
        "words within another text",
        "words within another text",
        60,
        60,
        60,
        60,
        (
        (
        (
        (
            "clips",
            "clips",
            "clips",
            "clips",
            "limit.*_at_once",
            "limit.*_at_once",
            "limit.*_at_once",
            "limit.*_at_once",
            "limit.*_per_*",
            "limit.*_per_*",
            "limit.*_per_*",
            "limit.*_per_*",
            "list.separator",
            "list.separator",
            "list.separator",
            "list.separator",
            "log.former_member",
            "log.former_member",
            "log.former_member",
            "log.former_member",
            "mode.*",
            "mode.*",
            "mode.*",
            "mode.*",
            "offer.*",
            "offer.*",
            "offer.*",
            "offer.*",
            "people.*",
            "people.*",
            "people.*",
            "people.*",
            "permission.*",
            "permission.*",
            "permission.*",
            "permission.*",
            "plan.edit",
            "plan.edit",
            "plan.edit",
            "plan.edit",
            "plan.extension",
            "plan.extension",
            "plan.extension",
            "plan.extension",
            "quota.name.*",
            "quota.name.*",
            "quota.name.*",
            "quota.name.*",
            "quota.scope.*",
            "quota.scope.*",
            "quota.scope.*",
            "quota.scope.*",
            "safety.*",
            "safety.*",
            "safety.*",
            "safety.*",
            "scope.*",
            "scope.*",
            "scope.*",
            "scope.*",
            "seconds",
            "seconds",
            "seconds",
            "seconds",
            "server.people.left.*",
            "server.people.left.*",
            "server.people.left.*",
            "server.people.left.*",
            "server.people.server",
            "server.people.server",
            "server.people.server",
            "server.people.server",
            "server.words.operators",
            "server.words.operators",
            "server.words.operators",
            "server.words.operators",
            "server.words.servers",
            "server.words.servers",
            "server.words.servers",
            "server.words.servers",
            "server.quota.default",
            "server.quota.default",
            "server.quota.default",
            "server.quota.default",
            "server.quota.guild",
            "server.quota.guild",
            "server.quota.guild",
            "server.quota.guild",
            "server.quota.nothing_set",
            "server.quota.nothing_set",
            "server.quota.nothing_set",
            "server.quota.nothing_set",
            "setup.everywhere",
            "setup.everywhere",
            "setup.everywhere",
            "setup.everywhere",
            "setup.nowhere",
            "setup.nowhere",
            "setup.nowhere",
            "setup.nowhere",
            "showcase.prompt_hidden",
            "showcase.prompt_hidden",
            "showcase.prompt_hidden",
            "showcase.prompt_hidden",
            "showcase.prompt_shown",
            "showcase.prompt_shown",
            "showcase.prompt_shown",
            "showcase.prompt_shown",
            "state.*",
            "state.*",
            "state.*",
            "state.*",
            "usage.former",
            "usage.former",
            "usage.former",
            "usage.former",
            "input_kind.*",
            "input_kind.*",
            "input_kind.*",
            "input_kind.*",
            "ask.videos",
            "ask.videos",
            "ask.videos",
            "ask.videos",
            "details.cuts_allowed",
            "details.cuts_allowed",
            "details.cuts_allowed",
            "details.cuts_allowed",
            "details.default",
            "details.default",
            "details.default",
            "details.default",
            "details.random",
            "details.random",
            "details.random",
            "details.random",
        ),
        ),
        ),
        ),
    ),
    ),
    ),
    ),
    # A card's line of facts, and what stands before a value in *Details*.
    # A card's line of facts, and what stands before a value in *Details*.
    # A card's line of facts, and what stands before a value in *Details*.
    # A card's line of facts, and what stands before a value in *Details*.
    Place(
    Place(
    Place(
    Place(
        "fact in a line of several",
        "fact in a line of several",
        "fact in a line of several",
        "fact in a line of several",
        80,
        80,
        80,
        80,
        ("card.*", "chain.edited", "chain.extended*", "chain.from", "chain.orphan", "details.*"),
        ("card.*", "chain.edited", "chain.extended*", "chain.from", "chain.orphan", "details.*"),
        ("card.*", "chain.edited", "chain.extended*", "chain.from", "chain.orphan", "details.*"),
        ("card.*", "chain.edited", "chain.extended*", "chain.from", "chain.orphan", "details.*"),
    ),
    ),
    ),
    ),
    # Lists end at `MESSAGE_LIMIT`, so longer lines only mean fewer of them: at least five.
    # Lists end at `MESSAGE_LIMIT`, so longer lines only mean fewer of them: at least five.
    # Lists end at `MESSAGE_LIMIT`, so longer lines only mean fewer of them: at least five.
    # Lists end at `MESSAGE_LIMIT`, so longer lines only mean fewer of them: at least five.
    Place(
    Place(
    Place(
    Place(
        "line of a list",
        "line of a list",
        "line of a list",
        "line of a list",
        MESSAGE_LIMIT // 5,
        MESSAGE_LIMIT // 5,
        MESSAGE_LIMIT // 5,
        MESSAGE_LIMIT // 5,
        (
        (
        (
        (
            "chain.alone",
            "chain.alone",
            "chain.alone",
            "chain.alone",
            "chain.more",
            "chain.more",
            "chain.more",
            "chain.more",
            "chain.title",
            "chain.title",
            "chain.title",
            "chain.title",
            "digest.*",
            "digest.*",
            "digest.*",
            "digest.*",
            "showcase_entry.*",
            "showcase_entry.*",
            "showcase_entry.*",
            "showcase_entry.*",
            "history.line",
            "history.line",
            "history.line",
            "history.line",
            "history.title",
            "history.title",
            "history.title",
            "history.title",
            "jobs.line",
            "jobs.line",
            "jobs.line",
            "jobs.line",
            "jobs.title",
            "jobs.title",
            "jobs.title",
            "jobs.title",
            "log.*",
            "log.*",
            "log.*",
            "log.*",
            "models.*",
            "models.*",
            "models.*",
            "models.*",
            "quota.frees",
            "quota.frees",
            "quota.frees",
            "quota.frees",
            "quota.left*",
            "quota.left*",
            "quota.left*",
            "quota.left*",
            "quota.line",
            "quota.line",
            "quota.line",
            "quota.line",
            "quota.title",
            "quota.title",
            "quota.title",
            "quota.title",
            "server.people.choice*",
            "server.people.choice*",
            "server.people.choice*",
            "server.people.choice*",
            "server.quota.title",
            "server.quota.title",
            "server.quota.title",
            "server.quota.title",
            "setup.fine",
            "setup.fine",
            "setup.fine",
            "setup.fine",
            "setup.lacking",
            "setup.lacking",
            "setup.lacking",
            "setup.lacking",
            "setup.unseen",
            "setup.unseen",
            "setup.unseen",
            "setup.unseen",
            "showcase.mine",
            "showcase.mine",
            "showcase.mine",
            "showcase.mine",
            "showcase.that_week",
            "showcase.that_week",
            "showcase.that_week",
            "showcase.that_week",
            "showcase.top",
            "showcase.top",
            "showcase.top",
            "showcase.top",
            "unknown.line",
            "unknown.line",
            "unknown.line",
            "unknown.line",
            "unknown.watched",
            "unknown.watched",
            "unknown.watched",
            "unknown.watched",
            "usage.line",
            "usage.line",
            "usage.line",
            "usage.line",
            "usage.title",
            "usage.title",
            "usage.title",
            "usage.title",
        ),
        ),
        ),
        ),
    ),
    ),
    ),
    ),
    # What is joined is measured in its own place.
    # What is joined is measured in its own place.
    # What is joined is measured in its own place.
    # What is joined is measured in its own place.
    Place("two texts joined", MESSAGE_LIMIT, ("list.labeled", "list.sentences")),
    Place("two texts joined", MESSAGE_LIMIT, ("list.labeled", "list.sentences")),
    Place("two texts joined", MESSAGE_LIMIT, ("list.labeled", "list.sentences")),
    Place("two texts joined", MESSAGE_LIMIT, ("list.labeled", "list.sentences")),
    # A message joins up to three: a note on a picture, a question with its price, what is left.
    # A message joins up to three: a note on a picture, a question with its price, what is left.
    # A message joins up to three: a note on a picture, a question with its price, what is left.
    # A message joins up to three: a note on a picture, a question with its price, what is left.
    Place(
    Place(
    Place(
    Place(
        "sentences of a message",
        "sentences of a message",
        "sentences of a message",
        "sentences of a message",
        MESSAGE_LIMIT // 3,
        MESSAGE_LIMIT // 3,
        MESSAGE_LIMIT // 3,
        MESSAGE_LIMIT // 3,
        (
        (
        (
        (
            "animate.which",
            "animate.which",
            "animate.which",
            "animate.which",
            "ask.*",
            "ask.*",
            "ask.*",
            "ask.*",
            "cancel.*",
            "cancel.*",
            "cancel.*",
            "cancel.*",
            "review.*",
            "review.*",
            "review.*",
            "review.*",
            "server.review.*",
            "server.review.*",
            "server.review.*",
            "server.review.*",
            "card.differs",
            "card.differs",
            "card.differs",
            "card.differs",
            "card.fitted",
            "card.fitted",
            "card.fitted",
            "card.fitted",
            "card.late",
            "card.late",
            "card.late",
            "card.late",
            "card.missing",
            "card.missing",
            "card.missing",
            "card.missing",
            "card.original_*",
            "card.original_*",
            "card.original_*",
            "card.original_*",
            "card.too_large",
            "card.too_large",
            "card.too_large",
            "card.too_large",
            "clip.which",
            "clip.which",
            "clip.which",
            "clip.which",
            "delete.*",
            "delete.*",
            "delete.*",
            "delete.*",
            "error.*",
            "error.*",
            "error.*",
            "error.*",
            "eta.*",
            "eta.*",
            "eta.*",
            "eta.*",
            "get.done",
            "get.done",
            "get.done",
            "get.done",
            "history.none*",
            "history.none*",
            "history.none*",
            "history.none*",
            "showcase_settings.*",
            "showcase_settings.*",
            "showcase_settings.*",
            "showcase_settings.*",
            "image.*",
            "image.*",
            "image.*",
            "image.*",
            "jobs.none",
            "jobs.none",
            "jobs.none",
            "jobs.none",
            "limit.frees*",
            "limit.frees*",
            "limit.frees*",
            "limit.frees*",
            "limit.never_frees",
            "limit.never_frees",
            "limit.never_frees",
            "limit.never_frees",
            "limit.reached",
            "limit.reached",
            "limit.reached",
            "limit.reached",
            "log.arrange*",
            "log.arrange*",
            "log.arrange*",
            "log.arrange*",
            "log.none",
            "log.none",
            "log.none",
            "log.none",
            "mention.*",
            "mention.*",
            "mention.*",
            "mention.*",
            "moderated.*",
            "moderated.*",
            "moderated.*",
            "moderated.*",
            "models.none",
            "models.none",
            "models.none",
            "models.none",
            "not_allowed.*",
            "not_allowed.*",
            "not_allowed.*",
            "not_allowed.*",
            "not_found.*",
            "not_found.*",
            "not_found.*",
            "not_found.*",
            "notice.ready",
            "notice.ready",
            "notice.ready",
            "notice.ready",
            "notify.*",
            "notify.*",
            "notify.*",
            "notify.*",
            "offer.changes",
            "offer.changes",
            "offer.changes",
            "offer.changes",
            "outcome.*",
            "outcome.*",
            "outcome.*",
            "outcome.*",
            "paused.*",
            "paused.*",
            "paused.*",
            "paused.*",
            "image_note.*",
            "image_note.*",
            "image_note.*",
            "image_note.*",
            "plan.edit_keeps",
            "plan.edit_keeps",
            "plan.edit_keeps",
            "plan.edit_keeps",
            "privacy.export",
            "privacy.export",
            "privacy.export",
            "privacy.export",
            "privacy.forgotten",
            "privacy.forgotten",
            "privacy.forgotten",
            "privacy.forgotten",
            "privacy.will_be",
            "privacy.will_be",
            "privacy.will_be",
            "privacy.will_be",
            "privacy.working",
            "privacy.working",
            "privacy.working",
            "privacy.working",
            "quota.unlimited",
            "quota.unlimited",
            "quota.unlimited",
            "quota.unlimited",
            "reply.*",
            "reply.*",
            "reply.*",
            "reply.*",
            "rule.*",
            "rule.*",
            "rule.*",
            "rule.*",
            "server.budget.*",
            "server.budget.*",
            "server.budget.*",
            "server.budget.*",
            "server.confirm.*",
            "server.confirm.*",
            "server.confirm.*",
            "server.confirm.*",
            "server.extending.*",
            "server.extending.*",
            "server.extending.*",
            "server.extending.*",
            "server.prices.*",
            "server.prices.*",
            "server.prices.*",
            "server.prices.*",
            "server.age.*",
            "server.age.*",
            "server.age.*",
            "server.age.*",
            "server.block.*",
            "server.block.*",
            "server.block.*",
            "server.block.*",
            "server.words.*",
            "server.words.*",
            "server.words.*",
            "server.words.*",
            "words_refused.*",
            "words_refused.*",
            "words_refused.*",
            "words_refused.*",
            "word_entry.*",
            "word_entry.*",
            "word_entry.*",
            "word_entry.*",
            "blocked.*",
            "blocked.*",
            "blocked.*",
            "blocked.*",
            "server.paused",
            "server.paused",
            "server.paused",
            "server.paused",
            "server.people.*",
            "server.people.*",
            "server.people.*",
            "server.people.*",
            "server.quota.*",
            "server.quota.*",
            "server.quota.*",
            "server.quota.*",
            "server.replies.*",
            "server.replies.*",
            "server.replies.*",
            "server.replies.*",
            "server.resumed",
            "server.resumed",
            "server.resumed",
            "server.resumed",
            "server_page.*",
            "server_page.*",
            "server_page.*",
            "server_page.*",
            "showcase.*",
            "showcase.*",
            "showcase.*",
            "showcase.*",
            "stage.*",
            "stage.*",
            "stage.*",
            "stage.*",
            "status.*",
            "status.*",
            "status.*",
            "status.*",
            "unknown.*",
            "unknown.*",
            "unknown.*",
            "unknown.*",
            "usage.none",
            "usage.none",
            "usage.none",
            "usage.none",
            "user_install.opening",
            "user_install.opening",
            "user_install.opening",
            "user_install.opening",
        ),
        ),
        ),
        ),
    ),
    ),
    ),
    ),
    Place(
    Place(
    Place(
    Place(
        "message of its own",
        "message of its own",
        "message of its own",
        "message of its own",
        MESSAGE_LIMIT,
        MESSAGE_LIMIT,
        MESSAGE_LIMIT,
        MESSAGE_LIMIT,
        (
        (
        (
        (
            "error.channel_not_allowed",
            "error.channel_not_allowed",
            "error.channel_not_allowed",
            "error.channel_not_allowed",
            "leaving.not_allowed",
            "leaving.not_allowed",
            "leaving.not_allowed",
            "leaving.not_allowed",
            "image.of_file",
            "image.of_file",
            "image.of_file",
            "image.of_file",
            "image.of_option",
            "image.of_option",
            "image.of_option",
            "image.of_option",
            "privacy.confirm",
            "privacy.confirm",
            "privacy.confirm",
            "privacy.confirm",
            "privacy.kept",
            "privacy.kept",
            "privacy.kept",
            "privacy.kept",
            "showcase.public_notice*",
            "showcase.public_notice*",
            "showcase.public_notice*",
            "showcase.public_notice*",
        ),
        ),
        ),
        ),
    ),
    ),
    ),
    ),
    # 4,000 characters in all: `test_components` builds these cards whole.
    # 4,000 characters in all: `test_components` builds these cards whole.
    # 4,000 characters in all: `test_components` builds these cards whole.
    # 4,000 characters in all: `test_components` builds these cards whole.
    Place("part of a card", 1000, ("help.*", "setup.*", "welcome.*")),
    Place("part of a card", 1000, ("help.*", "setup.*", "welcome.*")),
    Place("part of a card", 1000, ("help.*", "setup.*", "welcome.*")),
    Place("part of a card", 1000, ("help.*", "setup.*", "welcome.*")),
    Place("what members type: not shown", 1000, ("reply_words.*",)),
    Place("what members type: not shown", 1000, ("reply_words.*",)),
    Place("what members type: not shown", 1000, ("reply_words.*",)),
    Place("what members type: not shown", 1000, ("reply_words.*",)),
)
)
)
)








def find_places(key: str) -> list[Place]:
def find_places(key: str) -> list[Place]:
def find_places(key: str) -> list[Place]:
def find_places(key: str) -> list[Place]:
    """Return the places of a key: those with the most exact pattern for it."""
    """Return the places of a key: those with the most exact pattern for it."""
    """Return the places of a key: those with the most exact pattern for it."""
    """Return the places of a key: those with the most exact pattern for it."""
    found = [
    found = [
    found = [
    found = [
        (len(pattern.replace("*", "")), place)
        (len(pattern.replace("*", "")), place)
        (len(pattern.replace("*", "")), place)
        (len(pattern.replace("*", "")), place)
        for place in PLACES
        for place in PLACES
        for place in PLACES
        for place in PLACES
        for pattern in place.patterns
        for pattern in place.patterns
        for pattern in place.patterns
        for pattern in place.patterns
        if fnmatchcase(key, pattern)
        if fnmatchcase(key, pattern)
        if fnmatchcase(key, pattern)
        if fnmatchcase(key, pattern)
    ]
    ]
    ]
    ]
    most = max((exactness for exactness, _ in found), default=0)
    most = max((exactness for exactness, _ in found), default=0)
    most = max((exactness for exactness, _ in found), default=0)
    most = max((exactness for exactness, _ in found), default=0)
    return [place for exactness, place in found if exactness == most]
    return [place for exactness, place in found if exactness == most]
    return [place for exactness, place in found if exactness == most]
    return [place for exactness, place in found if exactness == most]








@cache
@cache
@cache
@cache
def list_texts(language: str) -> dict[str, tuple[str, ...]]:
def list_texts(language: str) -> dict[str, tuple[str, ...]]:
def list_texts(language: str) -> dict[str, tuple[str, ...]]:
def list_texts(language: str) -> dict[str, tuple[str, ...]]:
    """Return every text of a language by its key, with all its plural forms."""
    """Return every text of a language by its key, with all its plural forms."""
    """Return every text of a language by its key, with all its plural forms."""
    """Return every text of a language by its key, with all its plural forms."""
    forms: dict[str, tuple[str, ...]] = {}
    forms: dict[str, tuple[str, ...]] = {}
    forms: dict[str, tuple[str, ...]] = {}
    forms: dict[str, tuple[str, ...]] = {}
    for key, text in load_translations(language)._catalog.items():
    for key, text in load_translations(language)._catalog.items():
    for key, text in load_translations(language)._catalog.items():
    for key, text in load_translations(language)._catalog.items():
        if key:
        if key:
        if key:
        if key:
            name = key[0] if isinstance(key, tuple) else key
            name = key[0] if isinstance(key, tuple) else key
            name = key[0] if isinstance(key, tuple) else key
            name = key[0] if isinstance(key, tuple) else key
            forms[name] = (*forms.get(name, ()), text)
            forms[name] = (*forms.get(name, ()), text)
            forms[name] = (*forms.get(name, ()), text)
            forms[name] = (*forms.get(name, ()), text)
    return forms
    return forms
    return forms
    return forms








def measure_width(text: str) -> int:
def measure_width(text: str) -> int:
def measure_width(text: str) -> int:
def measure_width(text: str) -> int:
    """Return the columns that a text takes, where a Latin letter takes one."""
    """Return the columns that a text takes, where a Latin letter takes one."""
    """Return the columns that a text takes, where a Latin letter takes one."""
    """Return the columns that a text takes, where a Latin letter takes one."""
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)








def fill_text(key: str, template: str, language: str) -> str:
def fill_text(key: str, template: str, language: str) -> str:
def fill_text(key: str, template: str, language: str) -> str:
def fill_text(key: str, template: str, language: str) -> str:
    """Fill the placeholders with the longest values. Raises `KeyError` for one without a value."""
    """Fill the placeholders with the longest values. Raises `KeyError` for one without a value."""
    """Fill the placeholders with the longest values. Raises `KeyError` for one without a value."""
    """Fill the placeholders with the longest values. Raises `KeyError` for one without a value."""
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    return template.format(**{name: _find_value(key, name, language) for name in names})
    return template.format(**{name: _find_value(key, name, language) for name in names})
    return template.format(**{name: _find_value(key, name, language) for name in names})
    return template.format(**{name: _find_value(key, name, language) for name in names})








def _find_value(key: str, name: str, language: str) -> str:
def _find_value(key: str, name: str, language: str) -> str:
def _find_value(key: str, name: str, language: str) -> str:
def _find_value(key: str, name: str, language: str) -> str:
    for pattern, value in _VALUES:
    for pattern, value in _VALUES:
    for pattern, value in _VALUES:
    for pattern, value in _VALUES:
        if fnmatchcase(f"{key}:{name}", pattern):
        if fnmatchcase(f"{key}:{name}", pattern):
        if fnmatchcase(f"{key}:{name}", pattern):
        if fnmatchcase(f"{key}:{name}", pattern):
            return value if isinstance(value, str) else value(language)
            return value if isinstance(value, str) else value(language)
            return value if isinstance(value, str) else value(language)
            return value if isinstance(value, str) else value(language)
    raise KeyError(f"{key} has a placeholder {name}, of which places.py knows no longest value")
    raise KeyError(f"{key} has a placeholder {name}, of which places.py knows no longest value")
    raise KeyError(f"{key} has a placeholder {name}, of which places.py knows no longest value")
    raise KeyError(f"{key} has a placeholder {name}, of which places.py knows no longest value")








def _longest(*patterns: str) -> Callable[[str], str]:
def _longest(*patterns: str) -> Callable[[str], str]:
def _longest(*patterns: str) -> Callable[[str], str]:
def _longest(*patterns: str) -> Callable[[str], str]:
    """Return the longest text whose key fits, filled."""
    """Return the longest text whose key fits, filled."""
    """Return the longest text whose key fits, filled."""
    """Return the longest text whose key fits, filled."""




    def find(language: str) -> str:
    def find(language: str) -> str:
    def find(language: str) -> str:
    def find(language: str) -> str:
        return max(_fill_all(patterns, language), key=len)
        return max(_fill_all(patterns, language), key=len)
        return max(_fill_all(patterns, language), key=len)
        return max(_fill_all(patterns, language), key=len)




    return find
    return find
    return find
    return find








def _all(pattern: str) -> Callable[[str], str]:
def _all(pattern: str) -> Callable[[str], str]:
def _all(pattern: str) -> Callable[[str], str]:
def _all(pattern: str) -> Callable[[str], str]:
    def join(language: str) -> str:
    def join(language: str) -> str:
    def join(language: str) -> str:
    def join(language: str) -> str:
        return join_list(_fill_all((pattern,), language), language)
        return join_list(_fill_all((pattern,), language), language)
        return join_list(_fill_all((pattern,), language), language)
        return join_list(_fill_all((pattern,), language), language)




    return join
    return join
    return join
    return join








def _fill_all(patterns: tuple[str, ...], language: str) -> Iterator[str]:
def _fill_all(patterns: tuple[str, ...], language: str) -> Iterator[str]:
def _fill_all(patterns: tuple[str, ...], language: str) -> Iterator[str]:
def _fill_all(patterns: tuple[str, ...], language: str) -> Iterator[str]:
    for key, forms in list_texts(language).items():
    for key, forms in list_texts(language).items():
    for key, forms in list_texts(language).items():
    for key, forms in list_texts(language).items():
        if any(fnmatchcase(key, pattern) for pattern in patterns):
        if any(fnmatchcase(key, pattern) for pattern in patterns):
        if any(fnmatchcase(key, pattern) for pattern in patterns):
        if any(fnmatchcase(key, pattern) for pattern in patterns):
            yield from (fill_text(key, form, language) for form in forms)
            yield from (fill_text(key, form, language) for form in forms)
            yield from (fill_text(key, form, language) for form in forms)
            yield from (fill_text(key, form, language) for form in forms)








def _format_price(language: str) -> str:
def _format_price(language: str) -> str:
def _format_price(language: str) -> str:
def _format_price(language: str) -> str:
    return format_money(to_micros("9999.99"), language)
    return format_money(to_micros("9999.99"), language)
    return format_money(to_micros("9999.99"), language)
    return format_money(to_micros("9999.99"), language)








def _format_price_of_clip(language: str) -> str:
def _format_price_of_clip(language: str) -> str:
def _format_price_of_clip(language: str) -> str:
def _format_price_of_clip(language: str) -> str:
    """Return the price of a dear clip; Veo's dearest costs under $5."""
    """Return the price of a dear clip; Veo's dearest costs under $5."""
    """Return the price of a dear clip; Veo's dearest costs under $5."""
    """Return the price of a dear clip; Veo's dearest costs under $5."""
    return format_money(Micros(9_990_000), language)
    return format_money(Micros(9_990_000), language)
    return format_money(Micros(9_990_000), language)
    return format_money(Micros(9_990_000), language)








def _format_limits(language: str) -> str:
def _format_limits(language: str) -> str:
def _format_limits(language: str) -> str:
def _format_limits(language: str) -> str:
    million = to_micros("1000000")
    million = to_micros("1000000")
    million = to_micros("1000000")
    million = to_micros("1000000")
    return format_limits(UsageLimits(10**6, 10**6, million, million, 10**6), language)
    return format_limits(UsageLimits(10**6, 10**6, million, million, 10**6), language)
    return format_limits(UsageLimits(10**6, 10**6, million, million, 10**6), language)
    return format_limits(UsageLimits(10**6, 10**6, million, million, 10**6), language)








def _format_money_limits(language: str) -> str:
def _format_money_limits(language: str) -> str:
def _format_money_limits(language: str) -> str:
def _format_money_limits(language: str) -> str:
    million = to_micros("1000000")
    million = to_micros("1000000")
    million = to_micros("1000000")
    million = to_micros("1000000")
    return format_limits(UsageLimits(usd_per_day=million, usd_per_month=million), language)
    return format_limits(UsageLimits(usd_per_day=million, usd_per_month=million), language)
    return format_limits(UsageLimits(usd_per_day=million, usd_per_month=million), language)
    return format_limits(UsageLimits(usd_per_day=million, usd_per_month=million), language)








def _describe_model(language: str) -> str:
def _describe_model(language: str) -> str:
def _describe_model(language: str) -> str:
def _describe_model(language: str) -> str:
    models = load_catalog().models
    models = load_catalog().models
    models = load_catalog().models
    models = load_catalog().models
    return max(
    return max(
    return max(
    return max(
        (f"{model.name}: {format_model_strengths(model, language)}" for model in models), key=len
        (f"{model.name}: {format_model_strengths(model, language)}" for model in models), key=len
        (f"{model.name}: {format_model_strengths(model, language)}" for model in models), key=len
        (f"{model.name}: {format_model_strengths(model, language)}" for model in models), key=len
    )
    )
    )
    )








def _list_permissions(language: str) -> str:
def _list_permissions(language: str) -> str:
def _list_permissions(language: str) -> str:
def _list_permissions(language: str) -> str:
    return join_list((f"**{name}**" for name in _fill_all(("permission.*",), language)), language)
    return join_list((f"**{name}**" for name in _fill_all(("permission.*",), language)), language)
    return join_list((f"**{name}**" for name in _fill_all(("permission.*",), language)), language)
    return join_list((f"**{name}**" for name in _fill_all(("permission.*",), language)), language)








_NAMES: Final = [model.name for model in load_catalog().models]
_NAMES: Final = [model.name for model in load_catalog().models]
_NAMES: Final = [model.name for model in load_catalog().models]
_NAMES: Final = [model.name for model in load_catalog().models]
_MODEL: Final = max(_NAMES, key=len)
_MODEL: Final = max(_NAMES, key=len)
_MODEL: Final = max(_NAMES, key=len)
_MODEL: Final = max(_NAMES, key=len)
_MODELS: Final = ", ".join(sorted(set(_NAMES)))
_MODELS: Final = ", ".join(sorted(set(_NAMES)))
_MODELS: Final = ", ".join(sorted(set(_NAMES)))
_MODELS: Final = ", ".join(sorted(set(_NAMES)))
_MODEL_ID: Final = max((model.id for model in load_catalog().models), key=len)
_MODEL_ID: Final = max((model.id for model in load_catalog().models), key=len)
_MODEL_ID: Final = max((model.id for model in load_catalog().models), key=len)
_MODEL_ID: Final = max((model.id for model in load_catalog().models), key=len)
_TIME: Final = "<t:1795608000:f>"
_TIME: Final = "<t:1795608000:f>"
_TIME: Final = "<t:1795608000:f>"
_TIME: Final = "<t:1795608000:f>"
_TYPED: Final = "**_`~|" * 100
_TYPED: Final = "**_`~|" * 100
_TYPED: Final = "**_`~|" * 100
_TYPED: Final = "**_`~|" * 100
"""Each sign is escaped."""
"""Each sign is escaped."""
"""Each sign is escaped."""
"""Each sign is escaped."""
_SNOWFLAKE: Final = "1234567890123456789"
_SNOWFLAKE: Final = "1234567890123456789"
_SNOWFLAKE: Final = "1234567890123456789"
_SNOWFLAKE: Final = "1234567890123456789"
_ADDRESS: Final = "https://gallery.example.org/" + "x" * 172
_ADDRESS: Final = "https://gallery.example.org/" + "x" * 172
_ADDRESS: Final = "https://gallery.example.org/" + "x" * 172
_ADDRESS: Final = "https://gallery.example.org/" + "x" * 172
_MESSAGE: Final = f"https://discord.com/channels/{_SNOWFLAKE}/{_SNOWFLAKE}/{_SNOWFLAKE}"
_MESSAGE: Final = f"https://discord.com/channels/{_SNOWFLAKE}/{_SNOWFLAKE}/{_SNOWFLAKE}"
_MESSAGE: Final = f"https://discord.com/channels/{_SNOWFLAKE}/{_SNOWFLAKE}/{_SNOWFLAKE}"
_MESSAGE: Final = f"https://discord.com/channels/{_SNOWFLAKE}/{_SNOWFLAKE}/{_SNOWFLAKE}"
_NAME: Final = "\\_" * 32
_NAME: Final = "\\_" * 32
_NAME: Final = "\\_" * 32
_NAME: Final = "\\_" * 32
_CHANNEL: Final = f"<#{_SNOWFLAKE}>"
_CHANNEL: Final = f"<#{_SNOWFLAKE}>"
_CHANNEL: Final = f"<#{_SNOWFLAKE}>"
_CHANNEL: Final = f"<#{_SNOWFLAKE}>"
_NUMBER: Final = "9999999"
_NUMBER: Final = "9999999"
_NUMBER: Final = "9999999"
_NUMBER: Final = "9999999"
_LINKED_CLIP: Final = f"[#{_NUMBER}]({_MESSAGE})"
_LINKED_CLIP: Final = f"[#{_NUMBER}]({_MESSAGE})"
_LINKED_CLIP: Final = f"[#{_NUMBER}]({_MESSAGE})"
_LINKED_CLIP: Final = f"[#{_NUMBER}]({_MESSAGE})"




_VALUES: Final[tuple[tuple[str, str | Callable[[str], str]], ...]] = (
_VALUES: Final[tuple[tuple[str, str | Callable[[str], str]], ...]] = (
_VALUES: Final[tuple[tuple[str, str | Callable[[str], str]], ...]] = (
_VALUES: Final[tuple[tuple[str, str | Callable[[str], str]], ...]] = (
    ("list.*:*", "x" * (MESSAGE_LIMIT // 3)),
    ("list.*:*", "x" * (MESSAGE_LIMIT // 3)),
    ("list.*:*", "x" * (MESSAGE_LIMIT // 3)),
    ("list.*:*", "x" * (MESSAGE_LIMIT // 3)),
    ("button.*:clip", _NUMBER),
    ("button.*:clip", _NUMBER),
    ("button.*:clip", _NUMBER),
    ("button.*:clip", _NUMBER),
    ("history.line:clip", lambda language: f"{_LINKED_CLIP} ⤷ {_longest('card.edit')(language)} ·"),
    ("history.line:clip", lambda language: f"{_LINKED_CLIP} ⤷ {_longest('card.edit')(language)} ·"),
    ("history.line:clip", lambda language: f"{_LINKED_CLIP} ⤷ {_longest('card.edit')(language)} ·"),
    ("history.line:clip", lambda language: f"{_LINKED_CLIP} ⤷ {_longest('card.edit')(language)} ·"),
    ("showcase_entry.line:clip", _LINKED_CLIP),
    ("showcase_entry.line:clip", _LINKED_CLIP),
    ("showcase_entry.line:clip", _LINKED_CLIP),
    ("showcase_entry.line:clip", _LINKED_CLIP),
    ("*:clip", f"#{_NUMBER}"),
    ("*:clip", f"#{_NUMBER}"),
    ("*:clip", f"#{_NUMBER}"),
    ("*:clip", f"#{_NUMBER}"),
    ("*:parent", f"#{_NUMBER}"),
    ("*:parent", f"#{_NUMBER}"),
    ("*:parent", f"#{_NUMBER}"),
    ("*:parent", f"#{_NUMBER}"),
    ("*:root", f"#{_NUMBER}"),
    ("*:root", f"#{_NUMBER}"),
    ("*:root", f"#{_NUMBER}"),
    ("*:root", f"#{_NUMBER}"),
    ("*:job", _NUMBER),
    ("*:job", _NUMBER),
    ("*:job", _NUMBER),
    ("*:job", _NUMBER),
    ("form.*:word", "x" * MAX_ENTRY_LENGTH),
    ("form.*:word", "x" * MAX_ENTRY_LENGTH),
    ("form.*:word", "x" * MAX_ENTRY_LENGTH),
    ("form.*:word", "x" * MAX_ENTRY_LENGTH),
    ("*:word", "\\_" * MAX_ENTRY_LENGTH),
    ("*:word", "\\_" * MAX_ENTRY_LENGTH),
    ("*:word", "\\_" * MAX_ENTRY_LENGTH),
    ("*:word", "\\_" * MAX_ENTRY_LENGTH),
    ("*:entry", "\\_" * MAX_ENTRY_LENGTH),
    ("*:entry", "\\_" * MAX_ENTRY_LENGTH),
    ("*:entry", "\\_" * MAX_ENTRY_LENGTH),
    ("*:entry", "\\_" * MAX_ENTRY_LENGTH),
    ("*:list", _longest("server.words.operators", "server.words.servers")),
    ("*:list", _longest("server.words.operators", "server.words.servers")),
    ("*:list", _longest("server.words.operators", "server.words.servers")),
    ("*:list", _longest("server.words.operators", "server.words.servers")),
    ("log.*:change", "+1000"),
    ("log.*:change", "+1000"),
    ("log.*:change", "+1000"),
    ("log.*:change", "+1000"),
    ("*:member", f"<@{_SNOWFLAKE}>"),
    ("*:member", f"<@{_SNOWFLAKE}>"),
    ("*:member", f"<@{_SNOWFLAKE}>"),
    ("*:member", f"<@{_SNOWFLAKE}>"),
    ("*:whom", f"<@&{_SNOWFLAKE}>"),
    ("*:whom", f"<@&{_SNOWFLAKE}>"),
    ("*:whom", f"<@&{_SNOWFLAKE}>"),
    ("*:whom", f"<@&{_SNOWFLAKE}>"),
    ("*:who", f"<@{_SNOWFLAKE}>"),
    ("*:who", f"<@{_SNOWFLAKE}>"),
    ("*:who", f"<@{_SNOWFLAKE}>"),
    ("*:who", f"<@{_SNOWFLAKE}>"),
    ("*:creator", _NAME),
    ("*:creator", _NAME),
    ("*:creator", _NAME),
    ("*:creator", _NAME),
    ("*:channel", _CHANNEL),
    ("*:channel", _CHANNEL),
    ("*:channel", _CHANNEL),
    ("*:channel", _CHANNEL),
    ("*:channels", ", ".join([_CHANNEL] * 25)),
    ("*:channels", ", ".join([_CHANNEL] * 25)),
    ("*:channels", ", ".join([_CHANNEL] * 25)),
    ("*:channels", ", ".join([_CHANNEL] * 25)),
    ("*:where", _MESSAGE),
    ("*:where", _MESSAGE),
    ("*:where", _MESSAGE),
    ("*:where", _MESSAGE),
    ("welcome.money:*", _format_money_limits),
    ("welcome.money:*", _format_money_limits),
    ("welcome.money:*", _format_money_limits),
    ("welcome.money:*", _format_money_limits),
    ("showcase.*:server", "\\_" * 100),
    ("showcase.*:server", "\\_" * 100),
    ("showcase.*:server", "\\_" * 100),
    ("showcase.*:server", "\\_" * 100),
    ("leaving.*:server", _SNOWFLAKE),
    ("leaving.*:server", _SNOWFLAKE),
    ("leaving.*:server", _SNOWFLAKE),
    ("leaving.*:server", _SNOWFLAKE),
    ("showcase.choices:prompt", _longest("showcase.prompt_*")),
    ("showcase.choices:prompt", _longest("showcase.prompt_*")),
    ("showcase.choices:prompt", _longest("showcase.prompt_*")),
    ("showcase.choices:prompt", _longest("showcase.prompt_*")),
    ("status.*:prompt", format_excerpt(_TYPED)),
    ("status.*:prompt", format_excerpt(_TYPED)),
    ("status.*:prompt", format_excerpt(_TYPED)),
    ("status.*:prompt", format_excerpt(_TYPED)),
    ("*:prompt", format_excerpt(_TYPED, 60)),
    ("*:prompt", format_excerpt(_TYPED, 60)),
    ("*:prompt", format_excerpt(_TYPED, 60)),
    ("*:prompt", format_excerpt(_TYPED, 60)),
    ("image.of_file:name", "\\_" * 60),
    ("image.of_file:name", "\\_" * 60),
    ("image.of_file:name", "\\_" * 60),
    ("image.of_file:name", "\\_" * 60),
    ("server_page.*:text", format_excerpt(_TYPED, 60)),
    ("server_page.*:text", format_excerpt(_TYPED, 60)),
    ("server_page.*:text", format_excerpt(_TYPED, 60)),
    ("server_page.*:text", format_excerpt(_TYPED, 60)),
    ("image.of_*:text", _longest("image.image_*", "image.not_*")),
    ("image.of_*:text", _longest("image.image_*", "image.not_*")),
    ("image.of_*:text", _longest("image.image_*", "image.not_*")),
    ("image.of_*:text", _longest("image.image_*", "image.not_*")),
    ("models.*:name", _MODEL),
    ("models.*:name", _MODEL),
    ("models.*:name", _MODEL),
    ("models.*:name", _MODEL),
    ("*:name", _NAME),
    ("*:name", _NAME),
    ("*:name", _NAME),
    ("*:name", _NAME),
    ("*:id", _MODEL_ID),
    ("*:id", _MODEL_ID),
    ("*:id", _MODEL_ID),
    ("*:id", _MODEL_ID),
    ("*:models", _MODELS),
    ("*:models", _MODELS),
    ("*:models", _MODELS),
    ("*:models", _MODELS),
    ("*:model", _MODEL),
    ("*:model", _MODEL),
    ("*:model", _MODEL),
    ("*:model", _MODEL),
    ("*:replacement", _MODEL),
    ("*:replacement", _MODEL),
    ("*:replacement", _MODEL),
    ("*:replacement", _MODEL),
    ("models.line:modes", _all("input_kind.*")),
    ("models.line:modes", _all("input_kind.*")),
    ("models.line:modes", _all("input_kind.*")),
    ("models.line:modes", _all("input_kind.*")),
    ("models.line:lengths", "3, 4, 5, 6, 7, 8, 9, 10"),
    ("models.line:lengths", "3, 4, 5, 6, 7, 8, 9, 10"),
    ("models.line:lengths", "3, 4, 5, 6, 7, 8, 9, 10"),
    ("models.line:lengths", "3, 4, 5, 6, 7, 8, 9, 10"),
    ("models.line:prices", lambda language: " / ".join([_format_price_of_clip(language)] * 4)),
    ("models.line:prices", lambda language: " / ".join([_format_price_of_clip(language)] * 4)),
    ("models.line:prices", lambda language: " / ".join([_format_price_of_clip(language)] * 4)),
    ("models.line:prices", lambda language: " / ".join([_format_price_of_clip(language)] * 4)),
    ("models.line:mark", "✓"),
    ("models.line:mark", "✓"),
    ("models.line:mark", "✓"),
    ("models.line:mark", "✓"),
    ("models.reason:reason", "x" * 100),
    ("models.reason:reason", "x" * 100),
    ("models.reason:reason", "x" * 100),
    ("models.reason:reason", "x" * 100),
    ("*:reason", "x" * 400),
    ("*:reason", "x" * 400),
    ("*:reason", "x" * 400),
    ("*:reason", "x" * 400),
    ("*:link", _ADDRESS),
    ("*:link", _ADDRESS),
    ("*:link", _ADDRESS),
    ("*:link", _ADDRESS),
    ("help.legal:*", _ADDRESS),
    ("help.legal:*", _ADDRESS),
    ("help.legal:*", _ADDRESS),
    ("help.legal:*", _ADDRESS),
    ("quota.left_part:left", _format_price),
    ("quota.left_part:left", _format_price),
    ("quota.left_part:left", _format_price),
    ("quota.left_part:left", _format_price),
    ("quota.line:left", _format_price),
    ("quota.line:left", _format_price),
    ("quota.line:left", _format_price),
    ("quota.line:left", _format_price),
    ("server.people.choice:left", _all("server.people.left.no_*")),
    ("server.people.choice:left", _all("server.people.left.no_*")),
    ("server.people.choice:left", _all("server.people.left.no_*")),
    ("server.people.choice:left", _all("server.people.left.no_*")),
    ("limit.*:whose", _longest("scope.*")),
    ("limit.*:whose", _longest("scope.*")),
    ("limit.*:whose", _longest("scope.*")),
    ("limit.*:whose", _longest("scope.*")),
    ("quota.line:limit", _longest("quota.name.*")),
    ("quota.line:limit", _longest("quota.name.*")),
    ("quota.line:limit", _longest("quota.name.*")),
    ("quota.line:limit", _longest("quota.name.*")),
    ("limit.*:limit", _longest("limit.*_per_*")),
    ("limit.*:limit", _longest("limit.*_per_*")),
    ("limit.*:limit", _longest("limit.*_per_*")),
    ("limit.*:limit", _longest("limit.*_per_*")),
    ("quota.*:limit", _longest("limit.*_per_*")),
    ("quota.*:limit", _longest("limit.*_per_*")),
    ("quota.*:limit", _longest("limit.*_per_*")),
    ("quota.*:limit", _longest("limit.*_per_*")),
    ("*:limits", _format_limits),
    ("*:limits", _format_limits),
    ("*:limits", _format_limits),
    ("*:limits", _format_limits),
    ("*:limit", "500 MiB"),
    ("*:limit", "500 MiB"),
    ("*:limit", "500 MiB"),
    ("*:limit", "500 MiB"),
    ("quota.left:parts", _format_limits),
    ("quota.left:parts", _format_limits),
    ("quota.left:parts", _format_limits),
    ("quota.left:parts", _format_limits),
    ("jobs.*:asked", _TIME),
    ("jobs.*:asked", _TIME),
    ("jobs.*:asked", _TIME),
    ("jobs.*:asked", _TIME),
    ("unknown.*:asked", _TIME),
    ("unknown.*:asked", _TIME),
    ("unknown.*:asked", _TIME),
    ("unknown.*:asked", _TIME),
    ("*:asked", _format_price),
    ("*:asked", _format_price),
    ("*:asked", _format_price),
    ("*:asked", _format_price),
    ("*:used", _format_price),
    ("*:used", _format_price),
    ("*:used", _format_price),
    ("*:used", _format_price),
    ("*:allowed", _format_price),
    ("*:allowed", _format_price),
    ("*:allowed", _format_price),
    ("*:allowed", _format_price),
    ("choice.confirm.unset:default", lambda language: _longest("choice.confirm.amount")(language)),
    ("choice.confirm.unset:default", lambda language: _longest("choice.confirm.amount")(language)),
    ("choice.confirm.unset:default", lambda language: _longest("choice.confirm.amount")(language)),
    ("choice.confirm.unset:default", lambda language: _longest("choice.confirm.amount")(language)),
    ("choice.*:language", "Português do Brasil"),
    ("choice.*:language", "Português do Brasil"),
    ("choice.*:language", "Português do Brasil"),
    ("choice.*:language", "Português do Brasil"),
    ("choice.priced:value", _describe_model),
    ("choice.priced:value", _describe_model),
    ("choice.priced:value", _describe_model),
    ("choice.priced:value", _describe_model),
    ("choice.priced:price", lambda language: format_money(to_micros("99.99"), language)),
    ("choice.priced:price", lambda language: format_money(to_micros("99.99"), language)),
    ("choice.priced:price", lambda language: format_money(to_micros("99.99"), language)),
    ("choice.priced:price", lambda language: format_money(to_micros("99.99"), language)),
    ("choice.*:resolution", "1080p"),
    ("choice.*:resolution", "1080p"),
    ("choice.*:resolution", "1080p"),
    ("choice.*:resolution", "1080p"),
    ("*:price", _format_price),
    ("*:price", _format_price),
    ("*:price", _format_price),
    ("*:price", _format_price),
    ("*:usual", _format_price),
    ("*:usual", _format_price),
    ("*:usual", _format_price),
    ("*:usual", _format_price),
    ("*:paid", _format_price),
    ("*:paid", _format_price),
    ("*:paid", _format_price),
    ("*:paid", _format_price),
    ("*:reserved", _format_price),
    ("*:reserved", _format_price),
    ("*:reserved", _format_price),
    ("*:reserved", _format_price),
    ("*:total", _format_price),
    ("*:total", _format_price),
    ("*:total", _format_price),
    ("*:total", _format_price),
    ("showcase_settings.digest:day", _longest("choice.day.*")),
    ("showcase_settings.digest:day", _longest("choice.day.*")),
    ("showcase_settings.digest:day", _longest("choice.day.*")),
    ("showcase_settings.digest:day", _longest("choice.day.*")),
    ("showcase_settings.curation:rule", _longest("choice.curation.*")),
    ("showcase_settings.curation:rule", _longest("choice.curation.*")),
    ("showcase_settings.curation:rule", _longest("choice.curation.*")),
    ("showcase_settings.curation:rule", _longest("choice.curation.*")),
    ("*:rule", _longest("people.*", "choice.people.*")),
    ("*:rule", _longest("people.*", "choice.people.*")),
    ("*:rule", _longest("people.*", "choice.people.*")),
    ("*:rule", _longest("people.*", "choice.people.*")),
    ("showcase.*:consent", _longest("choice.consent.*")),
    ("showcase.*:consent", _longest("choice.consent.*")),
    ("showcase.*:consent", _longest("choice.consent.*")),
    ("showcase.*:consent", _longest("choice.consent.*")),
    ("showcase.*:period", _longest("choice.period.*")),
    ("showcase.*:period", _longest("choice.period.*")),
    ("showcase.*:period", _longest("choice.period.*")),
    ("showcase.*:period", _longest("choice.period.*")),
    ("*:zone", max(available_timezones(), key=len)),
    ("*:zone", max(available_timezones(), key=len)),
    ("*:zone", max(available_timezones(), key=len)),
    ("*:zone", max(available_timezones(), key=len)),
    ("*:missing", _list_permissions),
    ("*:missing", _list_permissions),
    ("*:missing", _list_permissions),
    ("*:missing", _list_permissions),
    ("*:mode", _longest("mode.*")),
    ("*:mode", _longest("mode.*")),
    ("*:mode", _longest("mode.*")),
    ("*:mode", _longest("mode.*")),
    ("rule.*:when", _longest("input_kind.*")),
    ("rule.*:when", _longest("input_kind.*")),
    ("rule.*:when", _longest("input_kind.*")),
    ("rule.*:when", _longest("input_kind.*")),
    ("limit.*:when", f"{_TIME} ({_TIME})"),
    ("limit.*:when", f"{_TIME} ({_TIME})"),
    ("limit.*:when", f"{_TIME} ({_TIME})"),
    ("limit.*:when", f"{_TIME} ({_TIME})"),
    ("outcome.*:when", f"{_TIME} ({_TIME})"),
    ("outcome.*:when", f"{_TIME} ({_TIME})"),
    ("outcome.*:when", f"{_TIME} ({_TIME})"),
    ("outcome.*:when", f"{_TIME} ({_TIME})"),
    ("*:when", _TIME),
    ("*:when", _TIME),
    ("*:when", _TIME),
    ("*:when", _TIME),
    ("*:until", _TIME),
    ("*:until", _TIME),
    ("*:until", _TIME),
    ("*:until", _TIME),
    ("*:since", _TIME),
    ("*:since", _TIME),
    ("*:since", _TIME),
    ("*:since", _TIME),
    ("*:soon", _TIME),
    ("*:soon", _TIME),
    ("*:soon", _TIME),
    ("*:soon", _TIME),
    ("*:late", _TIME),
    ("*:late", _TIME),
    ("*:late", _TIME),
    ("*:late", _TIME),
    ("*:made", _TIME),
    ("*:made", _TIME),
    ("*:made", _TIME),
    ("*:made", _TIME),
    ("*:day", _TIME),
    ("*:day", _TIME),
    ("*:day", _TIME),
    ("*:day", _TIME),
    ("*:date", _TIME),
    ("*:date", _TIME),
    ("*:date", _TIME),
    ("*:date", _TIME),
    ("*:expired_at", _TIME),
    ("*:expired_at", _TIME),
    ("*:expired_at", _TIME),
    ("*:expired_at", _TIME),
    ("*:state", _longest("state.*")),
    ("*:state", _longest("state.*")),
    ("*:state", _longest("state.*")),
    ("*:state", _longest("state.*")),
    ("*:clips", _longest("clips")),
    ("*:clips", _longest("clips")),
    ("*:clips", _longest("clips")),
    ("*:clips", _longest("clips")),
    ("history.line:seconds", _longest("seconds")),
    ("history.line:seconds", _longest("seconds")),
    ("history.line:seconds", _longest("seconds")),
    ("history.line:seconds", _longest("seconds")),
    ("usage.line:seconds", _longest("seconds")),
    ("usage.line:seconds", _longest("seconds")),
    ("usage.line:seconds", _longest("seconds")),
    ("usage.line:seconds", _longest("seconds")),
    ("*:seconds", "1048"),
    ("*:seconds", "1048"),
    ("*:seconds", "1048"),
    ("*:seconds", "1048"),
    ("*:categories", _all("safety.*")),
    ("*:categories", _all("safety.*")),
    ("*:categories", _all("safety.*")),
    ("*:categories", _all("safety.*")),
    ("*:changes", _all("offer.[!c]*")),
    ("*:changes", _all("offer.[!c]*")),
    ("*:changes", _all("offer.[!c]*")),
    ("*:changes", _all("offer.[!c]*")),
    ("digest.*:line", _longest("showcase_entry.line")),
    ("digest.*:line", _longest("showcase_entry.line")),
    ("digest.*:line", _longest("showcase_entry.line")),
    ("digest.*:line", _longest("showcase_entry.line")),
    ("*:what", f"{_MODEL} · 148 s · 16:9 · 1080p · **$99.99**"),
    ("*:what", f"{_MODEL} · 148 s · 16:9 · 1080p · **$99.99**"),
    ("*:what", f"{_MODEL} · 148 s · 16:9 · 1080p · **$99.99**"),
    ("*:what", f"{_MODEL} · 148 s · 16:9 · 1080p · **$99.99**"),
    ("*:known", ", ".join(["reference"] * 12)),
    ("*:known", ", ".join(["reference"] * 12)),
    ("*:known", ", ".join(["reference"] * 12)),
    ("*:known", ", ".join(["reference"] * 12)),
    ("*:parameter", _longest("name.option.*")),
    ("*:parameter", _longest("name.option.*")),
    ("*:parameter", _longest("name.option.*")),
    ("*:parameter", _longest("name.option.*")),
    ("*:option", _longest("name.option.*")),
    ("*:option", _longest("name.option.*")),
    ("*:option", _longest("name.option.*")),
    ("*:option", _longest("name.option.*")),
    ("*:value", "x" * 100),
    ("*:value", "x" * 100),
    ("*:value", "x" * 100),
    ("*:value", "x" * 100),
    ("*:kind", "x" * 40),
    ("*:kind", "x" * 40),
    ("*:kind", "x" * 40),
    ("*:kind", "x" * 40),
    ("*:star", "<:star:1234567890123456789>"),
    ("*:star", "<:star:1234567890123456789>"),
    ("*:star", "<:star:1234567890123456789>"),
    ("*:star", "<:star:1234567890123456789>"),
    ("*:size", "10000×10000"),
    ("*:size", "10000×10000"),
    ("*:size", "10000×10000"),
    ("*:size", "10000×10000"),
    ("*:good", "10000×10000"),
    ("*:good", "10000×10000"),
    ("*:good", "10000×10000"),
    ("*:good", "10000×10000"),
    ("*:aspect_ratio", "16:9"),
    ("*:aspect_ratio", "16:9"),
    ("*:aspect_ratio", "16:9"),
    ("*:aspect_ratio", "16:9"),
    ("*:ratio", "16:9"),
    ("*:ratio", "16:9"),
    ("*:ratio", "16:9"),
    ("*:ratio", "16:9"),
    ("*:wished", "10000×10000"),
    ("*:wished", "10000×10000"),
    ("*:wished", "10000×10000"),
    ("*:wished", "10000×10000"),
    ("*:resolution", "1080p"),
    ("*:resolution", "1080p"),
    ("*:resolution", "1080p"),
    ("*:resolution", "1080p"),
    ("*:has", "1080p"),
    ("*:has", "1080p"),
    ("*:has", "1080p"),
    ("*:has", "1080p"),
    ("*:needs", "1080p"),
    ("*:needs", "1080p"),
    ("*:needs", "1080p"),
    ("*:needs", "1080p"),
    ("*:added", "+148 s"),
    ("*:added", "+148 s"),
    ("*:added", "+148 s"),
    ("*:added", "+148 s"),
    ("*:number", _SNOWFLAKE),
    ("*:number", _SNOWFLAKE),
    ("*:number", _SNOWFLAKE),
    ("*:number", _SNOWFLAKE),
    *(
    *(
    *(
    *(
        (f"*:{name}", "1000000")
        (f"*:{name}", "1000000")
        (f"*:{name}", "1000000")
        (f"*:{name}", "1000000")
        for name in (
        for name in (
        for name in (
        for name in (
            "blocked",
            "blocked",
            "blocked",
            "blocked",
            "characters",
            "characters",
            "characters",
            "characters",
            "count",
            "count",
            "count",
            "count",
            "days",
            "days",
            "days",
            "days",
            "excess",
            "excess",
            "excess",
            "excess",
            "grace",
            "grace",
            "grace",
            "grace",
            "height",
            "height",
            "height",
            "height",
            "hops",
            "hops",
            "hops",
            "hops",
            "hour",
            "hour",
            "hour",
            "hour",
            "jobs",
            "jobs",
            "jobs",
            "jobs",
            "least",
            "least",
            "least",
            "least",
            "log",
            "log",
            "log",
            "log",
            "mebibytes",
            "mebibytes",
            "mebibytes",
            "mebibytes",
            "megapixels",
            "megapixels",
            "megapixels",
            "megapixels",
            "most",
            "most",
            "most",
            "most",
            "percent",
            "percent",
            "percent",
            "percent",
            "place",
            "place",
            "place",
            "place",
            "removed",
            "removed",
            "removed",
            "removed",
            "result",
            "result",
            "result",
            "result",
            "side",
            "side",
            "side",
            "side",
            "votes",
            "votes",
            "votes",
            "votes",
            "width",
            "width",
            "width",
            "width",
            "words",
            "words",
            "words",
            "words",
        )
        )
        )
        )
    ),
    ),
    ),
    ),
)
)
)
)
"""The longest value of each placeholder; the first whose pattern fits ``key:name`` counts."""
"""The longest value of each placeholder; the first whose pattern fits ``key:name`` counts."""
"""The longest value of each placeholder; the first whose pattern fits ``key:name`` counts."""
"""The longest value of each placeholder; the first whose pattern fits ``key:name`` counts."""

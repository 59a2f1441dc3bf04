"""The rules that a server's admins set; its limits are in `bot.domain.billing.limits`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from bot.domain.billing.money import Micros
from bot.domain.errors import ChannelNotAllowed
from bot.domain.jobs.job import Origin
from bot.domain.jobs.request import PersonRule

LANGUAGES: Final[Mapping[str, str]] = {
    "en-US": "English",
    "zh-CN": "简体中文",
    "ja": "日本語",
    "es-ES": "Español",
    "de": "Deutsch",
    "fr": "Français",
}
"""Languages for a server's public messages: Discord's locale and the language's own name."""
MAX_ALLOWED_CHANNELS: Final = 25
"""The number of channels that can be selected in one of Discord's menus."""
NEVER_CONFIRM: Final = Micros(2**62)
"""A price that no request reaches, for servers that want no confirmation."""
WHOLE_BOT_ID: Final = 0
"""Key of the rules that the operator sets for the bot as a whole."""
OPERATOR_ID: Final = 0
"""The id of the operator, who acts from the command line; members have their Discord ids."""


class ExtendPermission(StrEnum):
    """Who may extend a clip by replying to it."""

    EVERYONE = "everyone"
    REQUESTER = "requester"


class ReviewScope(StrEnum):
    """Whose clips moderators see before anybody else."""

    OFF = "off"
    UNTRUSTED = "untrusted"
    """Clips of members without the trusted role."""
    EVERYONE = "everyone"
    CHANNEL = "channel"
    """Clips that are asked for in one channel and its threads."""


class ReplyMode(StrEnum):
    """What a reply to a clip does."""

    EXTEND = "extend"
    """A direction extends or edits the clip."""
    ASK = "ask"
    """Nothing is made before the member presses a button."""
    OFF = "off"
    """Replies are ignored."""


@dataclass(frozen=True, slots=True)
class GuildRules:
    """One server's rules; `None` means not set.

    ``channel_person_rules`` can only be stricter than ``person_rule``. ``confirm_above`` is the
    price above which a request needs a confirmation, by default the operator's. ``locale`` is the
    language of public messages, by default the server's language in Discord. The bot may be used
    in ``allowed_channels``; an empty set means everywhere. With ``shows_prices``, clips tell
    everyone what they cost. With ``age_restricted_only``, clips are made in age-restricted channels
    only.

    What concerns moderators is posted in ``staff_channel``, where clips of ``review_scope`` come
    first. Without a ``trusted_role``, nobody is trusted. ``review_channel`` is the one channel.
    """

    guild_id: int
    paused: bool = False
    pause_reason: str | None = None
    person_rule: PersonRule | None = None
    channel_person_rules: Mapping[int, PersonRule] = field(default_factory=dict)
    confirm_above: Micros | None = None
    locale: str | None = None
    extend_by: ExtendPermission = ExtendPermission.EVERYONE
    allowed_channels: frozenset[int] = frozenset()
    reply_mode: ReplyMode = ReplyMode.EXTEND
    shows_prices: bool = False
    age_restricted_only: bool = False
    reports_to_hide: int = 0
    """How many reports hide a clip until the staff decides; with 0 none do."""
    staff_channel: int | None = None
    review_scope: ReviewScope = ReviewScope.OFF
    trusted_role: int | None = None
    review_channel: int | None = None
    word_list_version: int = 0
    """Another number after each change of the server's word list; 0 if it is empty."""

    def require_allowed_channel(
        self, channel_id: int, parent_channel_id: int | None = None
    ) -> None:
        """Raise `ChannelNotAllowed` if the bot may not be used here; a thread follows its parent.

        Deleted channels stay on the list. Otherwise the list could become empty by itself, which
        would allow every channel.
        """
        allowed = self.allowed_channels
        if allowed and channel_id not in allowed and parent_channel_id not in allowed:
            raise ChannelNotAllowed(sorted(allowed))

    def apply_language(self, origin: Origin) -> Origin:
        """Return ``origin`` with this server's language for public messages, replies included."""
        if self.locale is None:
            return origin
        is_reply = origin.request_message_id is not None
        return replace(
            origin, guild_locale=self.locale, locale=self.locale if is_reply else origin.locale
        )

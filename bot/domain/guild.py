"""What a server's admins have decided for it, apart from limits."""

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
"""What a server may choose for its public messages: Discord's locale, and its name for itself."""
MAX_ALLOWED_CHANNELS: Final = 25
"""How many channels Discord lets somebody choose at once."""
NEVER_CONFIRM: Final = Micros(2**62)
"""A price that no request reaches: for servers that have chosen never to be asked."""


WHOLE_BOT_ID: Final = 0
"""Key of the rules that the operator sets for the bot as a whole."""
OPERATOR_ID: Final = 0
"""Who acts when the operator does, from the command line; members have their Discord ids."""


class ExtendPermission(StrEnum):
    """Who may extend a clip by replying to it."""

    EVERYONE = "everyone"
    REQUESTER = "requester"


@dataclass(frozen=True, slots=True)
class GuildRules:
    """One server's choices.

    ``person_rule`` is ``None`` where the server has chosen nothing; ``channel_person_rules`` may
    only be stricter. ``confirm_above`` is the price from which a request asks before it spends
    (`NEVER`, or ``None`` where the operator's holds). ``locale`` is the language of public
    messages, as Discord names it (``None``: the one that the server has in Discord).
    ``allowed_channels`` are those in which the bot may be used; none named means everywhere.
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

    def require_allowed_channel(
        self, channel_id: int, parent_channel_id: int | None = None
    ) -> None:
        """Raise `ChannelNotAllowed` where the bot may not be used; a thread counts as its parent.

        A channel that was deleted stays on the list: a rule never loosens by itself.
        """
        allowed = self.allowed_channels
        if allowed and channel_id not in allowed and parent_channel_id not in allowed:
            raise ChannelNotAllowed(sorted(allowed))

    def apply_language(self, origin: Origin) -> Origin:
        """Return ``origin`` with the language that this server has chosen for public messages.

        What answers a person's message is public too.
        """
        if self.locale is None:
            return origin
        public = origin.request_message_id is not None
        return replace(
            origin,
            guild_locale=self.locale,
            locale=self.locale if public else origin.locale,
        )

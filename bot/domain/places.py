"""Where the operator allows the bot: in which servers, in direct messages, as a user install.

Every request costs the operator money, and anyone can add a public bot to their server or install
it for themselves. A request that these settings do not allow is refused before anything is done.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.errors import NotAllowed
from bot.domain.jobs.job import Origin


class PlaceKind(StrEnum):
    """A kind of place in which people use the bot; the value ends the reason of a refusal."""

    SERVER = "server"
    """A server that the bot is a member of."""
    DIRECT_MESSAGE = "direct"
    GUEST = "guest"
    """A server or group without the bot, in which a member uses their user install."""


@dataclass(frozen=True, slots=True)
class PlacePolicy:
    """The operator's choice; if ``allowed_servers`` is `None`, every server is allowed."""

    allowed_servers: frozenset[int] | None = None
    may_use_direct_messages: bool = True
    may_use_user_install: bool = True

    def may_serve_server(self, guild_id: int) -> bool:
        return self.allowed_servers is None or guild_id in self.allowed_servers

    def require_allowed(self, kind: PlaceKind, guild_id: int | None) -> None:
        """Raise `NotAllowed` if the bot may not be used here; ``guild_id`` may be unknown."""
        if not self._is_allowed(kind, guild_id):
            raise NotAllowed(f"place_{kind}")

    def require_allowed_origin(self, origin: Origin) -> None:
        """Raise `NotAllowed` if requests from this origin are not allowed."""
        if origin.user_install_reply is not None:
            self.require_allowed(PlaceKind.GUEST, None)
        elif origin.guild_id is None:
            self.require_allowed(PlaceKind.DIRECT_MESSAGE, None)
        else:
            self.require_allowed(PlaceKind.SERVER, origin.guild_id)

    def _is_allowed(self, kind: PlaceKind, guild_id: int | None) -> bool:
        match kind:
            case PlaceKind.SERVER:
                return guild_id is not None and self.may_serve_server(guild_id)
            case PlaceKind.DIRECT_MESSAGE:
                return self.may_use_direct_messages
            case PlaceKind.GUEST:
                is_served = guild_id is None or self.may_serve_server(guild_id)
                return self.may_use_user_install and is_served


ANY_PLACE: Final = PlacePolicy()
"""The default: everywhere."""

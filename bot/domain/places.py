"""Where the operator lets the bot be used: which servers, direct messages, other people's places.

Every request costs the operator money, and Discord lets anyone add a public bot to their server, or
to themselves. What these settings do not allow is refused before anything is looked at or reserved.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.errors import NotAllowed
from bot.domain.jobs.job import Origin


class PlaceKind(StrEnum):
    """A place in which people use the bot; the value is the end of the refusal's reason."""

    SERVER = "server"
    """A server that the bot is a member of."""
    DIRECT_MESSAGE = "direct"
    GUEST = "guest"
    """A server or group that the bot is no member of: somebody installed it for themselves."""


@dataclass(frozen=True, slots=True)
class PlacePolicy:
    """The operator's choice. ``allowed_servers`` of `None` means every server."""

    allowed_servers: frozenset[int] | None = None
    may_use_direct_messages: bool = True
    may_use_user_install: bool = True

    def may_serve_server(self, guild_id: int) -> bool:
        return self.allowed_servers is None or guild_id in self.allowed_servers

    def require_allowed(self, kind: PlaceKind, guild_id: int | None) -> None:
        """Raise `NotAllowed` where the bot may not be used; ``guild_id`` if Discord tells it."""
        if not self._is_allowed(kind, guild_id):
            raise NotAllowed(f"place_{kind}")

    def require_allowed_origin(self, origin: Origin) -> None:
        """Raise `NotAllowed` for a request from elsewhere, however it got this far."""
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
"""Without a choice of the operator's, everywhere."""

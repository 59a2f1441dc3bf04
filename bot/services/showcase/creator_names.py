"""Keeps the names in the gallery current, from the members whose events the bot receives."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from bot.store.showcase.posts import ShowcasePostStore

_MAX_KNOWN: Final = 10_000


@dataclass(kw_only=True, eq=False)
class CreatorNames:
    posts: ShowcasePostStore
    _known: OrderedDict[tuple[int, int], str] = field(init=False, default_factory=OrderedDict)

    async def record_name(self, guild_id: int, user_id: int, name: str) -> None:
        """Record a member's name in a server if it is new. Raises `DatabaseUnavailable`."""
        key = (guild_id, user_id)
        if self._known.get(key) == name:
            return
        await self.posts.rename_creator(guild_id, user_id, name)
        self._known[key] = name
        self._known.move_to_end(key)
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)

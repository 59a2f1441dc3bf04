"""Lets members open and close a page of their own clips in the web gallery."""

from dataclasses import dataclass

from bot.domain.ports import Clock
from bot.domain.showcase.page_paths import build_creator_path, build_page_address
from bot.store.showcase.creator_pages import CreatorPageStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatorPages:
    """Nobody has a page before they open it, and a closed page is gone at once.

    ``gallery_url`` is the public address of the gallery, if the operator has set one.
    """

    store: CreatorPageStore
    clock: Clock
    gallery_url: str | None = None

    async def set_open(self, user_id: int, is_open: bool) -> None:
        """Open or close a member's page. A page that is opened again has a new address."""
        if is_open:
            await self.store.open_page(user_id, now=self.clock.now())
        else:
            await self.store.close_page(user_id)

    async def find_address(self, user_id: int) -> str | None:
        """Return the address of a member's page, if it is open and the gallery has an address."""
        if self.gallery_url is None:
            return None
        key = await self.store.find_key(user_id)
        if key is None:
            return None
        return build_page_address(self.gallery_url, build_creator_path(key))

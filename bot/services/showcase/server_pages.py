"""Lets admins say how their server presents itself in the web gallery."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.ports import Clock
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.domain.showcase.server_page import PageField, ServerPage, apply_page_form
from bot.store.showcase.server_pages import ServerPageStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPages:
    """The use case; callers may read from ``store`` directly."""

    store: ServerPageStore
    clock: Clock

    async def change_page(
        self, guild_id: int, form: Mapping[PageField, str], *, actor_id: int
    ) -> tuple[ServerPage, list[PageField]]:
        """Save what a form says; return the page and the fields that could not be used."""
        before = await self.store.load_server_page(guild_id)
        after, unusable = apply_page_form(before, form)
        if after != before:
            audit_entry = AuditEntry(
                guild_id=guild_id,
                actor_id=actor_id,
                action=AuditAction.PAGE,
                recorded_at=self.clock.now(),
            )
            await self.store.save_words(after, audit_entry)
        return after, unusable

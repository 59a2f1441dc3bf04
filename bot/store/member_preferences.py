"""The choices of members that apply in all servers."""

from sqlalchemy import select, update

from bot.domain.jobs.announcement import NotifyChoice
from bot.store.engine.database import Store
from bot.store.engine.upserts import upsert
from bot.store.tables.core import member_preferences_table

_preferences = member_preferences_table.c


class MemberPreferenceStore(Store):
    async def load_notify_choice(self, user_id: int) -> NotifyChoice:
        """Return how a member wants to be notified; the default is a mention."""
        query = select(_preferences.notify).where(_preferences.user_id == user_id)
        value: str | None = await self._db.read_scalar(query)
        return NotifyChoice.PING if value is None else NotifyChoice(value)

    async def save_notify_choice(self, user_id: int, choice: NotifyChoice) -> None:
        row = {"user_id": user_id, "notify": choice}
        await self._db.write(lambda connection: upsert(connection, member_preferences_table, row))

    async def mark_direct_messages_refused(self, user_id: int) -> None:
        """Mention the member from now on, unless they have made another choice meanwhile."""
        chosen = _preferences.notify == NotifyChoice.DIRECT_MESSAGE
        await self._db.execute(
            update(member_preferences_table)
            .where(_preferences.user_id == user_id, chosen)
            .values(notify=NotifyChoice.DIRECT_MESSAGE_REFUSED)
        )

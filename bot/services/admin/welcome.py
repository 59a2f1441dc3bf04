"""Decides whether a server is greeted: by the time of joining, and once by a row.

Discord announces a server again after each outage and to each process, and an invitation may come
while no process runs. A process that dies between the row (`bot.store.guilds.WelcomeStore`) and the
message leaves a server without the guide, rather than with two; `/help` shows it.
"""

from datetime import datetime, timedelta
from typing import Final

NEW_GUILD_PERIOD: Final = timedelta(days=1)


def is_newly_joined(joined_at: datetime | None, *, now: datetime) -> bool:
    return joined_at is not None and now - joined_at < NEW_GUILD_PERIOD

"""Decides whether a server gets the welcome message: if the bot joined recently, and only once.

Discord announces a server again after each outage and to each process, and the bot may be invited
while no process runs. So a row (`bot.store.guilds.WelcomeStore`) is stored before the message is
sent. If the process dies in between, the server gets no message rather than two; `/help` shows it.
"""

from datetime import datetime, timedelta
from typing import Final

NEW_GUILD_PERIOD: Final = timedelta(days=1)


def is_newly_joined(joined_at: datetime | None, *, now: datetime) -> bool:
    return joined_at is not None and now - joined_at < NEW_GUILD_PERIOD

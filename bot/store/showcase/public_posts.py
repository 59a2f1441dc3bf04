"""Which showcase posts anyone may see: visible, public ones of servers with a public showcase.

Those of servers for adults are in no list but their own (docs/decisions/0042-adults-only.md).
"""

from typing import Final

from sqlalchemy import ColumnElement, and_, select

from bot.store.tables.core import guilds_table
from bot.store.tables.showcase import (
    IS_PUBLIC,
    guild_removals_table,
    showcase_posts_table,
    showcase_settings_table,
)

_settings = showcase_settings_table.c
_guilds = guilds_table.c

IS_PUBLIC_GUILD: Final = and_(
    _settings.public,
    ~select(guild_removals_table.c.guild_id)
    .where(guild_removals_table.c.guild_id == _settings.guild_id)
    .correlate(showcase_settings_table)
    .exists(),
)
"""A server that removed the bot shows nothing, even before its data is erased."""
_IS_IN_PUBLIC_GUILD: Final = (
    select(_settings.guild_id)
    .where(_settings.guild_id == showcase_posts_table.c.guild_id, IS_PUBLIC_GUILD)
    .correlate(showcase_posts_table)
    .scalar_subquery()
    .is_not(None)
)
"""One lookup for each post: a join or IN would let a database collect all servers first."""


IS_FOR_ADULTS: Final = (
    select(_guilds.id)
    .where(_guilds.id == showcase_posts_table.c.guild_id, _guilds.age_restricted_only)
    .correlate(showcase_posts_table)
    .scalar_subquery()
    .is_not(None)
)
"""Whether a post is of a server whose admins allow clips in age-restricted channels only."""
IS_GUILD_FOR_ADULTS: Final = (
    select(_guilds.id)
    .where(_guilds.id == _settings.guild_id, _guilds.age_restricted_only)
    .correlate(showcase_settings_table)
    .scalar_subquery()
    .is_not(None)
)


def is_public() -> ColumnElement[bool]:
    """Return the condition on ``showcase_posts`` that a post is in the public gallery."""
    return and_(IS_PUBLIC, _IS_IN_PUBLIC_GUILD)


def is_listed() -> ColumnElement[bool]:
    """Return the condition on ``showcase_posts`` that a post is shown to visitors of any age."""
    return and_(is_public(), ~IS_FOR_ADULTS)

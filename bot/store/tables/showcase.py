"""The tables of the showcase, of moderation and of farewells; see `bot.store.tables.core`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    func,
    select,
    true,
)

from bot.store.engine.types import BigId, UtcTime
from bot.store.tables.core import guilds, metadata

showcase = Table(
    "showcase",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("clip_id", BigId, nullable=False, unique=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("maker_name", String(100), nullable=False),
    Column("hide_prompt", Boolean, nullable=False),
    # what a search looks into: the prompt with its case folded, nothing where it is hidden
    Column("words", Text, nullable=False),
    Column("model", String(120), nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("votes", Integer, nullable=False),
    # may stand in the public gallery: shown by the maker, or with the maker's consent
    Column("public", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False, server_default=false()),
    Column("locked", Boolean, nullable=False, server_default=false()),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
    # whether Discord shows what the row says; until then ``owner`` sees to it
    Column("settled", Boolean, nullable=False, server_default=false()),
    Column("owner", String(40)),
    # counts the wishes, so that whoever settled an earlier one does not take it for the last
    Column("changes", Integer, nullable=False),
    # counts the posts, so that none has the nonce of one that was taken down
    Column("revision", Integer, nullable=False),
    # since when a post of this revision may stand in the channel
    Column("revision_at", UtcTime(), nullable=False),
    Column("shown_by", BigInteger, nullable=False),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger, index=True),
    Column("showcased_at", UtcTime(), nullable=False),
    Index(None, "guild_id", "id"),
    Index(None, "guild_id", "votes", "id"),
    Index(None, "votes", "id"),
    Index(None, "model", "id"),
    Index(None, "user_id"),
    Index(None, "settled"),
    sqlite_autoincrement=True,
)

showcase_servers = Table(
    "showcase_servers",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    Column("locale", String(16)),
    Column("channel_id", BigInteger),
    Column("stars", Integer, nullable=False),
    Column("curation", String(16), nullable=False),
    Column("public", Boolean, nullable=False, server_default=false()),
    Column("digest_day", Integer),
    Column("digest_hour", Integer, nullable=False),
    Column("digest_zone", String(64), nullable=False),
    Column("digest_since", UtcTime()),
)

showcase_makers = Table(
    "showcase_makers",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("consent", String(16), nullable=False),
    Column("hide_prompt", Boolean, nullable=False),
    Index(None, "user_id"),
)

showcase_blocks = Table(
    "showcase_blocks",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime(), nullable=False),
)

stars = Table(
    "stars",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("clip_id", BigId, nullable=False, index=True),
    Index(None, "user_id"),
)
"""Who has starred which message of a clip: its own, and the one in the showcase."""

digests = Table(
    "digests",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("due_at", UtcTime(), nullable=False),
    Column("since", UtcTime(), nullable=False),
    # the best of the week as they stood when the row was written, the winner first
    Column("clip_ids", Text, nullable=False),
    Column("settled", Boolean, nullable=False, server_default=false()),
    Column("owner", String(40)),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Index(None, "guild_id", "due_at", unique=True),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("at", UtcTime(), nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("actor_id", BigInteger, nullable=False),
    Column("act", String(32), nullable=False),
    Column("clip_id", BigId),
    Column("member_id", BigInteger),
    Column("note", Text),
    Index(None, "guild_id", "id"),
)
"""What moderators and admins did in a server."""

departures = Table(
    "departures",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("left_at", UtcTime(), nullable=False),
)
"""Servers that the bot has left, until their data is removed."""

farewells = Table(
    "farewells",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("asked_at", UtcTime(), nullable=False),
    Column("owner", String(40)),
)
"""Members who want to be forgotten, until they are."""

GUILD_LOCALE = func.coalesce(
    select(guilds.c.locale).where(guilds.c.id == showcase_servers.c.guild_id).scalar_subquery(),
    showcase_servers.c.locale,
)
"""The language of what a server's showcase says: what its admins chose, else Discord's."""

IS_VISIBLE = (showcase.c.hidden == false()) & (showcase.c.withdrawn == false())
IS_PUBLIC = IS_VISIBLE & (showcase.c.public == true())

"""The tables of the showcase, of moderation and of erasure; see `bot.store.tables.core`."""

from typing import Final

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

from bot.domain.showcase.gallery import Reach
from bot.store.engine.types import BigId, UtcTime
from bot.store.tables.core import guilds_table, metadata

showcase_posts_table = Table(
    "showcase_posts",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("clip_id", BigId, nullable=False, unique=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("creator_name", String(100), nullable=False),
    Column("hide_prompt", Boolean, nullable=False),
    # what `build_search_text` returns: the creator's name, and the prompt unless it is hidden
    Column("search_text", Text, nullable=False),
    Column("model", String(120), nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("aspect_ratio", String(8), nullable=False, server_default="16:9"),
    Column("votes", Integer, nullable=False),
    # whether it may be in the public gallery: added by the creator or with their consent
    Column("public", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False, server_default=false()),
    Column("locked", Boolean, nullable=False, server_default=false()),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
    # whether Discord shows what the row says; until then the worker ``owner`` works on it
    Column("in_sync", Boolean, nullable=False, server_default=false()),
    Column("owner", String(40)),
    # a sync that began before the latest change must not mark the row as in sync
    Column("change_count", Integer, nullable=False),
    # counts the messages, because a new one must not have the nonce of a deleted one
    Column("revision", Integer, nullable=False),
    # a message of this revision cannot be older
    Column("revision_at", UtcTime(), nullable=False),
    # null for posts that votes added, and for members who were erased
    Column("added_by", BigInteger),
    # the `Reach` of the post, updated whenever something that decides it changes
    Column("reach", String(16), nullable=False, server_default="public"),
    Column("channel_id", BigInteger),
    # the last known state
    Column("channel_age_restricted", Boolean, nullable=False, server_default=false()),
    Column("message_id", BigInteger, index=True),
    Column("showcased_at", UtcTime(), nullable=False),
    Index(None, "guild_id", "id"),
    Index(None, "guild_id", "votes", "id"),
    Index(None, "votes", "id"),
    Index(None, "model", "id"),
    Index(None, "seconds", "id"),
    Index(None, "aspect_ratio", "id"),
    Index(None, "showcased_at"),
    Index(None, "guild_id", "showcased_at"),
    Index(None, "user_id", "clip_id"),
    Index(None, "user_id", "id"),
    Index(None, "in_sync", "id"),
    Index(None, "added_by"),
    sqlite_autoincrement=True,
)

_WORD: Final = String(16).with_variant(String(16, collation="C"), "postgresql")
_SUFFIX: Final = String(8).with_variant(String(8, collation="C"), "postgresql")
"""Compared by code points, so that a range of an index has all that begin with some text."""

search_words_table = Table(
    "search_words",
    metadata,
    Column("word", _WORD, primary_key=True),
    Column("clip_id", BigInteger, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)
"""The words of ``showcase_posts.search_text``; see `bot.store.showcase.search_words`."""

server_words_table = Table(
    "server_words",
    metadata,
    Column("word", _WORD, primary_key=True),
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)
"""The words of ``showcase_settings.search_name``."""

word_suffixes_table = Table(
    "word_suffixes",
    metadata,
    Column("suffix", _SUFFIX, primary_key=True),
    Column("word", _WORD, primary_key=True, index=True),
    sqlite_with_rowid=False,
)
"""The beginning of each ending of these words."""

showcase_settings_table = Table(
    "showcase_settings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    # what `normalize_search_text` returns
    Column("search_name", Text, nullable=False, server_default=""),
    Column("locale", String(16)),
    Column("channel_id", BigInteger),
    Column("stars", Integer, nullable=False),
    Column("curation", String(16), nullable=False),
    Column("public", Boolean, nullable=False, server_default=false()),
    Column("digest_day", Integer),
    Column("digest_hour", Integer, nullable=False),
    Column("digest_zone", String(64), nullable=False),
    Column("digest_since", UtcTime()),
    # when the newest post was added; null without posts. The gallery lists servers by it.
    Column("last_showcased_at", UtcTime()),
    Index(None, "public", "last_showcased_at"),
)

server_pages_table = Table(
    "server_pages",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("title", String(80)),
    Column("description", String(300)),
    # 0xRRGGBB
    Column("accent", Integer),
    Column("invite_code", String(32)),
    # Discord's hash of the icon that was looked at last, and whether a copy is kept
    Column("icon_hash", String(64)),
    Column("has_icon", Boolean, nullable=False, server_default=false()),
    Column("icon_accent", Integer),
)
"""How servers present themselves in the web gallery; see `bot.domain.showcase.server_page`."""

creator_pages_table = Table(
    "creator_pages",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    # the random last part of the page's address, which says nothing about the member
    Column("page_key", String(32), nullable=False, unique=True),
    Column("opened_at", UtcTime(), nullable=False),
)
"""The members who want a page of their own in the web gallery."""

creator_preferences_table = Table(
    "creator_preferences",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("consent", String(16), nullable=False),
    Column("hide_prompt", Boolean, nullable=False),
    # when the creator was told that the showcase is on the public web
    Column("public_notice_at", UtcTime()),
    Index(None, "user_id"),
)

showcase_blocks_table = Table(
    "showcase_blocks",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("blocked_at", UtcTime(), nullable=False),
)

stars_table = Table(
    "stars",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    # a super reaction; a member can give both kinds, which count as one vote
    Column("is_super", Boolean, primary_key=True, server_default=false()),
    Column("clip_id", BigId, nullable=False, index=True),
    Index(None, "user_id"),
)
"""Members' stars on the messages of clips: the clip's own post and its showcase post."""

footage_table = Table(
    "footage",
    metadata,
    Column("clip_id", BigInteger, primary_key=True, autoincrement=False),
    Column("source_clip_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger),
    # the source's creator; null if they were erased or are unknown
    Column("user_id", BigInteger),
    # whether the source was deleted; its rows stay as long as its footage is in other clips
    Column("is_deleted", Boolean, nullable=False, server_default=false()),
    Index(None, "source_clip_id"),
    Index(None, "user_id"),
    Index(None, "guild_id"),
)
"""Whose footage is in a clip: its own, and that of every clip it was extended or edited from."""

digests_table = Table(
    "digests",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("due_at", UtcTime(), nullable=False),
    Column("period_start", UtcTime(), nullable=False),
    # JSON: the best clips of the period at the time of the insert, the winner first
    Column("clip_ids", Text, nullable=False),
    Column("in_sync", Boolean, nullable=False, server_default=false()),
    Column("owner", String(40)),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Index(None, "guild_id", "due_at", unique=True),
    Index(None, "in_sync"),
    sqlite_autoincrement=True,
)

audit_log_table = Table(
    "audit_log",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("recorded_at", UtcTime(), nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    # null for actions of the bot itself, and for members who were erased
    Column("actor_id", BigInteger),
    Column("action", String(32), nullable=False),
    Column("clip_id", BigId),
    Column("target_user_id", BigInteger),
    Column("comment", Text),
    # 0: to be posted in the server's log channel; else the batch that is being posted, by the
    # number of its first entry; null: nothing to post
    Column("log_batch", BigInteger),
    Index(None, "guild_id", "id"),
    # in the database only of entries that are to be posted
    Index(None, "log_batch", "guild_id", "id"),
    Index(None, "actor_id"),
    Index(None, "target_user_id"),
    Index(None, "recorded_at"),
)
"""What moderators and admins did in a server."""

guild_removals_table = Table(
    "guild_removals",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("left_at", UtcTime(), nullable=False),
)
"""Servers that the bot has left, until their data is erased."""

erasure_requests_table = Table(
    "erasure_requests",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("requested_at", UtcTime(), nullable=False),
    Column("owner", String(40)),
)
"""Requests of members to be erased, until that is done."""

GUILD_LOCALE = func.coalesce(
    select(guilds_table.c.locale)
    .where(guilds_table.c.id == showcase_settings_table.c.guild_id)
    .scalar_subquery(),
    showcase_settings_table.c.locale,
)
"""The language of a server's showcase: what its admins chose, or its language in Discord."""

IS_VISIBLE = (
    (showcase_posts_table.c.hidden == false())
    & (showcase_posts_table.c.withdrawn == false())
    & (showcase_posts_table.c.reach != Reach.NOWHERE)
)
IS_PUBLIC = (
    IS_VISIBLE
    & (showcase_posts_table.c.public == true())
    & (showcase_posts_table.c.reach == Reach.PUBLIC)
)

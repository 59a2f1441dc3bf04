"""Updates the reach of showcase posts whenever something that decides it changes.

The rule is `bot.domain.showcase.reach`. It depends on many rows: whose footage is in a clip, what
these members chose, and whether their clips are still shown. So every change of such a row calls a
function of this module in the same transaction.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.gallery import Reach
from bot.domain.showcase.post import ShowcaseConsent
from bot.domain.showcase.reach import FootageSource, SourceShowing, decide_reach
from bot.store.engine.database import take_lock
from bot.store.showcase.digest_sync import mark_digests_out_of_sync
from bot.store.showcase.stars import build_change_values
from bot.store.tables.core import clips_table
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import (
    creator_preferences_table,
    footage_table,
    showcase_blocks_table,
    showcase_posts_table,
)

REACH_LOCK: Final = 0x636C_6170_05
_posts = showcase_posts_table.c
_clips = clips_table.c
_footage = footage_table.c
_source_posts: Final = showcase_posts_table.alias("source_posts")
_sources = _source_posts.c
_POST_QUERY: Final[Select[Any]] = (
    select(
        _posts.id,
        _posts.clip_id,
        _posts.guild_id,
        _posts.user_id,
        _posts.added_by,
        _posts.reach,
        _posts.channel_age_restricted,
        _clips.age_restricted,
    )
    .join_from(showcase_posts_table, clips_table, _clips.id == _posts.clip_id)
    .where(~_posts.withdrawn)
    .order_by(_posts.clip_id)
)
_choices = creator_preferences_table.c
_blocks = showcase_blocks_table.c
_SOURCE_QUERY: Final[Select[Any]] = (
    select(
        _footage.clip_id,
        _footage.source_clip_id,
        _footage.user_id,
        _footage.is_deleted,
        _choices.consent,
        _blocks.user_id.label("blocked_id"),
        _posts.guild_id,
        *(_sources[name].label(f"source_{name}") for name in ("id", "guild_id", "public", "reach")),
        _sources.withdrawn.label("source_withdrawn"),
        _sources.hidden.label("source_hidden"),
    )
    .join_from(footage_table, showcase_posts_table, _posts.clip_id == _footage.clip_id)
    .outerjoin(_source_posts, _sources.clip_id == _footage.source_clip_id)
    .outerjoin(
        creator_preferences_table,
        and_(_choices.guild_id == _posts.guild_id, _choices.user_id == _footage.user_id),
    )
    .outerjoin(
        showcase_blocks_table,
        and_(_blocks.guild_id == _posts.guild_id, _blocks.user_id == _footage.user_id),
    )
    .where(_footage.source_clip_id != _footage.clip_id)
)


async def take_reach_lock(connection: AsyncConnection) -> None:
    """Let only one transaction decide at a time, because two would miss each other's changes.

    It must be taken before any row that the rule depends on is changed.
    """
    await take_lock(connection, REACH_LOCK)


async def refresh_reach_of_clips(
    connection: AsyncConnection, clip_ids: Collection[int] | Select[tuple[int]]
) -> None:
    """Decide again about the posts of these clips, and of clips that contain their footage."""
    containing = select(_footage.clip_id).where(_footage.source_clip_id.in_(clip_ids))
    await refresh_reach(
        connection, or_(_posts.clip_id.in_(clip_ids), _posts.clip_id.in_(containing))
    )


async def refresh_reach_of_member(connection: AsyncConnection, guild_id: int, user_id: int) -> None:
    """Decide again about a server's posts with footage of a member."""
    containing = select(_footage.clip_id).where(_footage.user_id == user_id)
    await refresh_reach(
        connection, and_(_posts.guild_id == guild_id, _posts.clip_id.in_(containing))
    )


async def mark_footage_deleted(
    connection: AsyncConnection, clip_ids: Collection[int], *, is_creator_erased: bool = False
) -> None:
    """Record that clips are deleted, so that clips with their footage may not be shown."""
    await take_reach_lock(connection)
    values: dict[str, Any] = {"is_deleted": True}
    if is_creator_erased:
        values["user_id"] = None
    await connection.execute(
        update(footage_table).where(_footage.source_clip_id.in_(clip_ids)).values(values)
    )
    await refresh_reach_of_clips(connection, clip_ids)


async def refresh_reach(connection: AsyncConnection, condition: ColumnElement[bool]) -> None:
    """Decide again about the posts that meet a condition; those that change are out of sync."""
    posts = (await connection.execute(_POST_QUERY.where(condition))).mappings().all()
    if not posts:
        return
    sources_by_clip: dict[int, list[Row]] = {}
    for row in (await connection.execute(_SOURCE_QUERY.where(condition))).mappings():
        sources_by_clip.setdefault(row["clip_id"], []).append(row)
    decided: dict[int, Reach] = {}
    # in the order of clip ids, so that a source is decided before the clips made from it
    for post in posts:
        rows = sources_by_clip.get(post["clip_id"], [])
        reach = decide_reach(
            creator_id=post["user_id"],
            age_restricted=bool(post["age_restricted"]),
            channel_age_restricted=post["channel_age_restricted"],
            sources=[_source_from_row(row, decided) for row in rows],
            is_by_stars=post["added_by"] is None,
        )
        decided[post["clip_id"]] = reach
        if reach == post["reach"]:
            continue
        await connection.execute(
            update(showcase_posts_table)
            .where(_posts.id == post["id"])
            .values({"reach": reach} | build_change_values(None))
        )
        await mark_digests_out_of_sync(connection, post["guild_id"], [post["clip_id"]])


def _source_from_row(row: Row, decided: dict[int, Reach]) -> FootageSource:
    consent = row["consent"]
    return FootageSource(
        creator_id=row["user_id"],
        is_deleted=row["is_deleted"],
        is_blocked=row["blocked_id"] is not None,
        consent=ShowcaseConsent.STARS if consent is None else ShowcaseConsent(consent),
        showing=_find_showing(row, decided),
    )


def _find_showing(row: Row, decided: dict[int, Reach]) -> SourceShowing:
    if row["source_id"] is None:
        return SourceShowing.NEVER
    if row["source_hidden"]:
        return SourceShowing.HIDDEN
    if row["source_withdrawn"]:
        return SourceShowing.TAKEN_OUT
    reach = decided.get(row["source_clip_id"], Reach(row["source_reach"]))
    # showing a clip in one server says nothing about another
    if reach is Reach.NOWHERE or row["source_guild_id"] != row["guild_id"]:
        return SourceShowing.NEVER
    is_public = row["source_public"] and reach is Reach.PUBLIC
    return SourceShowing.PUBLIC if is_public else SourceShowing.SERVER

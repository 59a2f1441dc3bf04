"""The rows of showcase posts: what Discord should show, what it shows, and who syncs it.

`add_post` and `update_post` change a row and increase its ``change_count``. The worker that claims
the row updates Discord and records that. The row is then in sync, unless it has changed again.
Claims depend on the workers' leases, like those of jobs.
"""

from collections.abc import Collection, Hashable
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, delete, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clips.age_restriction import may_show
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.domain.showcase.gallery import Reach
from bot.domain.showcase.post import AuditEntry, NewShowcasePost, ShowcasePost
from bot.store.engine.database import Database, Store
from bot.store.engine.types import database_time
from bot.store.engine.upserts import insert_if_absent
from bot.store.jobs.workers import claimable_by
from bot.store.moderation.report_rows import follow_showcase_moderator, is_hidden_by_reports
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.showcase.digest_sync import mark_digests_out_of_sync
from bot.store.showcase.footage import (
    mark_footage_deleted,
    refresh_reach_of_clips,
    refresh_reach_of_member,
    take_reach_lock,
)
from bot.store.showcase.gallery import ENTRY_QUERY, gallery_entry_from_row
from bot.store.showcase.lists import ShowcaseLists
from bot.store.showcase.search_text import build_search_text
from bot.store.showcase.search_words import refresh_post_words
from bot.store.showcase.settings import record_last_showcased
from bot.store.showcase.stars import build_change_values, count_voters, update_votes
from bot.store.tables.core import clips_table
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import (
    GUILD_LOCALE,
    IS_VISIBLE,
    showcase_blocks_table,
    showcase_posts_table,
    stars_table,
)

_posts = showcase_posts_table.c
_SYNC_BATCH_SIZE: Final = 200
_POST_FIELDS: Final = (
    "id",
    "public",
    "withdrawn",
    "in_sync",
    "owner",
    "change_count",
    "revision",
    "revision_at",
    "added_by",
)
_POST_QUERY: Final[Select[Any]] = ENTRY_QUERY.add_columns(
    *(_posts[name].label(f"post_{name}") for name in _POST_FIELDS),
    GUILD_LOCALE.label("post_locale"),
)
_IS_MODERATED: Final = or_(_posts.hidden, _posts.locked)
_DELETE_WITHDRAWN: Final = delete(showcase_posts_table).where(
    _posts.withdrawn, _posts.in_sync, ~_IS_MODERATED
)
"""A withdrawn post leaves an empty row, so that stars do not bring it back; members may."""


class ShowcasePostStore(Store):
    """Changes and claims showcase posts; ``lists`` reads what members see."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.lists = ShowcaseLists(database)

    async def add_post(
        self, new_post: NewShowcasePost, audit_entry: AuditEntry, *, owner: str | None
    ) -> tuple[ShowcasePost, bool]:
        """Add a post, or restore a withdrawn one; return it, and whether it is new.

        Raises `NotAllowed` if a withdrawn post may not come back, or if the channel or the footage
        of the clip forbids showing it.
        """
        clip = new_post.clip
        row = {
            "clip_id": clip.id,
            "guild_id": new_post.guild_id,
            "user_id": clip.user_id,
            "creator_name": new_post.creator_name[:100],
            "hide_prompt": new_post.hide_prompt,
            "search_text": _build_search_text(new_post),
            "model": clip.model,
            "seconds": clip.seconds,
            "aspect_ratio": clip.aspect_ratio,
            "public": new_post.public,
            "owner": owner,
            "change_count": 0,
            "revision": 0,
            "revision_at": audit_entry.recorded_at,
            "added_by": new_post.added_by,
            "channel_id": new_post.channel_id,
            "channel_age_restricted": new_post.channel_age_restricted,
            "showcased_at": audit_entry.recorded_at,
        }

        async def insert_or_restore(connection: AsyncConnection) -> tuple[ShowcasePost, bool]:
            await take_reach_lock(connection)
            if await is_hidden_by_reports(connection, clip.id):
                raise NotAllowed("showcase_hidden")
            if not new_post.by_stars:
                await connection.execute(_DELETE_WITHDRAWN.where(_posts.clip_id == clip.id))
            row["votes"] = await count_voters(connection, clip.id)
            is_new = await insert_if_absent(connection, showcase_posts_table, row)
            if not is_new and not new_post.by_stars:
                is_new = await _restore_withdrawn(connection, new_post, owner)
            if is_new:
                await write_audit_entry(connection, audit_entry)
            elif new_post.public:
                await connection.execute(
                    update(showcase_posts_table)
                    .where(_posts.clip_id == clip.id)
                    .values(public=True)
                )
            await refresh_reach_of_clips(connection, [clip.id])
            post = await _load_post(connection, _posts.clip_id == clip.id)
            assert post is not None
            if post.withdrawn:
                raise NotAllowed("showcase_hidden")
            if post.entry.reach is Reach.NOWHERE:
                raise NotAllowed(_explain_no_reach(clip, new_post))
            if is_new:
                await record_last_showcased(connection, new_post.guild_id)
                await refresh_post_words(connection, [clip.id])
            return post, is_new

        return await self._db.write(insert_or_restore)

    async def get(self, post_id: int) -> ShowcasePost | None:
        return await self._select_first(_posts.id == post_id)

    async def find_by_clip(self, clip_id: int) -> ShowcasePost | None:
        """Return the post of a clip, unless it is withdrawn."""
        return await self._select_first(and_(_posts.clip_id == clip_id, ~_posts.withdrawn))

    async def find_by_message(self, message_id: int) -> ShowcasePost | None:
        """Return the post that a message in the showcase channel shows."""
        return await self._select_first(_posts.message_id == message_id)

    async def list_member_post_ids(
        self, user_id: int, *, guild_id: int | None = None, include_withdrawn: bool = True
    ) -> list[int]:
        """Return the ids of a member's posts, in one server or in all."""
        query = select(_posts.id).where(_posts.user_id == user_id)
        if guild_id is not None:
            query = query.where(_posts.guild_id == guild_id)
        if not include_withdrawn:
            query = query.where(~_posts.withdrawn)
        return await self._db.read_scalars(query)

    async def update_post(
        self,
        post_id: int,
        *,
        owner: str | None,
        audit_entry: AuditEntry | None,
        hidden: bool | None = None,
        locked: bool | None = None,
        withdrawn: bool | None = None,
        hide_prompt: bool | None = None,
    ) -> ShowcasePost | None:
        """Change the desired state of a post; `None` leaves a field as it is."""
        fields = {
            "hidden": hidden,
            "locked": locked,
            "withdrawn": withdrawn,
            "hide_prompt": hide_prompt,
        }
        changes = {name: value for name, value in fields.items() if value is not None}

        async def change_row(connection: AsyncConnection) -> ShowcasePost | None:
            await take_reach_lock(connection)
            before = await _load_post(connection, _posts.id == post_id)
            if before is None:
                return None
            values: dict[str, Any] = dict(changes)
            if hide_prompt is not None:
                prompt = await _load_prompt(connection, post_id)
                creator_name = before.entry.creator_name
                values["search_text"] = build_search_text(
                    None if hide_prompt else prompt, creator_name
                )
            if hidden is False:
                values["revision_at"] = database_time()
            if hidden is not None and audit_entry is not None:
                await follow_showcase_moderator(
                    connection,
                    before.entry.clip.id,
                    hidden=hidden,
                    actor_id=audit_entry.actor_id,
                )
            await connection.execute(
                update(showcase_posts_table)
                .where(_posts.id == post_id)
                .values(values | build_change_values(owner))
            )
            if locked is False:
                await update_votes(connection, before.entry.clip.id)
            if audit_entry is not None:
                await write_audit_entry(connection, audit_entry)
            if not changes.keys() <= {"locked", "hide_prompt"}:
                await refresh_reach_of_clips(connection, [before.entry.clip.id])
            if not changes.keys() <= {"locked"}:
                await mark_digests_out_of_sync(
                    connection, before.entry.guild_id, [before.entry.clip.id]
                )
            if hide_prompt is not None:
                await refresh_post_words(connection, [before.entry.clip.id])
            return await _load_post(connection, _posts.id == post_id)

        return await self._db.write(change_row)

    async def set_blocked(
        self, audit_entry: AuditEntry, *, blocked: bool, owner: str | None
    ) -> list[int]:
        """Block or unblock a member; return the ids of the posts that this hides."""
        member_id = audit_entry.target_user_id or 0
        block = and_(
            showcase_blocks_table.c.guild_id == audit_entry.guild_id,
            showcase_blocks_table.c.user_id == audit_entry.target_user_id,
        )
        visible_posts = and_(
            _posts.guild_id == audit_entry.guild_id,
            _posts.user_id == audit_entry.target_user_id,
            IS_VISIBLE,
        )

        async def write_block(connection: AsyncConnection) -> list[int]:
            await take_reach_lock(connection)
            await write_audit_entry(connection, audit_entry)
            if not blocked:
                await connection.execute(delete(showcase_blocks_table).where(block))
                await refresh_reach_of_member(connection, audit_entry.guild_id, member_id)
                return []
            row = {
                "guild_id": audit_entry.guild_id,
                "user_id": audit_entry.target_user_id,
                "blocked_at": audit_entry.recorded_at,
            }
            await insert_if_absent(connection, showcase_blocks_table, row)
            hide = (
                update(showcase_posts_table)
                .where(visible_posts)
                .values({"hidden": True} | build_change_values(owner))
                .returning(_posts.id, _posts.clip_id)
            )
            hidden = (await connection.execute(hide)).all()
            await mark_digests_out_of_sync(
                connection, audit_entry.guild_id, [row.clip_id for row in hidden]
            )
            await refresh_reach_of_member(connection, audit_entry.guild_id, member_id)
            return [row.id for row in hidden]

        return await self._db.write(write_block)

    async def rename_creator(self, guild_id: int, user_id: int, name: str) -> None:
        """Record a creator's current name in a server, which the gallery shows."""
        is_outdated = and_(
            _posts.guild_id == guild_id,
            _posts.user_id == user_id,
            _posts.creator_name != name[:100],
            ~_posts.withdrawn,
        )
        # read first, because most members have no posts and a write would block other writers
        if await self._db.read_scalar(select(_posts.id).where(is_outdated).limit(1)) is not None:
            await self._db.write(partial(_rename_posts, is_outdated=is_outdated, name=name[:100]))

    async def mark_clip_deleted(self, clip_id: int) -> None:
        """Record that a clip is about to be deleted, which hides posts with its footage."""
        await self._db.write(lambda connection: mark_footage_deleted(connection, [clip_id]))

    # -- syncing

    async def claim(self, post_id: int, owner: str) -> ShowcasePost | None:
        """Claim a post that is out of sync; return `None` if another living worker has it."""
        statement = (
            update(showcase_posts_table)
            .where(_posts.id == post_id, _posts.in_sync == false())
            .where(claimable_by(_posts.owner, owner))
            .values(owner=owner)
        )

        async def take_post(connection: AsyncConnection) -> ShowcasePost | None:
            if (await connection.execute(statement)).rowcount == 0:
                return None
            return await _load_post(connection, _posts.id == post_id)

        return await self._db.write(take_post)

    async def list_out_of_sync(self, owner: str) -> list[int]:
        """Return the ids of posts out of sync that ``owner`` may claim."""
        return await self._db.read_scalars(
            select(_posts.id)
            .where(_posts.in_sync == false(), claimable_by(_posts.owner, owner))
            .order_by(_posts.id)
            .limit(_SYNC_BATCH_SIZE)
        )

    async def list_out_of_sync_by_channel(
        self, owner: str, *, except_for: Collection[int] = ()
    ) -> dict[Hashable, list[int]]:
        """Return the ids of posts out of sync that ``owner`` may claim, by channel."""
        query = (
            select(_posts.id, _posts.channel_id)
            .where(_posts.in_sync == false(), claimable_by(_posts.owner, owner))
            .where(_posts.id.not_in(except_for))
            .order_by(_posts.id)
            .limit(_SYNC_BATCH_SIZE)
        )
        by_channel: dict[Hashable, list[int]] = {}
        for row in await self._db.read_rows(query):
            by_channel.setdefault(row["channel_id"], []).append(row["id"])
        return by_channel

    async def mark_published(self, post: ShowcasePost, message_id: int) -> None:
        await self._record_sync(post, {"message_id": message_id})

    async def mark_refreshed(self, post: ShowcasePost) -> None:
        await self._record_sync(post, {})

    async def mark_unpublished(self, post: ShowcasePost) -> None:
        is_post = _posts.id == post.id

        async def clear_message(connection: AsyncConnection) -> None:
            if post.entry.message_id is not None:
                await connection.execute(
                    delete(stars_table).where(stars_table.c.message_id == post.entry.message_id)
                )
            await connection.execute(
                update(showcase_posts_table)
                .where(is_post)
                .values(
                    message_id=None,
                    revision=_posts.revision + 1,
                    revision_at=database_time(),
                    in_sync=_posts.change_count == post.change_count,
                )
            )
            # a withdrawn post keeps nothing that can be read or searched
            await connection.execute(
                update(showcase_posts_table)
                .where(is_post, _posts.withdrawn)
                .values(creator_name="", search_text="", hide_prompt=True)
            )
            await update_votes(connection, post.entry.clip.id)
            await refresh_post_words(connection, [post.entry.clip.id])

        await self._db.write(clear_message)

    async def _record_sync(self, post: ShowcasePost, values: dict[str, Any]) -> None:
        statement = (
            update(showcase_posts_table)
            .where(_posts.id == post.id)
            .values(values | {"in_sync": _posts.change_count == post.change_count})
        )
        await self._db.execute(statement)

    # -- queries

    async def list_recent(
        self, guild_id: int, *, since: datetime, limit: int
    ) -> list[ShowcasePost]:
        """Return the posts since a time that have a message, newest first."""
        query = (
            _POST_QUERY.where(_posts.guild_id == guild_id, IS_VISIBLE)
            .where(_posts.showcased_at > since, _posts.message_id.is_not(None))
            # with the sum, only the posts since then are read
            .order_by((_posts.id + 0).desc())
            .limit(limit)
        )
        return [post_from_row(row) for row in await self._db.read_rows(query)]

    async def _select_first(self, condition: ColumnElement[bool]) -> ShowcasePost | None:
        return await self._db.read(lambda connection: _load_post(connection, condition))


def post_from_row(row: Row) -> ShowcasePost:
    """Return the post of a row of `_POST_QUERY`."""
    return ShowcasePost(
        entry=gallery_entry_from_row(row),
        locale=row["post_locale"],
        **{name: row[f"post_{name}"] for name in _POST_FIELDS},
    )


async def _load_post(
    connection: AsyncConnection, condition: ColumnElement[bool]
) -> ShowcasePost | None:
    row = (await connection.execute(_POST_QUERY.where(condition).limit(1))).mappings().one_or_none()
    return None if row is None else post_from_row(row)


def _build_search_text(new_post: NewShowcasePost) -> str:
    prompt = None if new_post.hide_prompt else new_post.clip.prompt
    return build_search_text(prompt, new_post.creator_name[:100])


async def _restore_withdrawn(
    connection: AsyncConnection, new_post: NewShowcasePost, owner: str | None
) -> bool:
    """Restore a withdrawn post; return ``False`` if there is none, or it is hidden or locked."""
    statement = (
        update(showcase_posts_table)
        .where(_posts.clip_id == new_post.clip.id, _posts.withdrawn, ~_IS_MODERATED)
        .values(
            {
                "withdrawn": False,
                "public": new_post.public,
                "hide_prompt": new_post.hide_prompt,
                "search_text": _build_search_text(new_post),
                "creator_name": new_post.creator_name[:100],
                "added_by": new_post.added_by,
                "channel_age_restricted": case(
                    (_posts.message_id.is_(None), new_post.channel_age_restricted),
                    else_=_posts.channel_age_restricted,
                ),
                "channel_id": case(
                    (_posts.message_id.is_(None), new_post.channel_id), else_=_posts.channel_id
                ),
            }
            | build_change_values(owner)
        )
    )
    return (await connection.execute(statement)).rowcount == 1


async def _rename_posts(
    connection: AsyncConnection, is_outdated: ColumnElement[bool], name: str
) -> None:
    """Write a creator's name into their posts and the search texts."""
    query = (
        select(_posts.id, _posts.clip_id, _posts.hide_prompt, clips_table.c.prompt)
        .join(clips_table, _posts.clip_id == clips_table.c.id)
        .where(is_outdated)
    )
    posts = (await connection.execute(query)).all()
    for post in posts:
        search_text = build_search_text(None if post.hide_prompt else post.prompt, name)
        change = update(showcase_posts_table).where(_posts.id == post.id)
        await connection.execute(change.values(creator_name=name, search_text=search_text))
    await refresh_post_words(connection, [post.clip_id for post in posts])


async def _load_prompt(connection: AsyncConnection, post_id: int) -> str:
    query = select(clips_table.c.prompt).join(
        showcase_posts_table, _posts.clip_id == clips_table.c.id
    )
    prompt = await connection.scalar(query.where(_posts.id == post_id))
    return prompt or ""


def _explain_no_reach(clip: Clip, new_post: NewShowcasePost) -> str:
    """Return the reason for `NotAllowed` why a clip may not be shown."""
    may_appear = may_show(
        age_restricted=clip.age_restricted, place_age_restricted=new_post.channel_age_restricted
    )
    return "showcase_footage" if may_appear else "showcase_age_restricted"

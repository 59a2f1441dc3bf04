"""Erases the rows that are left of a member or a server once their jobs are gone.

There may be millions, so this is done in batches. What says that there is something to erase, a
request or the record of a server that was left, is deleted in the last transaction of all. So an
interruption at any point leaves what makes the next round continue.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import MONTH
from bot.domain.erasure import pseudonym_for
from bot.domain.moderation.question import QUESTION_RETENTION
from bot.store.billing.rollup import LEDGER_LOCK
from bot.store.engine.database import Database, take_lock
from bot.store.engine.row_batches import BatchChange, change_in_batches, find_table
from bot.store.moderation.content_checks import KEPT_FOR
from bot.store.showcase.search_words import refresh_post_words, refresh_server_words
from bot.store.showcase.stars import anonymize_stars
from bot.store.tables.core import (
    channel_rules_table,
    clips_table,
    guilds_table,
    jobs_table,
    ledger_table,
    limits_table,
    member_preferences_table,
    welcomed_guilds_table,
)
from bot.store.tables.moderation import (
    content_checks_table,
    log_channels_table,
    questions_table,
    report_cases_table,
    report_notices_table,
    reports_table,
    request_blocks_table,
    reviews_table,
    word_entries_table,
)
from bot.store.tables.showcase import (
    audit_log_table,
    creator_pages_table,
    creator_preferences_table,
    digests_table,
    erasure_requests_table,
    footage_table,
    guild_removals_table,
    server_pages_table,
    showcase_blocks_table,
    showcase_posts_table,
    showcase_settings_table,
    stars_table,
)

_jobs = jobs_table.c
_ledger = ledger_table.c
_posts = showcase_posts_table.c
_removals = guild_removals_table.c
_MEMBER_COLUMNS: Final[tuple[ColumnElement[int], ...]] = (
    audit_log_table.c.actor_id,
    audit_log_table.c.target_user_id,
    _posts.added_by,
    _ledger.actor_id,
    footage_table.c.user_id,
    limits_table.c.changed_by,
    guilds_table.c.changed_by,
    request_blocks_table.c.blocked_by,
    reviews_table.c.decided_by,
    questions_table.c.decided_by,
    report_cases_table.c.decided_by,
    report_cases_table.c.creator_blocked_by,
)
"""Where a member is named in rows that stay."""
_GUILD_COLUMNS: Final[tuple[ColumnElement[int], ...]] = (
    _posts.guild_id,  # before the footage, which decides where a post may be shown
    footage_table.c.guild_id,
    creator_preferences_table.c.guild_id,
    showcase_blocks_table.c.guild_id,
    digests_table.c.guild_id,
    audit_log_table.c.guild_id,
    limits_table.c.guild_id,
    channel_rules_table.c.guild_id,
    request_blocks_table.c.guild_id,
    word_entries_table.c.guild_id,
    reviews_table.c.guild_id,
    questions_table.c.guild_id,
    report_notices_table.c.guild_id,
    report_cases_table.c.guild_id,
)
_GUILD_KEYS: Final[tuple[ColumnElement[int], ...]] = (
    server_pages_table.c.guild_id,
    showcase_settings_table.c.guild_id,
    welcomed_guilds_table.c.guild_id,
    log_channels_table.c.guild_id,
    guilds_table.c.id,
)
"""Tables with one row for a server."""


async def erase_rest_of_member(database: Database, user_id: int, *, now: datetime) -> None:
    """Delete or anonymize stars, preferences, page, logs and ledger, and then the request."""
    await change_in_batches(
        database, stars_table, stars_table.c.user_id == user_id, anonymize_stars
    )
    for chosen in (creator_pages_table, creator_preferences_table, member_preferences_table):
        is_members = chosen.c.user_id == user_id
        await change_in_batches(database, chosen, is_members, _build_deletion(chosen))
    for own in (
        reports_table.c.user_id,
        report_notices_table.c.user_id,
        report_cases_table.c.creator_id,
        questions_table.c.user_id,
    ):
        table = find_table(own)
        await change_in_batches(database, table, own == user_id, _build_deletion(table))
    is_left = (_posts.user_id == user_id) & _has_no_clip(showcase_posts_table)
    await change_in_batches(database, showcase_posts_table, is_left, _delete_posts)
    # the entries of jobs from after the request stay
    own_jobs = select(_jobs.id).where(_jobs.user_id == user_id)
    entries = (_ledger.user_id == user_id) & or_(
        _ledger.job_id.is_(None), _ledger.job_id.not_in(own_jobs)
    )
    in_window = _ledger.window_at > now - MONTH
    for is_charged, value in ((in_window, pseudonym_for(user_id)), (~in_window, None)):
        await change_in_batches(
            database, ledger_table, entries & is_charged, _build_ledger_update(user_id=value)
        )
    for column in _MEMBER_COLUMNS:
        table = find_table(column)
        update_rows = (
            _build_ledger_update(actor_id=None)
            if table is ledger_table
            else _build_update(table, {column: None})
        )
        await change_in_batches(database, table, column == user_id, update_rows)
    await database.execute(
        delete(erasure_requests_table).where(erasure_requests_table.c.user_id == user_id)
    )


async def erase_rest_of_guild(database: Database, guild_id: int, *, left_before: datetime) -> bool:
    """Delete what a server has, and then the record that the bot left it.

    Returns ``False``, without going on, if the bot has rejoined meanwhile.
    """
    is_removal = (_removals.guild_id == guild_id) & (_removals.left_at < left_before)

    def stop_when_rejoined(change: BatchChange) -> BatchChange:
        # the lock keeps the bot from rejoining in the middle of the transaction
        query = select(_removals.guild_id).where(is_removal).with_for_update()

        async def change_rows(
            connection: AsyncConnection, is_in_batch: ColumnElement[bool]
        ) -> bool:
            if await connection.scalar(query) is None:
                return False
            return await change(connection, is_in_batch)

        return change_rows

    for column in _GUILD_COLUMNS:
        table = find_table(column)
        change = _delete_posts if table is showcase_posts_table else _build_deletion(table)
        if not await change_in_batches(
            database, table, column == guild_id, stop_when_rejoined(change)
        ):
            return False
    anonymize = _build_ledger_update(guild_id=None, user_id=None, actor_id=None, comment=None)
    if not await change_in_batches(
        database, ledger_table, _ledger.guild_id == guild_id, stop_when_rejoined(anonymize)
    ):
        return False

    async def delete_last_rows(connection: AsyncConnection) -> bool:
        removal = delete(guild_removals_table).where(is_removal)
        if (await connection.execute(removal)).rowcount == 0:
            return False
        for column in _GUILD_KEYS:
            await connection.execute(delete(find_table(column)).where(column == guild_id))
        await refresh_server_words(connection, guild_id, "")
        return True

    return await database.write(delete_last_rows)


async def purge_expired_rows(database: Database, *, now: datetime, audit_before: datetime) -> None:
    """Remove what has ended: pseudonyms, blocks, checks, questions, old log entries, lost rows."""
    expired = (_ledger.user_id < 0) & (_ledger.window_at <= now - MONTH)
    await change_in_batches(database, ledger_table, expired, _build_ledger_update(user_id=None))
    is_old = audit_log_table.c.recorded_at < audit_before
    await change_in_batches(database, audit_log_table, is_old, _build_deletion(audit_log_table))
    is_old_report = reports_table.c.reported_at < audit_before
    await change_in_batches(database, reports_table, is_old_report, _build_deletion(reports_table))
    is_old_notice = report_notices_table.c.created_at < audit_before
    await change_in_batches(
        database, report_notices_table, is_old_notice, _build_deletion(report_notices_table)
    )
    is_closed = (report_cases_table.c.first_reported_at < audit_before) & _has_no_clip(
        report_cases_table
    )
    await change_in_batches(
        database, report_cases_table, is_closed, _build_deletion(report_cases_table)
    )
    is_forgotten = content_checks_table.c.asked_at < now - KEPT_FOR
    await change_in_batches(
        database, content_checks_table, is_forgotten, _build_deletion(content_checks_table)
    )
    is_answered = questions_table.c.in_sync & (
        questions_table.c.decided_at <= now - QUESTION_RETENTION
    )
    await change_in_batches(
        database, questions_table, is_answered, _build_deletion(questions_table)
    )
    has_ended = request_blocks_table.c.ends_at <= now
    await change_in_batches(
        database, request_blocks_table, has_ended, _build_deletion(request_blocks_table)
    )
    is_left = _posts.withdrawn & _posts.in_sync & _has_no_clip(showcase_posts_table)
    await change_in_batches(database, showcase_posts_table, is_left, _delete_posts)
    await change_in_batches(
        database, stars_table, _has_no_clip(stars_table), _build_deletion(stars_table)
    )


def _build_deletion(table: Table) -> BatchChange:
    async def delete_rows(connection: AsyncConnection, is_in_batch: ColumnElement[bool]) -> bool:
        await connection.execute(delete(table).where(is_in_batch))
        return True

    return delete_rows


def _build_update(table: Table, values: Mapping[Any, int | None]) -> BatchChange:
    async def update_rows(connection: AsyncConnection, is_in_batch: ColumnElement[bool]) -> bool:
        await connection.execute(update(table).where(is_in_batch).values(values))
        return True

    return update_rows


def _build_ledger_update(**values: int | None) -> BatchChange:
    update_rows = _build_update(ledger_table, values)

    async def update_entries(connection: AsyncConnection, is_in_batch: ColumnElement[bool]) -> bool:
        await take_lock(connection, LEDGER_LOCK)
        return await update_rows(connection, is_in_batch)

    return update_entries


async def _delete_posts(connection: AsyncConnection, is_in_batch: ColumnElement[bool]) -> bool:
    statement = delete(showcase_posts_table).where(is_in_batch).returning(_posts.clip_id)
    clip_ids = (await connection.scalars(statement)).all()
    await refresh_post_words(connection, clip_ids)
    return True


def _has_no_clip(table: Table) -> ColumnElement[bool]:
    clip = select(clips_table.c.id).where(clips_table.c.id == table.c.clip_id)
    return ~clip.exists()

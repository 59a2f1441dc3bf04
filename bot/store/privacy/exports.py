"""Collects everything that is stored about a member, as JSON values, for `/privacy export`."""

import json
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import LimitSubject
from bot.domain.erasure import JsonValue, MemberExport
from bot.store.engine.database import Store
from bot.store.tables.core import (
    clips_table,
    guilds_table,
    jobs_table,
    ledger_table,
    limits_table,
    member_preferences_table,
)
from bot.store.tables.moderation import (
    questions_table,
    report_cases_table,
    report_notices_table,
    reports_table,
    request_blocks_table,
    reviews_table,
)
from bot.store.tables.showcase import (
    audit_log_table,
    creator_pages_table,
    creator_preferences_table,
    erasure_requests_table,
    footage_table,
    showcase_blocks_table,
    showcase_posts_table,
    stars_table,
)

_jobs = jobs_table.c
_ledger = ledger_table.c
_limits = limits_table.c
_posts = showcase_posts_table.c
_blocks = request_blocks_table.c
_cases = report_cases_table.c
_notices = report_notices_table.c
_guilds = guilds_table.c
_reviews = reviews_table.c
_questions = questions_table.c
_INTERNAL_COLUMNS: Final = frozenset(
    {
        "owner",
        "epoch",
        "operation",
        "interaction_id",
        "reply_token",
        "remote_uri",
        "search_text",
        "in_sync",
        "change_count",
        "revision",
        "blocked_by",
        "reporter",
        "salt",
        "decided_by",
        "creator_blocked_by",
        "pending_effect",
        "claimed_until",
        "retry_at",
        "log_batch",
    }
)
"""Internal columns, Google's addresses, which are useless without the operator's key, and who
blocked a member, reviewed a clip or decided about a report."""


class ExportStore(Store):
    """Reads everything that is stored about a member."""

    async def export_member(self, user_id: int) -> MemberExport:
        """Return the rows about a member, read in one transaction."""
        queries = _build_queries(user_id)

        async def collect_rows(connection: AsyncConnection) -> MemberExport:
            return {
                name: [
                    {column: _to_json_value(column, value) for column, value in row.items()}
                    for row in (await connection.execute(query)).mappings()
                ]
                for name, query in queries.items()
            }

        return await self._db.read(collect_rows)


def _build_queries(user_id: int) -> dict[str, Select[Any]]:
    own: dict[str, tuple[ColumnElement[bool], ColumnElement[Any]]] = {
        "requests": (jobs_table.c.user_id == user_id, jobs_table.c.id),
        "clips": (clips_table.c.user_id == user_id, clips_table.c.id),
        "charges": (_ledger.user_id == user_id, _ledger.id),
        "limits": (
            (_limits.subject == LimitSubject.MEMBER) & (_limits.subject_id == user_id),
            _limits.guild_id,
        ),
        "showcase": (_posts.user_id == user_id, _posts.id),
        "showcase_choices": (
            creator_preferences_table.c.user_id == user_id,
            creator_preferences_table.c.guild_id,
        ),
        "creator_page": (
            creator_pages_table.c.user_id == user_id,
            creator_pages_table.c.user_id,
        ),
        "preferences": (
            member_preferences_table.c.user_id == user_id,
            member_preferences_table.c.user_id,
        ),
        "showcase_blocks": (
            showcase_blocks_table.c.user_id == user_id,
            showcase_blocks_table.c.guild_id,
        ),
        "reported_clips": (_cases.creator_id == user_id, _cases.clip_id),
        "reports": (reports_table.c.user_id == user_id, reports_table.c.clip_id),
        "report_notices": (_notices.user_id == user_id, _notices.id),
        "request_blocks": (_blocks.user_id == user_id, _blocks.guild_id),
        "reviews": (
            reviews_table.c.job_id.in_(select(_jobs.id).where(_jobs.user_id == user_id)),
            reviews_table.c.job_id,
        ),
        "questions": (_questions.user_id == user_id, _questions.id),
        "footage": (footage_table.c.user_id == user_id, footage_table.c.clip_id),
        "stars": (stars_table.c.user_id == user_id, stars_table.c.message_id),
        "moderation": (
            or_(audit_log_table.c.actor_id == user_id, audit_log_table.c.target_user_id == user_id),
            audit_log_table.c.id,
        ),
        "erasure_requests": (
            erasure_requests_table.c.user_id == user_id,
            erasure_requests_table.c.user_id,
        ),
    }
    queries = {
        name: select(*(column for column in order.table.c if column.name not in _INTERNAL_COLUMNS))
        .where(condition)
        .order_by(order)
        for name, (condition, order) in own.items()
    }
    return queries | _build_action_queries(user_id)


def _build_action_queries(user_id: int) -> dict[str, Select[Any]]:
    """Return queries for what a member did for a server or for others, without their data."""
    return {
        "limits_set": select(_limits.guild_id, _limits.subject, _limits.changed_at)
        .where(_limits.changed_by == user_id)
        .order_by(_limits.guild_id, _limits.changed_at),
        "rules_set": select(_guilds.id.label("guild_id"), _guilds.changed_at)
        .where(_guilds.changed_by == user_id)
        .order_by(_guilds.id),
        "request_blocks_set": select(_blocks.guild_id, _blocks.blocked_at)
        .where(_blocks.blocked_by == user_id)
        .order_by(_blocks.guild_id, _blocks.blocked_at),
        "clips_reviewed": select(_reviews.guild_id, _reviews.job_id, _reviews.decided_at)
        .where(_reviews.decided_by == user_id)
        .order_by(_reviews.job_id),
        "questions_answered": select(_questions.guild_id, _questions.state, _questions.decided_at)
        .where(_questions.decided_by == user_id)
        .order_by(_questions.id),
        "reports_decided": select(
            _cases.guild_id, _cases.clip_id, _cases.decision, _cases.decided_at
        )
        .where(_cases.decided_by == user_id)
        .order_by(_cases.clip_id),
        "members_blocked_after_reports": select(_cases.guild_id, _cases.clip_id)
        .where(_cases.creator_blocked_by == user_id)
        .order_by(_cases.clip_id),
        "grants_made": select(_ledger.recorded_at, _ledger.guild_id, _ledger.kind, _ledger.micros)
        .where(_ledger.actor_id == user_id)
        .order_by(_ledger.id),
        "shown_for_others": select(_posts.guild_id, _posts.clip_id, _posts.showcased_at)
        .where(_posts.added_by == user_id, _posts.user_id != user_id)
        .order_by(_posts.id),
    }


def _to_json_value(column: str, value: Any) -> JsonValue:
    if isinstance(value, datetime):
        return value.isoformat()
    if column in ("plan", "role_ids") and isinstance(value, str):
        parsed: JsonValue = json.loads(value)
        return parsed
    plain: JsonValue = value
    return plain

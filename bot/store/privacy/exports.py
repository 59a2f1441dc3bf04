"""Everything that is kept of one member, as plain values: what `/privacy export` hands out."""

import json
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import LimitSubject
from bot.domain.erasure import JsonValue, MemberExport
from bot.store.engine.database import Database
from bot.store.tables.core import clips, guilds, jobs, ledger, limits
from bot.store.tables.showcase import (
    audit,
    farewells,
    showcase,
    showcase_blocks,
    showcase_makers,
    stars,
)

_INTERNAL_COLUMNS: Final = frozenset(
    {
        "owner",
        "epoch",
        "operation",
        "visit_token",
        "remote_uri",
        "words",
        "settled",
        "changes",
        "revision",
    }
)
"""The machinery's own columns, and Google's addresses, which are no use without our key."""


class ExportStore:
    """`bot.domain.erasure.Exports` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def export_member(self, user_id: int) -> MemberExport:
        """Return everything that is kept of a member, in one view of the database."""
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
        "requests": (jobs.c.user_id == user_id, jobs.c.id),
        "clips": (clips.c.user_id == user_id, clips.c.id),
        "bookings": (ledger.c.user_id == user_id, ledger.c.id),
        "limits": (
            (limits.c.subject == LimitSubject.MEMBER) & (limits.c.subject_id == user_id),
            limits.c.guild_id,
        ),
        "showcase": (showcase.c.user_id == user_id, showcase.c.id),
        "showcase_choices": (showcase_makers.c.user_id == user_id, showcase_makers.c.guild_id),
        "showcase_blocks": (showcase_blocks.c.user_id == user_id, showcase_blocks.c.guild_id),
        "stars": (stars.c.user_id == user_id, stars.c.message_id),
        "moderation": (
            or_(audit.c.actor_id == user_id, audit.c.member_id == user_id),
            audit.c.id,
        ),
        "farewells": (farewells.c.user_id == user_id, farewells.c.user_id),
    }
    theirs = {
        name: select(*(column for column in order.table.c if column.name not in _INTERNAL_COLUMNS))
        .where(condition)
        .order_by(order)
        for name, (condition, order) in own.items()
    }
    return theirs | _build_action_queries(user_id)


def _build_action_queries(user_id: int) -> dict[str, Select[Any]]:
    """What a member did for a server or for others: that they did, not what is those others'."""
    return {
        "limits_set": select(limits.c.guild_id, limits.c.subject, limits.c.changed_at)
        .where(limits.c.changed_by == user_id)
        .order_by(limits.c.guild_id, limits.c.changed_at),
        "rules_set": select(guilds.c.id.label("guild_id"), guilds.c.changed_at)
        .where(guilds.c.changed_by == user_id)
        .order_by(guilds.c.id),
        "grants_made": select(ledger.c.at, ledger.c.guild_id, ledger.c.kind, ledger.c.micros)
        .where(ledger.c.by == user_id)
        .order_by(ledger.c.id),
        "shown_for_others": select(showcase.c.guild_id, showcase.c.clip_id, showcase.c.showcased_at)
        .where(showcase.c.shown_by == user_id, showcase.c.user_id != user_id)
        .order_by(showcase.c.id),
    }


def _to_json_value(column: str, value: Any) -> JsonValue:
    if isinstance(value, datetime):
        return value.isoformat()
    if column in ("plan", "role_ids") and isinstance(value, str):
        found: JsonValue = json.loads(value)
        return found
    plain: JsonValue = value
    return plain

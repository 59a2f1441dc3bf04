"""Rows of the tables that moderation has, for a database of the newest version.

Every fiftieth clip was reported, and every second was reviewed; few of the reports are open.
"""

from typing import Final

_DECIDE: Final = "CASE WHEN clip_id % 1000 = 0 THEN NULL ELSE {} END"
"""An expression that is null where nobody has decided about a case."""


def build_moderation_statements() -> list[str]:
    """Return the statements, which need the rows of jobs, clips and servers."""
    decision, decided_by, decided_at = map(_DECIDE.format, ("'dismiss'", "1", "created_at"))
    return [
        "INSERT INTO report_cases (clip_id, job_id, guild_id, creator_id, first_reported_at,"
        " report_count, salt, decision, decided_by, decided_at, channel_id, message_id, in_sync)"
        f" SELECT clip_id, job_id, guild_id, user_id, created_at, 1, 'salt', {decision},"
        f" {decided_by}, {decided_at}, 1000 + guild_id, 7000000 + clip_id, true"
        " FROM (SELECT *, id AS clip_id FROM clips) AS reported"
        " WHERE clip_id % 50 = 0 AND guild_id IS NOT NULL",
        "INSERT INTO reports (clip_id, reporter, user_id, reported_at)"
        " SELECT clip_id, '5', 5, first_reported_at FROM report_cases WHERE decision IS NULL",
        "INSERT INTO report_notices (kind, guild_id, user_id, clip_id, created_at)"
        " SELECT 'hidden', guild_id, creator_id, clip_id, first_reported_at FROM report_cases"
        " WHERE decision IS NULL",
        "INSERT INTO reviews (job_id, guild_id, requested_at, channel_id, message_id, decided_by,"
        " decided_at) SELECT id, guild_id, created_at, 1000 + guild_id, 8000000 + id, 1, created_at"
        " FROM jobs WHERE id % 2 = 0 AND guild_id IS NOT NULL",
        "INSERT INTO questions (state, dedupe_key, guild_id, channel_id, user_id, role_ids, locale,"
        " plan, entry, asked_at, decided_by, decided_at, in_sync)"
        " SELECT 'refused', 'q' || id, guild_id, channel_id, user_id, '[]', 'en-US', plan, 'word',"
        " created_at, 1, created_at, true FROM jobs WHERE id % 100 = 0 AND guild_id IS NOT NULL",
        "INSERT INTO request_blocks (guild_id, user_id, blocked_at, blocked_by)"
        " SELECT guild_id, user_id, max(created_at), 1 FROM jobs"
        " WHERE id % 100 = 1 AND guild_id IS NOT NULL GROUP BY guild_id, user_id",
        "UPDATE guilds SET staff_channel = 1000 + id WHERE id % 2 = 0",
        "INSERT INTO word_entries (guild_id, entry, action) SELECT id, 'word', 'ask' FROM guilds",
        "INSERT INTO log_channels (guild_id, channel_id) SELECT id, 1000 + id FROM guilds"
        " WHERE id % 2 = 0",
    ]

"""Rows to facts and back. The plan is kept as JSON: it is read whole and never searched."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from bot.domain.billing.ledger import EntryKind, LedgerAccount, LedgerEntry, LedgerPosting
from bot.domain.billing.limits import LimitRow, LimitSubject, UsageAmount, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.jobs.job import Job, JobState, Origin, Outcome, UserInstallReply
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    InputImage,
    PersonGeneration,
    Resolution,
    SourceClip,
    VideoPlan,
)

Row = Mapping[Any, Any]

_PLAN_FIELDS: Final = tuple(each.name for each in fields(VideoPlan))


def guild_id_to_column(guild_id: int | None) -> int:
    """Return the number that stands for a server in the tables: 0 where there is none."""
    return guild_id or 0


def plan_to_json(plan: VideoPlan) -> str:
    """Return the plan as JSON, without what is not set."""
    given = ((name, getattr(plan, name)) for name in _PLAN_FIELDS)
    values = {name: value for name, value in given if value not in (None, ())}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=asdict)


def plan_from_json(text: str) -> VideoPlan:
    """Return the plan that `plan_to_json` wrote."""
    values: dict[str, Any] = json.loads(text)
    return VideoPlan(
        model=values["model"],
        route=GoogleRoute(values["route"]),
        mode=GenerationMode(values["mode"]),
        prompt=values["prompt"],
        aspect_ratio=AspectRatio(values["aspect_ratio"]),
        resolution=_parse_resolution(values.get("resolution")),
        seconds=values["seconds"],
        result_seconds=values["result_seconds"],
        videos=values["videos"],
        price=Micros(values["price"]),
        negative_prompt=values.get("negative_prompt"),
        seed=values.get("seed"),
        person_generation=(
            PersonGeneration(values["person_generation"]) if "person_generation" in values else None
        ),
        image=_parse_image(values.get("image")),
        last_frame=_parse_image(values.get("last_frame")),
        references=tuple(InputImage(**each) for each in values.get("references", ())),
        source=_parse_source(values.get("source")),
    )


def _parse_resolution(value: str | None) -> Resolution | None:
    return None if value is None else Resolution(value)


def _parse_image(values: dict[str, Any] | None) -> InputImage | None:
    return None if values is None else InputImage(**values)


def _parse_source(values: dict[str, Any] | None) -> SourceClip | None:
    if values is None:
        return None
    return SourceClip(
        **values
        | {
            "route": GoogleRoute(values["route"]),
            "mode": GenerationMode(values["mode"]),
            "aspect_ratio": AspectRatio(values["aspect_ratio"]),
            "resolution": _parse_resolution(values["resolution"]),
        }
    )


def job_to_row(plan: VideoPlan, origin: Origin) -> dict[str, Any]:
    """Return the columns of a new job that follow from the request."""
    return {
        "key": origin.key,
        "guild_id": guild_id_to_column(origin.guild_id),
        "channel_id": origin.channel_id,
        "user_id": origin.user_id,
        "role_ids": json.dumps(sorted(origin.role_ids)),
        "request_message_id": origin.request_message_id,
        "upload_limit": origin.upload_limit,
        "locale": origin.locale,
        "guild_locale": origin.guild_locale,
        **_reply_to_row(origin.user_install_reply),
        "model": plan.model,
        "plan": plan_to_json(plan),
        "price": plan.price,
    }


def job_from_row(row: Row) -> Job:
    """Return the job of a row of ``jobs``."""
    return Job(
        id=row["id"],
        state=JobState(row["state"]),
        origin=Origin(
            key=row["key"],
            guild_id=row["guild_id"] or None,
            channel_id=row["channel_id"],
            user_id=row["user_id"],
            role_ids=frozenset(json.loads(row["role_ids"])),
            request_message_id=row["request_message_id"],
            upload_limit=row["upload_limit"],
            locale=row["locale"],
            guild_locale=row["guild_locale"],
            user_install_reply=_reply_from_row(row),
        ),
        plan=plan_from_json(row["plan"]),
        created_at=row["created_at"],
        owner=row["owner"],
        epoch=row["epoch"],
        operation=row["operation"],
        status_message_id=row["status_message_id"],
        posted_message_id=row["posted_message_id"],
        submitted_at=row["submitted_at"],
        finished_at=row["finished_at"],
        retry_at=row["retry_at"],
        cancel_requested=row["cancel_requested"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        detail=row["detail"],
        attempts=row["attempts"],
        claimed_epoch=row["claimed_epoch"],
        unsent=row["unsent"],
        videos_made=row["made"],
    )


def _reply_to_row(visit: UserInstallReply | None) -> dict[str, Any]:
    number = None if visit is None else visit.message_id
    return {
        "status_message_id": number,
        "visit_message_id": number,
        "visit_until": None if visit is None else visit.editable_until,
        "visit_token": None if visit is None else visit.token,
    }


def _reply_from_row(row: Row) -> UserInstallReply | None:
    if row["visit_message_id"] is None:
        return None
    return UserInstallReply(row["visit_message_id"], row["visit_until"], row["visit_token"])


def jobs_from_rows(rows: Sequence[Row]) -> list[Job]:
    """Return the jobs of ``rows``, oldest first."""
    return sorted((job_from_row(row) for row in rows), key=lambda job: job.id)


def clip_from_row(row: Row) -> Clip:
    """Return the clip of a row of ``clips``."""
    return Clip(
        **dict(row)
        | {
            "guild_id": row["guild_id"] or None,
            "route": GoogleRoute(row["route"]),
            "mode": GenerationMode(row["mode"]),
            "aspect_ratio": AspectRatio(row["aspect_ratio"]),
            "resolution": _parse_resolution(row["resolution"]),
        }
    )


def limit_from_row(row: Row) -> LimitRow:
    """Return the limit of a row of ``limits``."""
    return LimitRow(
        guild_id=row["guild_id"],
        subject=LimitSubject(row["subject"]),
        subject_id=row["subject_id"],
        limits=UsageLimits(**{name: row[name] for name, _ in UsageLimits()}),
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )


def ledger_entry_from_row(row: Row) -> LedgerEntry:
    """Return the entry of a row of ``ledger``."""
    return LedgerEntry(
        id=row["id"],
        at=row["at"],
        counted_at=row["counted_at"],
        posting=LedgerPosting(
            EntryKind(row["kind"]),
            UsageAmount(Micros(row["micros"]), row["clips"], row["seconds"]),
            LedgerAccount(row["account"]),
        ),
        guild_id=row["guild_id"] or None,
        user_id=row["user_id"],
        job_id=row["job_id"],
        actor_id=row["by"],
        comment=row["note"],
    )


def posting_to_row(posting: LedgerPosting) -> dict[str, Any]:
    """Return the columns of an entry that the event decides."""
    return {
        "kind": posting.kind,
        "account": posting.account,
        "micros": posting.amount.micros,
        "clips": posting.amount.clips,
        "seconds": posting.amount.seconds,
    }

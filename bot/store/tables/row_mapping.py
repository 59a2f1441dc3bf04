"""Rows to facts and back. The plan is kept as JSON: it is read whole and never searched."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from bot.domain.billing.ledger import Account, Entry, EntryKind, Posting
from bot.domain.billing.limits import Amount, LimitRow, Limits, Subject
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.jobs.job import Job, JobState, Origin, Outcome, Visit
from bot.domain.jobs.request import (
    AspectRatio,
    Image,
    Mode,
    PersonGeneration,
    Resolution,
    Route,
    Source,
    VideoPlan,
)

Row = Mapping[Any, Any]

_PLAN: Final = tuple(each.name for each in fields(VideoPlan))


def no_guild(guild_id: int | None) -> int:
    """Return the number that stands for a server in the tables: 0 where there is none."""
    return guild_id or 0


def plan_to_json(plan: VideoPlan) -> str:
    """Return the plan as JSON, without what is not set."""
    given = ((name, getattr(plan, name)) for name in _PLAN)
    values = {name: value for name, value in given if value not in (None, ())}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=asdict)


def plan_from_json(text: str) -> VideoPlan:
    """Return the plan that `plan_to_json` wrote."""
    values: dict[str, Any] = json.loads(text)
    return VideoPlan(
        model=values["model"],
        route=Route(values["route"]),
        mode=Mode(values["mode"]),
        prompt=values["prompt"],
        aspect_ratio=AspectRatio(values["aspect_ratio"]),
        resolution=_resolution(values.get("resolution")),
        seconds=values["seconds"],
        result_seconds=values["result_seconds"],
        videos=values["videos"],
        price=Micros(values["price"]),
        negative_prompt=values.get("negative_prompt"),
        seed=values.get("seed"),
        person_generation=(
            PersonGeneration(values["person_generation"]) if "person_generation" in values else None
        ),
        image=_image(values.get("image")),
        last_frame=_image(values.get("last_frame")),
        references=tuple(Image(**each) for each in values.get("references", ())),
        source=_source(values.get("source")),
    )


def _resolution(value: str | None) -> Resolution | None:
    return None if value is None else Resolution(value)


def _image(values: dict[str, Any] | None) -> Image | None:
    return None if values is None else Image(**values)


def _source(values: dict[str, Any] | None) -> Source | None:
    if values is None:
        return None
    return Source(
        **values
        | {
            "route": Route(values["route"]),
            "mode": Mode(values["mode"]),
            "aspect_ratio": AspectRatio(values["aspect_ratio"]),
            "resolution": _resolution(values["resolution"]),
        }
    )


def job_to_row(plan: VideoPlan, origin: Origin) -> dict[str, Any]:
    """Return the columns of a new job that follow from the request."""
    return {
        "key": origin.key,
        "guild_id": no_guild(origin.guild_id),
        "channel_id": origin.channel_id,
        "user_id": origin.user_id,
        "role_ids": json.dumps(sorted(origin.role_ids)),
        "request_message_id": origin.request_message_id,
        "upload_limit": origin.upload_limit,
        "locale": origin.locale,
        "guild_locale": origin.guild_locale,
        **_visit_to_row(origin.visit),
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
            visit=_visit_from_row(row),
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
        made=row["made"],
    )


def _visit_to_row(visit: Visit | None) -> dict[str, Any]:
    number = None if visit is None else visit.message_id
    return {
        "status_message_id": number,
        "visit_message_id": number,
        "visit_until": None if visit is None else visit.until,
        "visit_token": None if visit is None else visit.token,
    }


def _visit_from_row(row: Row) -> Visit | None:
    if row["visit_message_id"] is None:
        return None
    return Visit(row["visit_message_id"], row["visit_until"], row["visit_token"])


def jobs_from_rows(rows: Sequence[Row]) -> list[Job]:
    """Return the jobs of ``rows``, oldest first."""
    return sorted((job_from_row(row) for row in rows), key=lambda job: job.id)


def clip_from_row(row: Row) -> Clip:
    """Return the clip of a row of ``clips``."""
    return Clip(
        **dict(row)
        | {
            "guild_id": row["guild_id"] or None,
            "route": Route(row["route"]),
            "mode": Mode(row["mode"]),
            "aspect_ratio": AspectRatio(row["aspect_ratio"]),
            "resolution": _resolution(row["resolution"]),
        }
    )


def limit_from_row(row: Row) -> LimitRow:
    """Return the limit of a row of ``limits``."""
    return LimitRow(
        guild_id=row["guild_id"],
        subject=Subject(row["subject"]),
        subject_id=row["subject_id"],
        limits=Limits(**{name: row[name] for name, _ in Limits()}),
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )


def entry_from_row(row: Row) -> Entry:
    """Return the entry of a row of ``ledger``."""
    return Entry(
        id=row["id"],
        at=row["at"],
        counted_at=row["counted_at"],
        posting=Posting(
            EntryKind(row["kind"]),
            Amount(Micros(row["micros"]), row["clips"], row["seconds"]),
            Account(row["account"]),
        ),
        guild_id=row["guild_id"] or None,
        user_id=row["user_id"],
        job_id=row["job_id"],
        by=row["by"],
        note=row["note"],
    )


def posting_to_row(posting: Posting) -> dict[str, Any]:
    """Return the columns of an entry that the event decides."""
    return {
        "kind": posting.kind,
        "account": posting.account,
        "micros": posting.amount.micros,
        "clips": posting.amount.clips,
        "seconds": posting.amount.seconds,
    }

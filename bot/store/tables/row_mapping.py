"""Converts rows to domain objects, and domain objects to rows.

A job's plan is stored as JSON, because it is always read as a whole.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any, Final

from bot.domain.billing.ledger import EntryKind, LedgerAccount, LedgerEntry, LedgerPosting
from bot.domain.billing.limits import LimitRow, LimitSubject, UsageAmount, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.interaction_lifetime import find_expiry
from bot.domain.jobs.job import Job, JobState, Origin, Outcome, ReviewState, UserInstallReply
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    InputImage,
    PersonGeneration,
    PrecedingVideo,
    Resolution,
    SourceClip,
    TakesOrder,
    VideoPlan,
)

Row = Mapping[Any, Any]

PLAN_VERSION: Final = 1
"""Written as ``v`` into every plan. Plans without it are from before revision 0007."""
_PLAN_FIELDS: Final = tuple(field.name for field in fields(VideoPlan))


def _list_plain_fields(kind: type[Job | LedgerEntry | Origin], *others: str) -> tuple[str, ...]:
    """Return the fields that are stored unchanged, in columns of the same names."""
    return tuple(field.name for field in fields(kind) if field.name not in others)


_ORIGIN_COLUMNS: Final = _list_plain_fields(Origin, "role_ids", "user_install_reply")
_JOB_COLUMNS: Final = _list_plain_fields(Job, "state", "origin", "plan", "outcome", "review")
_SHARED_TEXTS: Final = frozenset({"owner", "locale", "guild_locale"})
_ENTRY_COLUMNS: Final = _list_plain_fields(LedgerEntry, "posting")


def plan_to_json(plan: VideoPlan) -> str:
    """Return the plan as JSON, without the fields that are not set."""
    values = {name: getattr(plan, name) for name in _PLAN_FIELDS}
    stored = {name: value for name, value in values.items() if value not in (None, ())}
    return json.dumps(
        {"v": PLAN_VERSION, **stored}, ensure_ascii=False, separators=(",", ":"), default=asdict
    )


def plan_from_json(text: str) -> VideoPlan:
    """Return the plan that this or an older version of the program wrote with `plan_to_json`.

    Raises `ValueError` for a plan of a newer version.
    """
    values: dict[str, Any] = json.loads(text)
    if values.get("v", 0) > PLAN_VERSION:
        raise ValueError(f"the plan has version {values['v']}, newer than {PLAN_VERSION}")
    return VideoPlan(
        model=sys.intern(values["model"]),
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
        references=tuple(InputImage(**image) for image in values.get("references", ())),
        source=_parse_source(values.get("source")),
        with_cuts=values.get("with_cuts", False),
        takes=_parse_takes(values.get("takes")),
        full_take=values.get("full_take"),
        preceding=_parse_preceding(values.get("preceding")),
    )


def _parse_resolution(value: str | None) -> Resolution | None:
    return None if value is None else Resolution(value)


def _parse_takes(values: dict[str, Any] | None) -> TakesOrder | None:
    if values is None:
        return None
    return TakesOrder(
        values["count"],
        Micros(values["price"]),
        model=values["model"],
        resolution=_parse_resolution(values["resolution"]),
        seconds=values["seconds"],
    )


def _parse_image(values: dict[str, Any] | None) -> InputImage | None:
    return None if values is None else InputImage(**values)


def _parse_preceding(values: dict[str, Any] | None) -> PrecedingVideo | None:
    if values is None:
        return None
    return PrecedingVideo(values["path"], values["seconds"], _parse_source(values["clip"]))


def _parse_source(values: dict[str, Any] | None) -> SourceClip | None:
    if values is None:
        return None
    if "hop" in values:  # before version 1
        values["extension_depth"] = values.pop("hop")
    return SourceClip(
        **values
        | {
            "route": GoogleRoute(values["route"]),
            "mode": GenerationMode(values["mode"]),
            "aspect_ratio": AspectRatio(values["aspect_ratio"]),
            "resolution": _parse_resolution(values["resolution"]),
        }
    )


def list_input_paths(plan: VideoPlan) -> list[str]:
    """Return the paths of the images that a plan sends, without repeats."""
    images = (plan.image, plan.last_frame, *plan.references)
    return sorted({image.path for image in images if image is not None})


def origin_to_row(origin: Origin) -> dict[str, Any]:
    """Return the columns of who asked, where and how, without those of a user install."""
    return {
        **{name: getattr(origin, name) for name in _ORIGIN_COLUMNS},
        "role_ids": json.dumps(sorted(origin.role_ids)),
    }


def origin_from_row(row: Row, reply: UserInstallReply | None = None) -> Origin:
    return Origin(
        **_read_columns(row, _ORIGIN_COLUMNS),
        role_ids=frozenset(json.loads(row["role_ids"])),
        user_install_reply=reply,
    )


def job_to_row(plan: VideoPlan, origin: Origin) -> dict[str, Any]:
    """Return the columns of a new job that depend on the request."""
    return {
        **origin_to_row(origin),
        **_reply_to_row(origin.user_install_reply),
        "model": plan.model,
        "plan": plan_to_json(plan),
        "price_micros": plan.price,
    }


def job_from_row(row: Row) -> Job:
    """Return the job of a row of ``jobs``."""
    return Job(
        **_read_columns(row, _JOB_COLUMNS),
        state=JobState(row["state"]),
        origin=origin_from_row(row, _reply_from_row(row)),
        plan=plan_from_json(row["plan"]),
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        review=None if row["review"] is None else ReviewState(row["review"]),
    )


def _read_columns(row: Row, names: Sequence[str]) -> dict[str, Any]:
    """Return the values of some columns. Jobs share the texts that many of them have."""
    values = {name: row[name] for name in names}
    for name in _SHARED_TEXTS & values.keys():
        if values[name] is not None:
            values[name] = sys.intern(values[name])
    return values


def _reply_to_row(reply: UserInstallReply | None) -> dict[str, Any]:
    message_id = None if reply is None else reply.message_id
    return {
        "status_message_id": message_id,
        "reply_message_id": message_id,
        "reply_expires_at": None if reply is None else reply.editable_until,
        "reply_token": None if reply is None else reply.token,
    }


def _reply_from_row(row: Row) -> UserInstallReply | None:
    if row["reply_message_id"] is None:
        return None
    return UserInstallReply(row["reply_message_id"], row["reply_expires_at"], row["reply_token"])


def jobs_from_rows(rows: Sequence[Row]) -> list[Job]:
    """Return the jobs of ``rows``, oldest first."""
    return sorted((job_from_row(row) for row in rows), key=lambda job: job.id)


def clip_from_row(row: Row) -> Clip:
    """Return the clip of a row of ``clips``; ``kept_s`` is the learned lifetime of its route."""
    values = dict(row)
    kept_s = values.pop("kept_s", None)
    if values["interaction_id"] is not None and kept_s is not None:
        values["interaction_expires_at"] = find_expiry(
            values["interaction_expires_at"], values["created_at"], timedelta(seconds=kept_s)
        )
    return Clip(
        **values
        | {
            "route": GoogleRoute(row["route"]),
            "mode": GenerationMode(row["mode"]),
            "aspect_ratio": AspectRatio(row["aspect_ratio"]),
            "resolution": _parse_resolution(row["resolution"]),
            "age_restricted": bool(row["age_restricted"]),
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
        **{name: row[name] for name in _ENTRY_COLUMNS},
        posting=LedgerPosting(
            EntryKind(row["kind"]),
            UsageAmount(Micros(row["micros"]), row["clips"], row["seconds"]),
            LedgerAccount(row["account"]),
        ),
    )


def posting_to_row(posting: LedgerPosting) -> dict[str, Any]:
    """Return the columns of an entry that its posting decides."""
    return {
        "kind": posting.kind,
        "account": posting.account,
        "micros": posting.amount.micros,
        "clips": posting.amount.clips,
        "seconds": posting.amount.seconds,
    }

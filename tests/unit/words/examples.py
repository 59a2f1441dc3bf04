"""An example job and clip from which tests build others."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.jobs.job import Job, JobState, Origin
from bot.domain.jobs.request import AspectRatio, GenerationMode, GoogleRoute, Resolution, VideoPlan

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

PLAN = VideoPlan(
    model="veo-3.1-fast-generate-preview",
    route=GoogleRoute.GEMINI,
    mode=GenerationMode.TEXT,
    prompt="A red fox in the snow",
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    seconds=8,
    result_seconds=8,
    videos=1,
    price=Micros(800_000),
)
ORIGIN = Origin(dedupe_key="interaction:1", guild_id=10, channel_id=20, user_id=30)
CLIP = Clip(
    id=12,
    job_id=7,
    index=0,
    guild_id=10,
    channel_id=20,
    user_id=30,
    model=PLAN.model,
    route=GoogleRoute.GEMINI,
    mode=GenerationMode.TEXT,
    prompt=PLAN.prompt,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    seconds=8,
    width=1280,
    height=720,
    extension_depth=0,
    parent_clip_id=None,
    root_clip_id=12,
    path="clips/12.mp4",
    sha256="0" * 64,
    size_bytes=2_000_000,
    created_at=NOW,
    remote_uri="https://example.invalid/files/x",
    remote_expires_at=NOW + timedelta(days=2),
    message_id=40,
)


def a_job(**changes: Any) -> Job:
    """Return a job, done unless ``changes`` say otherwise."""
    job = Job(id=7, state=JobState.DONE, origin=ORIGIN, plan=PLAN, created_at=NOW)
    return replace(job, **changes)


def a_plan(**changes: Any) -> VideoPlan:
    """Return a plan."""
    return replace(PLAN, **changes)


def a_clip(**changes: Any) -> Clip:
    """Return a clip."""
    return replace(CLIP, **changes)


def enclosed(**changes: Any) -> PreparedUpload:
    """Return a clip ready to be posted without re-encoding."""
    clip = a_clip(**changes)
    return PreparedUpload(clip, size=clip.size_bytes)

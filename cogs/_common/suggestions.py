"""Suggestions of clips, jobs and showcase entries while a member types an option.

Discord waits three seconds. If it takes longer or fails, there are no suggestions.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Final, TypeVar

from discord.app_commands import Choice

from bot.domain.clips.clip import Clip
from bot.domain.errors import ClapperError
from bot.domain.jobs.job import Job
from bot.domain.moderation.question import ModeratorQuestion
from bot.domain.showcase.gallery import GalleryEntry
from bot.i18n.formatting import truncate_text

MAX_CHOICES: Final = 25
"""Discord's limit of suggestions for one option."""
_MAX_NAME_LENGTH: Final = 100
_MAX_PROMPT_LENGTH: Final = 80
_TIMEOUT_S: Final = 2.0

T = TypeVar("T")


async def load_in_time(loading: Awaitable[Sequence[T]]) -> Sequence[T]:
    """Return the result of ``loading``, or nothing if it fails or takes too long."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await loading
    except (ClapperError, TimeoutError):
        return ()


def suggest_clips(clips: Iterable[Clip], typed: str = "") -> list[Choice[str]]:
    named = _name_matching(((clip.id, clip.prompt) for clip in clips), typed)
    return [Choice(name=name, value=str(number)) for number, name in named]


def suggest_entries(entries: Iterable[GalleryEntry], typed: str) -> list[Choice[str]]:
    named = _name_matching(((entry.clip.id, entry.prompt or "") for entry in entries), typed)
    return [Choice(name=name, value=str(number)) for number, name in named]


def suggest_jobs(jobs: Iterable[Job], typed: str) -> list[Choice[int]]:
    named = _name_matching(((job.id, job.plan.prompt) for job in jobs), typed)
    return [Choice(name=name, value=number) for number, name in named]


def suggest_questions(questions: Iterable[ModeratorQuestion], typed: str) -> list[Choice[int]]:
    named = _name_matching(((each.id, each.plan.prompt) for each in questions), typed)
    return [Choice(name=name, value=number) for number, name in named]


def _name_matching(items: Iterable[tuple[int, str]], typed: str) -> list[tuple[int, str]]:
    """Return the number and name of at most 25 items that contain the typed text."""
    named_items = (
        (number, f"#{number} {truncate_text(prompt, _MAX_PROMPT_LENGTH)}"[:_MAX_NAME_LENGTH])
        for number, prompt in items
    )
    words = typed.strip().lower()
    return [(number, name) for number, name in named_items if words in name.lower()][:MAX_CHOICES]

"""Who is told that a job has ended, and how: the member's choice, if the place allows it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.jobs.announcement import JobAnnouncement, NotifyChoice, plan_announcement
from bot.domain.jobs.job import Job, Outcome, UserInstallReply
from tests.unit.words.examples import NOW, ORIGIN, a_job

MENTIONED = JobAnnouncement(is_mentioned=True)
WRITTEN_TO = JobAnnouncement(has_direct_message=True)
NEITHER = JobAnnouncement()


def job_in(place: str, **changes: Any) -> Job:
    """Return a job requested in a server, a direct message, or through a user install."""
    origin = ORIGIN if place == "server" else replace(ORIGIN, guild_id=None)
    if place == "guest":
        reply = UserInstallReply(message_id=1, editable_until=NOW + timedelta(minutes=15))
        origin = replace(origin, user_install_reply=reply)
    return replace(a_job(outcome=Outcome.DELIVERED, origin=origin), **changes)


@pytest.mark.parametrize(
    ("place", "choice", "announcement"),
    [
        ("server", NotifyChoice.PING, MENTIONED),
        ("server", NotifyChoice.QUIET, NEITHER),
        ("server", NotifyChoice.DIRECT_MESSAGE, WRITTEN_TO),
        ("server", NotifyChoice.DIRECT_MESSAGE_REFUSED, MENTIONED),
        ("conversation", NotifyChoice.PING, MENTIONED),
        ("conversation", NotifyChoice.QUIET, NEITHER),
        ("conversation", NotifyChoice.DIRECT_MESSAGE, MENTIONED),
        ("guest", NotifyChoice.PING, NEITHER),
        ("guest", NotifyChoice.QUIET, NEITHER),
        ("guest", NotifyChoice.DIRECT_MESSAGE, WRITTEN_TO),
        ("guest", NotifyChoice.DIRECT_MESSAGE_REFUSED, NEITHER),
    ],
)
def test_the_choice_applies_as_far_as_the_place_allows(
    place: str, choice: NotifyChoice, announcement: JobAnnouncement
) -> None:
    """[people-M2]"""
    assert plan_announcement(choice, job_in(place)) == announcement
    blocked = job_in(place, outcome=Outcome.BLOCKED)
    assert plan_announcement(choice, blocked) == announcement


@pytest.mark.parametrize("choice", list(NotifyChoice))
def test_a_member_who_cancels_is_not_notified(choice: NotifyChoice) -> None:
    """[people-M2]"""
    cancelled = job_in("server", outcome=Outcome.CANCELLED)
    assert plan_announcement(choice, cancelled) == NEITHER

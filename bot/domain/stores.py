"""What the use cases need from the database, as protocols; `bot.store` implements them.

Every method raises `StoreAway` when the database cannot answer. Changes of a job are fenced: they
name the state, owner and epoch that they start from, and raise `LeaseLost` when the row no longer
stands there, because then somebody else has the job. A change that is tried again after a lost
answer finds its own work done and succeeds.

What money and pace are counted by (admissions, claims, grants, windows) takes its time from the
database's clock; a ``now`` that is given only says when something happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.billing.ledger import Entry, Posting
from bot.domain.billing.limits import LimitRow, Limits, Policy, Standing, Subject
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.errors import Refused
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Job, JobState, Origin, Outcome
from bot.domain.jobs.queue import Served, Waiting
from bot.domain.jobs.request import VideoPlan


@dataclass(frozen=True, slots=True)
class Ask:
    """A request at the door: what it would send and spend, and who asks."""

    plan: VideoPlan
    origin: Origin


@dataclass(frozen=True, slots=True)
class NewClip:
    """A clip whose bytes are kept, before it has a number."""

    index: int
    width: int
    height: int
    seconds: int
    path: str
    sha256: str
    size: int
    remote_uri: str | None = None
    remote_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What one member of a server has used since a time."""

    user_id: int
    clips: int
    seconds: int
    micros: Micros


@dataclass(frozen=True, slots=True)
class ModelState:
    """What was learnt about a model in use; ``held_until`` is Google's own request to wait."""

    model: str
    off: bool = False
    reason: str | None = None
    changed_at: datetime | None = None
    held_until: datetime | None = None


class Jobs(Protocol):
    """The jobs table: the life of every accepted request."""

    async def admit(
        self, asks: Sequence[Ask], *, policy: Policy, owner: str | None
    ) -> list[Job | Refused]:
        """Check, reserve and write ``asks`` in one transaction; answer each, in order.

        A refusal is `LimitReached`, `Paused` or `AlreadyAccepted`.
        """
        ...

    async def get(self, job_id: int) -> Job | None:
        """Return the job, if there is one."""
        ...

    async def attach_status(self, job_id: int, message_id: int) -> None:
        """Record the status message; the first one stays."""
        ...

    async def claim(self, owner: str, *, policy: Policy, most: int) -> list[Job]:
        """Move queued jobs that may start to ``submitting`` under ``owner``, in fair order."""
        ...

    async def requeue(
        self, job: Job, *, retry_at: datetime | None, waiting_for: Outcome | None
    ) -> Job:
        """Put a job back whose submit started nothing at Google.

        One that is ``unsent`` is put back only while its row says so.
        """
        ...

    async def begin_sending(self, job: Job) -> Job:
        """Record that from now on a byte of the submit may be at Google.

        Never tried again: after `StoreAway` nothing may be sent. Of two that ask for the same
        attempt only one succeeds; the other gets `LeaseLost`.
        """
        ...

    async def begin_polling(self, job: Job, operation: str | None) -> Job:
        """Save the operation's name: the submit has happened."""
        ...

    async def name_late(self, job: Job, operation: str) -> bool:
        """Leave the operation's name for whoever has taken over ``job`` in mid-submit.

        ``False`` when nobody waits for it any more; a job that was called unknown keeps the name.
        """
        ...

    async def begin_fetching(self, job: Job, made: int) -> Job:
        """Record that Google has made it, and how many videos."""
        ...

    async def keep(self, job: Job, clips: Sequence[NewClip]) -> tuple[Job, list[Clip]]:
        """Write the clips whose bytes are kept and move on to ``posting``, in one transaction."""
        ...

    async def end(
        self,
        job: Job,
        state: JobState,
        *,
        outcome: Outcome,
        postings: Sequence[Posting],
        now: datetime,
        detail: str | None = None,
        message_id: int | None = None,
    ) -> Job:
        """End the job and its reservation in one transaction; mark its clips as posted.

        A job that was reopened ends by corrections that lead to what ``postings`` say.
        """
        ...

    async def announced(self, job: Job) -> None:
        """Record that people know how the job ended: nothing is left to do for it."""
        ...

    async def cancel(self, job_id: int, *, owner: str | None, now: datetime) -> Job | None:
        """Cancel a queued job with a refund, or flag one that Google works on."""
        ...

    async def cancel_requests(self, owner: str) -> list[int]:
        """Return the running jobs of ``owner`` that somebody wants cancelled."""
        ...

    async def adopt(self, owner: str, *, most: int) -> list[Job]:
        """Take over jobs of dead workers, each by exactly one process, with one update."""
        ...

    async def held(self, owner: str) -> list[int]:
        """Return the jobs that ``owner`` has claimed or must still announce."""
        ...

    async def waiting(self) -> tuple[list[Waiting], dict[int, Served]]:
        """Return everything queued, and what its members have had lately."""
        ...

    async def next_retry(self, *, after: datetime) -> datetime | None:
        """Return when the next queued job that waits for a time may be tried again."""
        ...

    async def running(self, *, user_id: int) -> list[Job]:
        """Return the jobs of a member that have not ended, oldest first."""
        ...

    async def unknown(self, guild_id: int | None) -> list[Job]:
        """Return the jobs of a server that wait for an admin's judgement."""
        ...

    async def unknown_anywhere(self) -> list[Job]:
        """Return all jobs that wait for a judgement, also those of places without an admin."""
        ...

    async def lost(self, *, every: timedelta, most: int) -> list[Job]:
        """Return unknown jobs that Google should be asked about now, while it keeps their files.

        Each is given to one process, and to nobody again before ``every`` has passed.
        """
        ...

    async def reopen(self, job: Job, *, owner: str) -> Job | None:
        """Take an unknown job up again in ``polling`` under ``owner``: Google has answered.

        ``None`` when it is no longer unknown, or somebody is still telling its end.
        """
        ...

    async def judge(self, job_id: int, *, charge: bool, by: int, now: datetime) -> Job | None:
        """Charge or refund an unknown job and end it; ``None`` when it is not unknown."""
        ...


class Clips(Protocol):
    """Finished clips."""

    async def get(self, clip_id: int) -> Clip | None:
        """Return the clip, if there is one."""
        ...

    async def of_message(self, message_id: int) -> Clip | None:
        """Return the first clip that was posted as this message."""
        ...

    async def of_job(self, job_id: int) -> list[Clip]:
        """Return a job's clips in order."""
        ...

    async def remove(self, job_id: int) -> None:
        """Delete the records of a job's clips; their numbers are never given again."""
        ...

    async def history(
        self,
        *,
        user_id: int,
        guild_id: int | None,
        before: int | None = None,
        after: int | None = None,
        showcased: bool = False,
        limit: int,
    ) -> list[Clip]:
        """Return a member's clips of a server, or (``None``) of everywhere, newest first.

        Those with the highest numbers below ``before``; where ``after`` is given, those with the
        lowest numbers above it. ``showcased`` leaves those that stand in a showcase.
        """
        ...

    async def tree(self, root_id: int, *, limit: int) -> list[Clip]:
        """Return the clip ``root_id`` and what grew from it, in the order of their numbers."""
        ...


class Ledger(Protocol):
    """Sums over the append-only entries, and the few that people write themselves."""

    async def standing(self, origin: Origin, *, policy: Policy) -> Standing:
        """Return how every limit stands that holds for ``origin``."""
        ...

    async def grant(
        self,
        *,
        guild_id: int,
        user_id: int | None,
        posting: Posting,
        by: int,
        note: str | None,
    ) -> None:
        """Add room for a member, or (``user_id`` is ``None``) for the server's budget."""
        ...

    async def usage(self, guild_id: int, *, since: datetime) -> list[UsageRow]:
        """Return what each member of a server has used, the dearest first."""
        ...

    async def entries(self, job_id: int) -> list[Entry]:
        """Return a job's entries, oldest first."""
        ...

    async def reserved(self) -> Micros:
        """Return what is reserved and neither settled nor refunded, over everything."""
        ...

    async def limits(self, guild_id: int) -> list[LimitRow]:
        """Return the limits that a server's admins have set."""
        ...

    async def set_limit(
        self,
        guild_id: int,
        subject: Subject,
        subject_id: int,
        limits: Limits | None,
        *,
        by: int,
        now: datetime,
    ) -> None:
        """Set a limit in place of the one before; ``None`` clears it."""
        ...


class Guilds(Protocol):
    """Servers and their rules; number 0 is the bot as a whole."""

    async def rules(self, guild_id: int) -> GuildRules:
        """Return the server's rules; the defaults where it has none."""
        ...

    async def save(
        self, rules: GuildRules, *, by: int, now: datetime, before: GuildRules | None = None
    ) -> None:
        """Write the rules of a server that differ from ``before``; without it, all of them."""
        ...


class Workers(Protocol):
    """One row per process, alive while its lease (by the database's clock) has not run out.

    A lease that ran out is never renewed: its worker is dead, whatever its process thinks.
    """

    async def register(self, worker_id: str, *, host: str, lease: timedelta) -> None:
        """Write the row. Where only one process can be (SQLite), all others are dead at once."""
        ...

    async def renew(self, worker_id: str, *, lease: timedelta) -> bool:
        """Renew the lease; ``False`` when it had already run out."""
        ...

    async def retire(self, worker_id: str) -> None:
        """Give the lease back: others may adopt at once."""
        ...


class ModelStates(Protocol):
    """What was learnt about models in use, shared by all processes."""

    async def all(self) -> Mapping[str, ModelState]:
        """Return every model that something was learnt about."""
        ...

    async def switch(self, model: str, *, off: bool, reason: str | None, now: datetime) -> None:
        """Switch a model off (with the reason, for admins) or on again."""
        ...

    async def hold(self, model: str, until: datetime) -> None:
        """Start nothing with the model until then: Google asked to wait."""
        ...

    async def measured(self, plan: VideoPlan, *, seconds: float, now: datetime) -> None:
        """Record how long Google took for one operation."""
        ...

    async def durations(self, model: str, *, most: int) -> list[float]:
        """Return the latest measured seconds of a model's operations."""
        ...

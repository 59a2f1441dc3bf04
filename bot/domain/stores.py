"""What the use cases need from the database, as protocols; `bot.store` implements them.

Every method raises `StoreAway` when the database cannot answer. Changes of a job are fenced: they
name the state, owner and epoch that they start from, and raise `LeaseLost` when the row no longer
stands there, because then somebody else has the job. A change that is tried again after a lost
answer finds its own work done and succeeds.

What money and pace are counted by (admissions, claims, grants, windows) takes its time from the
database's clock; a ``now`` that is given only says when something happened.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.billing.money import Micros
from bot.domain.jobs.job import Origin
from bot.domain.jobs.request import VideoPlan


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
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
    is_disabled: bool = False
    reason: str | None = None
    changed_at: datetime | None = None
    rate_limited_until: datetime | None = None

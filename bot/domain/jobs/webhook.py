"""Webhooks: events by which Google says that an Omni interaction has ended.

An event only names an interaction. It never says what became of it, so whoever gets one asks Google
(docs/decisions/0025).
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

WEBHOOK_EVENT_TYPES: Final = (
    "interaction.completed",
    "interaction.failed",
    "interaction.requires_action",
)
"""The events that say that a clip's interaction does not go on; a clip never needs an action."""

_INTERACTION_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,500}")
_REQUEST_HASH_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A received event that nobody has dealt with yet; times are by the database's clock."""

    webhook_id: str
    interaction_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRegistration:
    """What is known of our webhook at Google.

    ``webhook_id``, ``url`` and ``secret`` are `None` until it is registered. ``problem`` says why
    the latest attempt failed, as an operator may read it.
    """

    webhook_id: str | None = None
    url: str | None = None
    secret: str | None = field(default=None, repr=False)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class RegisteredWebhook:
    """A webhook as Google lists it; a disabled one gets no events."""

    id: str
    url: str
    is_enabled: bool
    event_types: frozenset[str]


@dataclass(frozen=True, slots=True)
class CreatedWebhook:
    """A new webhook. Google never shows its secret again."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SubmitLabels:
    """The labels with which an interaction was submitted, and whether it has made a video."""

    job_id: int
    request_hash: str
    has_completed: bool


def hash_request(dedupe_key: str) -> str:
    """Return the label that distinguishes a request from those of other installations.

    Every database starts its job numbers at 1, but the key contains an id of Discord.
    """
    return hashlib.sha256(dedupe_key.encode()).hexdigest()[:_REQUEST_HASH_LENGTH]


def parse_interaction_id(value: object) -> str | None:
    """Return the id in an event's data, `None` if it is not one; a leading path is dropped."""
    if not isinstance(value, str):
        return None
    interaction_id = value.rpartition("/")[2]
    return interaction_id if _INTERACTION_ID.fullmatch(interaction_id) else None

"""The ledger's entries, and which entries each event adds.

Amounts are never changed, and every balance is a sum of entries. Only old entries are removed, when
one with their sum replaces them. What a job reserves is settled or refunded completely, to the
micro-dollar.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.billing.limits import NO_USAGE, UsageAmount
from bot.domain.billing.money import ZERO_MICROS, Micros

CHECK_COMMENT: Final = "content check: "
"""The beginning of the comment of an entry for a check by a text model; its id follows."""


def build_check_comment(model: str) -> str:
    """Return the comment from which `bot.store.billing.spending` learns the model."""
    return f"{CHECK_COMMENT}{model}"


class EntryKind(StrEnum):
    """What an entry records."""

    RESERVE = "reserve"
    """A request was accepted: its price counts at once."""
    SETTLE = "settle"
    """A reservation was spent and stays counted."""
    REFUND = "refund"
    """A reservation, or a part of it, was returned; negative."""
    GRANT = "grant"
    """An admin added quota for the windows that the entry falls in."""
    ADJUST = "adjust"
    """A later correction, positive or negative."""


class LedgerAccount(StrEnum):
    """Whose balances an entry counts for."""

    ALL = "all"
    MEMBER = "member"
    BUDGETS = "house"
    """The server's and the bot's budgets, not the member's."""

    @property
    def counts_for_member(self) -> bool:
        """Whether the entry counts for the member's own limits."""
        return self is not LedgerAccount.BUDGETS

    @property
    def counts_for_budgets(self) -> bool:
        """Whether the entry counts for the server's and the bot's budgets."""
        return self is not LedgerAccount.MEMBER


@dataclass(frozen=True, slots=True)
class LedgerPosting:
    """The part of an entry that an event decides; the store adds member, server, time and job."""

    kind: EntryKind
    amount: UsageAmount
    account: LedgerAccount = LedgerAccount.ALL


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the ledger.

    The entry counts in the windows that contain ``window_at``. For all entries of a job, that is
    the time of its reservation.
    """

    id: int
    recorded_at: datetime
    window_at: datetime
    posting: LedgerPosting
    guild_id: int | None
    user_id: int | None
    job_id: int | None
    actor_id: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What one member of a server has used since a given time.

    For members who were erased since, ``user_id`` is `None` or negative (a pseudonym).
    """

    user_id: int | None
    clips: int
    seconds: int
    micros: Micros


class Settlement(StrEnum):
    """Who pays for a job that has ended."""

    CHARGE = "charge"
    """Google made the video: it counts for the member, the server and the bot."""
    REFUND = "refund"
    """Google charged nothing: it counts for no one."""
    ABSORBED = "house"
    """Google may have charged it, but the member got nothing: it counts for the budgets only."""


def build_reservation(amount: UsageAmount) -> tuple[LedgerPosting, ...]:
    """Return the entry of an accepted request."""
    return (LedgerPosting(EntryKind.RESERVE, amount),)


def build_settlement(
    reserved: UsageAmount,
    settlement: Settlement,
    *,
    charged: UsageAmount | None = None,
    absorbed: UsageAmount = NO_USAGE,
    beyond: Micros = ZERO_MICROS,
) -> tuple[LedgerPosting, ...]:
    """Return the entries that end a reservation.

    ``charged`` is the part of ``reserved`` that the member received, by default all of it.
    ``absorbed`` is the part that Google made but that did not reach the member. The rest is
    refunded, so settled and refunded amounts add up to ``reserved``. What Google bills ``beyond``
    the reservation counts for the budgets only.

    Raises `ValueError` if the parts exceed the reservation or ``beyond`` is negative.
    """
    paid = reserved if charged is None else charged
    if settlement is Settlement.REFUND:
        paid, absorbed, beyond = NO_USAGE, NO_USAGE, ZERO_MICROS
    elif settlement is Settlement.ABSORBED:
        paid, absorbed = NO_USAGE, paid + absorbed
    refunded = reserved - paid - absorbed
    if min(refunded.micros, refunded.clips, refunded.seconds) < 0:
        raise ValueError("the charge exceeds the reservation")
    if beyond < 0:
        raise ValueError("the charge beyond the reservation is negative")
    postings = []
    if paid + absorbed:
        postings.append(LedgerPosting(EntryKind.SETTLE, paid + absorbed))
    if refunded:
        postings.append(LedgerPosting(EntryKind.REFUND, -refunded))
    if absorbed:
        postings.append(LedgerPosting(EntryKind.ADJUST, -absorbed, LedgerAccount.MEMBER))
    if beyond:
        surplus = UsageAmount(beyond)
        postings.append(LedgerPosting(EntryKind.ADJUST, surplus, LedgerAccount.BUDGETS))
    return tuple(postings)


@dataclass(frozen=True, slots=True)
class JobBalance:
    """Sums of a job's entries: what is reserved, what counts for the member and the budgets."""

    reserved: UsageAmount
    member: UsageAmount
    budgets: UsageAmount


def compute_balance(postings: Iterable[LedgerPosting]) -> JobBalance:
    """Return the sums of one job's entries."""
    reserved = member = budgets = NO_USAGE
    for posting in postings:
        amount = posting.amount
        match posting.kind:
            case EntryKind.SETTLE:
                reserved -= amount
            case EntryKind.RESERVE | EntryKind.REFUND:
                reserved += amount
                member += amount
                budgets += amount
            case EntryKind.ADJUST:
                member += amount if posting.account.counts_for_member else NO_USAGE
                budgets += amount if posting.account.counts_for_budgets else NO_USAGE
            case EntryKind.GRANT:
                pass
    return JobBalance(reserved, member, budgets)


def compute_spending(postings: Iterable[LedgerPosting]) -> Micros:
    """Return what was settled, and corrected in the budgets."""
    spent = ZERO_MICROS
    for posting in postings:
        is_correction = posting.kind is EntryKind.ADJUST and posting.account.counts_for_budgets
        if posting.kind is EntryKind.SETTLE or is_correction:
            spent = Micros(spent + posting.amount.micros)
    return spent


def build_unknown_settlement(
    postings: Iterable[LedgerPosting], price: UsageAmount, *, charge: bool
) -> tuple[LedgerPosting, ...]:
    """Return the corrections after an admin has settled an unknown job.

    Afterwards ``price`` counts for the member and the budgets if ``charge`` is set, else nothing.
    """
    target = price if charge else NO_USAGE
    return _build_corrections(compute_balance(postings), JobBalance(NO_USAGE, target, target))


def build_resettlement(
    postings: Iterable[LedgerPosting], reserved: UsageAmount, end: Iterable[LedgerPosting]
) -> tuple[LedgerPosting, ...]:
    """Return the corrections for a reopened job that now ends with the entries ``end``.

    ``postings`` are all its entries so far. With the corrections, its sums are those of a job that
    was reserved once and ended with ``end``.
    """
    return _build_corrections(
        compute_balance(postings), compute_balance((*build_reservation(reserved), *end))
    )


def _build_corrections(now: JobBalance, target: JobBalance) -> tuple[LedgerPosting, ...]:
    member, budgets = target.member - now.member, target.budgets - now.budgets
    if member == budgets:
        return (LedgerPosting(EntryKind.ADJUST, member),) if member else ()
    corrections = []
    if member:
        corrections.append(LedgerPosting(EntryKind.ADJUST, member, LedgerAccount.MEMBER))
    if budgets:
        corrections.append(LedgerPosting(EntryKind.ADJUST, budgets, LedgerAccount.BUDGETS))
    return tuple(corrections)

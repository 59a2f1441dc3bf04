"""The ledger's entries, and which of them each event writes.

Entries are only ever added; every balance is a sum of them and can be built again. A job's
``reserve`` is always answered in full: what was reserved is settled or refunded, to the
micro-dollar.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.billing.limits import NO_USAGE, UsageAmount


class EntryKind(StrEnum):
    """What an entry records."""

    RESERVE = "reserve"
    """A request was accepted: counted at once, before anything is paid."""
    SETTLE = "settle"
    """A reservation was spent; it stays counted."""
    REFUND = "refund"
    """A reservation (or part of it) was given back; negative."""
    GRANT = "grant"
    """An admin gave extra room in the windows that the entry falls in."""
    ADJUST = "adjust"
    """A correction after the fact, of either sign."""


class LedgerAccount(StrEnum):
    """Whose sums an entry counts in."""

    ALL = "all"
    MEMBER = "member"
    BUDGETS = "house"
    """The server's and the bot's budgets, not the member's."""

    @property
    def counts_for_member(self) -> bool:
        """Whether the member's own limits see the entry."""
        return self is not LedgerAccount.BUDGETS

    @property
    def counts_for_budgets(self) -> bool:
        """Whether the server's and the bot's budgets see the entry."""
        return self is not LedgerAccount.MEMBER


@dataclass(frozen=True, slots=True)
class LedgerPosting:
    """An entry as an event decides it; the store adds who, where, when and for which job."""

    kind: EntryKind
    amount: UsageAmount
    account: LedgerAccount = LedgerAccount.ALL


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the ledger.

    ``counted_at`` is the time that windows count by: for a job's entries, when it was reserved.
    """

    id: int
    at: datetime
    counted_at: datetime
    posting: LedgerPosting
    guild_id: int | None
    user_id: int
    job_id: int | None
    actor_id: int | None = None
    comment: str | None = None


class Settlement(StrEnum):
    """Who bears a job's money once it has ended."""

    CHARGE = "charge"
    """Google made it: the member, the server and the bot have spent it."""
    REFUND = "refund"
    """Google took nothing: nobody has."""
    ABSORBED = "house"
    """It may have been paid, but the member got nothing: the budgets bear it, the member does
    not."""


def build_reservation(amount: UsageAmount) -> tuple[LedgerPosting, ...]:
    """Return the entries of an accepted request."""
    return (LedgerPosting(EntryKind.RESERVE, amount),)


def build_settlement(
    reserved: UsageAmount,
    settlement: Settlement,
    *,
    charged: UsageAmount | None = None,
    absorbed: UsageAmount = NO_USAGE,
) -> tuple[LedgerPosting, ...]:
    """Return the entries that end a reservation.

    ``charged`` is the part of ``reserved`` that Google made, by default all of it; ``borne`` is a
    further part that it made and that never reached the member, which the house bears. The rest
    is refunded. What is settled and refunded adds up to what was reserved.
    """
    paid = reserved if charged is None else charged
    if settlement is Settlement.REFUND:
        paid = absorbed = NO_USAGE
    elif settlement is Settlement.ABSORBED:
        paid, absorbed = NO_USAGE, paid + absorbed
    given_back = reserved - paid - absorbed
    if min(given_back.micros, given_back.clips, given_back.seconds) < 0:
        raise ValueError("more would be charged than was reserved")
    postings = []
    if paid + absorbed:
        postings.append(LedgerPosting(EntryKind.SETTLE, paid + absorbed))
    if given_back:
        postings.append(LedgerPosting(EntryKind.REFUND, -given_back))
    if absorbed:
        postings.append(LedgerPosting(EntryKind.ADJUST, -absorbed, LedgerAccount.MEMBER))
    return tuple(postings)


@dataclass(frozen=True, slots=True)
class JobBalance:
    """What a job's entries add up to: still reserved, counted for the member, for the budgets."""

    reserved: UsageAmount
    member: UsageAmount
    budgets: UsageAmount


def compute_balance(postings: Iterable[LedgerPosting]) -> JobBalance:
    """Add up the entries of one job."""
    reserved = member = house = NO_USAGE
    for posting in postings:
        amount = posting.amount
        match posting.kind:
            case EntryKind.SETTLE:
                reserved -= amount
            case EntryKind.RESERVE | EntryKind.REFUND:
                reserved += amount
                member += amount
                house += amount
            case EntryKind.ADJUST:
                member += amount if posting.account.counts_for_member else NO_USAGE
                house += amount if posting.account.counts_for_budgets else NO_USAGE
            case EntryKind.GRANT:
                pass
    return JobBalance(reserved, member, house)


def build_unknown_settlement(
    postings: Iterable[LedgerPosting], price: UsageAmount, *, charge: bool
) -> tuple[LedgerPosting, ...]:
    """Return the corrections by which an admin's judgement of an unknown job holds.

    Afterwards member and budgets both count ``price`` (``charge``) or nothing.
    """
    wanted = price if charge else NO_USAGE
    return _build_corrections(compute_balance(postings), JobBalance(NO_USAGE, wanted, wanted))


def build_resettlement(
    postings: Iterable[LedgerPosting], reserved: UsageAmount, end: Iterable[LedgerPosting]
) -> tuple[LedgerPosting, ...]:
    """Return the corrections by which a job that had ended before ends as ``end`` says.

    ``postings`` is everything written so far; the reservation was answered then and is not opened
    again. Afterwards the sums are those of a job that was reserved once and ended with ``end``.
    """
    return _build_corrections(
        compute_balance(postings), compute_balance((*build_reservation(reserved), *end))
    )


def _build_corrections(now: JobBalance, target: JobBalance) -> tuple[LedgerPosting, ...]:
    member, house = target.member - now.member, target.budgets - now.budgets
    if member == house:
        return (LedgerPosting(EntryKind.ADJUST, member),) if member else ()
    corrections = []
    if member:
        corrections.append(LedgerPosting(EntryKind.ADJUST, member, LedgerAccount.MEMBER))
    if house:
        corrections.append(LedgerPosting(EntryKind.ADJUST, house, LedgerAccount.BUDGETS))
    return tuple(corrections)

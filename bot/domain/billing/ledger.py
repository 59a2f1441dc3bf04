"""The ledger's entries, and which of them each event writes.

Entries are only ever added; every balance is a sum of them and can be built again. A job's
``reserve`` is always answered in full: what was reserved is settled or refunded, to the
micro-dollar.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.billing.limits import NOTHING, Amount


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


class Account(StrEnum):
    """Whose sums an entry counts in."""

    ALL = "all"
    MEMBER = "member"
    HOUSE = "house"
    """The server's and the bot's budgets, not the member's."""

    @property
    def counts_for_member(self) -> bool:
        """Whether the member's own limits see the entry."""
        return self is not Account.HOUSE

    @property
    def counts_for_house(self) -> bool:
        """Whether the server's and the bot's budgets see the entry."""
        return self is not Account.MEMBER


@dataclass(frozen=True, slots=True)
class Posting:
    """An entry as an event decides it; the store adds who, where, when and for which job."""

    kind: EntryKind
    amount: Amount
    account: Account = Account.ALL


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger.

    ``counted_at`` is the time that windows count by: for a job's entries, when it was reserved.
    """

    id: int
    at: datetime
    counted_at: datetime
    posting: Posting
    guild_id: int | None
    user_id: int
    job_id: int | None
    by: int | None = None
    note: str | None = None


class Settlement(StrEnum):
    """Who bears a job's money once it has ended."""

    CHARGE = "charge"
    """Google made it: the member, the server and the bot have spent it."""
    REFUND = "refund"
    """Google took nothing: nobody has."""
    HOUSE = "house"
    """It may have been paid, but the member got nothing: the budgets bear it, the member does
    not."""


def reserve(amount: Amount) -> tuple[Posting, ...]:
    """Return the entries of an accepted request."""
    return (Posting(EntryKind.RESERVE, amount),)


def settle(
    reserved: Amount,
    settlement: Settlement,
    *,
    charged: Amount | None = None,
    borne: Amount = NOTHING,
) -> tuple[Posting, ...]:
    """Return the entries that end a reservation.

    ``charged`` is the part of ``reserved`` that Google made, by default all of it; ``borne`` is a
    further part that it made and that never reached the member, which the house bears. The rest
    is refunded. What is settled and refunded adds up to what was reserved.
    """
    paid = reserved if charged is None else charged
    if settlement is Settlement.REFUND:
        paid = borne = NOTHING
    elif settlement is Settlement.HOUSE:
        paid, borne = NOTHING, paid + borne
    given_back = reserved - paid - borne
    if min(given_back.micros, given_back.clips, given_back.seconds) < 0:
        raise ValueError("more would be charged than was reserved")
    postings = []
    if paid + borne:
        postings.append(Posting(EntryKind.SETTLE, paid + borne))
    if given_back:
        postings.append(Posting(EntryKind.REFUND, -given_back))
    if borne:
        postings.append(Posting(EntryKind.ADJUST, -borne, Account.MEMBER))
    return tuple(postings)


@dataclass(frozen=True, slots=True)
class JobBalance:
    """What a job's entries add up to: still reserved, counted for the member, for the budgets."""

    reserved: Amount
    member: Amount
    house: Amount


def balance(postings: Iterable[Posting]) -> JobBalance:
    """Add up the entries of one job."""
    reserved = member = house = NOTHING
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
                member += amount if posting.account.counts_for_member else NOTHING
                house += amount if posting.account.counts_for_house else NOTHING
            case EntryKind.GRANT:
                pass
    return JobBalance(reserved, member, house)


def judge(postings: Iterable[Posting], price: Amount, *, charge: bool) -> tuple[Posting, ...]:
    """Return the corrections by which an admin's judgement of an unknown job holds.

    Afterwards member and budgets both count ``price`` (``charge``) or nothing.
    """
    wanted = price if charge else NOTHING
    return _corrections(balance(postings), JobBalance(NOTHING, wanted, wanted))


def settle_again(
    postings: Iterable[Posting], reserved: Amount, end: Iterable[Posting]
) -> tuple[Posting, ...]:
    """Return the corrections by which a job that had ended before ends as ``end`` says.

    ``postings`` is everything written so far; the reservation was answered then and is not opened
    again. Afterwards the sums are those of a job that was reserved once and ended with ``end``.
    """
    return _corrections(balance(postings), balance((*reserve(reserved), *end)))


def _corrections(now: JobBalance, wanted: JobBalance) -> tuple[Posting, ...]:
    member, house = wanted.member - now.member, wanted.house - now.house
    if member == house:
        return (Posting(EntryKind.ADJUST, member),) if member else ()
    corrections = []
    if member:
        corrections.append(Posting(EntryKind.ADJUST, member, Account.MEMBER))
    if house:
        corrections.append(Posting(EntryKind.ADJUST, house, Account.HOUSE))
    return tuple(corrections)

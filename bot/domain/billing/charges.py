"""The cost of a job that has ended, and how the member and the operator share it.

The member pays what Google bills, but never more than was reserved for what they receive. The
operator bears the rest. If Google reports no bill, the reserved price counts.
"""

from dataclasses import dataclass
from typing import Self

from bot.domain.billing.limits import NO_USAGE, UsageAmount
from bot.domain.billing.money import ZERO_MICROS, Micros
from bot.domain.jobs.job import Job, JobState


@dataclass(frozen=True, slots=True)
class Charge:
    """The cost of one job.

    ``member`` and ``absorbed`` are parts of the reservation: what the member received, and what
    Google made or did in addition. ``beyond`` is what Google bills on top of the reservation.
    """

    member: UsageAmount = NO_USAGE
    absorbed: UsageAmount = NO_USAGE
    beyond: Micros = ZERO_MICROS

    @classmethod
    def for_videos(
        cls, reserved: UsageAmount, *, planned: int, made: int, received: int, billed: Micros | None
    ) -> Self:
        """Return the cost of ``made`` of ``planned`` videos, of which the member ``received`` some.

        ``billed`` is Google's bill for all it made, `None` if it reports none.
        """
        made = max(made, received)
        member = reserved.prorated_share(received, planned)
        total = reserved.prorated_share(made, planned)
        if billed is None:
            return cls(member, total - member)
        share = -(-billed * received // made) if made else 0
        paid = Micros(min(share, member.micros))
        covered = Micros(min(billed, reserved.micros))
        return cls(
            UsageAmount(paid, member.clips, member.seconds),
            UsageAmount(
                Micros(covered - paid), total.clips - member.clips, total.seconds - member.seconds
            ),
            Micros(billed - covered),
        )

    @classmethod
    def for_stopped_work(cls, reserved: UsageAmount, billed: Micros) -> Self:
        """Return the cost of an operation that Google stopped: money, but no clips or seconds."""
        covered = Micros(min(billed, reserved.micros))
        return cls(member=UsageAmount(covered), beyond=Micros(billed - covered))


def compute_charge(job: Job, *, received: int) -> Charge:
    """Return the cost of ``job`` if the member has ``received`` that many of its videos."""
    reserved, planned = UsageAmount.from_plan(job.plan), job.plan.videos
    made = received if job.videos_made is None else job.videos_made
    return Charge.for_videos(
        reserved, planned=planned, made=made, received=received, billed=job.billed_micros
    )


def compute_price_paid(job: Job, *, clips: int) -> Micros:
    """Return what the member pays, or has paid, for a job of which they have ``clips``."""
    if not clips and job.state is JobState.DONE:  # its clips were deleted since
        clips = job.plan.videos if job.videos_made is None else job.videos_made
    if clips:
        return compute_charge(job, received=clips).member.micros
    is_stopped = job.state is JobState.CANCELLED and job.cancel_requested
    if is_stopped and job.videos_made is None and job.billed_micros is not None:
        reserved = UsageAmount.from_plan(job.plan)
        return Charge.for_stopped_work(reserved, job.billed_micros).member.micros
    return ZERO_MICROS

"""`python -m bot.judge`: the operator judges jobs that may have been paid and brought nothing.

Without words it lists them, of every server and of the places that have no admin: direct messages,
and servers that the bot is no member of. `17 charge` and `17 refund` judge one of them, for ever.
Needs the database that the settings name, not Discord.
"""

import argparse
import sys
from collections.abc import Sequence

from bot.app.clock import SystemClock
from bot.cli.operator_command import NOT_DONE, OPERATOR, carry_out
from bot.config.settings import Settings
from bot.domain.billing.money import format_usd
from bot.domain.errors import NotFound
from bot.domain.jobs.job import Job
from bot.services.admin.quotas import Quotas
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.side_writer import open_aside
from bot.store.jobs.jobs import JobStore


async def judge(settings: Settings, number: int | None, *, charge: bool) -> str:
    """Judge a job, or list all where ``number`` is `None`; return what to tell the operator.

    Raises `NotFound` for a job that waits for no judgement, and `StoreAway`.
    """
    database = open_aside(settings.database)
    try:
        quotas = Quotas(
            jobs=JobStore(database),
            ledger=LedgerStore(database),
            clock=SystemClock(),
            policy=settings.policy,
        )
        if number is None:
            return _listed(await quotas.unknown_anywhere())
        job = await quotas.judge(number, charge=charge, by=OPERATOR)
    finally:
        await database.close()
    done = "charged" if charge else "refunded"
    return f"Job {job.id} is {done}: {format_usd(job.price)}."


def _listed(jobs: Sequence[Job]) -> str:
    if not jobs:
        return "No job waits for a judgement."
    lines = (
        f"{job.id:>6}  {format_usd(job.price):>8}  {job.created_at:%Y-%m-%d %H:%M} UTC"
        f"  {_where(job)}  {job.operation or 'no operation is known'}"
        for job in jobs
    )
    return "\n".join(lines)


def _where(job: Job) -> str:
    home = job.origin.guild_id
    return "no server of ours" if home is None else f"server {home}"


def main() -> int:
    """Run and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bot.judge", description=__doc__)
    parser.add_argument("job", nargs="?", type=int, help="the job's number")
    parser.add_argument("word", nargs="?", choices=("charge", "refund"), metavar="charge|refund")
    arguments = parser.parse_args()
    if (arguments.job is None) != (arguments.word is None):
        parser.error("say charge or refund: a judgement cannot be taken back")
    charge = arguments.word == "charge"
    try:
        return carry_out(lambda settings: judge(settings, arguments.job, charge=charge))
    except NotFound:
        print(f"clapper: job {arguments.job} waits for no judgement", file=sys.stderr)
        return NOT_DONE


if __name__ == "__main__":
    sys.exit(main())

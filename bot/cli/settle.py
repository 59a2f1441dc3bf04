"""`python -m bot.judge`: the operator judges jobs that may have been paid and brought nothing.

Without words it lists them, of every server and of the places that have no admin: direct messages,
and servers that the bot is no member of. `17 charge` and `17 refund` judge one of them, for ever.
Needs the database that the settings name, not Discord.
"""

import argparse
import sys
from collections.abc import Sequence

from bot.app.clock import SystemClock
from bot.cli.operator_command import EXIT_NOT_DONE, run_command
from bot.config.settings import Settings
from bot.domain.billing.money import format_usd
from bot.domain.errors import RecordNotFound
from bot.domain.guild import OPERATOR_ID
from bot.domain.jobs.job import Job
from bot.services.admin.quotas import QuotaService
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.side_writer import open_side_writer
from bot.store.jobs.jobs import JobStore


async def settle_or_list(settings: Settings, job_id: int | None, *, charge: bool) -> str:
    """Judge a job, or list all where ``number`` is `None`; return what to tell the operator.

    Raises `NotFound` for a job that waits for no judgement, and `StoreAway`.
    """
    database = open_side_writer(settings.resolved_database_url)
    try:
        jobs = JobStore(database)
        if job_id is None:
            return _format_jobs(await jobs.list_all_unknown())
        quotas = QuotaService(jobs=jobs, ledger=LedgerStore(database), clock=SystemClock())
        job = await quotas.settle_unknown(job_id, charge=charge, actor_id=OPERATOR_ID)
    finally:
        await database.close()
    done = "charged" if charge else "refunded"
    return f"Job {job.id} is {done}: {format_usd(job.price)}."


def _format_jobs(jobs: Sequence[Job]) -> str:
    if not jobs:
        return "No job waits for a judgement."
    lines = (
        f"{job.id:>6}  {format_usd(job.price):>8}  {job.created_at:%Y-%m-%d %H:%M} UTC"
        f"  {_describe_place(job)}  {job.operation or 'no operation is known'}"
        for job in jobs
    )
    return "\n".join(lines)


def _describe_place(job: Job) -> str:
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
        return run_command(lambda settings: settle_or_list(settings, arguments.job, charge=charge))
    except RecordNotFound:
        print(f"clapper: job {arguments.job} waits for no judgement", file=sys.stderr)
        return EXIT_NOT_DONE


if __name__ == "__main__":
    sys.exit(main())

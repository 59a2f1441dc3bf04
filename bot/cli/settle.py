"""List unknown jobs, or charge or refund one.

A job is unknown if Google may have charged for it but no video arrived. Until
it is settled, its price counts for the budgets of server and bot, but not for
the member. Check Google's bill, then settle it: "charge" counts the price for
the member too, "refund" counts it for nobody. This cannot be undone.

A server's admins settle their own jobs in Discord with /server unknown. Here
are all of them, also those from direct messages and from servers that the bot
has left. Only the database is needed: the bot may be running or stopped.

Examples:
  clapper settle             list all unknown jobs
  clapper settle 17 refund   refund job 17

Exit status:
  0  done
  1  no such unknown job, or the database does not answer
  2  a setting, the database or the command line cannot be used
"""

import argparse
from collections.abc import Sequence

from bot.app.clock import SystemClock
from bot.cli.errors import EXIT_BAD_SETTING, CommandFailed
from bot.cli.operator_command import open_with, run_and_print
from bot.config.settings import Settings
from bot.domain.billing.money import format_usd
from bot.domain.errors import RecordNotFound
from bot.domain.guild import OPERATOR_ID
from bot.domain.jobs.job import Job
from bot.services.admin.quotas import QuotaService
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.side_writer import open_side_writer
from bot.store.jobs.jobs import JobStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", nargs="?", type=int, help="the job's number, as the list shows it")
    parser.add_argument(
        "settlement",
        nargs="?",
        choices=("charge", "refund"),
        metavar="charge|refund",
        help="count the price for the member too, or for nobody",
    )


def run_subcommand(arguments: argparse.Namespace) -> int:
    if (arguments.job is None) != (arguments.settlement is None):
        raise CommandFailed(
            "add charge or refund after the job's number, e.g. clapper settle 17 refund",
            EXIT_BAD_SETTING,
        )
    charge = arguments.settlement == "charge"
    return run_and_print(lambda settings: settle_or_list(settings, arguments.job, charge=charge))


async def settle_or_list(settings: Settings, job_id: int | None, *, charge: bool) -> str:
    """Settle a job, or list all where ``job_id`` is `None`; return what to tell the operator.

    Raises `CommandFailed` for a job that is not waiting to be settled, `SettingsError` and
    `DatabaseUnavailable`.
    """
    async with open_with(open_side_writer, settings) as database:
        jobs = JobStore(database)
        if job_id is None:
            return _format_jobs(await jobs.list_all_unknown())
        quotas = QuotaService(
            jobs=jobs, ledger=LedgerStore(database), clock=SystemClock(), policy=settings.policy
        )
        try:
            job = await quotas.settle_unknown(job_id, charge=charge, actor_id=OPERATOR_ID)
        except RecordNotFound as error:
            raise CommandFailed(
                f"there is no unknown job {job_id}; clapper settle lists them"
            ) from error
    return f"Job {job.id} is {'charged' if charge else 'refunded'}: {format_usd(job.price)}."


def _format_jobs(jobs: Sequence[Job]) -> str:
    if not jobs:
        return "There are no unknown jobs."
    lines = [
        f"{job.id:>6}  {format_usd(job.price):>8}  {job.created_at:%Y-%m-%d %H:%M} UTC"
        f"  {_describe_place(job)}  {job.operation or 'no operation known'}"
        for job in jobs
    ]
    return "\n".join([*lines, "Settle one with clapper settle JOB charge, or refund."])


def _describe_place(job: Job) -> str:
    guild_id = job.origin.guild_id
    return "not in a server" if guild_id is None else f"server {guild_id}"

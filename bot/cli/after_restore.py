"""Make a restored backup safe to go on with: once, before the bot starts again.

Jobs that wait in a backup may have been made, posted and billed since. So that none is paid for
twice, they become unknown: the bot asks Google where it can, tells the members, gives their money
back and leaves the rest to be settled. Numbers of jobs and clips that were given after the backup
are skipped, so that old cards never act on new clips. No process may be using the database.
"""

import argparse

from bot.cli.errors import CommandFailed
from bot.cli.operator_command import open_with, run_and_print
from bot.config.settings import Settings
from bot.store.engine.database import DatabaseInUse, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.jobs.restore import mark_pending_as_unknown, skip_given_numbers


def run_subcommand(_arguments: argparse.Namespace) -> int:
    try:
        return run_and_print(prepare_restored_backup)
    except DatabaseInUse as error:
        raise CommandFailed(f"stop every process of the bot first ({error})") from error


async def prepare_restored_backup(settings: Settings) -> str:
    """Mark the jobs, skip the numbers and return what to tell the operator.

    Raises `DatabaseInUse` while a process of the bot runs, `SettingsError`, `DatabaseUnavailable`.
    """
    async with open_with(open_database, settings, upgrades=True) as database:
        await upgrade_schema(database)
        count = await mark_pending_as_unknown(database)
        last_clip_id = await skip_given_numbers(database)
    numbers = (
        f"New clips are numbered from #{last_clip_id + 1}: buttons on clips that were made after"
        " the backup find nothing."
    )
    if not count:
        return f"No job waits in this backup. {numbers}"
    return (
        f"Jobs that wait in this backup and may have been made since: {count}."
        " None will be made again; after the start see /server unknown and clapper settle."
        f" {numbers}"
    )

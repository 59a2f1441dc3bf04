"""Prepare a restored backup, before the bot starts again.

Run it once, after the backup is restored and while no process of the bot
runs. Jobs that were waiting when the backup was made may have been sent to
Google and charged since. So that nothing is paid for twice, they become
unknown: the bot asks Google about them, their members are told and pay
nothing, and you or a server's admins settle what stays unknown. Jobs that
were running at Google go on.

The numbers of jobs and clips continue after a gap of 100,000, so that buttons
on clips from after the backup never act on a new clip.

Example:
  clapper after-restore

Exit status:
  0  done: the bot can start
  1  a process of the bot is running, or there is no backup in the database
  2  a setting or the database cannot be used
"""

import argparse

from bot.cli.errors import CommandFailed
from bot.cli.operator_command import open_with, run_and_print
from bot.config.settings import Settings
from bot.store.engine.database import DatabaseInUse, open_database
from bot.store.engine.schema import has_tables, upgrade_schema
from bot.store.jobs.restore import mark_pending_as_unknown, skip_given_numbers


def run_subcommand(_arguments: argparse.Namespace) -> int:
    try:
        return run_and_print(prepare_restored_backup)
    except DatabaseInUse as error:
        raise CommandFailed(f"stop every process of the bot first: {error}") from error


async def prepare_restored_backup(settings: Settings) -> str:
    """Mark the jobs, skip the numbers and return what to tell the operator.

    Raises `DatabaseInUse` while a process of the bot runs, `CommandFailed` without a backup,
    `SettingsError`, `DatabaseUnavailable`.
    """
    async with open_with(open_database, settings, upgrades=True) as database:
        if not await has_tables(database):
            raise CommandFailed("the database is empty: restore the backup first")
        await upgrade_schema(database)
        count = await mark_pending_as_unknown(database)
        last_clip_id = await skip_given_numbers(database)
    numbers = (
        f"New clips are numbered from #{last_clip_id + 1}, so buttons on clips from after the"
        " backup do nothing."
    )
    if not count:
        return f"No job was waiting in this backup. {numbers} You can start the bot."
    return (
        f"Jobs that were waiting in this backup: {count}. None is sent to Google again: they become"
        f" unknown when the bot starts, and clapper settle shows them. {numbers}"
    )

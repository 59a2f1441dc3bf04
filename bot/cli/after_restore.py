"""`python -m bot.restored`: to be run once after a backup was restored, before the bot starts.

What waits in a backup may have been made, posted and paid since. So that nothing is paid twice, its
end is unknown from now on: the bot asks Google where it can, tells the members, gives them their
money back and leaves the rest to a judgement. Needs the database that the settings name, and no
process that uses it.
"""

import argparse
import sys

from bot.cli.operator_command import EXIT_NOT_DONE, run_command
from bot.config.settings import Settings
from bot.store.engine.database import DatabaseInUse, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.jobs.restore import mark_pending_as_unknown


async def mark_backup_jobs_unknown(settings: Settings) -> str:
    """Doubt what waits and return what to tell the operator.

    Raises `DatabaseInUse` while a process of the bot runs, and `StoreAway`.
    """
    database = open_database(settings.resolved_database_url)
    try:
        await upgrade_schema(database)
        doubted = await mark_pending_as_unknown(database)
    finally:
        await database.close()
    if not doubted:
        return "No job waits in this backup."
    return (
        f"Jobs that wait in this backup and may have been made since: {doubted}."
        " None will be made again; after the start see /server unknown and python -m bot.judge."
    )


def main() -> int:
    """Run and return the exit status."""
    argparse.ArgumentParser(prog="python -m bot.restored", description=__doc__).parse_args()
    try:
        return run_command(mark_backup_jobs_unknown)
    except DatabaseInUse as error:
        print(f"clapper: stop every process of the bot first ({error})", file=sys.stderr)
        return EXIT_NOT_DONE


if __name__ == "__main__":
    sys.exit(main())

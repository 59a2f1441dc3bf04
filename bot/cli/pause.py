"""`python -m bot.switch`: the operator's switch over the whole bot, while it runs.

`pause "reason"` lets no server start anything new, in any process, from the next request on; what
runs finishes, and what waits keeps its place. `resume` goes on. Without a word it says how the
switch stands. Needs the database that the settings name, not Discord.
"""

import argparse
import sys

from bot.app.clock import SystemClock
from bot.cli.operator_command import run_command
from bot.config.settings import Settings
from bot.domain.guild import OPERATOR_ID, WHOLE_BOT_ID
from bot.services.admin.guild_rules import ServerRulesService
from bot.store.engine.side_writer import open_side_writer
from bot.store.guilds import GuildStore


async def apply_pause(settings: Settings, command: str | None, reason: str | None) -> str:
    """Turn the switch as ``word`` says and return how it stands. Raises `StoreAway`."""
    database = open_side_writer(settings.resolved_database_url)
    try:
        guilds = GuildStore(database)
        servers = ServerRulesService(guilds=guilds, clock=SystemClock())
        if command is not None:
            await servers.switch_bot(
                enabled=command == "resume", actor_id=OPERATOR_ID, reason=reason
            )
        rules = await guilds.load_rules(WHOLE_BOT_ID)
    finally:
        await database.close()
    if settings.paused:
        return "Paused by the setting PAUSED, whatever the switch says."
    if not rules.paused:
        return "Open: requests are accepted."
    why = f" Members read: {rules.pause_reason}" if rules.pause_reason else ""
    return f"Paused: nothing new is accepted or started, running jobs finish.{why}"


def main() -> int:
    """Run and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bot.switch", description=__doc__)
    parser.add_argument("word", nargs="?", choices=("pause", "resume"), metavar="pause|resume")
    parser.add_argument("reason", nargs="?", help="why, in words for members")
    arguments = parser.parse_args()
    return run_command(lambda settings: apply_pause(settings, arguments.word, arguments.reason))


if __name__ == "__main__":
    sys.exit(main())

"""Stop accepting requests in all servers, until "clapper resume".

A running bot follows at once. Running jobs finish and are posted, and jobs in
the queue keep their place. Members who ask for a clip read the reason. A
pause lasts through restarts. Only the database is needed: the bot may be
running or stopped.

The setting PAUSED=true also pauses the bot, and "clapper resume" does not
end that.

Examples:
  clapper pause "We are moving to another machine. Back at noon, UTC."
  clapper pause --show

Exit status:
  0  done
  1  the database does not answer
  2  a setting, the database or the command line cannot be used
"""

import argparse

from bot.app.clock import SystemClock
from bot.cli.operator_command import open_with, run_and_print
from bot.config.settings import Settings
from bot.domain.guild import OPERATOR_ID, WHOLE_BOT_ID
from bot.services.admin.guild_rules import ServerRulesService
from bot.store.engine.side_writer import open_side_writer
from bot.store.guilds import GuildStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("reason", nargs="?", help="shown to members who ask for a clip")
    choice.add_argument(
        "--show", action="store_true", help="change nothing; say whether the bot is paused"
    )


def run_subcommand(arguments: argparse.Namespace) -> int:
    enabled = None if arguments.show else False
    return run_and_print(lambda settings: set_bot_enabled(settings, enabled, arguments.reason))


async def set_bot_enabled(
    settings: Settings, enabled: bool | None, reason: str | None = None
) -> str:
    """Pause or resume the bot (`None`: neither) and return whether it is paused.

    Raises `SettingsError` and `DatabaseUnavailable`.
    """
    async with open_with(open_side_writer, settings) as database:
        guilds = GuildStore(database)
        if enabled is not None:
            server_rules = ServerRulesService(guilds=guilds, clock=SystemClock())
            await server_rules.switch_bot(enabled=enabled, actor_id=OPERATOR_ID, reason=reason)
        rules = await guilds.load_rules(WHOLE_BOT_ID)
    if settings.paused:
        return (
            "Paused by the setting PAUSED=true: only changing it and restarting the bot ends this."
        )
    if not rules.paused:
        return "Not paused: requests are accepted."
    shown = f" Members read: {rules.pause_reason}" if rules.pause_reason else ""
    return f"Paused: no requests are accepted, and running jobs finish.{shown}"

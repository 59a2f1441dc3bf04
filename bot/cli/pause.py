"""Accept no new requests in any server, from the next request on and in every process.

Running jobs finish and waiting jobs keep their place. Needs only the database that the settings
name: the bot may be running, and Discord may be down.
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
    choice.add_argument("reason", nargs="?", help="what members read, in their language")
    choice.add_argument("--show", action="store_true", help="change nothing; say how it stands")


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
        return "Paused by the setting PAUSED, whatever this command says."
    if not rules.paused:
        return "Open: requests are accepted."
    shown = f" Members read: {rules.pause_reason}" if rules.pause_reason else ""
    return f"Paused: nothing new is accepted or started, running jobs finish.{shown}"

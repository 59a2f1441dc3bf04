"""The bot's commands as they are sent to Discord, built without a connection."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import discord
from discord import app_commands
from discord.ext import commands

import cogs
from cogs.server import RulesCommands
from cogs.server_setup import SetupCommands
from cogs.server_showcase import ShowcaseSettingsCommands

Json = dict[str, Any]
SERVER_PARTS: tuple[type[commands.Cog], ...] = (
    SetupCommands,
    ShowcaseSettingsCommands,
    RulesCommands,
)


def every_cog() -> list[type[commands.Cog]]:
    """Return every cog that is not only a base class of another."""
    all_cogs = {
        cog
        for module in pkgutil.iter_modules(cogs.__path__, "cogs.")
        for cog in vars(importlib.import_module(module.name)).values()
        if isinstance(cog, type) and issubclass(cog, commands.Cog) and cog.__module__ == module.name
    }
    base_classes = {base for cog in all_cogs for base in cog.__mro__[1:]}
    return sorted(all_cogs - base_classes, key=lambda cog: cog.__name__)


async def tree_of() -> app_commands.CommandTree[Any]:
    """Return a command tree with every command of the bot."""
    client = commands.AutoShardedBot(command_prefix="-", intents=discord.Intents.none())
    for kind in every_cog():
        cog = _build_cog(kind)
        await client.add_cog(cog)
        if hasattr(cog, "add_to"):  # message menus are added one by one
            cog.add_to(client.tree)
    return client.tree


def _build_cog(kind: type[commands.Cog]) -> commands.Cog:
    """Return a cog with mocks for its services, for its commands only."""
    return kind(**{name: Mock() for name in inspect.signature(kind).parameters})


def every_command(tree: app_commands.CommandTree[Any]) -> Iterator[Json]:
    """Yield every slash command with its full name as ``path`` and its own options."""
    for command in tree.get_commands(type=discord.AppCommandType.chat_input):
        yield from _iterate_commands(command.to_dict(tree), "")


def _iterate_commands(payload: Any, path: str) -> Iterator[Json]:
    path = f"{path} {payload['name']}".strip()
    subcommands = [option for option in payload.get("options", []) if option["type"] in (1, 2)]
    if subcommands:
        for subcommand in subcommands:
            yield from _iterate_commands(subcommand, path)
    else:
        yield {**payload, "path": path, "options": payload.get("options", [])}

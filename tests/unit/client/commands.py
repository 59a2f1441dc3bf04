"""The bot's commands as Discord receives them, without a connection."""

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
from cogs.server import RulesCommands, ServerCommands
from cogs.server_age import AgeCommands
from cogs.server_gallery import GalleryPageCommands
from cogs.server_limits import LimitsCommands
from cogs.server_log import LogCommands
from cogs.server_moderation import RequestBlockCommands, WordListCommands
from cogs.server_reports import ReportRuleCommands
from cogs.server_review import ReviewCommands
from cogs.server_setup import SetupCommands
from cogs.server_showcase import ShowcaseSettingsCommands
from cogs.server_staff import StaffChannelCommands

Json = dict[str, Any]
SERVER_PARTS: tuple[type[commands.Cog], ...] = (
    SetupCommands,
    WordListCommands,
    RequestBlockCommands,
    ShowcaseSettingsCommands,
    LogCommands,
    GalleryPageCommands,
    LimitsCommands,
    RulesCommands,
    AgeCommands,
    ReportRuleCommands,
    ReviewCommands,
    StaffChannelCommands,
)


def every_cog() -> list[type[commands.Cog]]:
    """Return every cog, except those that are only part of another."""
    found = {
        cog
        for module in pkgutil.iter_modules(cogs.__path__, "cogs.")
        for cog in vars(importlib.import_module(module.name)).values()
        if isinstance(cog, type) and issubclass(cog, commands.Cog) and cog.__module__ == module.name
    }
    return sorted(found - set(SERVER_PARTS), key=lambda cog: cog.__name__)


async def tree_of() -> app_commands.CommandTree[Any]:
    """Return a command tree with every command of the bot."""
    client = commands.AutoShardedBot(command_prefix="-", intents=discord.Intents.none())
    for kind in every_cog():
        cog = _built(kind)
        await client.add_cog(cog)
        if hasattr(cog, "add_to"):  # message menus are added one by one
            cog.add_to(client.tree)
    return client.tree


def _built(kind: type[commands.Cog]) -> commands.Cog:
    """Return a cog whose services do nothing, to inspect its commands."""
    if kind is ServerCommands:
        return ServerCommands([_built(part) for part in SERVER_PARTS])
    return kind(**{name: Mock() for name in inspect.signature(kind).parameters})


def every_command(tree: app_commands.CommandTree[Any]) -> Iterator[Json]:
    """Yield every slash command with its full name as ``path`` and its own options."""
    for command in tree.get_commands(type=discord.AppCommandType.chat_input):
        yield from _below(command.to_dict(tree), "")


def _below(payload: Any, path: str) -> Iterator[Json]:
    path = f"{path} {payload['name']}".strip()
    below = [each for each in payload.get("options", []) if each["type"] in (1, 2)]
    if below:
        for each in below:
            yield from _below(each, path)
    else:
        yield {**payload, "path": path, "options": payload.get("options", [])}

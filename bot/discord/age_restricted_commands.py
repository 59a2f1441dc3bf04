"""Which commands Discord offers to adults only if the operator allows nobody else.

Discord offers age-restricted commands in age-restricted channels, and in the bot's direct messages
to adults who have allowed them in their settings
(https://docs.discord.com/developers/interactions/application-commands#agerestricted-commands).
"""

from typing import Any, Final

from discord import app_commands

OFFERED_TO_EVERYONE: Final = frozenset({"help", "privacy", "server"})
"""What explains the bot, what shows and deletes a person's data, and what admins set up."""


def restrict_commands_to_adults(tree: app_commands.CommandTree[Any]) -> None:
    """Mark the commands and menus of ``tree``, but for `OFFERED_TO_EVERYONE`."""
    for command in tree.get_commands():
        command.nsfw = command.name not in OFFERED_TO_EVERYONE

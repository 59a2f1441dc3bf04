"""Which commands Discord is asked to offer to adults only."""

from bot.discord.age_restricted_commands import OFFERED_TO_EVERYONE, restrict_commands_to_adults
from bot.discord.command_sync import build_command_payloads
from tests.unit.client.commands import tree_of


async def test_commands_are_age_restricted_but_for_help_privacy_and_settings() -> None:
    tree = await tree_of()
    before = await build_command_payloads(tree)
    assert not any(command["nsfw"] for command in before)
    restrict_commands_to_adults(tree)
    payloads = await build_command_payloads(tree)
    everyones = {command["name"] for command in payloads if not command["nsfw"]}
    assert everyones == OFFERED_TO_EVERYONE
    menus = [command for command in payloads if command["type"] != 1]
    assert menus
    assert all(menu["nsfw"] for menu in menus)

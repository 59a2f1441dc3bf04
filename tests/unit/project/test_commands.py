"""Documents mention every command, option, menu, button and permission."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from discord import Permissions, app_commands
from discord.ext import commands

from bot.i18n.catalogs import translate
from bot.ui.custom_ids import ButtonAction
from cogs.server import ServerCommands
from sandbox.discord.permissions import POSTING_BOT_PERMISSIONS
from tests.unit.client.commands import SERVER_PARTS, every_cog
from tests.unit.project.documents import rows


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "commands.md").read_text("utf-8")


def registered() -> dict[str, set[str]]:
    """Every slash command with its options."""
    found: dict[str, set[str]] = {}
    for cog in every_cog():
        group = cog.__cog_group_name__ if issubclass(cog, commands.GroupCog) else ""
        for command in cog.__cog_app_commands__:
            found |= _options(command, group)
    for part in SERVER_PARTS:
        for command in part.__cog_app_commands__:
            found |= _options(command, ServerCommands.__cog_group_name__)
    return found


def _options(command: object, group: object) -> dict[str, set[str]]:
    if isinstance(command, app_commands.Group):
        inner = [_options(each, f"{group} {command.name}") for each in command.commands]
        return {name: options for each in inner for name, options in each.items()}
    assert isinstance(command, app_commands.Command)
    name = f"{group} {command.name}".strip()
    return {name: {parameter.name for parameter in command.parameters}}


def test_each_command_is_documented_with_its_options(page: str) -> None:
    documented = {
        cells[0].strip("`/"): set(re.findall(r"`(\w+)`", cells[1]))
        for cells in rows(page)
        if cells[0].startswith("`/")
    }
    assert documented == registered()


def test_the_commands_of_the_contract_are_there() -> None:
    made = {"generate", "extend", "animate", "get", "cancel", "jobs", "history", "models", "chain"}
    kept = {"budget", "pause", "resume", "usage", "unknown", "quota set", "quota list", "setup"}
    contract = {f"video {name}" for name in made} | {f"server {name}" for name in kept}
    assert contract | {"quota show", "help"} <= registered().keys()


def test_each_button_is_documented(page: str) -> None:
    labels = {translate(f"button.{action}", "en-US", number=1) for action in ButtonAction}
    assert {label for label in labels if f"*{label}*" not in page} == set()


def test_documents_name_no_command_that_is_not_there(root: Path) -> None:
    known = {"/" + name for name in registered()}
    known |= {"/" + name.split()[0] for name in registered()}
    for path in (*root.glob("*.md"), *root.glob("docs/*.md")):
        for named in re.findall(
            r"`(/(?:video|quota|server|showcase|privacy|help)(?: [a-z ]+)?)`", path.read_text()
        ):
            assert named.strip() in known, f"{path.name}: {named}"


@pytest.mark.parametrize("name", ["README.md", "docs/install.md"])
def test_the_invite_asks_for_what_the_bot_needs(root: Path, name: str) -> None:
    text = (root / name).read_text("utf-8")
    link = re.search(r"https://discord.com/oauth2/authorize\?\S+", text)
    assert link is not None
    asked = parse_qs(urlsplit(link[0]).query)
    assert asked["scope"] == ["bot applications.commands"]
    assert int(asked["permissions"][0]) == POSTING_BOT_PERMISSIONS.value


def test_each_permission_that_the_bot_needs_is_explained(root: Path) -> None:
    text = (root / "docs" / "install.md").read_text("utf-8")
    table = text.partition("<!-- permissions:")[2].partition("<!-- /permissions -->")[0]
    told = {
        cells[0].lower().replace("view channels", "read messages").replace(" ", "_")
        for cells in rows(table)
    }
    named = {name for name, granted in Permissions(POSTING_BOT_PERMISSIONS.value) if granted}
    assert told - {"permission"} == named

"""A real discord.py bot in the whole sandbox, used through the control API."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands
from PIL import Image

from sandbox.server import SandboxServer
from tests.harness import conformance
from tests.harness.control import Control
from tests.harness.waiting import eventually

Json = dict[str, Any]
Interaction = discord.Interaction["Bot"]


class Form(discord.ui.Modal, title="Form"):
    """A modal with one of everything."""

    text: discord.ui.Label["Form"] = discord.ui.Label(
        text="Prompt", component=discord.ui.TextInput(custom_id="text", max_length=20)
    )
    file: discord.ui.Label["Form"] = discord.ui.Label(
        text="File", component=discord.ui.FileUpload(custom_id="file", required=False)
    )
    style: discord.ui.Label["Form"] = discord.ui.Label(
        text="Style",
        component=discord.ui.RadioGroup(
            custom_id="style",
            options=[discord.RadioGroupOption(label=name, value=name) for name in ("calm", "wild")],
        ),
    )
    who: discord.ui.Label["Form"] = discord.ui.Label(
        text="Who", component=discord.ui.UserSelect(custom_id="who", required=False)
    )
    sure: discord.ui.Label["Form"] = discord.ui.Label(
        text="Sure?", component=discord.ui.Checkbox(custom_id="sure", default=True)
    )

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        parts = [part.component for part in (self.text, self.file, self.style, self.who, self.sure)]
        text, file, style, who, sure = parts
        assert isinstance(text, discord.ui.TextInput)
        assert isinstance(file, discord.ui.FileUpload)
        assert isinstance(style, discord.ui.RadioGroup)
        assert isinstance(who, discord.ui.UserSelect)
        assert isinstance(sure, discord.ui.Checkbox)
        names = [attachment.filename for attachment in file.values]
        people = [str(person) for person in who.values]
        said = f"{text.value} {names} {style.value} {people} {sure.value}"
        await interaction.response.edit_message(content=said)


class Buttons(discord.ui.View):
    """A button that asks, and a select that answers at once."""

    @discord.ui.button(label="Ask", custom_id="ask")
    async def ask(
        self, interaction: discord.Interaction[Any], _: discord.ui.Button["Buttons"]
    ) -> None:
        await interaction.response.send_modal(Form())

    @discord.ui.select(cls=discord.ui.RoleSelect, custom_id="role")
    async def role(
        self, interaction: discord.Interaction[Any], select: discord.ui.RoleSelect["Buttons"]
    ) -> None:
        await interaction.response.send_message(select.values[0].name, ephemeral=True)


class Bot(discord.Client):
    """The smallest bot that uses every kind of interaction."""

    def __init__(self) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True),
            guild_ready_timeout=0.1,
            connector=aiohttp.TCPConnector(limit=0, resolver=aiohttp.ThreadedResolver()),
        )
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.ready = asyncio.Event()

    async def setup_hook(self) -> None:
        @self.tree.command(description="A clip")
        @app_commands.allowed_installs(guilds=True, users=True)
        @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
        async def generate(
            interaction: Interaction,
            prompt: str,
            image: discord.Attachment | None = None,
            person: discord.User | None = None,
        ) -> None:
            await interaction.response.defer(thinking=True)
            size = len(await image.read()) if image else 0
            await interaction.followup.send(f"{prompt} {size} {person}", view=Buttons(timeout=None))

        @generate.autocomplete("prompt")
        async def complete(_: Interaction, current: str) -> list[app_commands.Choice[str]]:
            return [app_commands.Choice(name=current.upper(), value=current)]

        @self.tree.context_menu(name="Look")
        async def look(interaction: Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"saw {message.content}", ephemeral=True)

        self.add_view(Buttons(timeout=None))
        await self.tree.sync()

    async def on_ready(self) -> None:
        self.ready.set()

    async def on_message(self, message: discord.Message) -> None:
        if self.user and message.author.id != self.user.id:
            self.heard.append(message)


@pytest.fixture
async def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Control]:
    sandbox = await SandboxServer.start(directory=tmp_path)
    environment = sandbox.bot_environment()
    gateway = yarl.URL(environment["DISCORD_GATEWAY_URL"])
    monkeypatch.setattr(discord.http.Route, "BASE", environment["DISCORD_API_URL"])
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
    bot = Bot()
    running = asyncio.create_task(bot.start(environment["DISCORD_TOKEN"]))
    control = Control(f"{sandbox.base}/control")
    await eventually(lambda: bot.ready.is_set() or (running.done() and running.result()))
    try:
        yield control
    finally:
        await control.close()
        await bot.close()
        await running
        await sandbox.close()
    assert sandbox.error_log.internal_errors == 0, list(sandbox.error_log.latest_errors)
    report = conformance.check_requests(
        entry.to_json(bodies=True) for entry in sandbox.request_log.entries_after(0)
    )
    assert not report.problems, str(report)


async def answered(control: Control, path: str, **body: Any) -> Json:
    """Acts as a person and waits for the bot's final answer."""
    interaction = (await control.call("POST", path, {"user": "Cem", **body}))["interaction"]

    async def done() -> Json | None:
        shown = await control.interaction(interaction["id"])
        assert shown["state"] != "failed", shown
        return shown if shown["state"] == "answered" else None

    found = await eventually(done)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "where",
    [{"channel": "#general"}, {"channel": "@Cem"}, {"channel": "@Cem", "user_install": True}],
)
async def test_command_button_modal_select(control: Control, tmp_path: Path, where: Json) -> None:
    picture = tmp_path / "in.png"
    Image.new("RGB", (4, 4)).save(picture)
    body = {"command": "generate", "options": {"prompt": "cat", "person": "Ada"}, **where}
    shown = await answered(control, "commands", attachments={"image": str(picture)}, **body)
    message = shown["messages"][0]
    assert message["content"] == f"cat {picture.stat().st_size} ada"
    assert message["flags"] == 0
    asked = await answered(control, "components", message=message["id"], custom_id="ask")
    assert [part["type"] for part in asked["modal"]["components"]] == [18] * 5
    fields = {"text": "a dog", "file": [str(picture)], "style": "wild", "who": "Bea"}
    done = await answered(control, "modals", interaction=asked["id"], fields=fields)
    assert done["messages"][0]["content"] == "a dog ['in.png'] wild ['bea'] True"
    if where["channel"].startswith("#"):
        picked = {"message": message["id"], "custom_id": "role", "values": ["Moderator"]}
        private = (await answered(control, "components", **picked))["messages"][0]
        assert (private["content"], private["ephemeral"]) == ("Moderator", True)


async def test_context_menu_and_autocomplete(control: Control) -> None:
    said = {"user": "Ada", "channel": "#clips", "content": "hidden words"}
    message = (await control.call("POST", "messages", said))["message"]
    shown = await answered(control, "context-menus", command="Look", message=message["id"])
    assert shown["messages"][0]["content"] == "saw hidden words"
    typed = {"command": "generate", "options": {"prompt": "ca"}, "focused": "prompt"}
    found = await control.call(
        "POST", "autocomplete", {"user": "Cem", "channel": "#clips", **typed}
    )
    assert found["choices"] == [{"name": "CA", "value": "ca"}]

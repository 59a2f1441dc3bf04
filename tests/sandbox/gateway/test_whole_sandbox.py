"""The whole sandbox as one program, with people, a real discord.py bot and Google.

The small bot here does what Clapper does. If the parts of the sandbox do not work together, this
fails before Clapper is involved.
"""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio
import yarl
from discord import app_commands

from tests.harness import conformance
from tests.harness.control import Control
from tests.harness.sandbox import SandboxProcess

MODEL = "veo-3.1-fast-generate-preview"


class Bot(discord.AutoShardedClient):
    """Makes clips by command and extends them by reply."""

    def __init__(self, environment: dict[str, str]) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True)
        super().__init__(intents=intents, guild_ready_timeout=0.1)
        self.google = environment["GEMINI_API_URL"] + "/v1beta"
        self.key = {"x-goog-api-key": environment["GEMINI_API_KEY"]}
        self.tree = app_commands.CommandTree(self)
        self.tree.command(name="film", description="Films.")(self.film)
        self.synced = asyncio.Event()
        self.errors: list[BaseException] = []

    async def setup_hook(self) -> None:
        await self.tree.sync()
        self.synced.set()

    async def film(self, interaction: discord.Interaction, prompt: str) -> None:
        """Acknowledges, asks Google, posts the file."""
        await interaction.response.send_message(f"Filming {prompt}…")
        video = await self.make(prompt)
        assert isinstance(interaction.channel, discord.TextChannel)
        await interaction.channel.send(
            f"Here is {prompt}.", file=discord.File(io.BytesIO(video), "clip.mp4")
        )
        await interaction.edit_original_response(content="Done.")

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user and message.reference is not None:
            await message.reply(f"You said: {message.content}")

    async def make(self, prompt: str) -> bytes:
        """One Veo generation over the Gemini wire, polled to its end."""
        async with aiohttp.ClientSession(headers=self.key, raise_for_status=True) as http:
            body = {"instances": [{"prompt": prompt}], "parameters": {"durationSeconds": 4}}
            url = f"{self.google}/models/{MODEL}:predictLongRunning"
            operation = await _json(http, "POST", url, body)
            while not operation.get("done"):
                await asyncio.sleep(0.05)
                operation = await _json(http, "GET", f"{self.google}/{operation['name']}")
            samples = operation["response"]["generateVideoResponse"]["generatedSamples"]
            async with http.get(samples[0]["video"]["uri"]) as response:
                return await response.read()


async def _json(http: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> Any:
    async with http.request(method, url, json=body) as response:
        return await response.json()


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[SandboxProcess]:
    async with SandboxProcess(tmp_path) as running:
        await running.control.google(seconds=0.1, look="plain", processing_s=0)
        yield running
        health = await running.control.health()
        assert health["internal_errors"] == 0, health
        assert health["unknown_routes"] == 0, health
        assert "Traceback" not in running.read_log(), running.read_log()


@pytest_asyncio.fixture
async def bot(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    environment = sandbox.environment_for_bot
    gateway = yarl.URL(environment["DISCORD_GATEWAY_URL"])
    monkeypatch.setattr(discord.http.Route, "BASE", environment["DISCORD_API_URL"])
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
    client = Bot(environment)
    running = asyncio.create_task(client.start(environment["DISCORD_TOKEN"]))
    await sandbox.control.wait_until(sandbox.control.count_connections, what="the bot's connection")
    yield client
    await client.close()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def control(sandbox: SandboxProcess) -> Control:
    return sandbox.control


async def test_a_command_makes_a_clip_and_a_reply_reaches_the_bot(
    control: Control, bot: Bot
) -> None:
    await bot.synced.wait()
    assert [command["name"] for command in await control.commands()] == ["film"]

    interaction = await control.command("Cem", "clips", "film", {"prompt": "a red kite"})
    answer = await control.wait_interaction(interaction)
    assert answer["acknowledged_ms"] < control.acknowledge_limit_ms
    message = await control.wait_message("clips", lambda each: each["attachments"], timeout=30)
    assert message["content"] == "Here is a red kite."
    video = await control.download(message["attachments"][0]["url"])
    assert video[4:8] == b"ftyp"
    await control.wait_message("clips", lambda each: each["content"] == "Done.")

    await control.message("Cem", "clips", "and now longer", reply_to=message["id"], ping=True)
    heard = await control.wait_message("clips", lambda each: "You said" in each["content"])
    assert heard["content"] == "You said: and now longer"
    await control.message("Cem", "clips", "in silence", reply_to=message["id"], ping=False)
    await control.wait_message("clips", lambda each: each["content"] == "You said:")

    submits = await control.requests(server="google", method="POST", path="predictLongRunning")
    assert [entry["status"] for entry in submits] == [200]
    assert submits[0]["json"]["instances"] == [{"prompt": "a red kite"}]
    report = conformance.check_requests(await control.requests(bodies=True))
    assert not report.problems, str(report)
    assert not report.unlisted


async def test_a_discord_fault_in_the_middle_is_survived(control: Control, bot: Bot) -> None:
    await bot.synced.wait()
    await control.fault("discord", method="POST", path="/messages$", status=429)
    await control.command("Cem", "clips", "film", {"prompt": "a paper boat"})
    await control.wait_message("clips", lambda each: each["attachments"], timeout=30)
    posts = await control.requests(server="discord", method="POST", path="/messages$")
    assert [entry["status"] for entry in posts] == [429, 200]
    assert [fault["struck"] for fault in await control.faults()] == [1]


async def test_events_missed_while_the_gateway_is_down_arrive_later(
    control: Control, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bot.synced.wait()
    interaction = await control.command("Cem", "clips", "film", {"prompt": "rain"})
    await control.wait_interaction(interaction)
    own = await control.wait_message("clips", lambda each: each["attachments"], timeout=30)
    await control.gateway("disconnect")
    await control.message("Cem", "clips", "are you there?", reply_to=own["id"])
    await control.wait_message("clips", lambda each: "are you there?" in each["content"])
    heard = await control.wait_message("clips", lambda each: "You said" in each["content"])
    assert heard["content"] == "You said: are you there?"
    assert (await control.sessions())["resumed"] == 1

"""The fixture `discord_sandbox`, used as by a project that tests its own bot."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import pytest_asyncio
import yarl

from sandbox.discord import interaction
from sandbox.testing import (
    ControlCallRefused,
    DiscordSandbox,
    InteractionNotAnswered,
    run_sandbox_in_thread,
)
from sandbox.testing.calls import WITHIN_S
from sandbox.testing.pytest_plugin import discord_sandbox as discord_sandbox
from sandbox.testing.pytest_plugin import discord_sandbox_clips as discord_sandbox_clips
from sandbox.testing.pytest_plugin import discord_sandbox_options as discord_sandbox_options
from tests.harness.waiting import stretch_timeout
from tests.sandbox.play.kitchen_bot import KitchenBot

TOO_LONG_S = 60.0
"""Longer than people wait for a first response, on a busy machine too."""


@pytest_asyncio.fixture
async def kitchen(
    discord_sandbox: DiscordSandbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DiscordSandbox]:
    """The sandbox with a bot that runs in the test's own loop, and has time on a busy machine."""
    patience_s = stretch_timeout(interaction.ACKNOWLEDGE_TIMEOUT_S)
    monkeypatch.setattr(interaction, "ACKNOWLEDGE_TIMEOUT_S", patience_s)
    environment = discord_sandbox.env
    monkeypatch.setattr(discord.http.Route, "BASE", environment["DISCORD_API_URL"])
    gateway = yarl.URL(environment["DISCORD_GATEWAY_URL"])
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
    async with KitchenBot() as bot:
        running = asyncio.create_task(bot.start(discord_sandbox.token))
        await discord_sandbox.world.wait_for_commands(
            "order", "Review this", within_s=stretch_timeout(WITHIN_S)
        )
        yield discord_sandbox
    await asyncio.gather(running, return_exceptions=True)


async def test_people_use_a_bot(kitchen: DiscordSandbox, tmp_path: Path) -> None:
    ada = kitchen.people["Ada"]
    choices = await ada.complete_option("order", "dish", options={"dish": "sou"})
    assert choices == [{"name": "soup", "value": "soup"}]
    picture = tmp_path / "soup.txt"
    picture.write_text("a picture")
    options = {"dish": "soup", "size": 3, "guest": "Bea"}
    order = await ada.use_command("order", options=options, files={"picture": picture})
    answer = await order.wait_for_answer()
    assert answer["embeds"][0]["title"] == "Order of soup"
    assert answer["embeds"][0]["footer"]["text"] == "soup.txt"

    eva = await kitchen.people.add("Eva", server="Test Server", nick="Evi")
    message = await eva.write("the soup of today")
    review = await eva.use_menu("Review this", message=message)
    form = await review.wait_for_form()
    assert form["title"] == "Review"
    with pytest.raises(ControlCallRefused, match="an answer is required"):
        await eva.submit_form(review, {"Words": "warm"})
    submitted = await eva.submit_form(review, {"Words": "warm", "Stars": "5"})
    seen = await submitted.wait_for_answer()
    assert (seen["content"], seen["ephemeral"]) == ("warm | 5 |  |  |", True)
    await eva.react(message, "🍜")
    reply = await ada.write("I had it, too", reply_to=message)
    found = await kitchen.world.wait_for_message("general", "I had it")
    assert found["id"] == reply["id"]

    # a button that the bot never answers
    pressed = await ada.press(answer, "Never answers")
    await kitchen.clock.advance(TOO_LONG_S)
    with pytest.raises(InteractionNotAnswered):
        await pressed.wait_for_answer()


async def test_faults_reach_the_bot(kitchen: DiscordSandbox, tmp_path: Path) -> None:
    picture = tmp_path / "salad.txt"
    picture.write_text("a picture")
    await kitchen.world.add_channel("Test Server", "kitchen")
    await kitchen.faults.add("/callback", status=403, body={"code": 0, "message": "no"})
    options = {"dish": "salad", "size": 3}
    cem = kitchen.people["Cem"]
    order = await cem.use_command("order", channel="kitchen", options=options)
    [request] = await kitchen.world.list_requests("/callback", wait_s=10)
    assert request["status"] == 403
    await kitchen.clock.advance(TOO_LONG_S)
    with pytest.raises(InteractionNotAnswered):
        await order.wait_for_answer()
    await kitchen.faults.clear()
    bea = kitchen.people["Bea"]
    again = await bea.use_command("order", options=options, files={"picture": picture})
    assert (await again.wait_for_answer())["content"] == "for nobody"


class TestOptions:
    """A project may override the options."""

    @pytest.fixture
    def discord_sandbox_options(self) -> dict[str, bool]:
        return {"with_tls": True, "with_default_world": False}

    async def test_an_empty_world_by_https(self, discord_sandbox: DiscordSandbox) -> None:
        assert discord_sandbox.url.startswith("https://")
        environment = discord_sandbox.env
        assert environment["NODE_EXTRA_CA_CERTS"] == environment["SSL_CERT_FILE"]
        assert (await discord_sandbox.world.read())["guilds"] == []
        await discord_sandbox.world.add_server("My server")
        [server] = (await discord_sandbox.world.read())["guilds"]
        assert server["name"] == "My server"


def test_a_taken_port_is_reported(discord_sandbox: DiscordSandbox) -> None:
    port = yarl.URL(discord_sandbox.url).port
    with pytest.raises(OSError, match="in use"), run_sandbox_in_thread(port=port):
        pass

"""The real discord.py against the sandbox's REST API."""

import io
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest
from discord.http import HTTPClient, Route, handle_message_parameters
from discord.utils import MISSING

from tests.sandbox.discord.discord_harness import DiscordHarness


def bare_client() -> discord.Client:
    """A client that never connects, with a resolver that leaves no thread behind."""
    connector = aiohttp.TCPConnector(limit=0, resolver=aiohttp.ThreadedResolver())
    return discord.Client(intents=discord.Intents.none(), connector=connector)


@pytest.fixture
async def client(
    harness: DiscordHarness, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[discord.Client]:
    monkeypatch.setattr(Route, "BASE", f"{harness.world.public_base}/api/v10")
    async with bare_client() as client:
        await client.login(harness.world.token)
        yield client


async def test_login_and_lookups(harness: DiscordHarness, client: discord.Client) -> None:
    assert client.user is not None
    assert client.user.id == harness.world.bot.id
    guild = await client.fetch_guild(next(iter(harness.world.guilds)))
    assert guild.filesize_limit
    assert {c.name for c in await guild.fetch_channels()} >= {"general", "ideas"}
    member = await guild.fetch_member(harness.user("Ada").id)
    assert member.display_name == "Ada"
    channel = await client.fetch_channel(harness.channel("ideas").id)
    assert isinstance(channel, discord.ForumChannel)
    assert [entitlement async for entitlement in client.entitlements()] == []


async def test_a_wrong_token(harness: DiscordHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "BASE", f"{harness.world.public_base}/api/v10")
    async with bare_client() as client:
        with pytest.raises(discord.LoginFailure):
            await client.login("wrong")


async def test_messages_files_and_views(harness: DiscordHarness, client: discord.Client) -> None:
    channel = await client.fetch_channel(harness.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    view = discord.ui.LayoutView(timeout=None)
    gallery: discord.ui.MediaGallery[discord.ui.LayoutView] = discord.ui.MediaGallery(
        discord.MediaGalleryItem("attachment://clip.png")
    )
    view.add_item(
        discord.ui.Container(
            gallery,
            discord.ui.TextDisplay("A **clip**"),
            discord.ui.ActionRow(discord.ui.Button(label="Extend", custom_id="extend:1")),
        )
    )
    data = io.BytesIO(b"bytes of a picture")
    sent = await channel.send(view=view, file=discord.File(data, "clip.png"), nonce="job-7")
    again = await channel.send(
        view=view, file=discord.File(io.BytesIO(b"x"), "clip.png"), nonce="job-7"
    )
    assert again.id == sent.id
    fetched = await channel.fetch_message(sent.id)
    assert len(fetched.components) == len(sent.components) == 1
    container = fetched.components[0]
    assert isinstance(container, discord.Container)
    shown = container.children[0]
    assert isinstance(shown, discord.MediaGalleryComponent)
    async with harness.http.get(shown.items[0].media.url) as response:
        assert await response.read() == b"bytes of a picture"
    await sent.edit(view=view, attachments=[discord.File(io.BytesIO(b"y"), "clip.png")])
    reply = await sent.reply("Longer?", allowed_mentions=discord.AllowedMentions.none())
    assert reply.reference is not None
    assert reply.reference.message_id == sent.id
    await reply.add_reaction("🎬")
    thread = await reply.create_thread(name="Talk")
    await thread.send("inside")
    assert [m.content async for m in thread.history(limit=5)] == ["inside", ""]
    await reply.delete()
    with pytest.raises(discord.NotFound) as gone:
        await channel.fetch_message(reply.id)
    assert gone.value.code == 10008
    await harness.deny("general", "ATTACH_FILES")
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send(file=discord.File(io.BytesIO(b"x"), "a.txt"))
    assert refused.value.code == 50013


async def test_synced_commands_are_recognised(
    harness: DiscordHarness, client: discord.Client
) -> None:
    tree = discord.app_commands.CommandTree(client)

    @tree.command(description="A clip")
    @discord.app_commands.describe(prompt="What")
    async def generate(interaction: discord.Interaction, prompt: str) -> None:
        raise NotImplementedError

    @tree.context_menu(name="Prolong this")
    async def extend(interaction: discord.Interaction, message: discord.Message) -> None:
        raise NotImplementedError

    synced = await tree.sync()
    assert [command.name for command in synced] == ["generate", "Prolong this"]
    fetched = await tree.fetch_commands()
    assert [command.id for command in fetched] == [command.id for command in synced]


async def test_a_too_large_file_is_refused(harness: DiscordHarness, client: discord.Client) -> None:
    http: HTTPClient = client.http
    big = discord.File(io.BytesIO(bytes(20 * 1024 * 1024 + 1)), "big.bin")
    where = harness.channel("general").id
    with (
        handle_message_parameters("x", file=big, embed=MISSING) as parameters,
        pytest.raises(discord.HTTPException) as refused,
    ):
        await http.send_message(where, params=parameters)
    assert (refused.value.status, refused.value.code) == (413, 40005)

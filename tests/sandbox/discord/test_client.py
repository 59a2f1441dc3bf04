"""The real discord.py over the sandbox's REST: nothing it relies on is missing."""

import io
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest
from discord.http import HTTPClient, Route, handle_message_parameters
from discord.utils import MISSING

from tests.sandbox.discord.town import Town


def bare_client() -> discord.Client:
    """A client that is never connected, with a resolver that leaves no thread behind."""
    connector = aiohttp.TCPConnector(limit=0, resolver=aiohttp.ThreadedResolver())
    return discord.Client(intents=discord.Intents.none(), connector=connector)


@pytest.fixture
async def client(town: Town, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[discord.Client]:
    monkeypatch.setattr(Route, "BASE", f"{town.world.public_base}/api/v10")
    async with bare_client() as client:
        await client.login(town.world.token)
        yield client


async def test_login_and_lookups(town: Town, client: discord.Client) -> None:
    assert client.user is not None
    assert client.user.id == town.world.bot.id
    guild = await client.fetch_guild(next(iter(town.world.guilds)))
    assert guild.filesize_limit
    assert {c.name for c in await guild.fetch_channels()} >= {"general", "ideas"}
    member = await guild.fetch_member(town.user("Ada").id)
    assert member.display_name == "Ada"
    channel = await client.fetch_channel(town.channel("ideas").id)
    assert isinstance(channel, discord.ForumChannel)
    assert [entitlement async for entitlement in client.entitlements()] == []


async def test_a_wrong_token(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "BASE", f"{town.world.public_base}/api/v10")
    async with bare_client() as client:
        with pytest.raises(discord.LoginFailure):
            await client.login("wrong")


async def test_messages_files_and_views(town: Town, client: discord.Client) -> None:
    channel = await client.fetch_channel(town.channel("general").id)
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
    async with town.http.get(shown.items[0].media.url) as response:
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
    await town.deny("general", "ATTACH_FILES")
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send(file=discord.File(io.BytesIO(b"x"), "a.txt"))
    assert refused.value.code == 50013


async def test_synced_commands_are_recognised(town: Town, client: discord.Client) -> None:
    tree = discord.app_commands.CommandTree(client)

    @tree.command(description="A clip")
    @discord.app_commands.describe(prompt="What")
    async def generate(interaction: discord.Interaction, prompt: str) -> None:
        raise NotImplementedError

    @tree.context_menu(name="Extend this clip")
    async def extend(interaction: discord.Interaction, message: discord.Message) -> None:
        raise NotImplementedError

    synced = await tree.sync()
    assert [command.name for command in synced] == ["generate", "Extend this clip"]
    fetched = await tree.fetch_commands()
    assert [command.id for command in fetched] == [command.id for command in synced]


async def test_file_too_large_is_said_so(town: Town, client: discord.Client) -> None:
    http: HTTPClient = client.http
    big = discord.File(io.BytesIO(bytes(20 * 1024 * 1024 + 1)), "big.bin")
    where = town.channel("general").id
    with (
        handle_message_parameters("x", file=big, embed=MISSING) as parameters,
        pytest.raises(discord.HTTPException) as refused,
    ):
        await http.send_message(where, params=parameters)
    assert (refused.value.status, refused.value.code) == (413, 40005)

"""Only allowed servers, direct messages and user installs can use the bot."""

import pytest

from tests.e2e.stage import BotStage, Json, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio


async def start_with(stage: BotStage, **settings: str) -> None:
    """Start the bot again with some settings."""
    await stage.bot.terminate(timeout=10)
    stage.bot.environment.update(settings)
    await stage.bot.start()


async def is_member(stage: BotStage, guild: Json) -> bool:
    return any(g["id"] == guild["id"] and g["bot"] for g in (await stage.control.world())["guilds"])


async def wait_for_contexts(stage: BotStage, installs: list[int], contexts: list[int]) -> None:
    """Wait until the commands are registered for these places only."""

    async def is_registered() -> bool:
        return await list_integration_types(stage, "video") == (installs, contexts)

    await stage.wait_until(is_registered, "the commands being registered anew")


async def list_integration_types(stage: BotStage, command: str) -> tuple[list[int], list[int]]:
    """Return where a registered command can be installed, and in which contexts it is shown."""
    [found] = [c for c in await stage.control.commands() if c["name"] == command]
    return found["integration_types"], found["contexts"]


async def test_other_servers_are_left_and_refused(fresh_stage: BotStage) -> None:
    """The bot explains and leaves, even if it was added while offline. [people-O3]"""
    stage = fresh_stage
    before = len(await stage.list_submits())
    away = await stage.control.add_guild("Joined while away", owner="Ada", channels=["hall"])
    await start_with(stage, ALLOWED_SERVERS=stage.guild, ALLOW_USER_INSTALL="true")
    await stage.wait_until(lambda: has_left(stage, away), "the server being left")
    assert not await is_member(stage, away)
    stranger = await stage.control.add_guild(
        "Strangers", owner="Ada", channels=["rules", "hall"], system_channel="hall"
    )
    hall = next(c["id"] for c in stranger["channels"] if c["name"] == "hall")
    goodbye = await stage.wait_for_message(hall, quote_text("leaving.not_allowed"))
    assert stranger["id"] in text_of(goodbye)
    await stage.wait_until(lambda: has_left(stage, stranger), "the second server being left")
    assert not [
        m for m in await stage.control.messages(hall) if quote_text("welcome.title") in text_of(m)
    ]

    async def is_logged() -> bool:
        return stage.bot.read_log().count('"event": "server.left"') == 2

    await stage.wait_until(is_logged, "a line in the log for both")
    # as a user install there, and in a direct message: the list forbids both
    await stage.control.change_user("Ada", has_app=True)
    refused = await stage.wait_for_answer(await stage.request_clip(hall))
    assert quote_text("not_allowed.place_guest") in refused
    await wait_for_contexts(stage, [0, 1], [0, 2])
    kept = await stage.control.command(stage.people["Ada"], "@Ada", "privacy show")
    assert quote_text("privacy.kept") in await stage.wait_for_answer(kept)
    assert len(await stage.list_submits()) == before
    room = await stage.open_channel()
    await stage.make_clip(room)


async def has_left(stage: BotStage, guild: Json) -> bool:
    return not await is_member(stage, guild)


async def test_direct_messages_and_guest_places_can_be_closed(fresh_stage: BotStage) -> None:
    """Refused before anything is reserved; commands are registered accordingly. [people-O3]"""
    stage = fresh_stage
    assert await list_integration_types(stage, "video") == ([0, 1], [0, 1, 2])
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await stage.request_clip("@Ada")
    private = await stage.wait_for_clip("@Ada")
    await stage.wait_until_idle("@Ada")
    await stage.control.change_user("Ada", has_app=True)
    foreign = await stage.control.add_guild("Foreign", members=["Ada"], bot=False)
    before = len(await stage.list_submits())

    await start_with(stage, ALLOW_DIRECT_MESSAGES="false", ALLOW_USER_INSTALL="false")
    await wait_for_contexts(stage, [0], [0])
    # old messages, and clients that have not updated their commands yet
    form = await stage.press_button(private, quote_text("button.extend"))
    assert quote_text("not_allowed.place_direct") in await stage.wait_for_answer(form)
    await stage.control.message(stage.people["Ada"], "@Ada", "it jumps", reply_to=private["id"])
    await stage.wait_for_message("@Ada", quote_text("not_allowed.place_direct"))
    assert len(clips_of(await stage.control.messages("@Ada"))) == 1
    assert len(await stage.list_submits()) == before
    assert foreign["id"]
    form = await stage.press_button(clip, quote_text("button.extend"))
    await stage.wait_for_answer(
        await stage.submit_form(form, "it jumps"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)

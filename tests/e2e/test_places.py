"""The bot in each kind of channel, and without each permission that it needs."""

import sqlite3
from pathlib import Path

import pytest

from tests.e2e.stage import BotStage, buttons_of, clip_number_of, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACES = (
    *("thread", "private thread", "voice chat", "direct message", "forum post"),
    pytest.param("media post", id="discord-S10-media"),
    pytest.param("stage chat", id="discord-S1-stage"),
)


async def open_place(stage: BotStage, place: str) -> str:
    """Return a new channel of that kind which Ada sees."""
    if place in ("voice chat", "stage chat"):
        return await stage.open_channel(kind=place.removesuffix(" chat"))
    if place == "direct message":
        return str((await stage.control.call("GET", "channels/@Ada/messages"))[0]["channel_id"])
    if place in ("forum post", "media post"):
        forum = await stage.open_channel(kind=place.removesuffix(" post"))
        return await stage.control.thread("Ada", "a film", channel=forum, content="let us make one")
    room = await stage.open_channel()
    private = place == "private thread"
    thread = await stage.control.thread("Ada", "a film", channel=room, private=private)
    if private:  # the bot must be mentioned to join
        assert quote_text("not_allowed.private_thread") in await stage.wait_for_answer(
            await stage.request_clip(thread)
        )
        me = (await stage.control.world())["application"]["id"]
        await stage.control.message("Ada", thread, f"<@{me}> look")
    return thread


@pytest.mark.parametrize("place", PLACES)
async def test_clips_are_made_in_every_channel_kind(stage: BotStage, place: str) -> None:
    if place == "direct message":
        await stage.control.message("Ada", "@Ada", "hello")
    room = await open_place(stage, place)
    ada, before = stage.people["Ada"], len(clips_of(await stage.control.messages(room)))
    await stage.wait_for_answer(
        await stage.request_clip(room, "a grey cat"), quote_text("ask.accepted")
    )
    first = await stage.wait_for_clip(room, before + 1)
    reply = await stage.control.message(ada, room, "it jumps over the fence", reply_to=first["id"])
    extension = await stage.wait_for_clip(room, before + 2)
    assert extension["message_reference"]["message_id"] == reply
    form = await stage.press_button(extension, quote_text("button.extend"))
    await stage.wait_for_answer(
        await stage.submit_form(form, "it sleeps"), quote_text("ask.accepted")
    )
    third = await stage.wait_for_clip(room, before + 3)
    root, parent = (f"#{clip_number_of(each)}" for each in (first, extension))
    assert quote_text("card.chain", count=2, root=root, parent=parent) in text_of(third)
    assert (quote_text("button.showcase") in buttons_of(third)) is (place != "direct message")
    await stage.wait_for_answer(
        await stage.press_button(third, quote_text("button.details")), quote_text("details.prompt")
    )
    await stage.delete_clip(third)
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == before + 2


def count_records(stage: BotStage) -> tuple[int, int]:
    """Return the numbers of jobs and ledger entries."""
    data = Path(stage.bot.log).parent / "data" / "clapper.db"
    with sqlite3.connect(f"file:{data}?mode=ro", uri=True) as database:
        jobs, entries = (
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("jobs", "ledger")
        )
    return jobs, entries


NEEDED = (
    "VIEW_CHANNEL",
    "SEND_MESSAGES",
    "ATTACH_FILES",
    "EMBED_LINKS",
    "READ_MESSAGE_HISTORY",
)


def quote_lack(permission: str) -> str:
    """Return what the bot says if it lacks one permission, given Discord's name for it."""
    name = quote_text(f"permission.{permission.lower()}")
    return quote_text("error.missing_permissions", missing=f"**{name}**")


@pytest.mark.parametrize("denied", NEEDED)
async def test_missing_permission_is_named_before_reservation(stage: BotStage, denied: str) -> None:
    room = await stage.open_channel(overwrites=[{"member": "Clapper", "deny": [denied]}])
    before, submits = count_records(stage), len(await stage.list_submits())
    await stage.wait_for_answer(await stage.request_clip(room), quote_lack(denied))
    assert count_records(stage) == before
    assert len(await stage.list_submits()) == submits


async def test_threads_need_their_own_send_permission(stage: BotStage) -> None:
    deny = ["SEND_MESSAGES_IN_THREADS"]
    room = await stage.open_channel(overwrites=[{"member": "Clapper", "deny": deny}])
    thread = await stage.control.thread("Ada", "a film", channel=room)
    before = count_records(stage)
    refused = await stage.request_clip(thread)
    await stage.wait_for_answer(refused, quote_lack("SEND_MESSAGES_IN_THREADS"))
    assert count_records(stage) == before
    # conversely, sending in the channel is not needed
    other = await stage.open_channel(overwrites=[{"member": "Clapper", "deny": ["SEND_MESSAGES"]}])
    thread = await stage.control.thread("Ada", "a film", channel=other)
    await stage.wait_for_answer(await stage.request_clip(thread), quote_text("ask.accepted"))
    await stage.wait_for_clip(thread)


async def test_reply_in_unwritable_channel_is_free(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await stage.wait_until_idle(room)
    before = count_records(stage)
    await stage.control.call(
        "PUT", f"channels/{room}/overwrites", {"member": "Clapper", "deny": ["ATTACH_FILES"]}
    )
    await stage.control.message(
        stage.people["Ada"], room, "it jumps over the fence", reply_to=clip["id"]
    )
    await stage.wait_for_message(room, quote_lack("ATTACH_FILES"))
    assert count_records(stage) == before


async def test_locked_thread_is_refused_and_archived_one_reopened(stage: BotStage) -> None:
    thread = await open_place(stage, "thread")
    clip = await stage.make_clip(thread)
    await stage.wait_until_idle(thread)
    await stage.control.change_channel(thread, archived=True, locked=True)
    before = count_records(stage)
    refused = await stage.wait_for_answer(await stage.press_button(clip, quote_text("button.redo")))
    assert quote_text("not_allowed.locked_thread") in refused
    assert count_records(stage) == before
    await stage.control.change_channel(thread, archived=True, locked=False)
    await stage.control.advance(4)  # two presses within three seconds count once
    form = await stage.press_button(clip, quote_text("button.reword"))
    await stage.wait_for_answer(
        await stage.submit_form(form, "a red fox at dawn"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(thread, 2)


@pytest.mark.parametrize("fate", ["locked", "deleted"])
async def test_channel_closed_mid_job_loses_no_clip(stage: BotStage, fate: str) -> None:
    thread = await open_place(stage, "thread")
    async with stage.control.hold_google():
        await stage.wait_for_answer(
            await stage.request_clip(thread, f"a {fate} door"), quote_text("ask.accepted")
        )
        await stage.wait_for_message(thread, quote_text("stage.polling"))
        if fate == "locked":
            await stage.control.change_channel(thread, archived=True, locked=True)
        else:
            await stage.control.delete_channel(thread)

    async def is_notified() -> int:
        messages = await stage.control.messages("@Ada")
        kept = quote_text("outcome.delivery_failed")
        return sum(kept in text_of(m) and fate in text_of(m) for m in messages)

    await stage.wait_until(is_notified, "Ada being told in private")
    elsewhere = await stage.open_channel()
    choices = await stage.control.autocomplete(
        stage.people["Ada"], elsewhere, "video get", {"clip": f"a {fate} door"}, "clip"
    )
    repost = await stage.control.command(
        stage.people["Ada"], elsewhere, "video get", {"clip": choices[0]["value"]}
    )
    await stage.wait_for_answer(repost, quote_text("get.done"))
    await stage.wait_for_clip(elsewhere)

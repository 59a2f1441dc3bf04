"""Requesters are notified once; a clip leaves one message in its channel, a deleted clip none."""

import re

import pytest

from tests.e2e.omni import NEWEST
from tests.e2e.stage import (
    BotStage,
    Json,
    buttons_of,
    clip_number_of,
    clips_of,
    text_of,
    video_of,
)
from tests.harness.texts import quote_pattern, quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def choose(stage: BotStage, room: str, user: str, how: str | None) -> str:
    """Use `/video notify`; return the answer."""
    options = {} if how is None else {"how": how}
    interaction = await stage.control.command(stage.people[user], room, "video notify", options)
    return await stage.wait_for_answer(interaction)


async def list_pinged(stage: BotStage, room: str) -> list[str]:
    """Return whom the bot's messages of a channel notified, also those deleted since."""
    me = (await stage.control.world())["application"]["id"]
    messages = await stage.control.messages(room, deleted=True)
    return [
        user["id"]
        for message in messages
        if message["author"]["id"] == me
        for user in message["mentions"]
    ]


async def list_direct_messages(stage: BotStage, user: str) -> list[Json]:
    messages = await stage.control.messages(f"@{user}")
    return [message for message in messages if message["author"].get("bot")]


def is_silent(message: Json) -> bool:
    return not message["mentions"] and not message["mention_everyone"]


async def test_the_requester_is_pinged_once_with_the_clip(stage: BotStage) -> None:
    """By command and by reply; no other message stays in the channel. [people-M2]"""
    room = await stage.open_channel()
    ada, cem = stage.people["Ada"], stage.people["Cem"]
    clip = await stage.make_clip(room, f"a fox for <@{cem}> and @everyone")
    assert [user["id"] for user in clip["mentions"]] == [ada]
    assert not clip["mention_everyone"]
    assert [m["id"] for m in await stage.control.messages(room)] == [clip["id"]]
    words = await stage.control.message(cem, room, "it jumps over the brook", reply_to=clip["id"])
    extension = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert extension["message_reference"]["message_id"] == words
    left = [m["id"] for m in await stage.control.messages(room)]
    assert left == [clip["id"], words, extension["id"]]
    assert await list_pinged(stage, room) == [ada, cem]


async def test_a_member_chooses_how_to_hear_of_it(stage: BotStage) -> None:
    """Without an option the command shows and changes nothing. [people-M2]"""
    room = await stage.open_channel()
    assert quote_text("notify.ping") in await choose(stage, room, "Ada", None)
    assert quote_text("notify.quiet") in await choose(stage, room, "Ada", "quiet")
    assert quote_text("notify.quiet") in await choose(stage, room, "Ada", None)
    clip = await stage.make_clip(room)
    assert is_silent(clip)
    before = len(await list_direct_messages(stage, "Ada"))
    assert quote_text("notify.direct") in await choose(stage, room, "Ada", "direct")
    await stage.request_clip(room, "a second fox")
    second = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert is_silent(second)

    async def list_new_messages() -> list[Json]:
        new = (await list_direct_messages(stage, "Ada"))[before:]
        return new if len(new) > 1 else []

    tried, told = await stage.wait_until(list_new_messages, "both direct messages")
    assert quote_text("notify.test") in text_of(tried)
    assert f"/{room}/{second['id']}" in text_of(told)
    assert quote_text("notify.ping") in await choose(stage, room, "Ada", "ping")


async def test_closed_direct_messages_lead_back_to_a_mention(stage: BotStage) -> None:
    """Both when they choose and later; the member is told. [people-M2]"""
    room = await stage.open_channel()
    dia = stage.people["Dia"]
    await choose(stage, room, "Dia", "direct")
    await stage.control.change_user("Dia", accepts_dms=False)
    await stage.request_clip(room, "a heron", "Dia")
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert await list_pinged(stage, room) == []
    accepted = await stage.request_clip(room, "another heron", "Dia")
    await stage.wait_for_answer(accepted, quote_text("notify.direct_refused"))
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert await list_pinged(stage, room) == [dia]
    refused = await choose(stage, room, "Dia", "direct")
    assert quote_text("notify.direct_refused") in refused
    await choose(stage, room, "Dia", "ping")
    await stage.control.change_user("Dia", accepts_dms=True)


async def test_what_google_blocked_pings_once_and_can_be_deleted(stage: BotStage) -> None:
    """Only by the requester or a moderator. [people-M15, people-M2]"""
    room = await stage.open_channel()
    await stage.control.google(outcome="filtered")
    for user, deleted_by in (("Ada", "Ada"), ("Ada", "Bea")):
        await stage.request_clip(room, "something rude", user)
        card = await stage.wait_for_message(room, quote_text("outcome.blocked_audio"))
        await stage.wait_until_idle(room)
        assert [m["id"] for m in await stage.control.messages(room)] == [card["id"]]
        assert [user["id"] for user in card["mentions"]] == [stage.people["Ada"]]
        refused = await stage.press_button(card, quote_text("button.delete"), "Cem")
        assert quote_text("not_allowed.delete") in await stage.wait_for_answer(refused)
        pressed = await stage.press_button(card, quote_text("button.delete"), deleted_by)
        await stage.wait_for_answer(pressed, quote_text("delete.card"))
        assert await stage.control.messages(room) == []
    assert len(await list_pinged(stage, room)) == 2


async def test_deleting_asks_and_leaves_no_trace(stage: BotStage) -> None:
    """No post, copy or message with the prompt is left. [people-M14]"""
    room, elsewhere = await stage.open_channel(), await stage.open_channel()
    clip = await stage.make_clip(room, "something rude that a moderator deletes")
    number = clip_number_of(clip)
    got = await stage.control.command(stage.people["Cem"], elsewhere, "video get", {"clip": number})
    await stage.wait_for_answer(got, quote_text("get.done"))
    asked = await stage.press_button(clip, quote_text("button.delete"), "Bea")
    question = await stage.wait_for_answer(asked, f"#{number}")
    assert "$0.40" in question
    kept = await stage.press_answer(asked, quote_text("button.delete_no"), "Bea")
    await stage.wait_for_answer(kept, quote_text("delete.kept"))
    assert len(clips_of(await stage.control.messages(room))) == 1
    await stage.delete_clip(clip, "Bea")
    assert await stage.control.messages(room) == []
    assert clips_of(await stage.control.messages(elsewhere)) == []
    history = await stage.control.command(stage.people["Ada"], room, "video history")
    assert "moderator deletes" not in await stage.wait_for_answer(history)


async def test_cancel_shows_at_once_and_says_what_it_cost(stage: BotStage) -> None:
    """A clip that Google made all the same is named with its price. [people-M12, people-M13]"""
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.request_clip(room)
        status = await stage.wait_for_message(room, quote_text("stage.polling"))
        pressed = await stage.press_button(status, quote_text("button.cancel"))
        cancelling = await stage.wait_for_message(room, quote_text("stage.cancelling"))
        assert cancelling["id"] == status["id"]
        assert buttons_of(cancelling) == {}
        await stage.wait_for_answer(pressed, quote_text("cancel.requested"))
    late = await stage.wait_for_message(room, quote_text("outcome.cancelled_late"))
    assert quote_pattern("outcome.cancelled_late", price="$0.40").search(text_of(late))
    history = await stage.control.command(stage.people["Ada"], room, "video history")
    number = re.search(r"#\d+", text_of(late))
    assert number is not None
    await stage.wait_for_answer(history, f"{number[0]} ")
    assert await list_pinged(stage, room) == []
    await stage.delete_clip(late)
    assert await stage.control.messages(room) == []


FAILED_ANSWERS = [
    {"drop": "before"},
    {"drop": "after"},
    {"status": 404, "body": {"message": "Unknown Message", "code": 10008}},
    {"status": 503},
]


@pytest.mark.parametrize("fault", FAILED_ANSWERS, ids=["cut", "answer lost", "gone", "busy"])
@pytest.mark.parametrize("times", [1, None])
async def test_an_accepted_request_never_reads_as_failed(
    stage: BotStage, fault: Json, times: int | None
) -> None:
    """The member is told that it is running, or nothing. [discord-D03]"""
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.control.fault(
            "discord", method="PATCH", path=r"/messages/@original$", times=times, **fault
        )
        interaction = await stage.request_clip(room)
        await stage.wait_for_message(room, quote_text("stage.polling"))
    clip = await stage.wait_for_clip(room)
    await stage.control.clear_faults()
    await stage.wait_until_idle(room)
    state = await stage.control.interaction(interaction)
    texts = [text_of(message) for message in state["messages"]]
    failures = [quote_text(f"error.{name}") for name in ("unexpected", "unexpected_number")]
    assert not any(failure in text for failure in failures for text in texts), texts
    assert [m["id"] for m in await stage.control.messages(room)] == [clip["id"]]
    assert stage.bot.read_log().count("request.crashed") == 0


async def test_a_retired_model_offers_the_next_with_its_price(stage: BotStage) -> None:
    """The member confirms the price before paying. [people-M16]"""
    room = await stage.open_channel()
    await stage.control.google(
        retired_models=["veo-3.1-lite-generate-preview"], reason="Call ListModels."
    )
    await stage.request_clip(room, model="veo-3.1-lite-generate-preview")
    card = await stage.wait_for_message(room, quote_text("outcome.model_retired"))
    assert "ListModels" not in text_of(card)
    before = len(await stage.list_submits())
    offered = await stage.press_button(card, quote_text("button.other_model"))
    answer = await stage.wait_for_answer(offered, quote_text("ask.confirm"))
    assert "$" in answer
    assert len(await stage.list_submits()) == before
    await stage.press_answer(offered, quote_text("button.accept"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)


async def test_a_clip_that_cannot_be_posted_is_reported_with_place_and_reason(
    stage: BotStage,
) -> None:
    """By direct message, where "here" would mean nothing. [discord-D21, people-M29]"""
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.request_clip(room, "a lost heron")
        await stage.wait_for_message(room, quote_text("stage.polling"))
        await stage.control.call(
            "PUT", f"channels/{room}/overwrites", {"member": "Clapper", "deny": ["SEND_MESSAGES"]}
        )

    async def find_notice() -> Json | None:
        notices = await list_direct_messages(stage, "Ada")
        return next((m for m in notices if "a lost heron" in text_of(m)), None)

    notice = await stage.wait_until(find_notice, "the notice")
    told = {"channel": f"<#{room}>", "price": "$0.40"}
    assert quote_pattern("outcome.delivery_failed", **told).search(text_of(notice))
    missing = f"**{quote_text('permission.send_messages')}**"
    assert quote_text("outcome.missing_permissions", missing=missing) in text_of(notice)
    history = await stage.control.command(stage.people["Ada"], room, "video history")
    line = await stage.wait_for_answer(history, "a lost heron")
    assert f"/{room}/)" not in line


async def test_history_links_to_no_deleted_channel(stage: BotStage) -> None:
    """The clip is still there, its message is not. [discord-D21, people-M29]"""
    room, other = await stage.open_channel(), await stage.open_channel()
    await stage.make_clip(room, "a heron in a doomed room")
    await stage.control.delete_channel(room)

    async def has_no_link() -> bool:
        history = await stage.control.command(stage.people["Ada"], other, "video history")
        lines = (await stage.wait_for_answer(history, "doomed room")).splitlines()
        return not any(room in line for line in lines if "doomed room" in line)

    await stage.wait_until(has_no_link, "a history without the link")


@pytest.mark.parametrize("kind", ["voice", "stage"])
async def test_a_voice_chat_without_connect_is_refused_before_payment(
    stage: BotStage, kind: str
) -> None:
    """Discord closes it to members without Connect. [discord-D09, discord-S4]"""
    overwrites = [{"member": "Clapper", "deny": ["CONNECT"]}]
    room = await stage.open_channel(kind=kind, overwrites=overwrites)
    before = len(await stage.list_submits())
    assert quote_text("permission.connect") in await stage.wait_for_answer(
        await stage.request_clip(room)
    )
    assert len(await stage.list_submits()) == before


async def test_a_timed_out_bot_refuses_before_payment(stage: BotStage) -> None:
    """The interaction does not show the time-out. [discord-D09]"""
    room = await stage.open_channel()
    me = (await stage.control.world())["application"]["id"]
    body = {"guild": stage.guild, "user": me}
    before = len(await stage.list_submits())
    await stage.control.call("POST", "members", {**body, "timed_out_s": 600})
    try:
        await stage.wait_for_answer(
            await stage.request_clip(room), quote_text("not_allowed.timed_out")
        )
    finally:
        await stage.control.call("POST", "members", {**body, "timed_out_s": 0})
    assert len(await stage.list_submits()) == before


async def test_an_edge_that_resets_large_uploads_gets_a_smaller_one(stage: BotStage) -> None:
    """This happens after some resets; the status says that it waits. [discord-D11]"""
    room = await stage.open_channel()
    posts = rf"/channels/{room}/messages$"
    await stage.control.google(seconds=0.2, min_bytes=12_000_000, look="plain")
    await stage.control.fault(
        "discord", method="POST", path=posts, drop="upload", over_bytes=10_000_000, times=None
    )
    await stage.request_clip(room, **NEWEST)
    await stage.wait_for_message(room, quote_text("stage.posting_later"))
    clip = await stage.wait_for_clip(room)
    video = video_of(clip)
    assert video is not None
    assert len(await stage.control.download(video["url"])) < 10_000_000
    await stage.wait_until_idle(room)
    assert [m["id"] for m in await stage.control.messages(room)] == [clip["id"]]
    assert await list_pinged(stage, room) == [stage.people["Ada"]]

"""A member makes a clip and extends it in each of the four ways."""

import asyncio
import io

import av
import pytest

from tests.e2e.stage import BotStage, Json, buttons_of, clip_number_of, clips_of, text_of, video_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def read_video_facts(stage: BotStage, message: Json) -> tuple[float, tuple[int, int, int]]:
    """Return seconds, and width, height and audio streams, of a message's video."""
    video = video_of(message)
    assert video is not None
    with av.open(io.BytesIO(await stage.control.download(video["url"])), "r") as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 24
        assert container.duration is not None
        seconds = container.duration / av.time_base
        return seconds, (stream.width, stream.height, len(container.streams.audio))


async def test_generated_clip_is_playable_and_all_that_stays(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.control.google(processing_s=1)
    interaction = await stage.request_clip(room, "a **red** fox <@123456789012345678>")
    accepted = await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    assert "$0.40" in accepted
    clip = await stage.wait_for_clip(room)
    seconds, shape = await read_video_facts(stage, clip)
    assert seconds == pytest.approx(4.0, abs=0.1)
    assert shape == (1280, 720, 1)
    text = text_of(clip)
    for words in ("Veo 3.1 Fast", f"<@{stage.people['Ada']}>"):
        assert words in text
    assert "$" not in text  # only the requester reads it, in the answer and in *Details*
    assert quote_text("seconds", count=4) in text
    assert "\\*\\*red" in text
    assert "@member" in text
    buttons = {
        quote_text("button.extend"),
        quote_text("button.edit_clip"),
        quote_text("button.redo"),
        quote_text("button.reword"),
        quote_text("button.details"),
        quote_text("button.delete"),
    }
    assert buttons <= set(buttons_of(clip))
    await stage.wait_until_idle(room)
    assert [m["id"] for m in await stage.control.messages(room)] == [clip["id"]]
    assert clip.get("message_reference") is None
    assert [user["id"] for user in clip["mentions"]] == [stage.people["Ada"]]
    assert not clip["mention_everyone"]
    state = await stage.control.interaction(interaction)
    assert state["acknowledged_ms"] < stage.control.acknowledge_limit_ms


async def test_four_ways_to_extend(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await stage.make_clip(room)
    number = clip_number_of(first)
    ada = stage.people["Ada"]

    by_command = await stage.control.command(
        ada, room, "video extend", {"clip": number, "prompt": "it jumps"}
    )
    await stage.wait_for_answer(by_command, quote_text("ask.accepted"))
    second = await stage.wait_for_clip(room, 2)

    form_interaction = await stage.press_button(first, quote_text("button.extend"), "Bea")
    await stage.wait_for_answer(
        await stage.submit_form(form_interaction, "it sleeps", "Bea"), quote_text("ask.accepted")
    )
    third = await stage.wait_for_clip(room, 3)

    menu = await stage.control.context_menu(ada, quote_text("menu.extend"), first["id"])
    await stage.wait_for_answer(
        await stage.submit_form(menu, "it swims"), quote_text("ask.accepted")
    )
    fourth = await stage.wait_for_clip(room, 4)

    reply = await stage.control.message(ada, room, "it flies over the hills", reply_to=second["id"])
    fifth = await stage.wait_for_clip(room, 5)

    assert fifth["message_reference"]["message_id"] == reply
    for clip in (second, third, fourth):
        assert quote_text("card.extension", parent=f"#{number}") in text_of(clip)
        assert (await read_video_facts(stage, clip))[0] == pytest.approx(11.0, abs=0.1)
    chain = {"root": f"#{number}", "parent": f"#{clip_number_of(second)}"}
    assert quote_text("card.chain", count=2, **chain) in text_of(fifth)
    assert (await read_video_facts(stage, fifth))[0] == pytest.approx(18.0, abs=0.1)
    await stage.wait_until_idle(room)
    messages = await stage.control.messages(room)
    after_reply = messages[[m["id"] for m in messages].index(reply) + 1 :]
    assert [m["id"] for m in after_reply] == [
        fifth["id"]
    ]  # the status message of a reply is deleted


async def test_message_link_identifies_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    link = f"https://discord.com/channels/{stage.guild}/{room}/{clip['id']}"
    interaction = await stage.control.command(
        stage.people["Ada"], room, "video extend", {"clip": link, "prompt": "it jumps"}
    )
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    await stage.wait_for_clip(room, 2)

    # a link to a repost works too
    number = clip_number_of(clip)
    elsewhere = await stage.open_channel()
    repost = await stage.control.command(
        stage.people["Ada"], elsewhere, "video get", {"clip": number}
    )
    await stage.wait_for_answer(repost, quote_text("get.done"))
    copy = await stage.wait_for_clip(elsewhere)
    link = f"https://discord.com/channels/{stage.guild}/{elsewhere}/{copy['id']}"
    interaction = await stage.control.command(
        stage.people["Ada"], elsewhere, "video extend", {"clip": link, "prompt": "it naps"}
    )
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    assert f"#{number}" in text_of(await stage.wait_for_clip(elsewhere, 2))


async def test_redo_edit_details_and_delete(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room, seed=5)
    details = await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.details")), quote_text("details.seed")
    )
    assert f"**{quote_text('details.seed')}** 5" in details
    assert "veo-3.1-fast-generate-preview" in details

    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.redo")), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 2)
    form_interaction = await stage.press_button(clip, quote_text("button.reword"))
    form = await stage.control.wait_interaction(form_interaction, lambda state: state.get("modal"))
    assert "a red fox" in str(form["modal"])
    await stage.wait_for_answer(
        await stage.submit_form(form_interaction, "a blue fox"), quote_text("ask.accepted")
    )
    third = await stage.wait_for_clip(room, 3)
    assert "a blue fox" in text_of(third)
    parameters = [submit["json"]["parameters"] for submit in (await stage.list_submits())[-3:]]
    seeds = [values.get("seed") for values in parameters]
    assert seeds[0] == 5
    assert seeds[1] not in (5, None)

    refused = await stage.wait_for_answer(
        await stage.press_button(third, quote_text("button.delete"), "Cem")
    )
    assert quote_text("not_allowed.delete") in refused
    await stage.delete_clip(third, "Bea")  # a moderator
    assert len(clips_of(await stage.control.messages(room))) == 2


async def test_double_click_on_redo_makes_one_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    before = len(await stage.list_submits())
    # at once, because after three seconds it would be another request
    await asyncio.gather(
        stage.press_button(clip, quote_text("button.redo")),
        stage.press_button(clip, quote_text("button.redo")),
    )
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert len(await stage.list_submits()) == before + 1
    # one click makes it upright, as a request of its own
    pressed = await stage.press_button(clip, quote_text("button.upright"), "Cem")
    answer = await stage.wait_for_answer(pressed, quote_text("ask.accepted"))
    assert " · 9:16 · " in answer
    assert "$0.40" in answer
    upright = await stage.wait_for_clip(room, 3)
    assert quote_text("button.wide") in buttons_of(upright)
    parameters = (await stage.list_submits())[-1]["json"]["parameters"]
    assert parameters["aspectRatio"] == "9:16"


async def test_reply_without_ping_gets_one_hint(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    dia = stage.people["Dia"]
    await stage.control.message(
        dia, room, "it jumps over the fence", reply_to=clip["id"], ping=False
    )
    hint = await stage.wait_for_message(room, quote_text("reply.ping_hint"))
    await stage.control.message(
        dia, room, "it jumps over the fence!", reply_to=clip["id"], ping=False
    )
    await stage.control.message(dia, room, "it jumps over the fence", reply_to=clip["id"])
    await stage.wait_for_clip(room, 2)
    messages = await stage.control.messages(room)
    hints = [m["id"] for m in messages if quote_text("reply.ping_hint") in text_of(m)]
    assert hints == [hint["id"]]


async def test_ambiguous_replies_get_help(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    ada = stage.people["Ada"]
    await stage.control.message(ada, room, "again", reply_to=clip["id"])
    again = await stage.wait_for_message(room, quote_text("reply.again"))
    assert set(buttons_of(again)) == {quote_text("button.extend"), quote_text("button.redo")}
    other = await stage.control.message(stage.people["Cem"], room, "hello")
    me = (await stage.control.world())["application"]["id"]
    await stage.control.message(ada, room, f"<@{me}> extend this", reply_to=other)
    await stage.wait_for_message(room, quote_text("mention.help"))


async def test_clip_is_found_and_reposted(stage: BotStage) -> None:
    room, elsewhere = await stage.open_channel(), await stage.open_channel()
    clip = await stage.make_clip(room, "a green heron")
    await stage.wait_until_idle(room)  # its message is recorded
    ada, number = stage.people["Ada"], clip_number_of(clip)
    history = await stage.wait_for_answer(
        await stage.control.command(ada, room, "video history"), number
    )
    assert "a green heron" in history
    assert clip["id"] in history
    choices = await stage.control.autocomplete(ada, room, "video get", {"clip": "heron"}, "clip")
    assert [choice["value"] for choice in choices] == [number]
    interaction = await stage.control.command(ada, elsewhere, "video get", {"clip": number})
    await stage.wait_for_answer(interaction, quote_text("get.done"))
    copy = await stage.wait_for_clip(elsewhere)
    # the copy can be extended like the original
    await stage.control.message(ada, elsewhere, "it flies over the hills", reply_to=copy["id"])
    await stage.wait_for_clip(elsewhere, 2)
    missing = await stage.control.command(ada, room, "video get", {"clip": "99999"})
    await stage.wait_for_answer(missing, quote_text("not_found.clip"))


async def test_autocomplete_offers_compatible_options_with_prices(stage: BotStage) -> None:
    room = await stage.open_channel()
    ada = stage.people["Ada"]
    models = await stage.control.autocomplete(
        ada, room, "video generate", {"prompt": "x", "model": ""}, "model"
    )
    assert all("$" in choice["name"] for choice in models)
    assert "veo-3.1-generate-preview" in [choice["value"] for choice in models]
    lengths = await stage.control.autocomplete(
        ada,
        room,
        "video generate",
        {"prompt": "x", "model": "veo-3.1-generate-preview", "resolution": "1080p", "duration": ""},
        "duration",
    )
    assert [choice["value"] for choice in lengths] == [8]


async def test_invalid_request_suggests_nearest_valid(stage: BotStage) -> None:
    room = await stage.open_channel()
    before = len(await stage.list_submits())
    interaction = await stage.request_clip(
        room, model="veo-3.1-fast-generate-preview", resolution="1080p", duration=4
    )
    text = await stage.wait_for_answer(interaction, quote_text("ask.nearest"))
    assert quote_text("seconds", count=8) in text
    assert len(await stage.list_submits()) == before
    pressed = await stage.press_answer(interaction, quote_text("button.nearest"))
    await stage.wait_for_clip(room)
    await stage.wait_for_answer(pressed)
    assert len(await stage.list_submits()) == before + 1


async def test_models_lists_prices(stage: BotStage) -> None:
    room = await stage.open_channel()
    interaction = await stage.control.command(stage.people["Cem"], room, "video models")
    text = await stage.wait_for_answer(interaction, "Veo 3.1")
    assert "$0.40" in text


async def test_unwritable_channel_is_refused_before_payment(stage: BotStage) -> None:
    room = await stage.open_channel(overwrites=[{"member": "Clapper", "deny": ["ATTACH_FILES"]}])
    before = len(await stage.list_submits())
    text = await stage.wait_for_answer(await stage.request_clip(room))
    assert quote_text("permission.attach_files") in text
    assert len(await stage.list_submits()) == before

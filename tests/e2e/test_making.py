"""A person makes a clip and extends it in each of the four ways."""

import io

import av
import pytest

from tests.e2e.stage import BotStage, Json, buttons_of, clips_of, text_of, video_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def facts(stage: BotStage, message: Json) -> tuple[float, tuple[int, int, int]]:
    """Return the seconds of a message's video; and width, height and number of audio streams."""
    video = video_of(message)
    assert video is not None
    with av.open(io.BytesIO(await stage.control.download(video["url"])), "r") as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 24
        assert container.duration is not None
        seconds = container.duration / av.time_base
        return seconds, (stream.width, stream.height, len(container.streams.audio))


async def test_generate_posts_a_playable_clip_that_replies_to_the_request(stage: BotStage) -> None:
    room = await stage.open_channel()
    asked = await stage.request_clip(room, "a **red** fox <@123456789012345678>")
    accepted = await stage.wait_for_answer(asked, "Accepted as job")
    assert "$0.40" in accepted
    clip = await stage.wait_for_clip(room)
    seconds, shape = await facts(stage, clip)
    assert seconds == pytest.approx(4.0, abs=0.1)
    assert shape == (1280, 720, 1)
    said = text_of(clip)
    for words in ("Veo 3.1 Fast", "4 s", "1280×720", "$0.40", f"<@{stage.people['Ada']}>", "<t:"):
        assert words in said
    assert "\\*\\*red" in said
    assert "@member" in said
    assert {"Extend", "Redo", "Edit prompt", "Details", "Delete"} <= set(buttons_of(clip))
    await stage.wait_until_idle(room)
    status = next(m for m in await stage.control.messages(room) if not video_of(m))
    assert clip["message_reference"]["message_id"] == status["id"]
    assert f"<@{stage.people['Ada']}> asked Veo 3.1 Fast for" in text_of(status)
    assert not clip["mentions"] or not clip["mention_everyone"]
    interaction = await stage.control.interaction(asked)
    assert interaction["acknowledged_ms"] < 3000


async def test_the_four_ways_to_extend(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await stage.make_clip(room)
    number = buttons_of(first)["Extend"].rpartition(":")[2]
    ada = stage.people["Ada"]

    by_command = await stage.control.command(
        ada, room, "video extend", {"clip": number, "prompt": "it jumps"}
    )
    await stage.wait_for_answer(by_command, "Accepted")
    second = await stage.wait_for_clip(room, 2)

    opened = await stage.press_button(first, "Extend", "Bea")
    await stage.wait_for_answer(await stage.submit_form(opened, "it sleeps", "Bea"), "Accepted")
    third = await stage.wait_for_clip(room, 3)

    menu = await stage.control.context_menu(ada, "Extend this clip", first["id"])
    await stage.wait_for_answer(await stage.submit_form(menu, "it swims"), "Accepted")
    fourth = await stage.wait_for_clip(room, 4)

    reply = await stage.control.message(ada, room, "it flies", reply_to=second["id"])
    fifth = await stage.wait_for_clip(room, 5)

    assert fifth["message_reference"]["message_id"] == reply
    for clip in (second, third, fourth):
        assert f"extension of #{number}" in text_of(clip)
        assert (await facts(stage, clip))[0] == pytest.approx(11.0, abs=0.1)
    assert "extension 2" in text_of(fifth)
    assert (await facts(stage, fifth))[0] == pytest.approx(18.0, abs=0.1)
    await stage.wait_until_idle(room)
    messages = await stage.control.messages(room)
    after_reply = messages[[m["id"] for m in messages].index(reply) + 1 :]
    assert [m["id"] for m in after_reply] == [fifth["id"]]  # the status beside a reply is gone


async def test_message_link_identifies_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    link = f"https://discord.com/channels/{stage.guild}/{room}/{clip['id']}"
    asked = await stage.control.command(
        stage.people["Ada"], room, "video extend", {"clip": link, "prompt": "it jumps"}
    )
    await stage.wait_for_answer(asked, "Accepted")
    await stage.wait_for_clip(room, 2)

    # so is a link to where it was posted once more
    number = buttons_of(clip)["Extend"].rpartition(":")[2]
    elsewhere = await stage.open_channel()
    got = await stage.control.command(stage.people["Ada"], elsewhere, "video get", {"clip": number})
    await stage.wait_for_answer(got, "posted again")
    copy = await stage.wait_for_clip(elsewhere)
    link = f"https://discord.com/channels/{stage.guild}/{elsewhere}/{copy['id']}"
    asked = await stage.control.command(
        stage.people["Ada"], elsewhere, "video extend", {"clip": link, "prompt": "it naps"}
    )
    await stage.wait_for_answer(asked, "Accepted")
    assert f"#{number}" in text_of(await stage.wait_for_clip(elsewhere, 2))


async def test_redo_edit_details_and_delete(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room, seed=5)
    details = await stage.wait_for_answer(await stage.press_button(clip, "Details"), "Seed:")
    assert "**Seed:** 5" in details
    assert "veo-3.1-fast-generate-preview" in details

    await stage.wait_for_answer(await stage.press_button(clip, "Redo"), "Accepted")
    await stage.wait_for_clip(room, 2)
    opened = await stage.press_button(clip, "Edit prompt")
    form = await stage.control.wait_interaction(opened, lambda seen: seen.get("modal"))
    assert "a red fox" in str(form["modal"])
    await stage.wait_for_answer(await stage.submit_form(opened, "a blue fox"), "Accepted")
    third = await stage.wait_for_clip(room, 3)
    assert "a blue fox" in text_of(third)
    sent = [submit["json"]["parameters"] for submit in (await stage.list_submits())[-3:]]
    seeds = [each.get("seed") for each in sent]
    assert seeds[0] == 5
    assert seeds[1] not in (5, None)

    refused = await stage.wait_for_answer(await stage.press_button(third, "Delete", "Cem"))
    assert "Only the person who asked" in refused
    await stage.wait_for_answer(
        await stage.press_button(third, "Delete", "Bea"), "deleted"
    )  # a moderator
    assert len(clips_of(await stage.control.messages(room))) == 2


async def test_double_click_on_redo_makes_one_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    before = len(await stage.list_submits())
    await stage.press_button(clip, "Redo")
    await stage.press_button(clip, "Redo")
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert len(await stage.list_submits()) == before + 1


async def test_a_reply_without_ping_gets_one_hint(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    dia = stage.people["Dia"]
    await stage.control.message(dia, room, "it jumps", reply_to=clip["id"], ping=False)
    hint = await stage.wait_for_message(room, "Discord hides your words from me")
    await stage.control.message(dia, room, "it jumps!", reply_to=clip["id"], ping=False)
    await stage.control.message(dia, room, "it jumps", reply_to=clip["id"])
    await stage.wait_for_clip(room, 2)
    said = [m for m in await stage.control.messages(room) if "@ ON" in text_of(m)]
    assert [m["id"] for m in said] == [hint["id"]]


async def test_replies_that_cannot_be_extensions_get_a_helpful_answer(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    ada = stage.people["Ada"]
    await stage.control.message(ada, room, "again", reply_to=clip["id"])
    again = await stage.wait_for_message(room, "same once more")
    assert set(buttons_of(again)) == {"Extend", "Redo"}
    other = await stage.control.message(stage.people["Cem"], room, "hello")
    me = (await stage.control.world())["application"]["id"]
    await stage.control.message(ada, room, f"<@{me}> extend this", reply_to=other)
    await stage.wait_for_message(room, "I can only extend my own clips")


async def test_a_clip_is_found_again_and_posted_again(stage: BotStage) -> None:
    room, elsewhere = await stage.open_channel(), await stage.open_channel()
    clip = await stage.make_clip(room, "a green heron")
    await stage.wait_until_idle(room)  # posted, and recorded under which message
    ada, number = stage.people["Ada"], buttons_of(clip)["Extend"].rpartition(":")[2]
    history = await stage.wait_for_answer(
        await stage.control.command(ada, room, "video history"), number
    )
    assert "a green heron" in history
    assert clip["id"] in history
    choices = await stage.control.autocomplete(ada, room, "video get", {"clip": "heron"}, "clip")
    assert [choice["value"] for choice in choices] == [number]
    asked = await stage.control.command(ada, elsewhere, "video get", {"clip": number})
    await stage.wait_for_answer(asked, "posted again")
    copy = await stage.wait_for_clip(elsewhere)
    # the copy is a clip as good as the first one
    await stage.control.message(ada, elsewhere, "it flies", reply_to=copy["id"])
    await stage.wait_for_clip(elsewhere, 2)
    missing = await stage.control.command(ada, room, "video get", {"clip": "99999"})
    await stage.wait_for_answer(missing, "There is no such clip")


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
    asked = await stage.request_clip(
        room, model="veo-3.1-fast-generate-preview", resolution="1080p", duration=4
    )
    said = await stage.wait_for_answer(asked, "This would work")
    assert "8 s only" in said
    assert len(await stage.list_submits()) == before
    pressed = await stage.press_answer(asked, "Make this one")
    await stage.wait_for_clip(room)
    await stage.wait_for_answer(pressed)
    assert len(await stage.list_submits()) == before + 1


async def test_models_lists_prices(stage: BotStage) -> None:
    room = await stage.open_channel()
    asked = await stage.control.command(stage.people["Cem"], room, "video models")
    said = await stage.wait_for_answer(asked, "Veo 3.1")
    assert "$0.40" in said


async def test_nothing_is_paid_where_the_clip_could_not_be_posted(stage: BotStage) -> None:
    room = await stage.open_channel(overwrites=[{"member": "Clapper", "deny": ["ATTACH_FILES"]}])
    before = len(await stage.list_submits())
    said = await stage.wait_for_answer(await stage.request_clip(room))
    assert "Attach Files" in said
    assert len(await stage.list_submits()) == before

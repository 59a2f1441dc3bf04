"""A person makes a clip and extends it in each of the four ways."""

import io

import av
import pytest

from tests.e2e.stage import Json, Stage, buttons_of, clips_of, text_of, video_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def facts(stage: Stage, message: Json) -> tuple[float, tuple[int, int, int]]:
    """Return the seconds of a message's video; and width, height and number of audio streams."""
    video = video_of(message)
    assert video is not None
    with av.open(io.BytesIO(await stage.control.download(video["url"])), "r") as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 24
        assert container.duration is not None
        seconds = container.duration / av.time_base
        return seconds, (stream.width, stream.height, len(container.streams.audio))


async def test_generate_posts_a_playable_clip_that_replies_to_the_request(stage: Stage) -> None:
    room = await stage.room()
    asked = await stage.generate(room, "a **red** fox <@123456789012345678>")
    accepted = await stage.told(asked, "Accepted as job")
    assert "$0.40" in accepted
    clip = await stage.clip_in(room)
    seconds, shape = await facts(stage, clip)
    assert seconds == pytest.approx(4.0, abs=0.1)
    assert shape == (1280, 720, 1)
    said = text_of(clip)
    for words in ("Veo 3.1 Fast", "4 s", "1280×720", "$0.40", f"<@{stage.people['Ada']}>", "<t:"):
        assert words in said
    assert "\\*\\*red" in said
    assert "@member" in said
    assert {"Extend", "Redo", "Edit prompt", "Details", "Delete"} <= set(buttons_of(clip))
    await stage.settled(room)
    status = next(m for m in await stage.control.messages(room) if not video_of(m))
    assert clip["message_reference"]["message_id"] == status["id"]
    assert f"<@{stage.people['Ada']}> asked Veo 3.1 Fast for" in text_of(status)
    assert not clip["mentions"] or not clip["mention_everyone"]
    interaction = await stage.control.interaction(asked)
    assert interaction["acknowledged_ms"] < 3000


async def test_the_four_ways_to_extend(stage: Stage) -> None:
    room = await stage.room()
    first = await stage.a_clip(room)
    number = buttons_of(first)["Extend"].rpartition(":")[2]
    ada = stage.people["Ada"]

    by_command = await stage.control.command(
        ada, room, "video extend", {"clip": number, "prompt": "it jumps"}
    )
    await stage.told(by_command, "Accepted")
    second = await stage.clip_in(room, 2)

    opened = await stage.press(first, "Extend", "Bea")
    await stage.told(await stage.submit(opened, "it sleeps", "Bea"), "Accepted")
    third = await stage.clip_in(room, 3)

    menu = await stage.control.context_menu(ada, "Extend this clip", first["id"])
    await stage.told(await stage.submit(menu, "it swims"), "Accepted")
    fourth = await stage.clip_in(room, 4)

    reply = await stage.control.message(ada, room, "it flies", reply_to=second["id"])
    fifth = await stage.clip_in(room, 5)

    assert fifth["message_reference"]["message_id"] == reply
    for clip in (second, third, fourth):
        assert f"extension of #{number}" in text_of(clip)
        assert (await facts(stage, clip))[0] == pytest.approx(11.0, abs=0.1)
    assert "extension 2" in text_of(fifth)
    assert (await facts(stage, fifth))[0] == pytest.approx(18.0, abs=0.1)
    await stage.settled(room)
    messages = await stage.control.messages(room)
    after_reply = messages[[m["id"] for m in messages].index(reply) + 1 :]
    assert [m["id"] for m in after_reply] == [fifth["id"]]  # the status beside a reply is gone


async def test_a_message_link_is_a_clip_too(stage: Stage) -> None:
    room = await stage.room()
    clip = await stage.a_clip(room)
    link = f"https://discord.com/channels/{stage.guild}/{room}/{clip['id']}"
    asked = await stage.control.command(
        stage.people["Ada"], room, "video extend", {"clip": link, "prompt": "it jumps"}
    )
    await stage.told(asked, "Accepted")
    await stage.clip_in(room, 2)

    # so is a link to where it was posted once more
    number = buttons_of(clip)["Extend"].rpartition(":")[2]
    elsewhere = await stage.room()
    got = await stage.control.command(stage.people["Ada"], elsewhere, "video get", {"clip": number})
    await stage.told(got, "posted again")
    copy = await stage.clip_in(elsewhere)
    link = f"https://discord.com/channels/{stage.guild}/{elsewhere}/{copy['id']}"
    asked = await stage.control.command(
        stage.people["Ada"], elsewhere, "video extend", {"clip": link, "prompt": "it naps"}
    )
    await stage.told(asked, "Accepted")
    assert f"#{number}" in text_of(await stage.clip_in(elsewhere, 2))


async def test_redo_edit_details_and_delete(stage: Stage) -> None:
    room = await stage.room()
    clip = await stage.a_clip(room, seed=5)
    details = await stage.told(await stage.press(clip, "Details"), "Seed:")
    assert "**Seed:** 5" in details
    assert "veo-3.1-fast-generate-preview" in details

    await stage.told(await stage.press(clip, "Redo"), "Accepted")
    await stage.clip_in(room, 2)
    opened = await stage.press(clip, "Edit prompt")
    form = await stage.control.wait_interaction(opened, lambda seen: seen.get("modal"))
    assert "a red fox" in str(form["modal"])
    await stage.told(await stage.submit(opened, "a blue fox"), "Accepted")
    third = await stage.clip_in(room, 3)
    assert "a blue fox" in text_of(third)
    sent = [submit["json"]["parameters"] for submit in (await stage.submits())[-3:]]
    seeds = [each.get("seed") for each in sent]
    assert seeds[0] == 5
    assert seeds[1] not in (5, None)

    refused = await stage.told(await stage.press(third, "Delete", "Cem"))
    assert "Only the person who asked" in refused
    await stage.told(await stage.press(third, "Delete", "Bea"), "deleted")  # a moderator
    assert len(clips_of(await stage.control.messages(room))) == 2


async def test_two_clicks_on_redo_are_one_wish(stage: Stage) -> None:
    room = await stage.room()
    clip = await stage.a_clip(room)
    before = len(await stage.submits())
    await stage.press(clip, "Redo")
    await stage.press(clip, "Redo")
    await stage.clip_in(room, 2)
    await stage.settled(room)
    assert len(await stage.submits()) == before + 1


async def test_a_reply_without_ping_gets_one_hint(stage: Stage) -> None:
    room = await stage.room()
    clip = await stage.a_clip(room)
    dia = stage.people["Dia"]
    await stage.control.message(dia, room, "it jumps", reply_to=clip["id"], ping=False)
    hint = await stage.said_in(room, "Discord hides your words from me")
    await stage.control.message(dia, room, "it jumps!", reply_to=clip["id"], ping=False)
    await stage.control.message(dia, room, "it jumps", reply_to=clip["id"])
    await stage.clip_in(room, 2)
    said = [m for m in await stage.control.messages(room) if "@ ON" in text_of(m)]
    assert [m["id"] for m in said] == [hint["id"]]


async def test_replies_that_cannot_be_extensions_get_a_helpful_answer(stage: Stage) -> None:
    room = await stage.room()
    clip = await stage.a_clip(room)
    ada = stage.people["Ada"]
    await stage.control.message(ada, room, "again", reply_to=clip["id"])
    again = await stage.said_in(room, "same once more")
    assert set(buttons_of(again)) == {"Extend", "Redo"}
    other = await stage.control.message(stage.people["Cem"], room, "hello")
    me = (await stage.control.world())["application"]["id"]
    await stage.control.message(ada, room, f"<@{me}> extend this", reply_to=other)
    await stage.said_in(room, "I can only extend my own clips")


async def test_a_clip_is_found_again_and_posted_again(stage: Stage) -> None:
    room, elsewhere = await stage.room(), await stage.room()
    clip = await stage.a_clip(room, "a green heron")
    await stage.settled(room)  # posted, and recorded under which message
    ada, number = stage.people["Ada"], buttons_of(clip)["Extend"].rpartition(":")[2]
    history = await stage.told(await stage.control.command(ada, room, "video history"), number)
    assert "a green heron" in history
    assert clip["id"] in history
    choices = await stage.control.autocomplete(ada, room, "video get", {"clip": "heron"}, "clip")
    assert [choice["value"] for choice in choices] == [number]
    asked = await stage.control.command(ada, elsewhere, "video get", {"clip": number})
    await stage.told(asked, "posted again")
    copy = await stage.clip_in(elsewhere)
    # the copy is a clip as good as the first one
    await stage.control.message(ada, elsewhere, "it flies", reply_to=copy["id"])
    await stage.clip_in(elsewhere, 2)
    missing = await stage.control.command(ada, room, "video get", {"clip": "99999"})
    await stage.told(missing, "There is no such clip")


async def test_options_complete_to_what_goes_with_the_rest_with_prices(stage: Stage) -> None:
    room = await stage.room()
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


async def test_what_does_not_fit_is_refused_with_a_button_for_what_would(stage: Stage) -> None:
    room = await stage.room()
    before = len(await stage.submits())
    asked = await stage.generate(
        room, model="veo-3.1-fast-generate-preview", resolution="1080p", duration=4
    )
    said = await stage.told(asked, "This would work")
    assert "8 s only" in said
    assert len(await stage.submits()) == before
    pressed = await stage.press_answer(asked, "Make this one")
    await stage.clip_in(room)
    await stage.told(pressed)
    assert len(await stage.submits()) == before + 1


async def test_the_models_are_told_with_prices(stage: Stage) -> None:
    room = await stage.room()
    asked = await stage.control.command(stage.people["Cem"], room, "video models")
    said = await stage.told(asked, "Veo 3.1")
    assert "$0.40" in said


async def test_nothing_is_paid_where_the_clip_could_not_be_posted(stage: Stage) -> None:
    room = await stage.room(overwrites=[{"member": "Clapper", "deny": ["ATTACH_FILES"]}])
    before = len(await stage.submits())
    said = await stage.told(await stage.generate(room))
    assert "Attach Files" in said
    assert len(await stage.submits()) == before

"""Members edit clips by command, button, menu and form, with images and with refusals."""

from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

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

OMNI: Final[Json] = {"model": "gemini-omni-1.2-flash", "duration": 3, "resolution": "360p"}
NIGHT: Final = "make the sky dark"


def format_length(seconds: int) -> str:
    """Return a length as plans and cards show it."""
    return quote_text("seconds", count=seconds)


async def make_omni_clip(stage: BotStage, room: str, user: str = "Ada") -> Json:
    """Return the message of a short clip of Gemini Omni, once its job has ended."""
    return await stage.make_clip(room, user=user, **OMNI)


async def edit(
    stage: BotStage,
    room: str,
    clip: str,
    prompt: str = NIGHT,
    *,
    user: str = "Ada",
    pictures: list[Path] | None = None,
    **options: Any,
) -> str:
    """Give `/video edit`; return the interaction."""
    attachments = {f"reference_{n}": path for n, path in enumerate(pictures or [], start=1)}
    values = {"clip": clip, "prompt": prompt, **options}
    return await stage.control.command(
        stage.people[user], room, "video edit", values, attachments=attachments
    )


async def wait_for_edit(stage: BotStage, room: str, number: int = 2) -> tuple[Json, Json]:
    """Return the message of the ``number``-th clip, and the submit that made it."""
    message = await stage.wait_for_clip(room, number)
    await stage.wait_until_idle(room)
    return message, (await stage.list_submits())[-1]


async def test_the_command_changes_a_clip_and_says_so(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    number = clip_number_of(first)
    interaction = await edit(stage, room, number)
    answer = await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    plan = (quote_text("plan.edit", clip=f"#{number}"), "Gemini Omni 1.2 Flash", format_length(3))
    assert f"{' · '.join(plan)} · 16:9 · 360p · **$0.08" in answer
    assert quote_text("plan.edit_keeps", clip=f"#{number}") in answer
    message, submit = await wait_for_edit(stage, room)
    text = text_of(message)
    assert quote_text("card.edit", parent=f"#{number}") in text
    assert quote_text("card.extension", parent=f"#{number}") not in text
    assert f" · {format_length(3)} · " in text
    assert not quote_pattern("card.differs").search(text)
    assert submit["route"] == "omni"
    assert submit["task"] == "edit"
    assert submit["previous"] is not None
    assert submit["json"]["input"] == NIGHT or NIGHT in str(submit["json"]["input"])
    assert {
        quote_text("button.edit_clip"),
        quote_text("button.redo"),
        quote_text("button.reword"),
        quote_text("button.details"),
    } <= buttons_of(message).keys()


async def test_the_clip_can_be_named_by_a_link(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    link = f"https://discord.com/channels/{stage.guild}/{room}/{first['id']}"
    await edit(stage, room, link, resolution="360p", model="gemini-omni-1.1-flash")
    message, submit = await wait_for_edit(stage, room)
    assert submit["model"] == "gemini-omni-1.1-flash"
    assert "Gemini Omni 1.1 Flash" in text_of(message)


@pytest.mark.parametrize("way", ["button", "menu"])
async def test_the_form_asks_what_should_be_different(stage: BotStage, way: str) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    if way == "button":
        opened = await stage.press_button(first, quote_text("button.edit_clip"), "Cem")
    else:
        opened = await stage.control.context_menu(
            stage.people["Cem"], quote_text("menu.edit"), first["id"]
        )
    form = await stage.control.wait_interaction(opened, lambda state: state.get("modal"))
    assert form["modal"]["title"] == quote_text("form.edit.title")
    submitted = await stage.submit_form(opened, "let the fox vanish", "Cem")
    await stage.wait_for_answer(submitted, quote_text("plan.edit_keeps"))
    message, _ = await wait_for_edit(stage, room)
    assert "let the fox vanish" in text_of(message)
    assert f"<@{stage.people['Cem']}>" in text_of(message)


async def test_pictures_come_into_the_clip(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    pictures = []
    for number in range(2):
        pictures.append(tmp_path / f"{number}.png")
        Image.new("RGB", (640, 360), (200, 40 + 90 * number, 30)).save(pictures[-1])
    words = "put this hat on the fox"
    await edit(stage, room, clip_number_of(first), words, pictures=pictures)
    message, submit = await wait_for_edit(stage, room)
    sent = str(submit["json"]["input"])
    assert sent.count("image/png") + sent.count("image/jpeg") == 2
    assert "<IMAGE_REF_0>" in sent
    assert "<IMAGE_REF_1>" in sent
    details = await stage.press_button(message, quote_text("button.details"))
    told = await stage.wait_for_answer(details, quote_text("details.written.role_tags"))
    assert quote_text("mode.edit") in told
    assert f"**{quote_text('details.edited')}** #{clip_number_of(first)}" in told
    assert told.count("640×360") >= 2
    state = await stage.control.interaction(details)
    names = [file["filename"] for each in state["messages"] for file in each["attachments"]]
    assert [name.partition(".")[0] for name in names] == ["reference-1", "reference-2"]


async def test_a_clip_of_veo_is_edited_by_its_bytes(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await stage.make_clip(room)
    assert "Veo" in text_of(first)
    opened = await stage.press_button(first, quote_text("button.edit_clip"))
    await stage.submit_form(opened, NIGHT)
    message, submit = await wait_for_edit(stage, room)
    assert submit["task"] == "edit"
    assert submit["previous"] is None
    assert quote_text("card.edit", parent=f"#{clip_number_of(first)}") in text_of(message)
    assert "Gemini Omni" in text_of(message)


async def test_what_can_be_chosen_is_suggested_for_the_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    ada, number = stage.people["Ada"], clip_number_of(await make_omni_clip(stage, room))
    chosen = {"clip": number, "prompt": NIGHT}

    async def suggest(command: str, option: str, **more: Any) -> list[str]:
        choices = await stage.control.autocomplete(
            ada, room, command, {**chosen, **more, option: ""}, option
        )
        return [str(choice["name"]) for choice in choices]

    models = await suggest("video edit", "model")
    assert any(name.startswith("Gemini Omni 1.2 Flash") for name in models)
    assert not any("Veo" in name for name in models)
    resolutions = await suggest("video edit", "resolution")
    assert [name.split(" ")[0] for name in resolutions] == ["360p", "720p", "1080p", "4k"]
    seconds = await suggest("video extend", "duration")
    assert seconds[0].startswith(f"+{format_length(3)}")
    assert len(seconds) == 8
    assert all("Gemini Omni 1.1 Flash" in name or "$" in name for name in seconds)
    assert (await suggest("video edit", "clip"))[0].startswith("#")
    chosen["clip"] = "9999999"
    assert await suggest("video edit", "resolution") == []


async def test_an_extension_adds_as_many_seconds_as_are_asked_for(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    number = clip_number_of(first)
    values = {"clip": number, "prompt": "it jumps", "duration": 4, "resolution": "360p"}
    interaction = await stage.control.command(stage.people["Ada"], room, "video extend", values)
    answer = await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    extension = quote_text("plan.extension", clip=f"#{number}")
    added = f"+{format_length(4)}"
    assert f"{extension} · Gemini Omni 1.1 Flash · {added} · 16:9 · 360p" in answer
    assert quote_text("plan.edit_keeps", clip=f"#{number}") not in answer
    message, submit = await wait_for_edit(stage, room)
    assert submit["task"] == "extend"
    assert f" · {format_length(7)} · " in text_of(message)
    details = await stage.wait_for_answer(
        await stage.press_button(message, quote_text("button.details")),
        quote_text("details.written.extend"),
    )
    assert f"**{quote_text('details.added')}** {added}" in details

    edited = await edit(stage, room, clip_number_of(message))
    await stage.wait_for_answer(edited, quote_text("ask.accepted"))
    third, _ = await wait_for_edit(stage, room, 3)
    chain = await stage.control.command(
        stage.people["Ada"], room, "video chain", {"clip": clip_number_of(third)}
    )
    rows = (await stage.wait_for_answer(chain, quote_text("chain.title"))).splitlines()[1:]
    assert [row[0] for row in rows] == ["●", "⤷", "✎"]
    extended = quote_text("chain.extended_by", added=format_length(4))
    assert f"· {extended} · {format_length(7)} ·" in rows[1]
    assert f"· {quote_text('chain.edited')} · {format_length(7)} ·" in rows[2]
    listed = await stage.control.command(stage.people["Ada"], room, "video history")
    history = await stage.wait_for_answer(listed)
    assert f"✎ {quote_text('card.edit', parent=f'#{clip_number_of(message)}')}" in history
    assert f"⤷ {quote_text('card.extension', parent=f'#{number}')}" in history


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"resolution": "480p"}, "480p"),
        ({"model": "veo-3.1-fast-generate-preview"}, "Veo 3.1 Fast"),
        ({"clip": "9999999"}, quote_text("not_found.clip")),
        ({"clip": "the one above"}, quote_text("not_found.clip_reference")),
    ],
    ids=["resolution", "model", "number", "words"],
)
async def test_what_does_not_work_is_refused_before_anything_is_spent(
    stage: BotStage, options: dict[str, str], said: str
) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    before = len(await stage.list_submits())
    values = {"clip": clip_number_of(first), "prompt": NIGHT, **options}
    interaction = await stage.control.command(stage.people["Ada"], room, "video edit", values)
    answer = await stage.wait_for_answer(interaction, said)
    assert quote_text("ask.accepted") not in answer
    assert len(clips_of(await stage.control.messages(room))) == 1
    assert len(await stage.list_submits()) == before


async def test_an_unknown_resolution_leads_to_an_offer_that_edits(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    interaction = await edit(stage, room, clip_number_of(first), resolution="480p")
    answer = await stage.wait_for_answer(interaction, quote_text("ask.nearest"))
    assert quote_text("plan.edit", clip=f"#{clip_number_of(first)}") in answer
    await stage.press_answer(interaction, quote_text("button.nearest"))
    message, submit = await wait_for_edit(stage, room)
    assert submit["task"] == "edit"
    assert quote_text("card.edit", parent=f"#{clip_number_of(first)}") in text_of(message)


async def test_a_price_that_needs_a_yes_is_asked_about_first(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    before = len(await stage.list_submits())
    ada = stage.people["Ada"]
    confirm = await stage.control.command(ada, room, "server confirm", {"above": 0.01})
    await stage.wait_for_answer(confirm)
    try:
        opened = await stage.press_button(first, quote_text("button.edit_clip"))
        submitted = await stage.submit_form(opened, NIGHT)
        question = await stage.wait_for_answer(submitted, quote_text("ask.confirm"))
        assert quote_text("plan.edit", clip=f"#{clip_number_of(first)}") in question
        assert quote_text("plan.edit_keeps") in question
        assert "**$0.08" in question
        assert len(await stage.list_submits()) == before
        await stage.press_answer(submitted, quote_text("button.decline"))
        await stage.wait_for_answer(submitted, quote_text("ask.declined"))
        again = await edit(stage, room, clip_number_of(first))
        await stage.press_answer(again, quote_text("button.accept"))
        await wait_for_edit(stage, room)
        assert len(await stage.list_submits()) == before + 1
    finally:
        cleared = await stage.control.command(ada, room, "server confirm", {"clear": True})
        await stage.wait_for_answer(cleared)


async def test_who_may_not_extend_may_not_edit(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    before = len(await stage.list_submits())
    ada = stage.people["Ada"]
    ruled = await stage.control.command(ada, room, "server extending", {"who": "requester"})
    await stage.wait_for_answer(ruled, quote_text("server.extending.requester"))
    try:
        opened = await stage.press_button(first, quote_text("button.edit_clip"), "Cem")
        refused = await stage.submit_form(opened, NIGHT, "Cem")
        await stage.wait_for_answer(refused, quote_text("not_allowed.extend"))
        # not even by an offer for what was misspelled
        misspelled = await edit(stage, room, clip_number_of(first), user="Cem", resolution="480p")
        answer = await stage.wait_for_answer(misspelled, quote_text("not_allowed.extend"))
        assert quote_text("ask.nearest") not in answer
        assert len(await stage.list_submits()) == before
        await edit(stage, room, clip_number_of(first))
        second, _ = await wait_for_edit(stage, room)
        # redoing an edit, reworded or not, edits the same clip
        redone = await stage.press_button(second, quote_text("button.redo"), "Cem")
        await stage.wait_for_answer(redone, quote_text("not_allowed.extend"))
        opened = await stage.press_button(second, quote_text("button.reword"), "Cem")
        reworded = await stage.submit_form(opened, "make it dawn", "Cem")
        await stage.wait_for_answer(reworded, quote_text("not_allowed.extend"))
        again = await stage.press_button(first, quote_text("button.redo"), "Cem")
        await stage.wait_for_answer(again, quote_text("ask.accepted"))
        await stage.wait_for_clip(room, 3)
        await stage.wait_until_idle(room)
        assert [each["task"] for each in (await stage.list_submits())[before:]] == [
            "edit",
            "text_to_video",
        ]
    finally:
        freed = await stage.control.command(ada, room, "server extending", {"who": "everyone"})
        await stage.wait_for_answer(freed)


async def test_redo_of_an_edit_edits_the_same_clip_again(stage: BotStage) -> None:
    room = await stage.open_channel()
    first = await make_omni_clip(stage, room)
    await edit(stage, room, clip_number_of(first))
    second, one = await wait_for_edit(stage, room)
    await stage.press_button(second, quote_text("button.redo"))
    third, two = await wait_for_edit(stage, room, 3)
    assert two["previous"] == one["previous"]
    assert quote_text("card.edit", parent=f"#{clip_number_of(first)}") in text_of(third)
    opened = await stage.press_button(third, quote_text("button.reword"))
    await stage.submit_form(opened, "make it dawn")
    fourth, three = await wait_for_edit(stage, room, 4)
    assert three["previous"] == one["previous"]
    assert "make it dawn" in text_of(fourth)


async def test_a_member_reads_it_in_their_language(stage: BotStage) -> None:
    guild = await stage.control.add_guild(
        "Werkstatt", owner="Dia", members=["Dia"], channels=["bilder"], locale="de"
    )
    room = guild["channels"][0]["id"]
    dia = stage.people["Dia"]
    await stage.control.change_user("Dia", locale="de")
    try:
        await stage.control.command(dia, room, "video generate", {"prompt": "ein Fuchs", **OMNI})
        first = await stage.wait_for_clip(room)
        await stage.wait_until(lambda: _has_no_status(stage, room), "the first job having ended")
        pressed = await stage.control.component(
            dia, first["id"], buttons_of(first)[quote_text("button.details", "de")]
        )
        await stage.wait_for_answer(pressed, quote_text("card.changeable", "de"))
        button = buttons_of(first)[quote_text("button.edit_clip", "de")]
        opened = await stage.control.component(dia, first["id"], button)
        form = await stage.control.wait_interaction(opened, lambda state: state.get("modal"))
        assert form["modal"]["title"] == quote_text("form.edit.title", "de")
        submitted = await stage.control.modal(
            dia, opened, {"prompt": "lass den Himmel dunkel werden"}
        )
        answer = await stage.wait_for_answer(submitted, quote_text("ask.accepted", "de"))
        number = f"#{clip_number_of(first)}"
        assert quote_text("plan.edit", "de", clip=number) in answer
        assert quote_text("plan.edit_keeps", "de", clip=number) in answer
        second = await stage.wait_for_clip(room, 2)
        assert quote_text("card.edit", "de", parent=number) in text_of(second)
    finally:
        await stage.control.change_user("Dia", locale="en-US")


async def _has_no_status(stage: BotStage, room: str) -> bool:
    messages = await stage.control.messages(room)
    return not any(quote_text("button.cancel", "de") in buttons_of(each) for each in messages)


async def test_cuts_are_left_to_who_asks(stage: BotStage) -> None:
    room = await stage.open_channel()
    await make_omni_clip(stage, room)
    assert "without any cuts" in (await stage.list_submits())[-1]["prompt"]
    await stage.request_clip(room, **OMNI, cuts=True)
    message, submit = await wait_for_edit(stage, room)
    assert "without any cuts" not in submit["prompt"]
    details = await stage.press_button(message, quote_text("button.details"))
    await stage.wait_for_answer(
        details, f"**{quote_text('details.cuts')}** {quote_text('details.cuts_allowed')}"
    )


async def test_six_pictures_go_into_one_clip(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel()
    attachments = {}
    for number in range(1, 7):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (640, 360), (40 * number, 90, 30)).save(path)
        attachments[f"reference_{number}"] = path
    values = {"prompt": "they all meet", "duration": 3, "resolution": "360p"}
    await stage.control.command(
        stage.people["Ada"], room, "video generate", values, attachments=attachments
    )
    message = await stage.wait_for_clip(room)
    submit = (await stage.list_submits())[-1]
    assert video_of(message)
    assert (submit["route"], submit["task"]) == ("omni", "reference_to_video")
    assert str(submit["json"]["input"]).count("'type': 'image'") == 6
    assert "<IMAGE_REF_5>" in str(submit["json"]["input"])


async def test_buttons_of_a_veo_clip_are_what_they_were(stage: BotStage) -> None:
    """*Extend* prefers the model that made the clip, *Edit* goes where it can be done."""
    room = await stage.open_channel()
    first = await stage.make_clip(room)
    opened = await stage.press_button(first, quote_text("button.extend"))
    submitted = await stage.submit_form(opened, "it jumps")
    answer = await stage.wait_for_answer(submitted, quote_text("ask.accepted"))
    assert f"Veo 3.1 Fast · +{format_length(7)}" in answer

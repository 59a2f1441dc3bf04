"""The bot as a guest: a member has brought it along to where it is not installed."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.stage import SHORT_CLIP, BotStage, Json, buttons_of, open_stage, text_of
from tests.harness.people import ControlRefused

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT_SETTINGS = {
    "DEFAULT_SERVER_USD_PER_DAY": "0.01",  # no server of ours: its budget must not count
    "DEFAULT_MEMBER_CLIPS_PER_DAY": "30",
}


class Away:
    """A server without the bot, where Ada has it with her."""

    def __init__(self, stage: BotStage, guild: Json) -> None:
        self.stage = stage
        self.guild = guild["id"]
        self.rooms = {each["name"]: each["id"] for each in guild["channels"]}
        self.room = self.rooms["lounge"]

    async def clip(self, room: str, *, count: int = 1) -> Json:
        """Wait for the clip in a room and return its message."""
        return await self.stage.wait_for_clip(room, count)

    async def messages(self, room: str) -> list[Json]:
        """Return what everybody sees."""
        return await self.stage.control.messages(room)


async def arranged(stage: BotStage, name: str = "Elsewhere") -> Away:
    """Found a server without the bot and let Ada carry it there."""
    await stage.control.change_user("Ada", has_app=True)
    guild = await stage.control.add_guild(
        name,
        owner="Cem",
        members=["Ada", "Dia"],
        bot=False,
        channels=[
            *("lounge", "quiet", "shelf", "shredder"),
            {"name": "late", "nsfw": True},
            {
                "name": "strict",
                "overwrites": [{"role": "everyone", "deny": ["USE_EXTERNAL_APPS"]}],
            },
        ],
    )
    return Away(stage, guild)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def away(stage: BotStage) -> AsyncIterator[Away]:
    yield await arranged(stage)


async def asked(stage: BotStage, room: str, prompt: str = "a red fox", **options: object) -> str:
    return await stage.control.command(
        stage.people["Ada"], room, "video generate", {"prompt": prompt, **SHORT_CLIP, **options}
    )


async def test_the_answer_becomes_the_status_and_then_the_clip(stage: BotStage, away: Away) -> None:
    async with stage.control.hold_google():
        interaction = await asked(stage, away.room)
        note = await stage.wait_for_answer(interaction, "Accepted as job")
        assert "$0.40" in note
        status = await stage.wait_for_message(away.room, "Discord lets me write here until")
    clip = await away.clip(away.room)
    assert clip["id"] == status["id"]
    assert {"Extend", "Redo", "Edit prompt", "Details", "Delete"} == set(buttons_of(clip))
    messages = await away.messages(away.room)
    assert [m["id"] for m in messages] == [clip["id"]]  # one message, and nothing beside it
    sent = await stage.control.requests(method="POST", path=rf"/channels/{away.room}/messages")
    assert sent == []


async def test_every_button_works_for_whoever_presses_it(stage: BotStage, away: Away) -> None:
    room = away.rooms["lounge"]
    before = len(await away.messages(room))
    await stage.wait_for_answer(await asked(stage, room, "a grey heron"), "Accepted")
    first = await away.clip(room, count=before + 1)
    opened = await stage.press_button(first, "Extend", "Dia")
    await stage.wait_for_answer(await stage.submit_form(opened, "it flies", "Dia"), "Accepted")
    longer = await away.clip(room, count=before + 2)
    assert f"<@{stage.people['Dia']}>" in text_of(longer)
    await stage.wait_for_answer(await stage.press_button(longer, "Redo"), "Accepted")
    await away.clip(room, count=before + 3)
    opened = await stage.press_button(first, "Edit prompt")
    await stage.wait_for_answer(await stage.submit_form(opened, "a blue heron"), "Accepted")
    edited = await away.clip(room, count=before + 4)
    assert "a blue heron" in text_of(edited)
    assert "**Seed:**" in await stage.wait_for_answer(
        await stage.press_button(edited, "Details"), "Seed:"
    )
    refused = await stage.wait_for_answer(await stage.press_button(edited, "Delete", "Cem"))
    assert "Only the person who asked" in refused  # nobody moderates where the bot is a guest
    await stage.wait_for_answer(await stage.press_button(edited, "Delete"), "deleted")
    assert edited["id"] not in [m["id"] for m in await away.messages(room)]
    menu = await stage.control.context_menu(stage.people["Ada"], "Extend this clip", first["id"])
    await stage.wait_for_answer(await stage.submit_form(menu, "it lands"), "Accepted")
    await away.clip(room, count=before + 4)


async def test_refusal_leaves_nothing_and_confirmation_makes_clip(
    stage: BotStage, away: Away
) -> None:
    room = away.rooms["quiet"]
    interaction = await asked(stage, room, resolution="1080p")
    assert "8 s only" in await stage.wait_for_answer(interaction, "This would work")
    assert await away.messages(room) == []  # only Ada sees the question
    pressed = await stage.press_answer(interaction, "Make this one")
    await stage.wait_for_answer(pressed, "Accepted as job")
    clip = await away.clip(room)
    assert "1920×1080" in text_of(clip)
    assert [m["id"] for m in await away.messages(room)] == [clip["id"]]


async def test_user_install_uses_member_limit_not_server_budget(
    stage: BotStage, away: Away
) -> None:
    home = await stage.open_channel()
    # at home one cent is less than any clip
    await stage.wait_for_answer(await stage.request_clip(home), "this server's limit")
    shown = await stage.control.command(stage.people["Ada"], away.room, "quota show")
    left = await stage.wait_for_answer(shown, "What is left")
    assert "clips a day" in left
    assert "This server" not in left


async def test_an_age_restricted_channel_shows_adults_only_there_too(
    stage: BotStage, away: Away
) -> None:
    room = away.rooms["late"]
    await stage.wait_for_answer(await asked(stage, room), "adults only")
    await stage.wait_for_answer(
        await asked(stage, room, model="veo-2.0-generate-001", duration=5), "Accepted"
    )
    await away.clip(room)
    sent = (await stage.list_submits())[-1]["json"]["parameters"]
    assert sent["personGeneration"] == "allow_adult"


async def test_where_other_apps_may_not_speak_only_the_person_sees_it(
    stage: BotStage, away: Away
) -> None:
    room, ada = away.rooms["strict"], stage.people["Ada"]
    await stage.wait_for_answer(await asked(stage, room), "Accepted")

    async def seen() -> bool:
        return bool(
            [
                m
                for m in await stage.control.messages(room, seen_by=ada)
                if "Extend" in buttons_of(m)
            ]
        )

    await stage.wait_until(seen, "the clip for Ada's eyes")
    assert await away.messages(room) == []


async def test_group_conversations_and_direct_messages(stage: BotStage, away: Away) -> None:
    people = [stage.people["Ada"], stage.people["Cem"]]
    made = await stage.control.call("POST", "channels", {"name": "us", "members": people})
    group = made["channel"]["id"]
    await stage.wait_for_answer(await asked(stage, group, "a quiet lake"), "Accepted")
    clip = await away.clip(group)
    opened = await stage.press_button(clip, "Extend", "Cem")
    await stage.wait_for_answer(await stage.submit_form(opened, "a swan lands", "Cem"), "Accepted")
    await away.clip(group, count=2)
    # with the bot itself people talk as ever: ordinary messages, and a reply extends
    direct = "@Ada"
    await stage.wait_for_answer(await asked(stage, direct, "a small boat"), "Accepted")
    boat = await away.clip(direct)
    await stage.control.message(stage.people["Ada"], direct, "it sails", reply_to=boat["id"])
    await away.clip(direct, count=2)


async def test_clips_are_found_and_fetched_from_anywhere(stage: BotStage, away: Away) -> None:
    room, ada = away.rooms["shelf"], stage.people["Ada"]
    await stage.wait_for_answer(await asked(stage, room, "a paper crane"), "Accepted")
    clip = await away.clip(room)
    number = buttons_of(clip)["Extend"].rpartition(":")[2]
    history = await stage.wait_for_answer(
        await stage.control.command(ada, room, "video history"), "a paper crane"
    )
    assert f"#{number}" in history
    await stage.wait_for_answer(
        await stage.control.command(ada, room, "video jobs"), "Nothing of yours"
    )
    models = await stage.wait_for_answer(
        await stage.control.command(ada, room, "video models"), "Veo 3.1"
    )
    assert "$0.40" in models
    choices = await stage.control.autocomplete(ada, room, "video get", {"clip": "crane"}, "clip")
    assert [choice["value"] for choice in choices] == [number]
    get = await stage.control.command(ada, room, "video get", {"clip": number})
    await stage.wait_for_answer(get, "posted again")
    copy = await away.clip(room, count=2)
    assert copy["id"] != clip["id"]
    # the copy's buttons name the same clip and the same job
    assert "paper crane" in await stage.wait_for_answer(
        await stage.press_button(copy, "Details"), "Prompt:"
    )


async def test_what_belongs_to_a_server_is_not_offered(stage: BotStage, away: Away) -> None:
    for command in ("server usage", "showcase top"):
        with pytest.raises(ControlRefused) as refused:
            await stage.control.command("Cem", away.room, command)
        assert refused.value.status == 409


async def test_deleted_reply_is_rewritten_once(stage: BotStage, away: Away) -> None:
    room = away.rooms["shredder"]
    async with stage.control.hold_google():
        await stage.wait_for_answer(await asked(stage, room), "Accepted")
        status = await stage.wait_for_message(room, "generating")
        await stage.control.delete_message("Cem", status["id"])
    clip = await away.clip(room)
    assert clip["id"] != status["id"]
    assert len(await away.messages(room)) == 1
    await stage.wait_for_answer(await stage.press_button(clip, "Details"), "Prompt:")


async def test_a_failure_is_told_in_the_answer_and_can_be_tried_again(
    stage: BotStage, away: Away
) -> None:
    room = away.rooms["shelf"]
    before = len(await away.messages(room))
    await stage.control.google(outcome="failed")
    await stage.wait_for_answer(await asked(stage, room), "Accepted")
    told = await stage.wait_for_message(room, "its generation failed")
    await stage.control.google(outcome="done")
    await stage.wait_for_answer(await stage.press_button(told, "Try again"), "Accepted")
    await away.clip(room, count=3)
    assert len(await away.messages(room)) == before + 2


async def test_interaction_token_is_never_readable(stage: BotStage) -> None:
    """Last of those that share the stage: everything they wrote is looked through."""
    sent = await stage.control.requests(path=r"/webhooks/\d+/")
    tokens = {each["path"].split("/webhooks/")[1].split("/")[1].split("?")[0] for each in sent}
    assert len(tokens) > 5
    said = stage.bot.read_log()
    data = Path(stage.bot.log).parent / "data"
    kept = b"".join(path.read_bytes() for path in data.glob("clapper.db*"))
    for token in tokens:
        assert token not in said
        assert token.encode() not in kept

    async def forgotten() -> bool:
        with sqlite3.connect(f"file:{data / 'clapper.db'}?mode=ro", uri=True) as database:
            rows = database.execute("SELECT count(visit_message_id), count(visit_token) FROM jobs")
            visits, sealed = rows.fetchone()
        return bool(visits > 5 and sealed == 0)

    await stage.wait_until(forgotten, "every token going with its job, once all is said")


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[BotStage]:
    """Return a stage of its own, for tests that kill and that turn the clock."""
    sandbox, bot = await open_stage(tmp_path)
    try:
        await bot.start()
        stage = BotStage(sandbox, bot)
        await stage.load_world()
        yield stage
    finally:
        await bot.close()
        await sandbox.close()


@pytest.mark.asyncio(loop_scope="function")
async def test_killed_while_google_works_the_same_answer_becomes_the_clip(own: BotStage) -> None:
    away = await arranged(own)
    async with own.control.hold_google():
        await own.wait_for_answer(await asked(own, away.room), "Accepted")
        status = await own.wait_for_message(away.room, "generating")
        await own.control.wait_request(r"/operations/")
        await own.bot.restart()
    clip = await away.clip(away.room)
    assert clip["id"] == status["id"]
    # killed between the post and its record: the answer is looked at, and holds the clip
    async with own.control.hold_google():
        seen = (await own.control.requests())[-1]["n"]
        await own.wait_for_answer(await own.press_button(clip, "Redo"), "Accepted")
        await own.control.wait_request(r"/operations/", after=seen)
        webhooks = {"path": r"/webhooks/", "times": None}
        await own.control.fault("discord", method="PATCH", drop="after", **webhooks)
        await own.control.fault("discord", method="GET", drop="before", **webhooks)
    await away.clip(away.room, count=2)
    await own.bot.kill_and_wait()
    await own.control.clear_faults()
    seen = (await own.control.requests())[-1]["n"]
    await own.bot.start()
    await own.control.wait_request(r"/webhooks/.*/messages/", after=seen, method="GET")

    async def recorded() -> bool:
        data = Path(own.bot.log).parent / "data" / "clapper.db"
        with sqlite3.connect(f"file:{data}?mode=ro", uri=True) as database:
            (count,) = database.execute(
                "SELECT count(*) FROM jobs WHERE state = 'done' AND outcome = 'delivered'"
                " AND posted_message_id = visit_message_id AND owner IS NULL"
            ).fetchone()
        return int(count) == 2

    await own.wait_until(recorded, "both jobs being recorded as delivered")
    uploads = await own.control.requests(path=r"/webhooks/.*/messages/", method="PATCH", after=seen)
    assert uploads == []
    assert len(await away.messages(away.room)) == 2
    assert len(await own.list_submits()) == 2


@pytest.mark.asyncio(loop_scope="function")
async def test_a_clip_that_comes_too_late_for_the_token_is_kept_and_told(own: BotStage) -> None:
    away = await arranged(own)
    async with own.control.hold_google():
        await own.wait_for_answer(await asked(own, away.room, "a slow snail"), "Accepted")
        await own.wait_for_message(away.room, "generating")
        await own.control.advance(16 * 60)
    told = await own.wait_for_message("@Ada", "The clip is made and kept")
    assert "/video get" in text_of(told)
    room = away.room
    get = await own.control.autocomplete(
        own.people["Ada"], room, "video get", {"clip": "snail"}, "clip"
    )
    fetched = await own.control.command(
        own.people["Ada"], room, "video get", {"clip": get[0]["value"]}
    )
    await own.wait_for_answer(fetched, "posted again")
    await away.clip(room)

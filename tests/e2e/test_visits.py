"""The bot as a guest: a member has brought it along to where it is not installed."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.stage import FAST, Json, Stage, buttons_of, open_stage, text_of
from tests.harness.people import ControlRefused

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT_SETTINGS = {
    "DEFAULT_SERVER_USD_PER_DAY": "0.01",  # no server of ours: its budget must not count
    "DEFAULT_MEMBER_CLIPS_PER_DAY": "30",
}


class Away:
    """A server without the bot, where Ada has it with her."""

    def __init__(self, stage: Stage, guild: Json) -> None:
        self.stage = stage
        self.guild = guild["id"]
        self.rooms = {each["name"]: each["id"] for each in guild["channels"]}
        self.room = self.rooms["lounge"]

    async def clip(self, room: str, *, count: int = 1) -> Json:
        """Wait for the clip in a room and return its message."""
        return await self.stage.clip_in(room, count)

    async def messages(self, room: str) -> list[Json]:
        """Return what everybody sees."""
        return await self.stage.control.messages(room)


async def arranged(stage: Stage, name: str = "Elsewhere") -> Away:
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
async def away(stage: Stage) -> AsyncIterator[Away]:
    yield await arranged(stage)


async def asked(stage: Stage, room: str, prompt: str = "a red fox", **options: object) -> str:
    return await stage.control.command(
        stage.people["Ada"], room, "video generate", {"prompt": prompt, **FAST, **options}
    )


async def test_the_answer_becomes_the_status_and_then_the_clip(stage: Stage, away: Away) -> None:
    async with stage.control.google_at_work():
        interaction = await asked(stage, away.room)
        note = await stage.told(interaction, "Accepted as job")
        assert "$0.40" in note
        status = await stage.said_in(away.room, "Discord lets me write here until")
    clip = await away.clip(away.room)
    assert clip["id"] == status["id"]
    assert {"Extend", "Redo", "Edit prompt", "Details", "Delete"} == set(buttons_of(clip))
    messages = await away.messages(away.room)
    assert [m["id"] for m in messages] == [clip["id"]]  # one message, and nothing beside it
    sent = await stage.control.requests(method="POST", path=rf"/channels/{away.room}/messages")
    assert sent == []


async def test_every_button_works_for_whoever_presses_it(stage: Stage, away: Away) -> None:
    room = away.rooms["lounge"]
    before = len(await away.messages(room))
    await stage.told(await asked(stage, room, "a grey heron"), "Accepted")
    first = await away.clip(room, count=before + 1)
    opened = await stage.press(first, "Extend", "Dia")
    await stage.told(await stage.submit(opened, "it flies", "Dia"), "Accepted")
    longer = await away.clip(room, count=before + 2)
    assert f"<@{stage.people['Dia']}>" in text_of(longer)
    await stage.told(await stage.press(longer, "Redo"), "Accepted")
    await away.clip(room, count=before + 3)
    opened = await stage.press(first, "Edit prompt")
    await stage.told(await stage.submit(opened, "a blue heron"), "Accepted")
    edited = await away.clip(room, count=before + 4)
    assert "a blue heron" in text_of(edited)
    assert "**Seed:**" in await stage.told(await stage.press(edited, "Details"), "Seed:")
    refused = await stage.told(await stage.press(edited, "Delete", "Cem"))
    assert "Only the person who asked" in refused  # nobody moderates where the bot is a guest
    await stage.told(await stage.press(edited, "Delete"), "deleted")
    assert edited["id"] not in [m["id"] for m in await away.messages(room)]
    menu = await stage.control.context_menu(stage.people["Ada"], "Extend this clip", first["id"])
    await stage.told(await stage.submit(menu, "it lands"), "Accepted")
    await away.clip(room, count=before + 4)


async def test_what_is_refused_leaves_nothing_behind_and_a_yes_makes_the_clip(
    stage: Stage, away: Away
) -> None:
    room = away.rooms["quiet"]
    interaction = await asked(stage, room, resolution="1080p")
    assert "8 s only" in await stage.told(interaction, "This would work")
    assert await away.messages(room) == []  # only Ada sees the question
    pressed = await stage.press_answer(interaction, "Make this one")
    await stage.told(pressed, "Accepted as job")
    clip = await away.clip(room)
    assert "1920×1080" in text_of(clip)
    assert [m["id"] for m in await away.messages(room)] == [clip["id"]]


async def test_no_budget_of_that_server_but_the_members_own_limit(stage: Stage, away: Away) -> None:
    home = await stage.room()
    # at home one cent is less than any clip
    await stage.told(await stage.generate(home), "this server's limit")
    shown = await stage.control.command(stage.people["Ada"], away.room, "quota show")
    left = await stage.told(shown, "What is left")
    assert "clips a day" in left
    assert "This server" not in left


async def test_an_age_restricted_channel_shows_adults_only_there_too(
    stage: Stage, away: Away
) -> None:
    room = away.rooms["late"]
    await stage.told(await asked(stage, room), "adults only")
    await stage.told(await asked(stage, room, model="veo-2.0-generate-001", duration=5), "Accepted")
    await away.clip(room)
    sent = (await stage.submits())[-1]["json"]["parameters"]
    assert sent["personGeneration"] == "allow_adult"


async def test_where_other_apps_may_not_speak_only_the_person_sees_it(
    stage: Stage, away: Away
) -> None:
    room, ada = away.rooms["strict"], stage.people["Ada"]
    await stage.told(await asked(stage, room), "Accepted")

    async def seen() -> bool:
        return bool(
            [
                m
                for m in await stage.control.messages(room, seen_by=ada)
                if "Extend" in buttons_of(m)
            ]
        )

    await stage.eventually(seen, "the clip for Ada's eyes")
    assert await away.messages(room) == []


async def test_group_conversations_and_direct_messages(stage: Stage, away: Away) -> None:
    people = [stage.people["Ada"], stage.people["Cem"]]
    made = await stage.control.call("POST", "channels", {"name": "us", "members": people})
    group = made["channel"]["id"]
    await stage.told(await asked(stage, group, "a quiet lake"), "Accepted")
    clip = await away.clip(group)
    opened = await stage.press(clip, "Extend", "Cem")
    await stage.told(await stage.submit(opened, "a swan lands", "Cem"), "Accepted")
    await away.clip(group, count=2)
    # with the bot itself people talk as ever: ordinary messages, and a reply extends
    direct = "@Ada"
    await stage.told(await asked(stage, direct, "a small boat"), "Accepted")
    boat = await away.clip(direct)
    await stage.control.message(stage.people["Ada"], direct, "it sails", reply_to=boat["id"])
    await away.clip(direct, count=2)


async def test_clips_are_found_and_fetched_from_anywhere(stage: Stage, away: Away) -> None:
    room, ada = away.rooms["shelf"], stage.people["Ada"]
    await stage.told(await asked(stage, room, "a paper crane"), "Accepted")
    clip = await away.clip(room)
    number = buttons_of(clip)["Extend"].rpartition(":")[2]
    history = await stage.told(
        await stage.control.command(ada, room, "video history"), "a paper crane"
    )
    assert f"#{number}" in history
    await stage.told(await stage.control.command(ada, room, "video jobs"), "Nothing of yours")
    models = await stage.told(await stage.control.command(ada, room, "video models"), "Veo 3.1")
    assert "$0.40" in models
    choices = await stage.control.autocomplete(ada, room, "video get", {"clip": "crane"}, "clip")
    assert [choice["value"] for choice in choices] == [number]
    get = await stage.control.command(ada, room, "video get", {"clip": number})
    await stage.told(get, "posted again")
    copy = await away.clip(room, count=2)
    assert copy["id"] != clip["id"]
    # the copy's buttons name the same clip and the same job
    assert "paper crane" in await stage.told(await stage.press(copy, "Details"), "Prompt:")


async def test_what_belongs_to_a_server_is_not_offered(stage: Stage, away: Away) -> None:
    for command in ("server usage", "showcase top"):
        with pytest.raises(ControlRefused) as refused:
            await stage.control.command("Cem", away.room, command)
        assert refused.value.status == 409


async def test_an_answer_that_was_deleted_is_written_anew_once(stage: Stage, away: Away) -> None:
    room = away.rooms["shredder"]
    async with stage.control.google_at_work():
        await stage.told(await asked(stage, room), "Accepted")
        status = await stage.said_in(room, "generating")
        await stage.control.delete_message("Cem", status["id"])
    clip = await away.clip(room)
    assert clip["id"] != status["id"]
    assert len(await away.messages(room)) == 1
    await stage.told(await stage.press(clip, "Details"), "Prompt:")


async def test_a_failure_is_told_in_the_answer_and_can_be_tried_again(
    stage: Stage, away: Away
) -> None:
    room = away.rooms["shelf"]
    before = len(await away.messages(room))
    await stage.control.google(outcome="failed")
    await stage.told(await asked(stage, room), "Accepted")
    told = await stage.said_in(room, "its generation failed")
    await stage.control.google(outcome="done")
    await stage.told(await stage.press(told, "Try again"), "Accepted")
    await away.clip(room, count=3)
    assert len(await away.messages(room)) == before + 2


async def test_a_token_is_nowhere_to_be_read(stage: Stage) -> None:
    """Last of those that share the stage: everything they wrote is looked through."""
    sent = await stage.control.requests(path=r"/webhooks/\d+/")
    tokens = {each["path"].split("/webhooks/")[1].split("/")[1].split("?")[0] for each in sent}
    assert len(tokens) > 5
    said = stage.bot.said()
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

    await stage.eventually(forgotten, "every token going with its job, once all is said")


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[Stage]:
    """Return a stage of its own, for tests that kill and that turn the clock."""
    sandbox, bot = await open_stage(tmp_path)
    try:
        await bot.start()
        stage = Stage(sandbox, bot)
        await stage.look()
        yield stage
    finally:
        await bot.close()
        await sandbox.close()


@pytest.mark.asyncio(loop_scope="function")
async def test_killed_while_google_works_the_same_answer_becomes_the_clip(own: Stage) -> None:
    away = await arranged(own)
    async with own.control.google_at_work():
        await own.told(await asked(own, away.room), "Accepted")
        status = await own.said_in(away.room, "generating")
        await own.control.wait_request(r"/operations/")
        await own.bot.restart()
    clip = await away.clip(away.room)
    assert clip["id"] == status["id"]
    # killed between the post and its record: the answer is looked at, and holds the clip
    async with own.control.google_at_work():
        seen = (await own.control.requests())[-1]["n"]
        await own.told(await own.press(clip, "Redo"), "Accepted")
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

    await own.eventually(recorded, "both jobs being recorded as delivered")
    uploads = await own.control.requests(path=r"/webhooks/.*/messages/", method="PATCH", after=seen)
    assert uploads == []
    assert len(await away.messages(away.room)) == 2
    assert len(await own.submits()) == 2


@pytest.mark.asyncio(loop_scope="function")
async def test_a_clip_that_comes_too_late_for_the_token_is_kept_and_told(own: Stage) -> None:
    away = await arranged(own)
    async with own.control.google_at_work():
        await own.told(await asked(own, away.room, "a slow snail"), "Accepted")
        await own.said_in(away.room, "generating")
        await own.control.advance(16 * 60)
    told = await own.said_in("@Ada", "The clip is made and kept")
    assert "/video get" in text_of(told)
    room = away.room
    get = await own.control.autocomplete(
        own.people["Ada"], room, "video get", {"clip": "snail"}, "clip"
    )
    fetched = await own.control.command(
        own.people["Ada"], room, "video get", {"clip": get[0]["value"]}
    )
    await own.told(fetched, "posted again")
    await away.clip(room)

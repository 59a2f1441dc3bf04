"""Members use the bot through a user install, in servers without the bot."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.stage import SHORT_CLIP, BotStage, Json, buttons_of, clip_number_of, text_of
from tests.harness.people import ControlRefused
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT_SETTINGS = {
    "DEFAULT_SERVER_USD_PER_DAY": "0.01",  # must not apply to servers without the bot
    "DEFAULT_MEMBER_CLIPS_PER_DAY": "30",
}


class ForeignGuild:
    """A server without the bot, where Ada uses her user install."""

    def __init__(self, stage: BotStage, guild: Json) -> None:
        self.stage = stage
        self.guild = guild["id"]
        self.rooms = {channel["name"]: channel["id"] for channel in guild["channels"]}
        self.room = self.rooms["lounge"]

    async def clip(self, room: str, *, count: int = 1) -> Json:
        """Wait for the ``count``-th clip in a channel and return its message."""
        return await self.stage.wait_for_clip(room, count)

    async def messages(self, room: str) -> list[Json]:
        """Return the messages that everyone sees."""
        return await self.stage.control.messages(room)


async def create_foreign_guild(stage: BotStage, name: str = "Elsewhere") -> ForeignGuild:
    """Create a server without the bot and install the app for Ada."""
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
    return ForeignGuild(stage, guild)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def away(stage: BotStage) -> AsyncIterator[ForeignGuild]:
    yield await create_foreign_guild(stage)


async def request_clip_at(
    stage: BotStage, room: str, prompt: str = "a red fox", **options: object
) -> str:
    return await stage.control.command(
        stage.people["Ada"], room, "video generate", {"prompt": prompt, **SHORT_CLIP, **options}
    )


async def test_reply_becomes_status_and_clip(stage: BotStage, away: ForeignGuild) -> None:
    async with stage.control.hold_google():
        interaction = await request_clip_at(stage, away.room)
        answer = await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
        assert "$0.40" in answer
        status = await stage.wait_for_message(away.room, quote_text("status.visit"))
    clip = await away.clip(away.room)
    assert clip["id"] == status["id"]
    assert {
        quote_text("button.takes"),
        quote_text("button.extend"),
        quote_text("button.edit_clip"),
        quote_text("button.redo"),
        quote_text("button.reword"),
        quote_text("button.upright"),
        quote_text("button.details"),
        quote_text("button.delete"),
    } == set(buttons_of(clip))
    messages = await away.messages(away.room)
    assert [m["id"] for m in messages] == [clip["id"]]  # one message only
    sent = await stage.control.requests(method="POST", path=rf"/channels/{away.room}/messages")
    assert sent == []


async def test_a_lost_answer_to_the_reply_still_makes_it_the_clip(stage: BotStage) -> None:
    """Discord accepted the reply but its id was lost, so the bot asks for it. [discord-D02]"""
    away = await create_foreign_guild(stage, "Far away")
    await stage.control.fault("discord", method="POST", path="/callback", drop="after")
    interaction = await request_clip_at(stage, away.room)
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    await away.clip(away.room)
    assert len(await away.messages(away.room)) == 1


async def test_buttons_work_for_every_member(stage: BotStage, away: ForeignGuild) -> None:
    room = away.rooms["lounge"]
    before = len(await away.messages(room))
    await stage.wait_for_answer(
        await request_clip_at(stage, room, "a grey heron"), quote_text("ask.accepted")
    )
    first = await away.clip(room, count=before + 1)
    opened = await stage.press_button(first, quote_text("button.extend"), "Dia")
    await stage.wait_for_answer(
        await stage.submit_form(opened, "it flies", "Dia"), quote_text("ask.accepted")
    )
    extension = await away.clip(room, count=before + 2)
    assert f"<@{stage.people['Dia']}>" in text_of(extension)
    await stage.wait_for_answer(
        await stage.press_button(extension, quote_text("button.redo")), quote_text("ask.accepted")
    )
    await away.clip(room, count=before + 3)
    opened = await stage.press_button(first, quote_text("button.reword"))
    await stage.wait_for_answer(
        await stage.submit_form(opened, "a blue heron"), quote_text("ask.accepted")
    )
    edited = await away.clip(room, count=before + 4)
    assert "a blue heron" in text_of(edited)
    seed = f"**{quote_text('details.seed')}**"
    await stage.wait_for_answer(
        await stage.press_button(edited, quote_text("button.details")), seed
    )
    refused = await stage.wait_for_answer(
        await stage.press_button(edited, quote_text("button.delete"), "Cem")
    )
    # no moderators without the bot in the server
    assert quote_text("not_allowed.delete") in refused
    await stage.delete_clip(edited)
    assert edited["id"] not in [m["id"] for m in await away.messages(room)]
    menu = await stage.control.context_menu(
        stage.people["Ada"], quote_text("menu.extend"), first["id"]
    )
    await stage.wait_for_answer(
        await stage.submit_form(menu, "it lands"), quote_text("ask.accepted")
    )
    await away.clip(room, count=before + 4)


async def test_refusal_leaves_nothing_and_confirmation_makes_clip(
    stage: BotStage, away: ForeignGuild
) -> None:
    room = away.rooms["quiet"]
    interaction = await request_clip_at(stage, room, resolution="1080p")
    assert "8 s" in await stage.wait_for_answer(interaction, quote_text("ask.nearest"))
    assert await away.messages(room) == []  # only Ada sees the confirmation
    pressed = await stage.press_answer(interaction, quote_text("button.nearest"))
    await stage.wait_for_answer(pressed, quote_text("ask.accepted"))
    clip = await away.clip(room)
    assert quote_text("button.ultra_hd") in buttons_of(clip)  # the next after 1080p
    assert [m["id"] for m in await away.messages(room)] == [clip["id"]]


async def test_user_install_uses_member_limit_not_server_budget(
    stage: BotStage, away: ForeignGuild
) -> None:
    home = await stage.open_channel()
    # one cent, less than any clip costs
    await stage.wait_for_answer(await stage.request_clip(home), quote_text("scope.guild"))
    interaction = await stage.control.command(stage.people["Ada"], away.room, "quota show")
    text = await stage.wait_for_answer(interaction, quote_text("quota.title"))
    assert quote_text("quota.name.clips_per_day") in text
    assert quote_text("quota.scope.guild") not in text


async def test_age_restricted_channel_prefers_adults_and_costs_no_more(
    stage: BotStage, away: ForeignGuild
) -> None:
    room = away.rooms["late"]
    await stage.wait_for_answer(await request_clip_at(stage, room), "$0.40")
    await away.clip(room)
    assert "personGeneration" not in (await stage.list_submits())[-1]["json"]["parameters"]
    asked = await request_clip_at(stage, room, model="veo-2.0-generate-001", duration=5)
    await stage.wait_for_answer(asked, quote_text("ask.accepted"))
    await away.clip(room, count=2)
    sent = (await stage.list_submits())[-1]["json"]["parameters"]
    assert sent["personGeneration"] == "allow_adult"


async def test_reply_is_private_without_external_apps(stage: BotStage, away: ForeignGuild) -> None:
    room, ada = away.rooms["strict"], stage.people["Ada"]
    await stage.wait_for_answer(await request_clip_at(stage, room), quote_text("ask.accepted"))

    async def is_visible() -> bool:
        return bool(
            [
                m
                for m in await stage.control.messages(room, seen_by=ada)
                if quote_text("button.extend") in buttons_of(m)
            ]
        )

    await stage.wait_until(is_visible, "Ada seeing the clip")
    assert await away.messages(room) == []


async def test_group_conversations_and_direct_messages(stage: BotStage, away: ForeignGuild) -> None:
    people = [stage.people["Ada"], stage.people["Cem"]]
    answer = await stage.control.call("POST", "channels", {"name": "us", "members": people})
    group = answer["channel"]["id"]
    await stage.wait_for_answer(
        await request_clip_at(stage, group, "a quiet lake"), quote_text("ask.accepted")
    )
    clip = await away.clip(group)
    opened = await stage.press_button(clip, quote_text("button.extend"), "Cem")
    await stage.wait_for_answer(
        await stage.submit_form(opened, "a swan lands", "Cem"), quote_text("ask.accepted")
    )
    await away.clip(group, count=2)
    # direct messages with the bot are ordinary messages, and a reply extends
    direct = "@Ada"
    await stage.wait_for_answer(
        await request_clip_at(stage, direct, "a small boat"), quote_text("ask.accepted")
    )
    boat = await away.clip(direct)
    await stage.control.message(
        stage.people["Ada"], direct, "it sails to the sea", reply_to=boat["id"]
    )
    await away.clip(direct, count=2)


async def test_clips_are_found_outside_their_server(stage: BotStage, away: ForeignGuild) -> None:
    room, ada = away.rooms["shelf"], stage.people["Ada"]
    await stage.wait_for_answer(
        await request_clip_at(stage, room, "a paper crane"), quote_text("ask.accepted")
    )
    clip = await away.clip(room)
    number = clip_number_of(clip)
    history = await stage.wait_for_answer(
        await stage.control.command(ada, room, "video history"), "a paper crane"
    )
    assert f"#{number}" in history
    await stage.wait_for_answer(
        await stage.control.command(ada, room, "video jobs"), quote_text("jobs.none")
    )
    models = await stage.wait_for_answer(
        await stage.control.command(ada, room, "video models"), "Veo 3.1"
    )
    assert "$0.40" in models
    choices = await stage.control.autocomplete(ada, room, "video get", {"clip": "crane"}, "clip")
    assert [choice["value"] for choice in choices] == [number]
    repost = await stage.control.command(ada, room, "video get", {"clip": number})
    await stage.wait_for_answer(repost, quote_text("get.done"))
    copy = await away.clip(room, count=2)
    assert copy["id"] != clip["id"]
    # the copy's buttons name the same clip and the same job
    assert "paper crane" in await stage.wait_for_answer(
        await stage.press_button(copy, quote_text("button.details")), quote_text("details.prompt")
    )


async def test_server_commands_are_not_available(stage: BotStage, away: ForeignGuild) -> None:
    for command in ("server usage", "showcase top"):
        with pytest.raises(ControlRefused) as refused:
            await stage.control.command("Cem", away.room, command)
        assert refused.value.status == 409


async def test_deleted_reply_is_rewritten_once(stage: BotStage, away: ForeignGuild) -> None:
    room = away.rooms["shredder"]
    async with stage.control.hold_google():
        await stage.wait_for_answer(await request_clip_at(stage, room), quote_text("ask.accepted"))
        status = await stage.wait_for_message(room, quote_text("stage.polling"))
        await stage.control.delete_message("Cem", status["id"])
    clip = await away.clip(room)
    assert clip["id"] != status["id"]
    assert len(await away.messages(room)) == 1
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.details")), quote_text("details.prompt")
    )


async def test_failure_is_shown_in_reply_and_can_be_retried(
    stage: BotStage, away: ForeignGuild
) -> None:
    room = away.rooms["shelf"]
    before = len(await away.messages(room))
    await stage.control.google(outcome="failed")
    await stage.wait_for_answer(await request_clip_at(stage, room), quote_text("ask.accepted"))
    message = await stage.wait_for_message(room, quote_text("outcome.operation_failed"))
    await stage.control.google(outcome="done")
    await stage.wait_for_answer(
        await stage.press_button(message, quote_text("button.retry")), quote_text("ask.accepted")
    )
    await away.clip(room, count=3)
    assert len(await away.messages(room)) == before + 2


async def test_interaction_token_is_never_readable(stage: BotStage) -> None:
    """The last test on the shared stage: it searches everything that was written."""
    requests = await stage.control.requests(path=r"/webhooks/\d+/")
    tokens = {
        request["path"].split("/webhooks/")[1].split("/")[1].split("?")[0] for request in requests
    }
    assert len(tokens) > 5
    log = stage.bot.read_log()
    data = Path(stage.bot.log).parent / "data"
    stored = b"".join(path.read_bytes() for path in data.glob("clapper.db*"))
    for token in tokens:
        assert token not in log
        assert token.encode() not in stored

    async def is_erased() -> bool:
        with sqlite3.connect(f"file:{data / 'clapper.db'}?mode=ro", uri=True) as database:
            rows = database.execute("SELECT count(reply_message_id), count(reply_token) FROM jobs")
            visits, sealed = rows.fetchone()
        return bool(visits > 5 and sealed == 0)

    await stage.wait_until(is_erased, "every token being erased after its job")


@pytest.mark.asyncio(loop_scope="function")
async def test_kill_while_polling_completes_same_reply(
    fresh_stage: BotStage,
) -> None:
    away = await create_foreign_guild(fresh_stage)
    async with fresh_stage.control.hold_google():
        await fresh_stage.wait_for_answer(
            await request_clip_at(fresh_stage, away.room), quote_text("ask.accepted")
        )
        status = await fresh_stage.wait_for_message(away.room, quote_text("stage.polling"))
        await fresh_stage.control.wait_request(r"/operations/")
        await fresh_stage.bot.restart()
    clip = await away.clip(away.room)
    assert clip["id"] == status["id"]
    # killed between the post and its record: the reply is checked and has the clip
    async with fresh_stage.control.hold_google():
        last_request = (await fresh_stage.control.requests())[-1]["n"]
        await fresh_stage.wait_for_answer(
            await fresh_stage.press_button(clip, quote_text("button.redo")),
            quote_text("ask.accepted"),
        )
        await fresh_stage.control.wait_request(r"/operations/", after=last_request)
        webhooks = {"path": r"/webhooks/", "times": None}
        await fresh_stage.control.fault("discord", method="PATCH", drop="after", **webhooks)
        await fresh_stage.control.fault("discord", method="GET", drop="before", **webhooks)
    await away.clip(away.room, count=2)
    await fresh_stage.bot.kill_and_wait()
    await fresh_stage.control.clear_faults()
    last_request = (await fresh_stage.control.requests())[-1]["n"]
    await fresh_stage.bot.start()
    await fresh_stage.control.wait_request(
        r"/webhooks/.*/messages/", after=last_request, method="GET"
    )

    async def is_recorded() -> bool:
        data = Path(fresh_stage.bot.log).parent / "data" / "clapper.db"
        with sqlite3.connect(f"file:{data}?mode=ro", uri=True) as database:
            (count,) = database.execute(
                "SELECT count(*) FROM jobs WHERE state = 'done' AND outcome = 'delivered'"
                " AND posted_message_id = reply_message_id AND owner IS NULL"
            ).fetchone()
        return int(count) == 2

    await fresh_stage.wait_until(is_recorded, "both jobs being recorded as delivered")
    uploads = await fresh_stage.control.requests(
        path=r"/webhooks/.*/messages/", method="PATCH", after=last_request
    )
    assert uploads == []
    assert len(await away.messages(away.room)) == 2
    assert len(await fresh_stage.list_submits()) == 2


@pytest.mark.asyncio(loop_scope="function")
async def test_clip_after_token_expiry_is_kept_and_announced(
    fresh_stage: BotStage,
) -> None:
    away = await create_foreign_guild(fresh_stage)
    async with fresh_stage.control.hold_google():
        await fresh_stage.wait_for_answer(
            await request_clip_at(fresh_stage, away.room, "a slow snail"),
            quote_text("ask.accepted"),
        )
        await fresh_stage.wait_for_message(away.room, quote_text("stage.polling"))
        await fresh_stage.control.advance(16 * 60)
    message = await fresh_stage.wait_for_message("@Ada", quote_text("outcome.delivery_failed"))
    assert "/video get" in text_of(message)
    room = away.room
    choices = await fresh_stage.control.autocomplete(
        fresh_stage.people["Ada"], room, "video get", {"clip": "snail"}, "clip"
    )
    repost = await fresh_stage.control.command(
        fresh_stage.people["Ada"], room, "video get", {"clip": choices[0]["value"]}
    )
    await fresh_stage.wait_for_answer(repost, quote_text("get.done"))
    await away.clip(room)

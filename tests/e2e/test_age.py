"""Age-restricted channels only: by a server's choice, and by the operator's."""

from pathlib import Path

import pytest

from tests.e2e.omni import ON_BOTH_DATABASES
from tests.e2e.stage import BotStage, clip_number_of, run_two_processes
from tests.harness.people import ControlRefused
from tests.harness.texts import quote_text
from tests.harness.waiting import stretch_timeout

pytestmark = pytest.mark.asyncio(loop_scope="module")
BOT_SETTINGS = {"REPLY_UNDO_S": f"{stretch_timeout(10):.0f}"}
"""Seconds in which a busy machine too shows that a reply can be undone."""


async def run_admin(stage: BotStage, room: str, command: str, **options: object) -> str:
    """Give an admin's command and return its answer."""
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.wait_for_answer(asked)


async def mention_bot(stage: BotStage, room: str, words: str) -> None:
    me = (await stage.control.world())["application"]["id"]
    mention = "" if room.startswith("@") else f"<@{me}> "
    await stage.control.message(stage.people["Cem"], room, mention + words)


async def assert_privacy_and_help_work(stage: BotStage, room: str, rule: str) -> None:
    """``rule`` is what the help has to say."""
    kept = await stage.control.command(stage.people["Cem"], room, "privacy show", {})
    await stage.wait_for_answer(kept, quote_text("privacy.kept"))
    helped = await stage.control.command("Cem", room, "help", {})
    await stage.wait_for_answer(helped, rule)


@ON_BOTH_DATABASES
async def test_a_servers_choice_refuses_every_way_and_delivers_what_is_queued(
    stage: BotStage,
) -> None:
    await choose_age(stage)


@pytest.mark.postgresql
async def test_two_processes_know_a_servers_choice_at_once(tmp_path: Path) -> None:
    """Each event reaches both, and either may answer it, whichever took the admin's command."""
    async with run_two_processes(tmp_path, **BOT_SETTINGS) as (stage, second, _):
        await choose_age(stage)
        for process in (stage.bot, second):
            log = process.read_log()
            assert "Traceback" not in log, log[-4000:]


async def choose_age(stage: BotStage) -> None:
    """Threads follow their channel; members keep what is theirs. Settings are in the log."""
    room = await stage.open_channel()
    adults = await stage.open_channel(nsfw=True)
    clip = await stage.make_clip(room, user="Cem")
    await run_admin(stage, room, "confirm", above=0)
    offer = await stage.request_clip(room, "a blue fox", user="Cem")
    await stage.wait_for_answer(offer, quote_text("ask.confirm"))
    await run_admin(stage, room, "confirm", never=True)
    # held back for the undo time, so it is in the queue
    await stage.control.message(
        stage.people["Cem"], room, "the fox jumps over the fence", reply_to=clip["id"]
    )
    await stage.wait_for_message(room, quote_text("stage.undo"))
    said = await run_admin(stage, room, "age", restricted=True)
    assert quote_text("server.age.restricted") in said
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    before = len(await stage.list_submits())

    told = quote_text("not_allowed.age_server")
    accepted = await stage.press_answer(offer, quote_text("button.accept"), "Cem")
    await stage.wait_for_answer(accepted, told)
    await stage.wait_for_answer(await stage.request_clip(room, user="Cem"), told)
    redone = await stage.press_button(clip, quote_text("button.redo"), "Cem")
    await stage.wait_for_answer(redone, told)
    form = await stage.control.context_menu("Cem", quote_text("menu.extend"), clip["id"])
    await stage.wait_for_answer(await stage.submit_form(form, "then it naps", "Cem"), told)
    seen = {each["id"] for each in await stage.control.messages(room)}
    await stage.control.message(
        stage.people["Cem"], room, "then it sleeps on the roof", reply_to=clip["id"]
    )
    await stage.wait_for_message(room, told)
    await mention_bot(stage, room, "two foxes dance on the roof")
    await stage.wait_until(
        lambda: count_refusals(stage, room, told, at_least=2), "the mention being refused"
    )
    new = [each for each in await stage.control.messages(room) if each["id"] not in seen]
    assert len(new) == 4, "two messages and their refusals"
    assert len(await stage.list_submits()) == before

    await stage.request_clip(adults, user="Cem")
    await stage.wait_for_clip(adults)
    thread = await stage.control.thread("Cem", "At night", channel=adults)
    await stage.request_clip(thread, user="Cem")
    await stage.wait_for_clip(thread)
    await stage.wait_until_idle(thread)
    await assert_privacy_and_help_work(stage, room, quote_text("help.age_server"))
    taken = await stage.control.command("Ada", room, "video get", {"clip": clip_number_of(clip)})
    await stage.wait_for_answer(taken, told)
    got = await stage.control.command("Cem", room, "video get", {"clip": clip_number_of(clip)})
    await stage.wait_for_answer(got, quote_text("get.done"))
    await stage.delete_clip(clip, "Cem")

    asked = await stage.control.command("Ada", room, "server setup", {})
    setup = await stage.control.wait_interaction(
        asked, lambda state: "clapper-set:age" in str(state["messages"])
    )
    chosen = await stage.control.component(
        "Ada", setup["messages"][0]["id"], "clapper-set:age", ["unset"]
    )
    await stage.wait_for_answer(chosen, quote_text("server.age.any"))
    log = await run_admin(stage, room, "log")
    assert quote_text("log.require_age_restriction") in log
    assert quote_text("log.lift_age_restriction") in log
    await stage.wait_for_answer(
        await stage.request_clip(room, user="Cem"), quote_text("ask.accepted")
    )
    await stage.wait_until_idle(room)


async def count_refusals(stage: BotStage, room: str, told: str, *, at_least: int) -> bool:
    found = [each for each in await stage.control.messages(room) if told in str(each)]
    return len(found) >= at_least


@ON_BOTH_DATABASES
async def test_the_operators_choice_leaves_age_restricted_channels_and_direct_commands(
    stage: BotStage,
) -> None:
    """Commands are registered for adults. What is typed in direct messages is refused."""
    room = await stage.open_channel()
    adults = await stage.open_channel(nsfw=True)
    clip = await stage.make_clip(room, user="Cem")
    await stage.bot.terminate(timeout=10)
    stage.bot.environment["ADULTS_ONLY"] = "true"
    await stage.bot.start()

    async def is_registered() -> bool:
        commands = await stage.control.commands()
        everyones = {each["name"] for each in commands if not each["nsfw"]}
        return everyones == {"help", "privacy", "server"}

    await stage.wait_until(is_registered, "the commands being registered for adults")
    before = len(await stage.list_submits())
    for where in (room, "@Cem"):
        with pytest.raises(ControlRefused):
            await stage.request_clip(where, user="Cem")
    redone = await stage.press_button(clip, quote_text("button.redo"), "Cem")
    await stage.wait_for_answer(redone, quote_text("not_allowed.age_operator"))
    await mention_bot(stage, room, "two foxes dance on the roof")
    await stage.wait_for_message(room, quote_text("not_allowed.age_operator"))
    await mention_bot(stage, "@Cem", "two foxes dance on the roof")
    await stage.wait_for_message("@Cem", quote_text("not_allowed.age_direct"))
    assert len(await stage.list_submits()) == before
    assert quote_text("server.age.operator") in await run_admin(stage, room, "age")
    await assert_privacy_and_help_work(stage, room, quote_text("help.age_operator"))
    await stage.delete_clip(clip, "Cem")

    await stage.request_clip(adults, user="Cem")
    await stage.wait_for_clip(adults)
    await stage.control.change_user("Cem", allows_age_restricted=True)
    await stage.request_clip("@Cem", user="Cem")
    await stage.wait_for_clip("@Cem")
    await stage.wait_until_idle("@Cem")

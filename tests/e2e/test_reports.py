"""Reports of clips: from Discord and the gallery, to the staff's channel, and what follows."""

import asyncio
import re
import socket
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from tests.e2e.stage import (
    BotStage,
    buttons_of,
    clip_number_of,
    run_stage,
    run_two_processes,
    text_of,
)
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]


def find_free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


PORT: Final = find_free_port()
GALLERY: Final = f"http://127.0.0.1:{PORT}"
BOT_SETTINGS: Final = {"PUBLIC_URL": GALLERY, "WEB_PORT": str(PORT)}
on_both_databases = pytest.mark.parametrize(
    "stage",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
    indirect=True,
    scope="module",
)


async def run_command(
    stage: BotStage, room: str, command: str, user: str = "Ada", **options: Any
) -> str:
    asked = await stage.control.command(stage.people[user], room, command, options)
    return await stage.wait_for_answer(asked)


async def report_clip(stage: BotStage, clip: Json, user: str) -> str:
    """Press *Details* and *Report*, and return the answer: two taps."""
    details = await stage.press_button(clip, quote_text("button.details"), user)
    pressed = await stage.press_answer(details, quote_text("button.report"), user)
    return await stage.wait_for_answer(pressed)


async def report_post(stage: BotStage, post: Json, user: str) -> str:
    """Press *Report* under a showcase post and in its question, and return the answer."""
    asked = await stage.press_button(post, quote_text("button.ask_report"), user)
    await stage.wait_for_answer(asked, quote_text("report.ask"))
    pressed = await stage.press_answer(asked, quote_text("button.report"), user)
    return await stage.wait_for_answer(pressed)


async def visit(http: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with http.get(f"{GALLERY}{path}") as answer:
        return answer.status, await answer.text()


async def report_as_visitor(number: str) -> tuple[int, str]:
    """Fill in the form of the clip's page, as a browser without JavaScript does."""
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as http:
        path = f"/clips/{number}/report"
        status, page = await visit(http, f"/clips/{number}")
        assert (status, path in page) == (200, True)
        _, form = await visit(http, path)
        found = re.search(r'name="token" value="([0-9a-f]{32})"', form)
        assert found is not None
        async with http.post(f"{GALLERY}{path}", data={"token": found[1]}) as answer:
            return answer.status, await answer.text()


async def is_public(number: str) -> bool:
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
    async with aiohttp.ClientSession(connector=connector) as http:
        return (await visit(http, f"/clips/{number}"))[0] == 200


async def open_showcase(stage: BotStage) -> tuple[Json, str, Json]:
    """Show a clip of Cem's on the web; return its message, its number and its showcase post."""
    showcase, room = await stage.open_channel(), await stage.open_channel()
    await run_command(stage, showcase, "server showcase", channel=showcase, stars=0, public=True)
    clip = await stage.make_clip(room, user="Cem")
    press = await stage.press_button(clip, quote_text("button.showcase"), "Cem")
    number = clip_number_of(clip)
    if quote_text("showcase.public_notice") in await stage.wait_for_answer(press):
        await stage.press_answer(press, quote_text("button.publish"), "Cem")
    await stage.wait_until(lambda: is_public(number), "the clip being on the web")
    withdraw = quote_text("button.withdraw")
    post = await stage.control.wait_message(
        showcase, lambda message: any(withdraw in label for label in buttons_of(message))
    )
    return clip, number, post


async def wait_for_report(stage: BotStage, staff: str, words: str, number: str) -> Json:
    """Wait for the only message about a clip in the staff's channel to have ``words``."""

    async def find_message() -> Json | None:
        about = [each for each in await stage.control.messages(staff) if f"#{number}" in str(each)]
        assert len(about) <= 1, "one message for each clip"
        return about[0] if about and words in text_of(about[0]) else None

    message: Json = await stage.wait_until(find_message, f"a report with {words}")
    return message


def quote_count(count: int) -> str:
    return quote_text("report.count", count=count)


@on_both_databases
async def test_without_a_staff_channel_the_log_has_reports_and_the_owner_is_told_once(
    stage: BotStage,
) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room, user="Cem")
    received = quote_text("report.receipt.received", clip=f"#{clip_number_of(clip)}")
    assert await report_clip(stage, clip, "Dia") == received
    told = quote_text("report.notice.staff_channel")
    await stage.wait_for_message("@Ada", told)
    assert quote_text("log.report.unknown", change="1") in await run_command(
        stage, room, "server log"
    )
    assert await report_clip(stage, clip, "Ada") == received
    staff = await stage.open_channel()
    assert quote_text("server.staff.none") in await run_command(stage, room, "server staff")
    missing = quote_text("server.reports.no_channel")
    assert missing in await run_command(stage, room, "server reports")
    shown = await run_command(stage, room, "server staff", channel=staff)
    assert quote_text("server.staff.set", staff=f"<#{staff}>") in shown
    assert quote_text("server.staff.public", staff=f"<#{staff}>") in shown
    await wait_for_report(stage, staff, quote_count(2), clip_number_of(clip))
    told_where = await run_command(stage, room, "server reports")
    assert quote_text("server.reports.channel", channel=f"<#{staff}>") in told_where
    messages = await stage.control.messages("@Ada")
    assert len([each for each in messages if told in text_of(each)]) == 1


@on_both_databases
async def test_reports_of_members_and_visitors_are_one_message_and_the_staff_hides(
    stage: BotStage,
) -> None:
    staff = await stage.open_channel()
    await run_command(stage, staff, "server staff", channel=staff)
    await run_command(stage, staff, "server reports", hide_after=0)
    clip, number, post = await open_showcase(stage)
    assert quote_text("report.receipt.received") in await report_post(stage, post, "Dia")
    await wait_for_report(stage, staff, quote_count(1), number)
    assert quote_text("report.receipt.again") in await report_clip(stage, clip, "Dia")
    assert quote_text("not_allowed.report_own") in await report_post(stage, post, "Cem")
    status, page = await report_as_visitor(number)
    assert (status, quote_text("report.sent", domain="web") in page) == (200, True)
    _, page = await report_as_visitor(number)
    assert quote_text("report.again", domain="web") in page
    message = await wait_for_report(stage, staff, quote_count(2), number)
    assert await is_public(number)

    refused = await stage.press_button(message, quote_text("button.report_hide"), "Dia")
    await stage.wait_for_answer(refused, quote_text("not_allowed.moderate"))
    refused = await stage.press_button(message, quote_text("button.report_block"), "Dia")
    await stage.wait_for_answer(refused, quote_text("not_allowed.manage"))
    presses = await asyncio.gather(
        stage.press_button(message, quote_text("button.report_hide")),
        stage.press_button(message, quote_text("button.report_dismiss")),
    )
    answers = [await stage.wait_for_answer(pressed) for pressed in presses]
    assert sum(quote_text("report.saved") in answer for answer in answers) == 1
    assert sum(quote_text("report.too_late") in answer for answer in answers) == 1
    if quote_text("report.saved") in answers[0]:
        await stage.wait_for_message("@Cem", quote_text("report.notice.hidden"))
        assert not await is_public(number)
        message = await wait_for_report(stage, staff, quote_text("report.hide"), number)
        assert set(buttons_of(message)) == {
            quote_text(f"button.{action}")
            for action in ("report_delete", "report_block", "report_show")
        }
        shown = await stage.press_button(message, quote_text("button.report_show"))
        await stage.wait_for_answer(shown, quote_text("report.saved"))
        assert quote_text("log.report_hide") in await run_command(stage, staff, "server log")
    message = await wait_for_report(stage, staff, quote_text("report.dismiss"), number)
    assert buttons_of(message) == {}
    await stage.wait_until(lambda: is_public(number), "the clip being shown again")
    log = await run_command(stage, staff, "server log")
    assert quote_text("log.report_dismiss") in log
    assert "Dia" not in log
    assert quote_text("report.receipt.decided") in await report_clip(stage, clip, "Ada")


@on_both_databases
async def test_enough_reports_hide_a_clip_until_the_staff_deletes_it(stage: BotStage) -> None:
    staff = await stage.open_channel()
    await run_command(stage, staff, "server staff", channel=staff)
    said = await run_command(stage, staff, "server reports", hide_after=2)
    assert quote_text("server.reports.limit", count=2) in said
    clip, number, _ = await open_showcase(stage)
    assert quote_text("report.receipt.received") in await report_clip(stage, clip, "Dia")
    assert await is_public(number)
    await report_as_visitor(number)
    hidden = quote_text("report.hidden_by_itself")
    message = await wait_for_report(stage, staff, hidden, number)
    assert not await is_public(number)
    assert quote_text("log.report_limit.unknown", change="2") in await run_command(
        stage, staff, "server log"
    )
    blocked = await stage.press_button(message, quote_text("button.report_block"))
    await stage.wait_for_answer(blocked, quote_text("report.member_blocked"))
    asked = await stage.request_clip(clip["channel_id"], user="Cem")
    await stage.wait_for_answer(asked, quote_text("blocked.still"))
    message = await wait_for_report(stage, staff, quote_text("report.blocked"), number)
    assert quote_text("button.report_block") not in buttons_of(message)
    deleted = await stage.press_button(message, quote_text("button.report_delete"))
    await stage.wait_for_answer(deleted, quote_text("report.saved"))
    told = await stage.wait_for_message("@Cem", quote_text("report.notice.deleted"))
    assert "Dia" not in text_of(told)

    async def is_gone() -> bool:
        left = await stage.control.messages(clip["channel_id"])
        return clip["id"] not in {each["id"] for each in left}

    await stage.wait_until(is_gone, "the clip's message being deleted")
    message = await wait_for_report(stage, staff, quote_text("report.delete"), number)
    assert buttons_of(message) == {}
    log = await run_command(stage, staff, "server log")
    assert quote_text("log.report_delete") in log
    assert quote_text("log.delete") in log
    await run_command(stage, staff, "server unblock", member=stage.people["Cem"])


async def test_a_killed_process_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """Discord takes no message before the process is killed, nor the answer after a decision."""
    async with run_stage(tmp_path) as stage:
        staff, room = await stage.open_channel(), await stage.open_channel()
        await run_command(stage, staff, "server staff", channel=staff)
        clip = await stage.make_clip(room, user="Cem")
        number = clip_number_of(clip)
        fault = {"method": "POST", "path": rf"/channels/{staff}/messages$", "status": 503}
        await stage.control.fault("discord", **fault)
        assert quote_text("report.receipt.received") in await report_clip(stage, clip, "Dia")
        await stage.bot.kill_and_wait()
        await stage.control.clear_faults()
        await stage.bot.start()
        message = await wait_for_report(stage, staff, quote_count(1), number)
        pressed = await stage.press_button(message, quote_text("button.report_hide"))
        await stage.wait_for_answer(pressed, quote_text("report.saved"))
        await stage.bot.kill_and_wait()
        await stage.bot.start()
        await wait_for_report(stage, staff, quote_text("report.hide"), number)
        await stage.wait_for_message("@Cem", quote_text("report.notice.hidden"))
        notices = [
            each
            for each in await stage.control.messages("@Cem")
            if quote_text("report.notice.hidden") in text_of(each)
        ]
        assert len(notices) == 1


@pytest.mark.postgresql
async def test_two_processes_count_and_post_once(tmp_path: Path) -> None:
    async with run_two_processes(tmp_path) as (stage, _, _):
        staff, room = await stage.open_channel(), await stage.open_channel()
        await run_command(stage, staff, "server staff", channel=staff)
        clip = await stage.make_clip(room, user="Cem")
        number = clip_number_of(clip)
        await report_clip(stage, clip, "Dia")
        await report_clip(stage, clip, "Ada")
        message = await wait_for_report(stage, staff, quote_count(2), number)
        pressed = await stage.press_button(message, quote_text("button.report_hide"))
        await stage.wait_for_answer(pressed)
        await wait_for_report(stage, staff, quote_text("report.hide"), number)
        await stage.wait_for_message("@Cem", quote_text("report.notice.hidden"))
        log = await run_command(stage, staff, "server log")
        assert log.count(quote_text("log.report_hide")) == 1

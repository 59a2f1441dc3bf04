"""Showcase rules: the public web, age restriction, consent and deleted channels."""

import re
import socket
from typing import Any, Final

import aiohttp
import pytest

from tests.e2e.stage import BotStage, buttons_of, clip_number_of, clips_of, text_of, video_of
from tests.e2e.test_showcase import open_showcase, run_command, set_stars, wait_for_votes
from tests.harness.texts import quote_pattern, quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


PORT: Final = find_free_port()
GALLERY: Final = f"http://127.0.0.1:{PORT}"
BOT_SETTINGS: Final = {"PUBLIC_URL": GALLERY, "WEB_PORT": str(PORT)}
PLAIN: Final = "look=plain a red fox"
STAR: Final = "⭐"


async def list_public_clips() -> dict[int, Json]:
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
        ) as http,
        http.get(f"{GALLERY}/api/v1/clips") as answer,
    ):
        return {clip["id"]: clip for clip in (await answer.json())["clips"]}


async def showcase_clip(stage: BotStage, clip: Json, user: str) -> str:
    """Press *Showcase*, and *Show it* if the person is asked; return the last answer."""
    press = await stage.press_button(clip, quote_text("button.showcase"), user)
    text = await stage.wait_for_answer(press)
    question = quote_text("showcase.public_notice")
    if question not in text:
        return text
    pressed = await stage.press_answer(press, quote_text("button.publish"), user)

    async def find_answer() -> str | None:
        # a refusal answers the button, anything else takes the question's place
        states = [await stage.control.interaction(each) for each in (press, pressed)]
        texts = [text_of(message) for state in states for message in state["messages"]]
        return next((each for each in texts if each and question not in each), None)

    return str(await stage.wait_until(find_answer, "an answer to Show it"))


async def extend_clip(stage: BotStage, number: str, user: str) -> Json:
    room = await stage.open_channel()
    interaction = await stage.control.command(
        stage.people[user], room, "video extend", {"clip": number, "prompt": "it naps a while"}
    )
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    extension = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    return extension


async def test_showcase_tells_what_goes_on_the_web(stage: BotStage) -> None:
    """Before the first time, with the address that the settings show. [people-M21, people-A12]

    Hiding a prompt also hides the links that lead to it. [people-M26]
    """
    showcase = await open_showcase(stage)
    room = await stage.open_channel()
    text = await run_command(stage, showcase, "server showcase", public=True)
    assert GALLERY in text
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    number = int(clip_number_of(clip))
    press = await stage.press_button(clip, quote_text("button.showcase"), "Cem")
    question = await stage.wait_for_answer(press, quote_text("showcase.public_notice"))
    assert GALLERY in question
    assert "Cem" in question
    assert quote_pattern("showcase.public_notice").search(question)
    assert not clips_of(await stage.control.messages(showcase))
    assert number not in await list_public_clips()

    await stage.press_answer(press, quote_text("button.publish_hidden"), "Cem")
    answer = await stage.wait_for_answer(press, quote_text("showcase.added"))
    assert f"{GALLERY}/clips/{number}" in answer
    post = await wait_for_votes(stage, showcase, 0)
    # nothing links to a hidden prompt, and the bot's own star is there to be clicked
    assert quote_text("button.original") not in str(post["components"])
    assert (await list_public_clips())[number]["prompt"] is None

    await wait_for_own_star(stage, showcase)
    # asked only once in a server; the command and the menu tell the address too
    second = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    again = await run_command(stage, room, "showcase add", "Cem", clip=clip_number_of(second))
    assert f"{GALLERY}/clips/{clip_number_of(second)}" in again
    other = await run_command(stage, room, "showcase choose", "Dia", consent="everyone")
    assert GALLERY in other
    await run_command(stage, room, "showcase choose", "Dia", consent="stars")


async def wait_for_own_star(stage: BotStage, room: str) -> None:
    async def has_own_star() -> bool:
        shown = clips_of(await stage.control.messages(room))[0]
        return any(reaction["me"] for reaction in shown.get("reactions", []))

    await stage.wait_until(has_own_star, "the bot's own star")


async def test_one_click_votes_and_super_reactions(stage: BotStage) -> None:
    """The bot's star does not count; both kinds are one vote. [people-M23, discord-D12]"""
    showcase, room = await open_showcase(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await wait_for_own_star(stage, room)
    await showcase_clip(stage, clip, "Cem")
    post = await wait_for_votes(stage, showcase, 0)
    dia = stage.people["Dia"]
    await stage.control.reaction(dia, post["id"], STAR, is_super=True)
    await wait_for_votes(stage, showcase, 1)
    await set_stars(stage, post, "Dia", "Bea")
    await wait_for_votes(stage, showcase, 2)
    await stage.control.reaction(dia, post["id"], STAR, is_super=True, remove=True)
    await stage.control.reaction(stage.people["Ada"], post["id"], STAR, is_super=True)
    await wait_for_votes(stage, showcase, 3)
    # a recount finds the same
    await stage.bot.kill_and_wait()
    await set_stars(stage, post, "Bea", remove=True)
    await stage.bot.start()
    await wait_for_votes(stage, showcase, 2)
    # /showcase random shows the same clip
    interaction = await stage.control.command(stage.people["Dia"], showcase, "showcase random", {})
    await stage.wait_for_answer(interaction, "<@")
    [answer] = (await stage.control.interaction(interaction))["messages"]
    assert video_of(answer) is not None


async def test_extensions_go_with_the_footage_that_is_in_them(stage: BotStage) -> None:
    """Ada withdraws and deletes; Cem's extension goes. [web-W02, web-W27, people-M24]"""
    showcase, room = await open_showcase(stage), await stage.open_channel()
    await run_command(stage, showcase, "server showcase", public=True)
    first = await stage.make_clip(room, PLAIN, user="Ada")
    number = clip_number_of(first)
    extension = await extend_clip(stage, number, "Cem")
    extension_number = int(clip_number_of(extension))
    refused = await showcase_clip(stage, extension, "Cem")
    assert quote_text("not_allowed.showcase_footage") in refused
    await showcase_clip(stage, first, "Ada")
    await showcase_clip(stage, extension, "Cem")

    async def count_posts(count: int) -> bool:
        return len(clips_of(await stage.control.messages(showcase))) == count

    await stage.wait_until(lambda: count_posts(2), "both posts")
    public = await list_public_clips()
    assert public[extension_number]["parent_id"] == int(number)
    # somebody else may not remove it, and is told so
    refused = await run_command(stage, room, "showcase withdraw", "Dia", clip=number)
    assert quote_text("not_allowed.showcase_withdraw") in refused, "[people-M24]"

    await run_command(stage, room, "showcase withdraw", "Ada", clip=number)
    await stage.wait_until(lambda: count_posts(0), "no posts")
    assert not {int(number), extension_number} & (await list_public_clips()).keys()
    await stage.delete_clip(first, "Ada")
    assert quote_text("not_allowed.showcase_footage") in await showcase_clip(
        stage, extension, "Cem"
    )


async def test_age_restricted_clips_stay_among_adults(stage: BotStage) -> None:
    """Not in the showcase, not by number, not extended elsewhere. [people-M22, web-W03]"""
    showcase, room = await open_showcase(stage), await stage.open_channel()
    await run_command(stage, showcase, "server showcase", public=True)
    dark = await stage.open_channel(nsfw=True)
    thread = await stage.control.thread(stage.people["Cem"], "aside", channel=dark)
    clip = await stage.make_clip(thread, PLAIN, user="Cem")
    number = clip_number_of(clip)
    assert quote_text("not_allowed.showcase_age_restricted") in await showcase_clip(
        stage, clip, "Cem"
    )
    before = len(await stage.list_submits())
    for command, options in (
        ("video get", {"clip": number}),
        ("video extend", {"clip": number, "prompt": "it naps a while"}),
    ):
        interaction = await stage.control.command(stage.people["Cem"], room, command, options)
        await stage.wait_for_answer(interaction, quote_text("not_allowed.age_restricted"))
    assert not clips_of(await stage.control.messages(room))
    assert len(await stage.list_submits()) == before
    assert int(number) not in await list_public_clips()
    # in another age-restricted channel it may be shown
    other = await stage.open_channel(nsfw=True)
    interaction = await stage.control.command(
        stage.people["Cem"], other, "video get", {"clip": number}
    )
    again = await stage.wait_for_clip(other)
    assert quote_text("button.extend") in buttons_of(again)
    # an age-restricted showcase takes it, the web does not
    adult_wall = await stage.open_channel(nsfw=True)
    await run_command(stage, adult_wall, "server showcase", channel=adult_wall)
    await showcase_clip(stage, clip, "Cem")

    async def is_posted() -> bool:
        shown = clips_of(await stage.control.messages(adult_wall))
        return number in [clip_number_of(each) for each in shown]

    await stage.wait_until(is_posted, "the clip among adults")
    assert int(number) not in await list_public_clips()
    top = await run_command(stage, room, "showcase top", "Dia")
    assert f"[#{number}]" not in top
    assert f"[#{number}]" in await run_command(stage, dark, "showcase top", "Dia")
    # without the restriction the clip leaves the showcase, and its card makes nothing new
    await stage.control.change_channel(adult_wall, nsfw=False)

    async def has_left() -> bool:
        return not clips_of(await stage.control.messages(adult_wall))

    await stage.wait_until(has_left, "the clip leaving")
    await stage.control.change_channel(dark, nsfw=False)
    before = len(await stage.list_submits())
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.redo"), "Cem"),
        quote_text("not_allowed.age_restricted"),
    )
    assert len(await stage.list_submits()) == before


async def test_deleted_channel_keeps_entries_and_votes(stage: BotStage) -> None:
    """They appear in the next channel; the audit log is readable. [discord-D05, people-A11]"""
    showcase, room = await open_showcase(stage), await stage.open_channel()
    await run_command(stage, showcase, "server showcase", public=True)
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await showcase_clip(stage, clip, "Cem")
    post = await wait_for_votes(stage, showcase, 0)
    await set_stars(stage, post, "Dia")
    await set_stars(stage, clip, "Bea")
    await wait_for_votes(stage, showcase, 2)
    await stage.bot.kill_and_wait()
    await stage.control.delete_channel(showcase)
    await stage.bot.start()

    async def is_told() -> bool:
        return quote_text("showcase_settings.channel_gone") in await run_command(
            stage, room, "server showcase"
        )

    await stage.wait_until(is_told, "the admins being told")
    assert int(clip_number_of(clip)) in await list_public_clips()
    wall = await stage.open_channel()
    await run_command(stage, room, "server showcase", channel=wall)
    await run_command(stage, room, "server showcase", channel=wall)  # changes nothing

    async def is_back() -> Json | None:
        shown = clips_of(await stage.control.messages(wall))
        mine = [each for each in shown if clip_number_of(each) == clip_number_of(clip)]
        return mine[0] if mine and f"{STAR} **2**" in text_of(mine[0]) else None

    await stage.wait_until(is_back, "the entry with its votes")
    log = await run_command(stage, room, "server log")
    assert log.count(f"<#{wall}>") == 1
    assert "channel_id" not in log
    assert " = " not in log


async def test_edits_that_discord_postpones_hold_up_nobody(stage: BotStage) -> None:
    """The bot waits as long as Discord says, and gives up after a plain 400. [discord-D13]"""
    showcase = await open_showcase(stage)
    clip = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    await showcase_clip(stage, clip, "Cem")
    post = await wait_for_votes(stage, showcase, 0)
    path = rf"/channels/{showcase}/messages/{post['id']}$"
    body = {"message": "Maximum number of edits", "code": 30046, "retry_after": 600}
    await stage.control.fault(
        "discord", method="PATCH", path=path, times=None, status=429, body=body
    )
    await set_stars(stage, post, "Dia")

    async def count_edits() -> int:
        return len(await stage.control.requests(method="PATCH", path=path))  # of the post meant

    await stage.wait_until(count_edits, "the first edit")
    count = await count_edits()
    # others are handled meanwhile
    elsewhere = await stage.control.add_guild("Elsewhere", owner="Ada", channels=["films", "wall"])
    films, wall = (channel["id"] for channel in elsewhere["channels"])
    await run_command(stage, films, "server showcase", channel=wall)
    other = await stage.make_clip(films, PLAIN)
    await stage.wait_for_answer(
        await stage.press_button(other, quote_text("button.showcase")), quote_text("showcase.added")
    )
    their_post = await wait_for_votes(stage, wall, 0)
    await set_stars(stage, their_post, "Ada")
    await wait_for_votes(stage, wall, 1)
    assert await count_edits() == count, "no edit before Discord's time"
    await stage.control.clear_faults()
    # posts that Discord never accepts are given up with a line in the log
    path = rf"/channels/{wall}/messages/{their_post['id']}$"
    await stage.control.fault(
        "discord",
        method="PATCH",
        path=path,
        times=None,
        status=400,
        body={"message": "Invalid Form Body", "code": 50035},
    )
    count = await count_edits()
    await set_stars(stage, their_post, "Ada", remove=True)

    async def is_given_up() -> bool:
        return "showcase_post.edit_refused" in stage.bot.read_log()

    await stage.wait_until(is_given_up, "the edit being given up")
    await stage.make_clip(await stage.open_channel(), PLAIN)  # after some rounds of upkeep
    assert await count_edits() == count + 1, "it is not tried again"
    await stage.control.clear_faults()


async def test_names_follow_renames(stage: BotStage) -> None:
    """[web-W26]"""
    showcase, room = await open_showcase(stage), await stage.open_channel()
    await run_command(stage, showcase, "server showcase", public=True)
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await showcase_clip(stage, clip, "Cem")
    number = int(clip_number_of(clip))
    assert (await list_public_clips())[number]["maker"] == "Cem"
    await stage.control.add_member(stage.guild, stage.people["Cem"], nick="Cem the Great")
    await run_command(stage, room, "showcase mine", "Cem")

    async def is_renamed() -> bool:
        return bool((await list_public_clips())[number]["maker"] == "Cem the Great")

    await stage.wait_until(is_renamed, "the new name")


async def read_page(path: str) -> tuple[int, str]:
    """Return the status and the text of a page of the gallery."""
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.get(f"{GALLERY}{path}") as answer,
    ):
        return answer.status, (await answer.read()).decode(errors="replace")


async def test_a_server_presents_itself_on_the_web(stage: BotStage) -> None:
    """With its icon, and with what an admin writes in a form that shows what is set."""
    showcase, room = await open_showcase(stage, public=True), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await showcase_clip(stage, clip, "Cem")
    await stage.control.call("PATCH", f"guilds/{stage.guild}", {"icon": "0123456789abcdef" * 2})
    page = f"/s/{stage.guild}"

    async def fill_in(**fields: str) -> str:
        form = await stage.control.command(stage.people["Ada"], showcase, "server gallery", {})
        state = await stage.control.wait_interaction(form, lambda state: state.get("modal"))
        filled.append(str(state["modal"]))
        sent = await stage.control.modal(stage.people["Ada"], form, fields)
        return await stage.wait_for_answer(sent)

    filled: list[str] = []
    words = {"title": "Foxes at night", "description": "Snow, mostly.", "accent": "#3366ff"}
    answer = await fill_in(**words, invite="https://evil.example/foxes")
    assert GALLERY + page in answer
    assert quote_text("server_page.invite_unusable") in answer
    answer = await fill_in(**words, invite="discord.gg/foxes")
    assert quote_text("server_page.invite_unusable") not in answer
    assert all(word in filled[1] for word in words.values()), "the form shows what is set"

    async def has_icon() -> bool:
        return "/icon.webp" in (await read_page(page))[1]

    await stage.wait_until(has_icon, "an icon")
    _, html = await read_page(page)
    assert all(word in html for word in ("Foxes at night", "Snow, mostly.", "discord.gg/foxes"))
    assert (await read_page(f"{page}/icon.webp"))[0] == 200
    await fill_in(title="", description="", accent="", invite="")
    _, html = await read_page(page)
    assert "Foxes at night" not in html
    assert "discord.gg/foxes" not in html
    assert "/static/accent-" in html, "the icon's color"


async def test_a_creator_opens_and_closes_a_page(stage: BotStage) -> None:
    showcase, room = await open_showcase(stage, public=True), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Dia")
    await showcase_clip(stage, clip, "Dia")
    number = clip_number_of(clip)
    assert 'class="who" href="/m/' not in (await read_page("/"))[1]

    opened = await run_command(stage, showcase, "showcase choose", "Dia", page=True)
    match = re.search(rf"{GALLERY}(/m/\w+)", opened)
    assert match, opened
    path = match[1]
    assert stage.people["Dia"] not in path
    status, html = await read_page(path)
    assert (status, f"/clips/{number}" in html) == (200, True)
    assert stage.people["Dia"] not in html
    assert path in (await read_page("/sitemap-pages.xml"))[1]
    assert path in (await read_page(f"/clips/{number}"))[1], "the name leads there"
    assert path in await run_command(stage, room, "showcase mine", "Dia")

    # what is withdrawn is not on it, and a page without clips is not there
    await run_command(stage, room, "showcase withdraw", "Dia", clip=number)
    assert (await read_page(path))[0] == 404
    await showcase_clip(stage, clip, "Dia")
    assert (await read_page(path))[0] == 200

    closed = await run_command(stage, showcase, "showcase choose", "Dia", page=False)
    assert "/m/" not in closed
    assert (await read_page(path))[0] == 404
    assert (await read_page(f"/feed.atom?maker={path.removeprefix('/m/')}"))[0] == 404
    assert path not in (await read_page("/sitemap-pages.xml"))[1]
    assert path not in (await read_page(f"/clips/{number}"))[1]

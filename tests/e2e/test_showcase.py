"""The showcase as members, voters and moderators meet it: three ways in, votes, and out again."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stage import BotStage, clips_of, text_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLAIN = "look=plain a red fox"
STAR = "⭐"
Json = dict[str, Any]


async def run_command(
    stage: BotStage, room: str, command: str, user: str = "Ada", **options: Any
) -> str:
    """Give a command and return its answer."""
    asked = await stage.control.command(stage.people[user], room, command, options)
    return await stage.wait_for_answer(asked)


async def opened(stage: BotStage, **options: Any) -> str:
    """Open a showcase of its own for a test and return its channel."""
    wall = await stage.open_channel()
    said = await run_command(
        stage, wall, "server showcase", channel=wall, **{"stars": 0, **options}
    )
    assert f"<#{wall}>" in said
    return wall


def number_of(message: Json) -> str:
    """Return the number of the clip that a message shows."""
    return str(message).split("clapper:extend:")[1].split("'")[0]


async def star(stage: BotStage, message: Json, *people: str, remove: bool = False) -> None:
    for name in people:
        await stage.control.reaction(stage.people[name], message["id"], STAR, remove=remove)


async def votes(stage: BotStage, wall: str, count: int, place: int = 0) -> Json:
    """Wait until an exhibit says that it has so many votes; return its message."""

    async def says() -> Json | None:
        shown = clips_of(await stage.control.messages(wall))
        if len(shown) <= place:
            return None
        return shown[place] if f"{STAR} **{count}**" in text_of(shown[place]) else None

    found: Json = await stage.wait_until(says, f"{count} votes")
    return found


async def gone(stage: BotStage, wall: str) -> None:
    async def empty() -> bool:
        return not clips_of(await stage.control.messages(wall))

    await stage.wait_until(empty, "an empty showcase")


async def test_a_maker_shows_a_clip_by_its_button_and_votes_follow_the_stars(
    stage: BotStage,
) -> None:
    wall, room = await opened(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await stage.wait_for_answer(
        await stage.press_button(clip, "Showcase", "Dia"), "Only the person who made"
    )
    assert not clips_of(await stage.control.messages(wall))
    await stage.wait_for_answer(
        await stage.press_button(clip, "Showcase", "Cem"), "is in the showcase: "
    )
    shown = await votes(stage, wall, 0)
    assert "a red fox" in text_of(shown)
    assert stage.people["Cem"] in text_of(shown)
    # a second wish changes nothing
    await stage.wait_for_answer(await stage.press_button(clip, "Showcase", "Cem"), "already")
    assert len(clips_of(await stage.control.messages(wall))) == 1

    # a reply to it extends the clip, as a reply to the clip itself does
    await stage.control.message(
        stage.people["Dia"], wall, "look=plain it naps", reply_to=shown["id"]
    )
    longer = await stage.wait_for_clip(wall, 2)
    await stage.wait_for_answer(await stage.press_button(longer, "Delete", "Dia"), "deleted")

    # one vote a member, whichever of the two messages is starred
    await star(stage, shown, "Dia", "Bea")
    await star(stage, clip, "Dia")
    await votes(stage, wall, 2)
    await star(stage, shown, "Dia", "Bea", remove=True)
    await votes(stage, wall, 1)
    await star(stage, clip, "Dia", remove=True)
    await votes(stage, wall, 0)

    # what happens while nobody listens is counted afterwards
    await star(stage, shown, "Dia")
    await votes(stage, wall, 1)
    await stage.bot.kill_and_wait()
    await star(stage, shown, "Dia", remove=True)
    await star(stage, shown, "Ada", "Bea")
    await stage.bot.start()
    await votes(stage, wall, 2)

    assert f"[#{number_of(clip)}]" in await run_command(stage, room, "showcase top")
    assert "<@" in await run_command(stage, room, "showcase random")
    assert "None of your clips" in await run_command(stage, room, "showcase mine", "Dia")

    # withdrawn by the button under the post, by the maker alone or a moderator
    await stage.wait_for_answer(
        await stage.press_button(shown, "Withdraw", "Dia"), "Only the person who made"
    )
    await stage.wait_for_answer(
        await stage.press_button(shown, "Withdraw", "Cem"), "out of the showcase"
    )
    await gone(stage, wall)
    assert f"#{number_of(clip)}]" not in await run_command(stage, room, "showcase top")
    # and back again, as a new entry
    await stage.wait_for_answer(
        await stage.press_button(clip, "Showcase", "Cem"), "is in the showcase: "
    )
    await votes(stage, wall, 0)


async def test_add_by_menu_and_command_respects_hidden_prompts(stage: BotStage) -> None:
    wall, room = await opened(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    menu = await stage.control.context_menu(stage.people["Cem"], "Showcase this clip", clip["id"])
    await stage.wait_for_answer(menu, "is in the showcase: ")
    shown = await votes(stage, wall, 0)
    said = await run_command(stage, room, "showcase choose", "Cem", hide_prompt=True)
    assert "prompts are hidden" in said

    async def hidden() -> bool:
        message = clips_of(await stage.control.messages(wall))[0]
        return "red fox" not in text_of(message)

    await stage.wait_until(hidden, "a hidden prompt")
    assert "red fox" not in await run_command(stage, room, "showcase top")
    assert "red fox" not in await run_command(stage, room, "showcase random", "Dia")
    await run_command(stage, room, "showcase choose", "Cem", hide_prompt=False)
    withdrawn = await run_command(stage, room, "showcase withdraw", "Cem", clip=number_of(clip))
    assert "out of the showcase" in withdrawn
    await gone(stage, wall)
    added = await run_command(
        stage, room, "showcase add", "Cem", clip=number_of(clip), hide_prompt=True
    )
    assert "is in the showcase: " in added
    again = await votes(stage, wall, 0)
    assert again["id"] != shown["id"]
    assert "red fox" not in text_of(again)
    # whoever deletes the post wants it out
    await stage.control.delete_message(stage.people["Bea"], again["id"])

    async def out() -> bool:
        return f"[#{number_of(clip)}]" not in await run_command(stage, room, "showcase mine", "Cem")

    await stage.wait_until(out, "the entry being gone")


async def test_stars_given_before_the_bot_has_noted_its_own_post_count(stage: BotStage) -> None:
    wall, room = await opened(stage, stars=2), await stage.open_channel()
    # people see the clip, and the bot does not know yet that its post stands
    posts = rf"/channels/{room}/messages$"
    await stage.control.fault("discord", method="POST", path=posts, times=9, hold_s=1.5)
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await star(stage, clip, "Bea", "Dia")
    await stage.control.clear_faults()
    shown = await votes(stage, wall, 2)
    assert number_of(shown) == number_of(clip)
    await stage.wait_for_answer(
        await stage.press_button(shown, "Withdraw", "Cem"), "out of the showcase"
    )
    await gone(stage, wall)


async def test_enough_stars_show_a_clip_and_deleting_it_takes_it_out(stage: BotStage) -> None:
    wall, room = await opened(stage, stars=2), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await star(stage, clip, "Dia")
    await star(stage, clip, "Dia", remove=True)
    await star(stage, clip, "Bea")
    assert not clips_of(await stage.control.messages(wall))
    await star(stage, clip, "Dia")
    await votes(stage, wall, 2)
    # withdrawn by its maker it stays out, however many star it
    await run_command(stage, room, "showcase withdraw", "Cem", clip=number_of(clip))
    await gone(stage, wall)
    await star(stage, clip, "Ada")
    other = await stage.open_channel()
    second = await stage.make_clip(other, PLAIN, user="Cem")
    await star(stage, second, "Ada", "Dia")
    shown = await votes(stage, wall, 2)
    assert number_of(shown) == number_of(second)
    await stage.wait_for_answer(await stage.press_button(second, "Delete", "Cem"))
    await gone(stage, wall)
    # a maker who wants no such thing is left alone
    await run_command(stage, room, "showcase choose", "Cem", consent="nobody")
    third = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    await star(stage, third, "Ada", "Dia")
    mine = await stage.make_clip(await stage.open_channel(), PLAIN, user="Dia")
    await star(stage, mine, "Ada", "Dia")
    shown = await votes(stage, wall, 2)
    assert number_of(shown) == number_of(mine)
    assert len(clips_of(await stage.control.messages(wall))) == 1
    await run_command(stage, room, "showcase choose", "Cem", consent="stars")


async def test_moderators_show_hide_lock_and_block_and_the_log_says_so(stage: BotStage) -> None:
    wall, room = await opened(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    number = number_of(clip)
    # only with the maker's consent
    await stage.wait_for_answer(
        await stage.press_button(clip, "Showcase", "Bea"), "does not want it"
    )
    await run_command(stage, room, "showcase choose", "Cem", consent="everyone")
    await stage.wait_for_answer(
        await stage.press_button(clip, "Showcase", "Bea"), "is in the showcase: "
    )
    shown = await votes(stage, wall, 0)
    await star(stage, shown, "Dia")
    await votes(stage, wall, 1)

    refused = await run_command(stage, room, "showcase lock", "Dia", clip=number)
    assert "Only moderators" in refused
    assert "stay as they are" in await run_command(stage, room, "showcase lock", "Bea", clip=number)
    await star(stage, shown, "Ada")
    await star(stage, shown, "Dia", remove=True)

    async def closed() -> bool:
        message = clips_of(await stage.control.messages(wall))[0]
        return "closed" in text_of(message) and f"{STAR} **1**" in text_of(message)

    await stage.wait_until(closed, "a closed vote")
    await star(stage, shown, "Bea")
    await run_command(stage, room, "showcase lock", "Bea", clip=number, undo=True)
    await votes(stage, wall, 2)

    assert "is hidden" in await run_command(stage, room, "showcase hide", "Bea", clip=number)
    await gone(stage, wall)
    assert f"[#{number}]" not in await run_command(stage, room, "showcase top", "Dia")
    assert "hidden by a moderator" in await run_command(stage, room, "showcase mine", "Cem")
    # hidden, withdrawn and shown again: it stays out
    await run_command(stage, room, "showcase withdraw", "Cem", clip=number)
    assert "stays out" in await run_command(stage, room, "showcase add", "Cem", clip=number)
    second = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    await run_command(stage, room, "showcase add", "Cem", clip=number_of(second))
    await votes(stage, wall, 0)
    await run_command(stage, room, "showcase hide", "Bea", clip=number_of(second))
    await gone(stage, wall)
    await run_command(stage, room, "showcase hide", "Bea", clip=number_of(second), undo=True)
    await votes(stage, wall, 0)

    blocked = await run_command(stage, room, "showcase block", "Bea", member=stage.people["Cem"])
    assert "of theirs" in blocked
    await gone(stage, wall)
    third = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    await stage.wait_for_answer(
        await stage.press_button(third, "Showcase", "Cem"), "do not go into"
    )
    await run_command(stage, room, "showcase block", "Bea", member=stage.people["Cem"], undo=True)
    await stage.wait_for_answer(
        await stage.press_button(third, "Showcase", "Cem"), "is in the showcase: "
    )
    await votes(stage, wall, 0)

    log = await run_command(stage, room, "server log")
    bea = f"<@{stage.people['Bea']}>"
    for act in (f"{bea} locked clip #{number}", f"{bea} hid clip", f"{bea} blocked", "arranged"):
        assert act in log
    await run_command(stage, room, "showcase choose", "Cem", consent="stars")


async def test_kill_before_post_recorded_publishes_once(stage: BotStage) -> None:
    wall, room = await opened(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    posts = rf"/channels/{wall}/messages$"
    await stage.control.fault("discord", method="POST", path=posts, delay_s=0, drop="after")
    await stage.press_button(clip, "Showcase", "Cem")
    await stage.wait_until(lambda: _count(stage, wall, 1), "the post")
    await stage.bot.kill_and_wait()
    await stage.control.clear_faults()
    await stage.bot.start()
    shown = clips_of(await stage.control.messages(wall))[0]
    await star(stage, shown, "Dia")
    await votes(stage, wall, 1)
    assert len(clips_of(await stage.control.messages(wall))) == 1
    await stage.wait_for_answer(
        await stage.press_button(shown, "Withdraw", "Cem"), "out of the showcase"
    )
    await gone(stage, wall)


async def _count(stage: BotStage, wall: str, count: int) -> bool:
    return len(clips_of(await stage.control.messages(wall))) == count


async def test_a_member_sees_their_data_and_is_forgotten(stage: BotStage) -> None:
    wall, room = await opened(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN + " of nobody else", user="Dia")
    other = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    await stage.wait_for_answer(
        await stage.press_button(clip, "Showcase", "Dia"), "is in the showcase: "
    )
    await stage.wait_for_answer(
        await stage.press_button(other, "Showcase", "Cem"), "is in the showcase: "
    )
    await star(stage, other, "Dia", "Ada")
    await votes(stage, wall, 2, place=1)

    kept = await run_command(stage, room, "privacy show", "Dia")
    assert "30 days" in kept
    exported = await stage.control.command(stage.people["Dia"], room, "privacy export", {})
    await stage.wait_for_answer(exported, "as a file")
    seen = await stage.control.interaction(exported)
    data = await stage.control.download(seen["messages"][0]["attachments"][0]["url"])
    tables = json.loads(data)
    assert any("of nobody else" in row["prompt"] for row in tables["clips"])
    assert tables["stars"]
    assert tables["bookings"]
    assert not [row for row in tables["clips"] if str(row["user_id"]) != stage.people["Dia"]]

    # what is still being made ends, too
    busy = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.wait_for_answer(await stage.request_clip(busy, PLAIN, user="Dia"), "Accepted")
        asked = await stage.control.command(stage.people["Dia"], room, "privacy forget", {})
        await stage.wait_for_answer(asked, "Forget everything")
        await stage.press_answer(asked, "Forget me", "Dia")
        await stage.wait_for_answer(asked, "delete")
    await votes(stage, wall, 1)
    assert len(clips_of(await stage.control.messages(wall))) == 1
    assert not clips_of(await stage.control.messages(room))

    async def nothing_left() -> bool:
        interaction = await stage.control.command(stage.people["Dia"], room, "privacy export", {})
        await stage.wait_for_answer(interaction, "as a file")
        answer = (await stage.control.interaction(interaction))["messages"][0]
        left = json.loads(await stage.control.download(answer["attachments"][0]["url"]))
        return not any(rows for rows in left.values() if isinstance(rows, list))

    await stage.wait_until(nothing_left, "nothing being left")
    # a star that still stands in Discord is not a vote again when all is counted anew
    await stage.bot.kill_and_wait()
    await star(stage, other, "Bea")
    await stage.bot.start()
    await votes(stage, wall, 2)
    await star(stage, other, "Dia", remove=True)
    await star(stage, other, "Dia")
    await votes(stage, wall, 3)
    assert "of nobody else" not in str(await stage.control.messages(room))
    assert not clips_of(await stage.control.messages(busy))
    # and they may begin anew
    await stage.wait_for_answer(await stage.request_clip(busy, PLAIN, user="Dia"), "Accepted")
    await stage.wait_for_clip(busy)


async def test_a_server_that_is_left_is_noted_until_the_bot_is_back(stage: BotStage) -> None:
    database = next(Path(stage.bot.environment["DATA_DIR"]).glob("*.db"))

    async def departed(count: int) -> None:
        def look() -> bool:
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                found = connection.execute(
                    "SELECT count(*) FROM guild_removals WHERE guild_id = ?", (guild["id"],)
                )
                return bool(found.fetchone()[0] == count)

        async def looked() -> bool:
            return await asyncio.to_thread(look)

        await stage.wait_until(looked, f"{count} departures")

    guild = await stage.control.add_guild("Elsewhere", owner="Ada", channels=["films"])
    films = guild["channels"][0]["id"]
    arranged = await run_command(stage, films, "server showcase", channel=films)
    assert f"<#{films}>" in arranged
    await stage.control.change_guild(guild["id"], bot=False)
    await departed(1)
    await stage.control.change_guild(guild["id"], bot=True)
    await departed(0)
    # while the bot is not there, nobody tells it; it sees by itself
    await stage.bot.kill_and_wait()
    await stage.control.change_guild(guild["id"], bot=False)
    await stage.bot.start()
    await departed(1)

"""The showcase: adding, voting, moderating and withdrawing."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stage import BotStage, clip_number_of, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLAIN = "look=plain a red fox"
STAR = "⭐"
Json = dict[str, Any]


async def run_command(
    stage: BotStage, room: str, command: str, user: str = "Ada", **options: Any
) -> str:
    """Give a command and return its answer's text."""
    interaction = await stage.control.command(stage.people[user], room, command, options)
    return await stage.wait_for_answer(interaction)


async def open_showcase(stage: BotStage, **options: Any) -> str:
    """Configure a showcase for the test and return its channel."""
    showcase = await stage.open_channel()
    text = await run_command(
        stage, showcase, "server showcase", channel=showcase, **{"stars": 0, **options}
    )
    assert f"<#{showcase}>" in text
    return showcase


async def set_stars(stage: BotStage, message: Json, *people: str, remove: bool = False) -> None:
    for name in people:
        await stage.control.reaction(stage.people[name], message["id"], STAR, remove=remove)


async def wait_for_votes(stage: BotStage, showcase: str, count: int, position: int = 0) -> Json:
    """Wait until a post shows ``count`` votes; return its message."""

    async def find_post() -> Json | None:
        posts = clips_of(await stage.control.messages(showcase))
        if len(posts) <= position:
            return None
        return posts[position] if f"{STAR} **{count}**" in text_of(posts[position]) else None

    post: Json = await stage.wait_until(find_post, f"{count} votes")
    return post


async def wait_until_empty(stage: BotStage, showcase: str) -> None:
    async def is_empty() -> bool:
        return not clips_of(await stage.control.messages(showcase))

    await stage.wait_until(is_empty, "an empty showcase")


async def test_showcase_button_and_votes(
    stage: BotStage,
) -> None:
    showcase, room = await open_showcase(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase"), "Dia"),
        quote_text("not_allowed.showcase_others"),
    )
    assert not clips_of(await stage.control.messages(showcase))
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase"), "Cem"),
        quote_text("showcase.added"),
    )
    post = await wait_for_votes(stage, showcase, 0)
    assert "a red fox" in text_of(post)
    assert stage.people["Cem"] in text_of(post)
    # adding it twice changes nothing
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase"), "Cem"),
        quote_text("showcase.there"),
    )
    assert len(clips_of(await stage.control.messages(showcase))) == 1

    # a reply to the post that mentions the bot extends the clip, where it was made
    named = f"<@{(await stage.control.world())['application']['id']}> then the fox naps and snores"
    await stage.control.message(stage.people["Dia"], showcase, named, reply_to=post["id"])
    extension = await stage.wait_for_clip(room, 2)
    await stage.delete_clip(extension, "Dia")

    # one vote a member, on either of the two messages
    await set_stars(stage, post, "Dia", "Bea")
    await set_stars(stage, clip, "Dia")
    await wait_for_votes(stage, showcase, 2)
    await set_stars(stage, post, "Dia", "Bea", remove=True)
    await wait_for_votes(stage, showcase, 1)
    await set_stars(stage, clip, "Dia", remove=True)
    await wait_for_votes(stage, showcase, 0)

    # stars during downtime are counted afterwards
    await set_stars(stage, post, "Dia")
    await wait_for_votes(stage, showcase, 1)
    await stage.bot.kill_and_wait()
    await set_stars(stage, post, "Dia", remove=True)
    await set_stars(stage, post, "Ada", "Bea")
    await stage.bot.start()
    await wait_for_votes(stage, showcase, 2)

    assert f"[#{clip_number_of(clip)}]" in await run_command(stage, room, "showcase top")
    assert "<@" in await run_command(stage, room, "showcase random")
    assert quote_text("showcase.mine_none") in await run_command(
        stage, room, "showcase mine", "Dia"
    )

    # only the creator or a moderator can withdraw by button
    await stage.wait_for_answer(
        await stage.press_button(post, quote_text("button.withdraw"), "Dia"),
        quote_text("not_allowed.showcase_withdraw"),
    )
    await stage.wait_for_answer(
        await stage.press_button(post, quote_text("button.withdraw"), "Cem"),
        quote_text("showcase.withdrawn"),
    )
    await wait_until_empty(stage, showcase)
    assert f"#{clip_number_of(clip)}]" not in await run_command(stage, room, "showcase top")
    # it can be added again, as a new post
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase"), "Cem"),
        quote_text("showcase.added"),
    )
    await wait_for_votes(stage, showcase, 0)


async def test_add_by_menu_and_command_respects_hidden_prompts(stage: BotStage) -> None:
    showcase, room = await open_showcase(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    menu = await stage.control.context_menu(
        stage.people["Cem"], quote_text("menu.showcase"), clip["id"]
    )
    await stage.wait_for_answer(menu, quote_text("showcase.added"))
    post = await wait_for_votes(stage, showcase, 0)
    text = await run_command(stage, room, "showcase choose", "Cem", hide_prompt=True)
    hidden = quote_text("showcase.prompt_hidden")
    assert quote_text("showcase.choices", prompt=hidden) in text

    async def is_hidden() -> bool:
        message = clips_of(await stage.control.messages(showcase))[0]
        return "red fox" not in text_of(message)

    await stage.wait_until(is_hidden, "a hidden prompt")
    assert "red fox" not in await run_command(stage, room, "showcase top")
    assert "red fox" not in await run_command(stage, room, "showcase random", "Dia")
    await run_command(stage, room, "showcase choose", "Cem", hide_prompt=False)
    withdrawn = await run_command(
        stage, room, "showcase withdraw", "Cem", clip=clip_number_of(clip)
    )
    assert quote_text("showcase.withdrawn") in withdrawn
    await wait_until_empty(stage, showcase)
    added = await run_command(
        stage, room, "showcase add", "Cem", clip=clip_number_of(clip), hide_prompt=True
    )
    assert quote_text("showcase.added") in added
    second_post = await wait_for_votes(stage, showcase, 0)
    assert second_post["id"] != post["id"]
    assert "red fox" not in text_of(second_post)
    # deleting the message withdraws the post
    await stage.control.delete_message(stage.people["Bea"], second_post["id"])

    async def is_withdrawn() -> bool:
        return f"[#{clip_number_of(clip)}]" not in await run_command(
            stage, room, "showcase mine", "Cem"
        )

    await stage.wait_until(is_withdrawn, "the entry being gone")


async def test_stars_before_post_is_recorded_count(stage: BotStage) -> None:
    showcase, room = await open_showcase(stage, stars=2), await stage.open_channel()
    # members see the clip before the bot has recorded its message
    posts = rf"/channels/{room}/messages$"
    await stage.control.fault("discord", method="POST", path=posts, times=9, hold_s=1.5)
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await set_stars(stage, clip, "Bea", "Dia")
    await stage.control.clear_faults()
    post = await wait_for_votes(stage, showcase, 2)
    assert clip_number_of(post) == clip_number_of(clip)
    await stage.wait_for_answer(
        await stage.press_button(post, quote_text("button.withdraw"), "Cem"),
        quote_text("showcase.withdrawn"),
    )
    await wait_until_empty(stage, showcase)


async def test_stars_add_clip_and_deletion_removes_it(stage: BotStage) -> None:
    showcase, room = await open_showcase(stage, stars=2), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    await set_stars(stage, clip, "Dia")
    await set_stars(stage, clip, "Dia", remove=True)
    await set_stars(stage, clip, "Bea")
    assert not clips_of(await stage.control.messages(showcase))
    await set_stars(stage, clip, "Dia")
    await wait_for_votes(stage, showcase, 2)
    # withdrawn by its creator it stays out, whatever its stars
    await run_command(stage, room, "showcase withdraw", "Cem", clip=clip_number_of(clip))
    await wait_until_empty(stage, showcase)
    await set_stars(stage, clip, "Ada")
    other = await stage.open_channel()
    second = await stage.make_clip(other, PLAIN, user="Cem")
    await set_stars(stage, second, "Ada", "Dia")
    post = await wait_for_votes(stage, showcase, 2)
    assert clip_number_of(post) == clip_number_of(second)
    await stage.delete_clip(second, "Cem")
    await wait_until_empty(stage, showcase)
    # a creator can opt out
    await run_command(stage, room, "showcase choose", "Cem", consent="nobody")
    third = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    await set_stars(stage, third, "Ada", "Dia")
    own_clip = await stage.make_clip(await stage.open_channel(), PLAIN, user="Dia")
    await set_stars(stage, own_clip, "Ada", "Dia")
    post = await wait_for_votes(stage, showcase, 2)
    assert clip_number_of(post) == clip_number_of(own_clip)
    assert len(clips_of(await stage.control.messages(showcase))) == 1
    await run_command(stage, room, "showcase choose", "Cem", consent="stars")


async def test_moderation_actions_are_logged(stage: BotStage) -> None:
    showcase, room = await open_showcase(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    number = clip_number_of(clip)
    # only with the creator's consent
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase"), "Bea"),
        quote_text("not_allowed.showcase_consent"),
    )
    await run_command(stage, room, "showcase choose", "Cem", consent="everyone")
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase"), "Bea"),
        quote_text("showcase.added"),
    )
    post = await wait_for_votes(stage, showcase, 0)
    await set_stars(stage, post, "Dia")
    await wait_for_votes(stage, showcase, 1)

    refused = await run_command(stage, room, "showcase lock", "Dia", clip=number)
    assert quote_text("not_allowed.moderate") in refused
    assert quote_text("moderated.lock") in await run_command(
        stage, room, "showcase lock", "Bea", clip=number
    )
    await set_stars(stage, post, "Ada")
    await set_stars(stage, post, "Dia", remove=True)

    async def is_locked() -> bool:
        message = clips_of(await stage.control.messages(showcase))[0]
        return quote_text("showcase_entry.votes_locked", star=STAR, votes=1) in text_of(message)

    await stage.wait_until(is_locked, "a closed vote")
    await set_stars(stage, post, "Bea")
    await run_command(stage, room, "showcase lock", "Bea", clip=number, undo=True)
    await wait_for_votes(stage, showcase, 2)

    assert quote_text("moderated.hide") in await run_command(
        stage, room, "showcase hide", "Bea", clip=number
    )
    await wait_until_empty(stage, showcase)
    assert f"[#{number}]" not in await run_command(stage, room, "showcase top", "Dia")
    assert quote_text("showcase_entry.is_hidden") in await run_command(
        stage, room, "showcase mine", "Cem"
    )
    # hidden, withdrawn and added again: it stays hidden
    await run_command(stage, room, "showcase withdraw", "Cem", clip=number)
    assert quote_text("not_allowed.showcase_hidden") in await run_command(
        stage, room, "showcase add", "Cem", clip=number
    )
    second = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    await run_command(stage, room, "showcase add", "Cem", clip=clip_number_of(second))
    await wait_for_votes(stage, showcase, 0)
    await run_command(stage, room, "showcase hide", "Bea", clip=clip_number_of(second))
    await wait_until_empty(stage, showcase)
    await run_command(stage, room, "showcase hide", "Bea", clip=clip_number_of(second), undo=True)
    await wait_for_votes(stage, showcase, 0)

    blocked = await run_command(stage, room, "showcase block", "Bea", member=stage.people["Cem"])
    assert any(quote_text("moderated.block", count=count) in blocked for count in range(1, 20))
    await wait_until_empty(stage, showcase)
    third = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    await stage.wait_for_answer(
        await stage.press_button(third, quote_text("button.showcase"), "Cem"),
        quote_text("not_allowed.showcase_you_blocked"),
    )
    await run_command(stage, room, "showcase block", "Bea", member=stage.people["Cem"], undo=True)
    await stage.wait_for_answer(
        await stage.press_button(third, quote_text("button.showcase"), "Cem"),
        quote_text("showcase.added"),
    )
    await wait_for_votes(stage, showcase, 0)

    log = await run_command(stage, room, "server log")
    bea = f"<@{stage.people['Bea']}>"
    for entry in (
        quote_text("log.lock", who=bea, clip=f"#{number}"),
        quote_text("log.hide", who=bea),
        quote_text("log.block", who=bea),
        quote_text("log.arrange"),
    ):
        assert entry in log
    await run_command(stage, room, "showcase choose", "Cem", consent="stars")


async def test_kill_before_post_recorded_publishes_once(stage: BotStage) -> None:
    showcase, room = await open_showcase(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN, user="Cem")
    posts = rf"/channels/{showcase}/messages$"
    await stage.control.fault("discord", method="POST", path=posts, delay_s=0, drop="after")
    await stage.press_button(clip, quote_text("button.showcase"), "Cem")
    await stage.wait_until(lambda: _count(stage, showcase, 1), "the post")
    await stage.bot.kill_and_wait()
    await stage.control.clear_faults()
    await stage.bot.start()
    post = clips_of(await stage.control.messages(showcase))[0]
    await set_stars(stage, post, "Dia")
    await wait_for_votes(stage, showcase, 1)
    assert len(clips_of(await stage.control.messages(showcase))) == 1
    await stage.wait_for_answer(
        await stage.press_button(post, quote_text("button.withdraw"), "Cem"),
        quote_text("showcase.withdrawn"),
    )
    await wait_until_empty(stage, showcase)


async def _count(stage: BotStage, showcase: str, count: int) -> bool:
    return len(clips_of(await stage.control.messages(showcase))) == count


async def test_member_exports_and_erases_their_data(stage: BotStage) -> None:
    showcase, room = await open_showcase(stage), await stage.open_channel()
    clip = await stage.make_clip(room, PLAIN + " of nobody else", user="Dia")
    other = await stage.make_clip(await stage.open_channel(), PLAIN, user="Cem")
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase"), "Dia"),
        quote_text("showcase.added"),
    )
    await stage.wait_for_answer(
        await stage.press_button(other, quote_text("button.showcase"), "Cem"),
        quote_text("showcase.added"),
    )
    await set_stars(stage, other, "Dia", "Ada")
    await wait_for_votes(stage, showcase, 2, position=1)

    summary = await run_command(stage, room, "privacy show", "Dia")
    assert quote_text("privacy.kept") in summary
    exported = await stage.control.command(stage.people["Dia"], room, "privacy export", {})
    await stage.wait_for_answer(exported, quote_text("privacy.export"))
    state = await stage.control.interaction(exported)
    data = await stage.control.download(state["messages"][0]["attachments"][0]["url"])
    tables = json.loads(data)
    assert any("of nobody else" in row["prompt"] for row in tables["clips"])
    assert tables["stars"]
    assert tables["charges"]
    assert not [row for row in tables["clips"] if str(row["user_id"]) != stage.people["Dia"]]

    # running jobs end too
    busy = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.wait_for_answer(
            await stage.request_clip(busy, PLAIN, user="Dia"), quote_text("ask.accepted")
        )
        interaction = await stage.control.command(stage.people["Dia"], room, "privacy forget", {})
        await stage.wait_for_answer(interaction, quote_text("privacy.confirm"))
        await stage.press_answer(interaction, quote_text("button.forget"), "Dia")
        await stage.wait_for_answer(interaction, quote_text("privacy.will_be"))
    await wait_for_votes(stage, showcase, 1)
    assert len(clips_of(await stage.control.messages(showcase))) == 1
    assert not clips_of(await stage.control.messages(room))

    async def is_erased() -> bool:
        interaction = await stage.control.command(stage.people["Dia"], room, "privacy export", {})
        await stage.wait_for_answer(interaction, quote_text("privacy.export"))
        answer = (await stage.control.interaction(interaction))["messages"][0]
        tables = json.loads(await stage.control.download(answer["attachments"][0]["url"]))
        return not any(rows for rows in tables.values() if isinstance(rows, list))

    await stage.wait_until(is_erased, "nothing being left")
    # a recount ignores the star of an erased member
    await stage.bot.kill_and_wait()
    await set_stars(stage, other, "Bea")
    await stage.bot.start()
    await wait_for_votes(stage, showcase, 2)
    await set_stars(stage, other, "Dia", remove=True)
    await set_stars(stage, other, "Dia")
    await wait_for_votes(stage, showcase, 3)
    assert "of nobody else" not in str(await stage.control.messages(room))
    assert not clips_of(await stage.control.messages(busy))
    # an erased member can use the bot again
    await stage.wait_for_answer(
        await stage.request_clip(busy, PLAIN, user="Dia"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(busy)


async def test_guild_removal_is_recorded_until_return(stage: BotStage) -> None:
    database = next(Path(stage.bot.environment["DATA_DIR"]).glob("*.db"))

    async def wait_for_removals(count: int) -> None:
        def has_count() -> bool:
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                rows = connection.execute(
                    "SELECT count(*) FROM guild_removals WHERE guild_id = ?", (guild["id"],)
                )
                return bool(rows.fetchone()[0] == count)

        async def is_reached() -> bool:
            return await asyncio.to_thread(has_count)

        await stage.wait_until(is_reached, f"{count} departures")

    guild = await stage.control.add_guild("Elsewhere", owner="Ada", channels=["films"])
    films = guild["channels"][0]["id"]
    text = await run_command(stage, films, "server showcase", channel=films)
    assert f"<#{films}>" in text
    await stage.control.change_guild(guild["id"], bot=False)
    await wait_for_removals(1)
    await stage.control.change_guild(guild["id"], bot=True)
    await wait_for_removals(0)
    # a removal during downtime is noticed at the start
    await stage.bot.kill_and_wait()
    await stage.control.change_guild(guild["id"], bot=False)
    await stage.bot.start()
    await wait_for_removals(1)

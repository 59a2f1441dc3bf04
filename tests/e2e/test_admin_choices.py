"""Admin commands show settings, say what each choice costs, and change nothing by accident."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.stage import BotStage, Json, buttons_of, clips_of, text_of
from tests.harness.texts import quote_pattern, quote_text

BOT_SETTINGS = {
    "CONFIRM_ABOVE_USD": "2",
    "DEFAULT_SERVER_USD_PER_DAY": "60",
    "DEFAULT_SERVER_USD_PER_MONTH": "100",
}
pytestmark = pytest.mark.asyncio(loop_scope="module")

ACTING_COMMANDS: Final = frozenset({"server pause", "server resume"})
"""Commands that are called what they do, and do it."""
_TABLES_THAT_CHANGE_BY_THEMSELVES: Final = frozenset({"workers", "model_states", "digests"})


async def run_admin(stage: BotStage, room: str, command: str, **options: object) -> str:
    """Give an admin's command and return its answer."""
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.wait_for_answer(asked)


def read_database(stage: BotStage) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that only people change."""
    file = Path(stage.bot.environment["DATA_DIR"]) / "clapper.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        names = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            name: sorted(database.execute(f"SELECT * FROM {name}"), key=repr)
            for name in names
            if name not in _TABLES_THAT_CHANGE_BY_THEMSELVES
        }


def list_leaf_commands(commands: list[Json]) -> Iterator[tuple[str, list[Json]]]:
    """Yield every slash command by its full name, with its options."""
    for command in commands:
        if command.get("type", 1) == 1:
            yield from _list_below(command, command["name"])


def _list_below(command: Json, name: str) -> Iterator[tuple[str, list[Json]]]:
    options = command.get("options") or []
    groups = [option for option in options if option["type"] in (1, 2)]
    if not groups:
        yield name, options
    for group in groups:
        yield from _list_below(group, f"{name} {group['name']}")


async def test_no_command_changes_anything_without_options(stage: BotStage) -> None:
    """Every registered command is tried. [people-A7]"""
    room = await stage.open_channel()
    await run_admin(stage, room, "budget", usd_per_month=50)
    await run_admin(stage, room, "quota set", clips_per_day=400)
    await run_admin(stage, room, "confirm", above=3)
    await run_admin(stage, room, "people", rule="everyone")
    await run_admin(stage, room, "extending", who="requester")
    before = read_database(stage)
    tried = set()
    for name, options in list_leaf_commands(await stage.control.commands()):
        if name in ACTING_COMMANDS or any(option.get("required") for option in options):
            continue
        asked = await stage.control.command(stage.people["Ada"], room, name, {})
        # /server gallery opens a form
        await stage.control.wait_interaction(
            asked, lambda state: state["messages"] or state.get("modal")
        )
        assert read_database(stage) == before, name
        tried.add(name)
    named = ("budget", "confirm", "quota clear", "people")
    assert {f"server {name}" for name in named} <= tried
    await run_admin(stage, room, "budget", clear=True)
    await run_admin(stage, room, "quota clear", everyone=True)
    await run_admin(stage, room, "confirm", clear=True)
    await run_admin(stage, room, "people", rule="unset")
    await run_admin(stage, room, "extending", who="everyone")
    assert quote_text("server.budget.cleared") in await run_admin(stage, room, "budget")
    shown = await run_admin(stage, room, "confirm")
    assert quote_text("server.confirm.default", price="$2.00") in shown


async def test_an_expensive_rule_is_shown_to_the_admin_and_confirmed_by_the_member(
    stage: BotStage,
) -> None:
    """Nobody pays more because of a rule without being told. [people-A5]"""
    room = await stage.open_channel()
    await run_admin(stage, room, "confirm", never=True)
    said = await run_admin(stage, room, "people", rule="adults", channel=room)
    cost = quote_text("server.people.cost", models="Veo 2", price="$4.00", usual="$0.40")
    assert cost in said
    assert quote_text("server.people.no_extending") in said
    before = len(await stage.list_submits())
    asked = await stage.control.command(
        stage.people["Cem"], room, "video generate", {"prompt": "a red fox"}
    )
    question = await stage.wait_for_answer(asked, quote_text("ask.confirm"))
    rule = quote_text("people.adults")
    asks = quote_text("ask.person_rule", rule=rule, model="Veo 2", price="$4.00", usual="$0.40")
    assert asks in question
    assert len(await stage.list_submits()) == before
    await stage.press_answer(asked, quote_text("button.accept"), "Cem")
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(await stage.list_submits()) == before + 1
    form = (
        await stage.press_button(clip, quote_text("button.extend"), "Cem")
        if quote_text("button.extend") in buttons_of(clip)
        else None
    )
    if form is not None:
        refused = await stage.wait_for_answer(await stage.submit_form(form, "it jumps", "Cem"))
        assert len(await stage.list_submits()) == before + 1, refused
    await run_admin(stage, room, "confirm", clear=True)


async def test_an_extension_that_a_rule_prevents_is_refused_with_the_reason(
    stage: BotStage,
) -> None:
    """The rule is named, not only that it does not work. [people-A5]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await run_admin(stage, room, "people", rule="adults", channel=room)
    before = len(await stage.list_submits())
    form = await stage.press_button(clip, quote_text("button.extend"))
    refused = await stage.wait_for_answer(await stage.submit_form(form, "it jumps"))
    rule = quote_text("people.adults")
    assert quote_pattern("rule.person_rule", rule=rule).search(refused)
    assert quote_text("rule.person_rule_none") in refused
    assert len(await stage.list_submits()) == before


async def test_an_age_restricted_channel_costs_what_others_cost(stage: BotStage) -> None:
    """No rule was set, so nothing becomes dearer or impossible. [people-A6]"""
    room = await stage.open_channel(nsfw=True)
    asked = await stage.control.command(
        stage.people["Ada"], room, "video generate", {"prompt": "a red fox"}
    )
    assert "$0.40" in await stage.wait_for_answer(asked, quote_text("ask.accepted"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    sent = (await stage.list_submits())[-1]
    assert "veo-2" not in sent["model"]
    assert "personGeneration" not in sent["json"]["parameters"]
    await stage.request_clip(room)
    extended = await stage.wait_for_clip(room, 2)
    form = await stage.press_button(extended, quote_text("button.extend"))
    await stage.wait_for_answer(
        await stage.submit_form(form, "it jumps"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 3)
    await stage.wait_until_idle(room)


async def test_answers_name_the_ceiling_and_the_least_that_is_left(stage: BotStage) -> None:
    """No answer promises money that cannot be spent. [people-A9]"""
    room = await stage.open_channel()
    said = await run_admin(stage, room, "budget", usd_per_month=1000)
    assert "$1,000.00" in said
    assert quote_text("server.budget.ceiling") in said
    assert "$100.00" in said
    said = await run_admin(stage, room, "quota set", usd_per_day=500, clips_per_day=500)
    limit = quote_text("limit.usd_per_day")
    assert quote_text("quota.left_part", left="$60.00", limit=limit) in said
    accepted = await stage.wait_for_answer(
        await stage.request_clip(room), quote_text("ask.accepted")
    )
    assert "$49" not in accepted
    left = accepted.rpartition(quote_text("quota.left"))[2]
    assert float(left.partition("$")[2].split()[0]) <= 60.0
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    await run_admin(stage, room, "budget", clear=True)
    await run_admin(stage, room, "quota clear", everyone=True)


async def test_unknown_jobs_are_the_operators_bill(stage: BotStage) -> None:
    """An admin of a server cannot look into Google's billing. [people-A13]"""
    room = await stage.open_channel()
    await stage.control.fault("google", path=r":predictLongRunning$", drop="before")
    await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
    await stage.wait_for_message(room, quote_text("outcome.submit_unknown"))
    said = await run_admin(stage, room, "unknown")
    assert quote_text("unknown.title") in said


async def test_everyone_reads_a_clips_price_where_the_server_shows_it(stage: BotStage) -> None:
    """`/server prices` without an option shows the setting; it is for clips made from then on."""
    room = await stage.open_channel()

    async def read_card(number: int) -> str:
        await stage.request_clip(room)
        await stage.wait_for_clip(room, number)
        await stage.wait_until_idle(room)
        seen = clips_of(await stage.control.messages(room, seen_by=stage.people["Dia"]))
        return text_of(seen[number - 1])

    assert quote_text("server.prices.private") in await run_admin(stage, room, "prices")
    assert "$" not in await read_card(1)
    assert quote_text("server.prices.shown") in await run_admin(stage, room, "prices", shown=True)
    assert quote_text("server.prices.shown") in await run_admin(stage, room, "prices")
    assert "$0.40" in await read_card(2)
    assert quote_text("server.prices.private") in await run_admin(
        stage, room, "prices", shown=False
    )
    assert "$" not in await read_card(3)

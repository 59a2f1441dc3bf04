"""Shared code of the Omni tests: short clips, what Google received, and comparing the bills.

Google's bill comes from the sandbox; what members and budgets are charged, from the bot's database.
"""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import asyncpg
import pytest

from tests.chaos.records import DatabaseReader
from tests.e2e.stage import BotStage, Json
from tests.harness.texts import quote_text

NEWEST: Final[dict[str, Any]] = {
    "model": "gemini-omni-1.2-flash",
    "duration": 3,
    "resolution": "360p",
}
"""The shortest and smallest clip of the newest model."""
EXTENDING: Final[dict[str, Any]] = NEWEST | {"model": "gemini-omni-1.1-flash"}
"""The same of the model that extends."""
SUBMIT: Final = r"/interactions$"
POLL: Final = r"/interactions/v1_[^/]+$"
FILE: Final = r"/files/[^/:]+$"
DAY_S: Final = 86_400.0

ON_BOTH_DATABASES: Final = pytest.mark.parametrize(
    "stage",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
    indirect=True,
    scope="module",
)


@dataclass(frozen=True, slots=True)
class OmniCharges:
    """Micro-dollars charged to members, counted in budgets, and billed by Google for Omni.

    ``bills`` counts what was billed: the ledger rounds each up, the sandbox to the nearest.
    """

    members: int
    budgets: int
    billed: int
    bills: int = 0

    @classmethod
    async def read(cls, stage: BotStage) -> Self:
        reader = open_reader(stage)
        query = "SELECT coalesce(sum(micros), 0) FROM ledger WHERE kind IN"
        query += " ('reserve', 'refund', 'adjust') AND account <> "
        [[members]] = await reader.fetch_rows(f"{query} 'house'")
        [[budgets]] = await reader.fetch_rows(f"{query} 'member'")
        billed = [
            round(submit["billed_usd"] * 1_000_000)
            for submit in await list_omni_submits(stage)
            if submit["billed_usd"]
        ]
        return cls(int(members), int(budgets), sum(billed), len(billed))

    def __sub__(self, before: "OmniCharges") -> "OmniCharges":
        return OmniCharges(
            self.members - before.members,
            self.budgets - before.budgets,
            self.billed - before.billed,
            self.bills - before.bills,
        )

    @property
    def is_balanced(self) -> bool:
        """Whether members and budgets match Google's bills, to a micro-dollar per bill."""
        return self.members == self.budgets and 0 <= self.budgets - self.billed <= self.bills


NOTHING: Final = OmniCharges(0, 0, 0)


def open_reader(stage: BotStage) -> DatabaseReader:
    """Return a reader of the bot's database, of either kind."""
    settings = stage.bot.environment
    url = settings.get("DATABASE_URL") or f"sqlite:///{settings['DATA_DIR']}/clapper.db"
    return DatabaseReader(url)


async def age_everything(stage: BotStage, days: int) -> None:
    """Let days pass at Google, and make the bot's clips older by as much.

    The clock of the bot's machine cannot be moved, but what it is compared with can.
    """
    await stage.control.advance(days * DAY_S)
    url = stage.bot.environment.get("DATABASE_URL")
    if url is None:
        await asyncio.to_thread(_age_sqlite_clips, Path(stage.bot.environment["DATA_DIR"]), days)
        return
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        span = f"interval '{days} days'"
        await connection.execute(
            f"UPDATE clips SET created_at = created_at - {span}, remote_expires_at ="
            f" remote_expires_at - {span}, interaction_expires_at = interaction_expires_at - {span}"
        )
    finally:
        await connection.close()


def _age_sqlite_clips(data: Path, days: int) -> None:
    columns = ("created_at", "remote_expires_at", "interaction_expires_at")
    changes = ", ".join(
        f"{name} = strftime('%Y-%m-%d %H:%M:%f000', {name}, '-{days} days')" for name in columns
    )
    with closing(sqlite3.connect(data / "clapper.db", timeout=30)) as connection, connection:
        connection.execute(f"UPDATE clips SET {changes}")


async def request_omni(
    stage: BotStage,
    room: str,
    prompt: str = "a red fox",
    *,
    command: str = "video generate",
    attachments: Mapping[str, Path] | None = None,
    **options: Any,
) -> str:
    """Ask for a clip, by default the shortest of the newest model; return the interaction."""
    wanted = NEWEST if command == "video generate" else {}
    return await stage.control.command(
        stage.people["Ada"],
        room,
        command,
        {"prompt": prompt, **wanted, **options},
        attachments=attachments,
    )


async def make_omni(
    stage: BotStage, prompt: str = "a red fox", **options: Any
) -> tuple[str, Json, Json]:
    """Make a clip in a new channel; return channel, message and submit."""
    room = await stage.open_channel()
    await stage.wait_for_answer(
        await request_omni(stage, room, prompt, **options), quote_text("ask.accepted")
    )
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    return room, clip, await get_submit(stage)


async def list_omni_submits(stage: BotStage) -> list[Json]:
    """Return every interaction that the sandbox has started."""
    return [submit for submit in await stage.list_submits() if submit["route"] == "omni"]


async def get_submit(stage: BotStage) -> Json:
    """Return the newest interaction that the sandbox has started."""
    return (await list_omni_submits(stage))[-1]


def content_of(submit: Json, kind: str) -> list[Json]:
    """Return the items of one kind (text, image, video) that Google received."""
    items: list[Json] = []
    received = submit["json"]["input"]
    for item in received if isinstance(received, list) else [{"type": "text", "text": received}]:
        items += item["content"] if item["type"] == "user_input" else [item]
    return [item for item in items if item["type"] == kind]


def words_of(submit: Json) -> str:
    """Return the whole text that Google received."""
    return "\n".join(item["text"] for item in content_of(submit, "text"))


def format_of(submit: Json) -> Json:
    """Return how Google was asked to deliver the video."""
    wanted = submit["json"]["response_format"]
    asked: Json = wanted[0] if isinstance(wanted, list) else wanted
    return asked


async def reply(
    stage: BotStage, room: str, clip: Json, words: str, *, user: str = "Ada", **more: Any
) -> str:
    """Reply to a clip; return the message."""
    return str(
        await stage.control.message(stage.people[user], room, words, reply_to=clip["id"], **more)
    )

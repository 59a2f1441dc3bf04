"""Compares the records of the bot, Google and Discord once all jobs have ended.

The bot's database is read with plain SQL, so that a bug in the bot's own code cannot hide.
"""

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.harness.control import Control
from tests.harness.waiting import stretch_timeout

Row = tuple[Any, ...]

_ENDED = ("done", "failed", "cancelled", "unknown")
_CLIP_FILE_NAME = re.compile(r"clip-(\d+)")


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """One line of ``var/chaos.json``.

    ``accepted`` counts rows of the jobs table; ``lost`` counts jobs that never ended, that are
    recorded as delivered without a visible clip, or that members were told of but do not exist.
    ``missing_files`` counts clips without their file in the bucket, if the scenario has one.
    ``omni_submits`` are those of ``submits`` that Gemini Omni received.
    ``ledger_gap_usd_micros`` is what the ledger has settled less what Google has billed.
    """

    scenario: str
    database: str
    processes: int
    kills: int
    accepted: int
    submits: int
    omni_submits: int
    repeated_submits: int
    posts: int
    repeated_posts: int
    unknown: int
    lost: int
    reserved_left_usd_micros: int
    ledger_gap_usd_micros: int
    missing_files: int = 0

    @property
    def is_flawless(self) -> bool:
        """Whether nothing was lost, paid twice or posted twice, and the ledger balances."""
        return not any(
            (
                self.repeated_submits,
                self.repeated_posts,
                self.lost,
                self.reserved_left_usd_micros,
                self.ledger_gap_usd_micros,
                self.missing_files,
            )
        )

    def to_json(self) -> dict[str, Any]:
        """Return the line as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class UnknownJob:
    """A job with an unknown outcome, the channel of its request, and its prompt."""

    number: int
    channel: str
    prompt: str


class DatabaseReader:
    """Reads the bot's database."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def fetch_rows(self, query: str) -> list[Row]:
        """Run a SELECT."""
        if self._url.startswith("sqlite"):
            return await asyncio.to_thread(self._fetch_sqlite_rows, query)
        connection = await asyncpg.connect(
            self._url.replace("+asyncpg", ""),
            timeout=stretch_timeout(10),
            target_session_attrs="read-write",
        )
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    def _fetch_sqlite_rows(self, query: str) -> list[Row]:
        path = Path(self._url.split(":///", 1)[1])
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=stretch_timeout(10))
        try:
            return list(connection.execute(query))
        finally:
            connection.close()

    async def count_states(self) -> Counter[str]:
        """Count the jobs by state."""
        rows = await self.fetch_rows("SELECT state, count(*) FROM jobs GROUP BY state")
        return Counter({str(state): int(count) for state, count in rows})

    async def list_unknown_jobs(self) -> list[UnknownJob]:
        """Return the jobs whose submit may have happened or not."""
        rows = await self.fetch_rows(
            "SELECT id, channel_id, plan FROM jobs WHERE state = 'unknown' ORDER BY id"
        )
        return [
            UnknownJob(int(job), str(channel), find_prompt(str(plan)))
            for job, channel, plan in rows
        ]

    async def get_newest_clip(self) -> int:
        """Return the number of the newest clip."""
        rows = await self.fetch_rows("SELECT max(id) FROM clips")
        return int(rows[0][0])

    async def sum_reserved(self) -> int:
        """Sum what is reserved and neither settled nor refunded, in micro-dollars."""
        rows = await self.fetch_rows(
            "SELECT coalesce(sum(CASE WHEN kind = 'settle' THEN -micros ELSE micros END), 0)"
            " FROM ledger WHERE kind IN ('reserve', 'settle', 'refund')"
        )
        return int(rows[0][0])

    async def sum_spent(self) -> int:
        """Sum what budgets count, in micro-dollars: reserved less refunded, plus corrections."""
        rows = await self.fetch_rows(
            "SELECT coalesce(sum(micros), 0) FROM ledger"
            " WHERE kind IN ('reserve', 'refund', 'adjust') AND account <> 'member'"
        )
        return int(rows[0][0])


def is_billed(submit: Mapping[str, Any]) -> bool:
    """Whether Google has billed a submit: Veo by its seconds, Gemini Omni by its tokens."""
    return bool(submit.get("billed_usd") or submit.get("billed_seconds"))


def find_prompt(text: str) -> str:
    """Return the unique part ("take 7") of the prompt in ``text``."""
    match = re.search(r"take \d+", text)
    return match[0] if match else ""


async def compare_records(
    control: Control,
    reader: DatabaseReader,
    *,
    scenario: str,
    database: str,
    processes: int,
    kills: int,
    settled_prompts: Set[str],
    notified_prompts: Set[str],
) -> ScenarioResult:
    """Compare the records once all jobs have ended.

    ``settled_prompts`` are the prompts of unknown jobs that admins have settled, at the price that
    was reserved; ``notified_prompts`` those of the requests that members saw accepted.
    """
    jobs = await reader.fetch_rows("SELECT id, state, plan, outcome, price_micros FROM jobs")
    prices = {find_prompt(str(plan)): int(price) for _, _, plan, _, price in jobs}
    google = await control.call("GET", "google")
    submits = Counter(find_prompt(submit["prompt"]) for submit in google["submits"])
    billed = sum(
        _find_bill(submit, prices, settled_prompts)
        for submit in google["submits"]
        if is_billed(submit)
    )
    posts = await _count_posts(control)
    delivered = {int(job) for job, _, _, outcome, _ in jobs if outcome == "delivered"}
    clips = await reader.fetch_rows("SELECT id, job_id FROM clips")
    visible = {int(job) for clip, job in clips if posts[int(clip)]}
    unfinished = sum(state not in _ENDED for _, state, *_ in jobs)
    return ScenarioResult(
        scenario=scenario,
        database=database,
        processes=processes,
        kills=kills,
        accepted=len(jobs),
        submits=len(submits),
        omni_submits=sum(submit["route"] == "omni" for submit in google["submits"]),
        repeated_submits=submits.total() - len(submits),
        posts=len(posts),
        repeated_posts=posts.total() - len(posts),
        unknown=len(settled_prompts),
        lost=unfinished + len(delivered - visible) + len(notified_prompts - prices.keys()),
        reserved_left_usd_micros=await reader.sum_reserved(),
        ledger_gap_usd_micros=await reader.sum_spent() - billed,
    )


def _find_bill(
    submit: Mapping[str, Any], prices: Mapping[str, int], settled_prompts: Set[str]
) -> int:
    """Return what the ledger has to say about a billed submit, in micro-dollars."""
    prompt = find_prompt(submit["prompt"])
    if submit["route"] != "omni" or prompt in settled_prompts:
        return prices[prompt]
    billed_usd: float = submit["billed_usd"]
    return round(billed_usd * 1_000_000)


async def _count_posts(control: Control) -> Counter[int]:
    """Count the visible messages by the number of the clip in them."""
    posts: Counter[int] = Counter()
    for guild in (await control.world())["guilds"]:
        for channel in guild["channels"]:
            if channel["type"] != 0:
                continue
            for message in await control.messages(channel["id"]):
                for file in message["files"]:
                    match = _CLIP_FILE_NAME.match(file["filename"])
                    if match:
                        posts[int(match[1])] += 1
    return posts

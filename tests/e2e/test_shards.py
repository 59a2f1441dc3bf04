"""Processes on one PostgreSQL share the shards, and what members do meanwhile is not lost."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.domain.sharding import find_shard
from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.chaos.records import DatabaseReader
from tests.e2e.stage import TIMEOUT_S, UNLIMITED_SETTINGS, text_of
from tests.harness.bot import BotProcess
from tests.harness.sandbox import SandboxProcess
from tests.harness.texts import quote_text
from tests.harness.waiting import eventually

SHARDS = 4


class Fleet:
    """A sandbox that recommends four shards, and the processes of one bot."""

    def __init__(self, sandbox: SandboxProcess, url: str, directory: Path) -> None:
        self.control = sandbox.control
        self._sandbox = sandbox
        self._url = url
        self._directory = directory
        self._reader = DatabaseReader(url)
        self._guilds: dict[int, str] = {}
        self._room_count = 0
        self.processes: list[BotProcess] = []

    async def start(self) -> BotProcess:
        """Start a process, and wait until all have equal shares and have connected them."""
        process = BotProcess(
            self.control,
            self._sandbox.environment_for_bot,
            self._directory,
            name=f"bot{len(self.processes)}",
            settings={**UNLIMITED_SETTINGS, "DATABASE_URL": self._url, "SHARD_COUNT": "auto"},
        )
        self.processes.append(process)
        await process.launch()
        await self.wait_until_shared()
        return process

    async def wait_until_shared(self) -> None:
        running = [process for process in self.processes if process.is_running]

        async def is_shared() -> bool:
            for process in running:
                process.check_running()
            rows = await self._read("SELECT owner FROM shards WHERE is_connected")
            owners = [owner for (owner,) in rows if owner is not None]
            shares = Counter(owners).values()
            are_equal = len(shares) == len(running) and max(shares) - min(shares) <= 1
            sessions = (await self.control.sessions())["sessions"]
            open_shards = sorted(each["shard"][0] for each in sessions if each["connected"])
            return len(owners) == SHARDS and are_equal and open_shards == list(range(SHARDS))

        await eventually(is_shared, timeout=120, interval=0.2, what="equal shares")

    async def wait_until_saved(self) -> None:
        """Wait until the rows have every session as Discord has it."""

        async def is_saved() -> bool:
            saved = dict(await self._read("SELECT session_id, sequence FROM shards"))
            sessions = (await self.control.sessions())["sessions"]
            return saved == {each["session_id"]: each["sequence"] for each in sessions}

        await eventually(is_saved, timeout=60, interval=0.2, what="the sessions being saved")

    async def open_rooms(self) -> list[str]:
        """Return a new channel on each shard."""
        while len(self._guilds) < SHARDS:
            guild = await self.control.add_guild("Studio", members=["Ada"])
            self._guilds.setdefault(find_shard(int(guild["id"]), SHARDS), guild["id"])
        self._room_count += 1
        rooms = []
        for guild_id in self._guilds.values():
            body = {"guild": guild_id, "name": f"room-{self._room_count}"}
            rooms.append((await self.control.call("POST", "channels", body))["channel"]["id"])
        return rooms

    async def greet(self, rooms: list[str]) -> None:
        """Mention the bot in each channel."""
        bot = (await self.control.world())["application"]["id"]
        for room in rooms:
            await self.control.message("Ada", room, f"<@{bot}> hello")

    async def expect_answers(self, rooms: list[str]) -> None:
        """Wait until the bot has answered in each channel, and only once."""
        for room in rooms:
            await self.control.wait_message(
                room,
                lambda message: (
                    message["author"].get("bot") and quote_text("mention.help") in text_of(message)
                ),
                timeout=TIMEOUT_S,
            )
            assert len(await self.control.messages(room)) == 2

    async def _read(self, query: str) -> list[tuple[Any, ...]]:
        try:
            return await self._reader.fetch_rows(query)
        except asyncpg.UndefinedTableError:  # the first process has not made the tables yet
            return []


@asynccontextmanager
async def run_fleet(directory: Path) -> AsyncIterator[Fleet]:
    try:
        cluster = PostgresCluster(durable=False)
    except PostgresNotInstalled as error:
        pytest.skip(str(error))
    async with cluster, SandboxProcess(directory / "sandbox") as sandbox:
        await sandbox.control.scale_ratelimits(None)
        await sandbox.control.gateway("recommend_shards", shards=SHARDS)
        # one bucket for each shard, so that nobody waits
        await sandbox.control.gateway("limit_identifies", max_concurrency=16)
        fleet = Fleet(sandbox, await cluster.create_database(), directory)
        try:
            yield fleet
        finally:
            for process in fleet.processes:
                await process.close()


@pytest.mark.postgresql
async def test_shards_pass_from_process_to_process(tmp_path: Path) -> None:
    async with run_fleet(tmp_path) as fleet:
        first = await fleet.start()
        second = await fleet.start()
        rooms = await fleet.open_rooms()
        await fleet.greet(rooms)
        await fleet.expect_answers(rooms)
        # killed: the other takes its shards, and resumes their sessions where they were saved
        await fleet.wait_until_saved()
        await first.kill()
        rooms = await fleet.open_rooms()
        await fleet.greet(rooms)
        await fleet.expect_answers(rooms)
        await fleet.wait_until_shared()
        # a rolling restart: members write while nobody has the shards of the one that stops
        third = await fleet.start()
        third.pause()
        assert await second.terminate(timeout=10) == 0
        rooms = await fleet.open_rooms()
        await fleet.greet(rooms)
        third.resume()
        await fleet.expect_answers(rooms)
        await fleet.wait_until_shared()
        sessions = await fleet.control.sessions()
        assert sessions["resumed"] == 2 + 2 + 2 + 2  # each start, the kill and the stop
        assert sessions["identify_attempts"] == sessions["identified"], "none was too early"
        for process in fleet.processes:
            assert "Traceback" not in process.read_log(), process.read_log()[-4000:]

"""What a scenario plays on: a sandbox, a database, some bots, and members who keep asking."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from tests.chaos.books import Books, Finding, UnknownJob, audit, prompt_in
from tests.chaos.cluster import Cluster
from tests.harness.bot import BotProcess
from tests.harness.control import InteractionFailed, told_something
from tests.harness.people import Json
from tests.harness.sandbox import Control, SandboxProcess
from tests.harness.waiting import NotInTime, eventually

REST_S: Final = 180.0
"""Seconds in which another job must come to rest once the chaos ends."""

_ACCEPTED: Final = "Accepted as job"
_SUBMITS: Final = r":predictLongRunning"
_GENEROUS: Final = {
    f"{prefix}_{limit}": "none"
    for prefix in ("DEFAULT_MEMBER", "DEFAULT_SERVER", "BOT")
    for limit in (
        "CLIPS_PER_DAY",
        "SECONDS_PER_DAY",
        "USD_PER_DAY",
        "USD_PER_MONTH",
        "JOBS_AT_ONCE",
    )
}
_QUICK: Final = {"POLL_INTERVAL_S": "0.3", "LEASE_S": "2", "BOT_IN_FLIGHT": "24"}


class Stage:
    """One scenario's programs. Every prompt carries a number, by which it is counted."""

    def __init__(
        self, sandbox: SandboxProcess, bots: Sequence[BotProcess], url: str, database: str
    ) -> None:
        self.sandbox = sandbox
        self.control: Control = sandbox.control
        self.bots = list(bots)
        self.books = Books(url)
        self.database = database
        self.kills = 0
        self.told: set[str] = set()
        self._asked = 0
        self._channels = ["clips"]

    @property
    def bot(self) -> BotProcess:
        """The first (often the only) bot."""
        return self.bots[0]

    # -- what members do

    async def spread(self) -> list[Json]:
        """Found a server on each bot's shard, in which Cem asks from now on; the servers."""
        shards = len(self.bots)
        found: dict[int, Json] = {}
        while len(found) < shards:
            guild = await self.control.add_guild("Studio", members=["Cem"], channels=["set"])
            found.setdefault((int(guild["id"]) >> 22) % shards, guild)
        self._channels = [guild["channels"][0]["id"] for guild in found.values()]
        return list(found.values())

    async def ask(
        self, user: str = "Cem", channel: str | None = None, *, extend: int | None = None
    ) -> str | None:
        """Ask once, as a member, for a clip or for an extension of clip number ``extend``; the
        prompt when the member was told that it is accepted."""
        prompt = f"take {self._asked}"
        channel = channel or self._channels[self._asked % len(self._channels)]
        self._asked += 1
        options: Json = {"prompt": f"{prompt}: a paper boat"}
        options |= {"duration": 4} if extend is None else {"clip": f"#{extend}"}
        command = "video generate" if extend is None else "video extend"
        interaction = await self.control.command(user, channel, command, options)
        try:
            seen = await self.control.wait_interaction(interaction, told_something, timeout=16)
        except (InteractionFailed, NotInTime):
            return None  # nobody answered, or the one who did was killed: the member asks again
        if _ACCEPTED in str(seen["messages"]):
            self.told.add(prompt)
            return prompt
        return None

    async def ask_many(self, count: int, *, extend: int | None = None) -> None:
        """Ask for several clips at once. Raises `AssertionError` unless each is accepted."""
        told = await asyncio.gather(*(self.ask(extend=extend) for _ in range(count)))
        assert None not in told, f"{told.count(None)} of {count} were not accepted"

    # -- what happens to the bots

    async def kill(self, bot: BotProcess | None = None) -> None:
        """SIGKILL."""
        await (bot or self.bot).kill_and_wait()
        self.kills += 1

    async def until_states(self, **wanted: int) -> None:
        """Wait until so many jobs are in these states."""

        async def reached() -> bool:
            states = await self.books.states()
            return all(states[state] == count for state, count in wanted.items())

        await eventually(reached, timeout=60, interval=0.05, what=f"jobs being {wanted}")

    async def until_struck(self, fault: Json, times: int) -> None:
        """Wait until a fault has struck so often."""

        async def struck() -> bool:
            return any(
                each["id"] == fault["id"] and each["struck"] >= times
                for each in await self.control.faults()
            )

        await eventually(struck, timeout=60, interval=0.02, what="the fault striking")

    # -- the end

    async def rest(self) -> None:
        """Wait until every accepted job has ended and nothing is reserved.

        A busy machine may take its time, as long as one job after the other ends.
        """
        ended, resting = -1, False

        async def moving() -> bool:
            nonlocal ended, resting
            states = await self.books.states()
            before = ended
            ended = sum(states[each] for each in ("done", "failed", "cancelled", "unknown"))
            resting = ended == states.total() and await self.books.reserved() == 0
            return resting or ended > before

        while not resting:
            await eventually(moving, timeout=REST_S, interval=0.2, what="jobs coming to rest")

    async def judge(self) -> int:
        """Judge the unknown jobs as each server's admin who looks at Google's bill would; their
        number."""
        unknown = await self.books.unknown_jobs()
        google = await self.control.call("GET", "google")
        billed = {prompt_in(each["prompt"]) for each in google["submits"] if each["billed_seconds"]}
        for job in unknown:
            await self._judge(job, charge=job.prompt in billed)
        return len(unknown)

    async def _judge(self, job: UnknownJob, *, charge: bool) -> None:
        """Give the command where the job was asked for, until the books say that it is done.

        A bot that has only just begun again may leave a command unanswered.
        """

        async def judged() -> bool:
            interaction = await self.control.command(
                "Ada", job.channel, "server unknown", {"job": job.number, "charge": charge}
            )
            try:
                told = await self.control.wait_interaction(interaction, told_something, timeout=16)
            except (InteractionFailed, NotInTime) as fault:
                told = {"nothing": str(fault)}
            assert job not in await self.books.unknown_jobs(), told
            return True

        await eventually(judged, timeout=120, interval=0.5, what=f"{job} being judged")

    async def finding(self, scenario: str) -> Finding:
        """Let everything come to rest, judge what is unknown, and compare the books."""
        await self.control.clear_faults()
        await self.rest()
        await self._google_at_rest()
        unknown = await self.judge()
        health = await self.control.health()
        assert health["internal_errors"] == 0, health
        return await audit(
            self.control,
            self.books,
            scenario=scenario,
            database=self.database,
            processes=len(self.bots),
            kills=self.kills,
            unknown=unknown,
            told=self.told,
        )

    async def _google_at_rest(self) -> None:
        async def done() -> bool:
            google = await self.control.call("GET", "google")
            return all(each["finished"] for each in google["submits"])

        await eventually(done, timeout=60, interval=0.2, what="Google finishing what it began")


@asynccontextmanager
async def stage(
    directory: Path,
    *,
    cluster: Cluster | None = None,
    processes: int = 1,
    settings: Mapping[str, str] | None = None,
    seconds: float = 1.0,
    shards: int | None = None,
) -> AsyncIterator[Stage]:
    """Set up a sandbox and bots on SQLite, or on a new database of ``cluster``.

    ``seconds`` is how long Google takes for a clip; each bot has a shard of its own unless
    ``shards`` says that there are fewer.
    """
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / "data"
    if cluster is None:
        url, database = f"sqlite+aiosqlite:///{data}/clapper.db", "sqlite"
    else:
        url, database = await cluster.new_database(), "postgresql"
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(SandboxProcess(directory / "sandbox"))
        await sandbox.control.google(seconds=seconds, look="plain", processing_s=0)
        bots, shards = [], shards or processes
        for index in range(processes):
            shard = {"SHARD_COUNT": str(shards), "SHARD_IDS": str(index % shards)}
            bot = BotProcess(
                sandbox.control,
                sandbox.environment_for_bot,
                directory,
                name=f"bot{index}",
                settings={
                    "DATABASE_URL": url,
                    "DATA_DIR": str(data),
                    **_GENEROUS,
                    **_QUICK,
                    **(shard if processes > 1 else {}),
                    **(settings or {}),
                },
            )
            bots.append(await stack.enter_async_context(bot))
        yield Stage(sandbox, bots, url, database)


async def held_submits(control: Control, times: int, **how: object) -> Json:
    """Order a fault for the next ``times`` submits."""
    return await control.fault("google", method="POST", path=_SUBMITS, times=times, **how)

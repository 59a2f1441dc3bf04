"""What a scenario plays on: a sandbox, a database, some bots, and members who keep asking."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from tests.chaos.books import (
    DatabaseReader,
    ScenarioResult,
    UnknownJob,
    compare_records,
    find_prompt,
)
from tests.chaos.cluster import PostgresCluster
from tests.harness.bot import BotProcess
from tests.harness.control import InteractionFailed, has_answer
from tests.harness.people import Json
from tests.harness.sandbox import Control, SandboxProcess
from tests.harness.waiting import NotInTime, eventually

REST_TIMEOUT_S: Final = 180.0
"""Seconds in which another job must come to rest once the chaos ends."""

_ACCEPTED: Final = "Accepted as job"
_SUBMITS: Final = r":predictLongRunning"
_UNLIMITED: Final = {
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
_SHORT_INTERVALS: Final = {"POLL_INTERVAL_S": "0.3", "LEASE_S": "2", "MAX_CONCURRENT_JOBS": "24"}


class ChaosStage:
    """One scenario's programs. Every prompt carries a number, by which it is counted."""

    def __init__(
        self, sandbox: SandboxProcess, bots: Sequence[BotProcess], url: str, database: str
    ) -> None:
        self.sandbox = sandbox
        self.control: Control = sandbox.control
        self.bots = list(bots)
        self.reader = DatabaseReader(url)
        self.database = database
        self.kills = 0
        self.accepted_prompts: set[str] = set()
        self._prompt_count = 0
        self._channels = ["clips"]

    @property
    def bot(self) -> BotProcess:
        """The first (often the only) bot."""
        return self.bots[0]

    # -- what members do

    async def create_guilds(self) -> list[Json]:
        """Found a server on each bot's shard, in which Cem asks from now on; the servers."""
        shards = len(self.bots)
        found: dict[int, Json] = {}
        while len(found) < shards:
            guild = await self.control.add_guild("Studio", members=["Cem"], channels=["set"])
            found.setdefault((int(guild["id"]) >> 22) % shards, guild)
        self._channels = [guild["channels"][0]["id"] for guild in found.values()]
        return list(found.values())

    async def ask_for_clip(
        self, user: str = "Cem", channel: str | None = None, *, extend: int | None = None
    ) -> str | None:
        """Ask once, as a member, for a clip or for an extension of clip number ``extend``; the
        prompt when the member was told that it is accepted."""
        prompt = f"take {self._prompt_count}"
        channel = channel or self._channels[self._prompt_count % len(self._channels)]
        self._prompt_count += 1
        options: Json = {"prompt": f"{prompt}: a paper boat"}
        options |= {"duration": 4} if extend is None else {"clip": f"#{extend}"}
        command = "video generate" if extend is None else "video extend"
        interaction = await self.control.command(user, channel, command, options)
        try:
            seen = await self.control.wait_interaction(interaction, has_answer, timeout=16)
        except (InteractionFailed, NotInTime):
            return None  # nobody answered, or the one who did was killed: the member asks again
        if _ACCEPTED in str(seen["messages"]):
            self.accepted_prompts.add(prompt)
            return prompt
        return None

    async def ask_for_clips(self, count: int, *, extend: int | None = None) -> None:
        """Ask for several clips at once. Raises `AssertionError` unless each is accepted."""
        told = await asyncio.gather(*(self.ask_for_clip(extend=extend) for _ in range(count)))
        assert None not in told, f"{told.count(None)} of {count} were not accepted"

    # -- what happens to the bots

    async def kill_bot(self, bot: BotProcess | None = None) -> None:
        """SIGKILL."""
        await (bot or self.bot).kill_and_wait()
        self.kills += 1

    async def wait_for_states(self, **wanted: int) -> None:
        """Wait until so many jobs are in these states."""

        async def is_reached() -> bool:
            states = await self.reader.count_states()
            return all(states[state] == count for state, count in wanted.items())

        await eventually(is_reached, timeout=60, interval=0.05, what=f"jobs being {wanted}")

    async def wait_for_fault(self, fault: Json, times: int) -> None:
        """Wait until a fault has struck so often."""

        async def has_struck() -> bool:
            return any(
                each["id"] == fault["id"] and each["struck"] >= times
                for each in await self.control.faults()
            )

        await eventually(has_struck, timeout=60, interval=0.02, what="the fault striking")

    # -- the end

    async def wait_for_rest(self) -> None:
        """Wait until every accepted job has ended and nothing is reserved.

        A busy machine may take its time, as long as one job after the other ends.
        """
        ended, resting = -1, False

        async def is_progressing() -> bool:
            nonlocal ended, resting
            states = await self.reader.count_states()
            before = ended
            ended = sum(states[each] for each in ("done", "failed", "cancelled", "unknown"))
            resting = ended == states.total() and await self.reader.sum_reserved() == 0
            return resting or ended > before

        while not resting:
            await eventually(
                is_progressing, timeout=REST_TIMEOUT_S, interval=0.2, what="jobs coming to rest"
            )

    async def settle_unknown_jobs(self) -> int:
        """Judge the unknown jobs as each server's admin who looks at Google's bill would; their
        number."""
        unknown = await self.reader.list_unknown_jobs()
        google = await self.control.call("GET", "google")
        billed = {
            find_prompt(each["prompt"]) for each in google["submits"] if each["billed_seconds"]
        }
        for job in unknown:
            await self._settle_job(job, charge=job.prompt in billed)
        return len(unknown)

    async def _settle_job(self, job: UnknownJob, *, charge: bool) -> None:
        """Give the command where the job was asked for, until the books say that it is done.

        A bot that has only just begun again may leave a command unanswered.
        """

        async def is_settled() -> bool:
            interaction = await self.control.command(
                "Ada", job.channel, "server unknown", {"job": job.number, "charge": charge}
            )
            try:
                told = await self.control.wait_interaction(interaction, has_answer, timeout=16)
            except (InteractionFailed, NotInTime) as fault:
                told = {"nothing": str(fault)}
            assert job not in await self.reader.list_unknown_jobs(), told
            return True

        await eventually(is_settled, timeout=120, interval=0.5, what=f"{job} being judged")

    async def conclude_scenario(self, scenario: str) -> ScenarioResult:
        """Let everything come to rest, judge what is unknown, and compare the books."""
        await self.control.clear_faults()
        await self.wait_for_rest()
        await self._wait_for_google()
        unknown = await self.settle_unknown_jobs()
        health = await self.control.health()
        assert health["internal_errors"] == 0, health
        return await compare_records(
            self.control,
            self.reader,
            scenario=scenario,
            database=self.database,
            processes=len(self.bots),
            kills=self.kills,
            unknown_count=unknown,
            notified_prompts=self.accepted_prompts,
        )

    async def _wait_for_google(self) -> None:
        async def is_finished() -> bool:
            google = await self.control.call("GET", "google")
            return all(each["finished"] for each in google["submits"])

        await eventually(
            is_finished, timeout=60, interval=0.2, what="Google finishing what it began"
        )


@asynccontextmanager
async def open_stage(
    directory: Path,
    *,
    cluster: PostgresCluster | None = None,
    processes: int = 1,
    settings: Mapping[str, str] | None = None,
    seconds: float = 1.0,
    shards: int | None = None,
) -> AsyncIterator[ChaosStage]:
    """Set up a sandbox and bots on SQLite, or on a new database of ``cluster``.

    ``seconds`` is how long Google takes for a clip; each bot has a shard of its own unless
    ``shards`` says that there are fewer.
    """
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / "data"
    if cluster is None:
        url, database = f"sqlite+aiosqlite:///{data}/clapper.db", "sqlite"
    else:
        url, database = await cluster.create_database(), "postgresql"
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
                    **_UNLIMITED,
                    **_SHORT_INTERVALS,
                    **(shard if processes > 1 else {}),
                    **(settings or {}),
                },
            )
            bots.append(await stack.enter_async_context(bot))
        yield ChaosStage(sandbox, bots, url, database)


async def order_submit_fault(control: Control, times: int, **how: object) -> Json:
    """Order a fault for the next ``times`` submits."""
    return await control.fault("google", method="POST", path=_SUBMITS, times=times, **how)

"""Sets up a scenario: a sandbox, a database, bots, and members who request clips."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

import asyncpg

from tests.chaos.records import (
    DatabaseReader,
    ScenarioResult,
    UnknownJob,
    compare_records,
    find_prompt,
    is_billed,
)
from tests.harness.bot import NO_LIMITS, BotProcess
from tests.harness.control import Control, InteractionFailed, has_answer
from tests.harness.object_store import S3Server
from tests.harness.people import Json
from tests.harness.sandbox import SandboxProcess
from tests.harness.texts import quote_text
from tests.harness.waiting import eventually, stretch_timeout

REST_TIMEOUT_S: Final = 180.0
"""Seconds within which another job must end after the failures."""
_PATIENCE_S: Final = 16.0
"""How long a member waits for an answer, which never comes if the bot was killed."""
_MAX_PATIENCE_S: Final = 60.0
"""The same on a busy machine."""

_ACCEPTED: Final = quote_text("ask.accepted")
_SUBMITS: Final = r":predictLongRunning|/interactions$"
_REQUESTS: Final[tuple[Json, ...]] = (
    {"model": "veo-3.1-fast-generate-preview", "duration": 4},
    {"model": "gemini-omni-1.2-flash", "duration": 3, "resolution": "360p"},
)
"""What members ask for, in turn: a clip of each route that an API key has in the sandbox."""
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


def _choose_patience() -> float:
    return min(stretch_timeout(_PATIENCE_S), _MAX_PATIENCE_S)


class DatabaseServer(Protocol):
    """PostgreSQL, as one server or several."""

    async def create_database(self) -> str:
        """Create a database and return its URL for the bot."""
        ...


class ChaosStage:
    """One scenario's programs. Every prompt has a number, by which it is counted."""

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
        """The first bot, often the only one."""
        return self.bots[0]

    # -- members

    async def create_guilds(self) -> list[Json]:
        """Create a guild on each bot's shard, where Cem requests clips from now on; return them."""
        shards = len(self.bots)
        guilds: dict[int, Json] = {}
        while len(guilds) < shards:
            guild = await self.control.add_guild("Studio", members=["Cem"], channels=["set"])
            guilds.setdefault((int(guild["id"]) >> 22) % shards, guild)
        self._channels = [guild["channels"][0]["id"] for guild in guilds.values()]
        return list(guilds.values())

    async def request_clip(
        self,
        user: str = "Cem",
        channel: str | None = None,
        *,
        extend: int | None = None,
        edit: int | None = None,
    ) -> str | None:
        """Request a clip, or clip ``extend`` or ``edit`` anew; return the prompt if accepted."""
        prompt = f"take {self._prompt_count}"
        wanted = _REQUESTS[self._prompt_count % len(_REQUESTS)]
        channel = channel or self._channels[self._prompt_count % len(self._channels)]
        self._prompt_count += 1
        options: Json = {"prompt": f"{prompt}: a paper boat"}
        source = extend or edit
        options |= wanted if source is None else {"clip": f"#{source}"}
        command = "video generate"
        if source is not None:
            command = "video extend" if source == extend else "video edit"
        interaction = await self.control.command(user, channel, command, options)
        try:
            async with asyncio.timeout(_choose_patience()):
                state = await self.control.wait_interaction(interaction, has_answer)
        except (InteractionFailed, TimeoutError):
            return None  # not acknowledged, or the process was killed: the member tries again
        if any(_ACCEPTED in message["content"] for message in state["messages"]):
            self.accepted_prompts.add(prompt)
            return prompt
        return None

    async def request_clips(
        self, count: int, *, extend: int | None = None, edit: int | None = None
    ) -> None:
        """Request several clips at once. Raises `AssertionError` unless all are accepted."""
        prompts = await asyncio.gather(
            *(self.request_clip(extend=extend, edit=edit) for _ in range(count))
        )
        assert None not in prompts, f"{prompts.count(None)} of {count} were not accepted"

    # -- failures

    async def kill_bot(self, bot: BotProcess | None = None) -> None:
        """Kill a bot (SIGKILL), by default the first."""
        await (bot or self.bot).kill_and_wait()
        self.kills += 1

    async def wait_for_states(self, **counts: int) -> None:
        """Wait for the given numbers of jobs by state."""

        async def is_reached() -> bool:
            states = await self.reader.count_states()
            return all(states[state] == count for state, count in counts.items())

        await eventually(is_reached, timeout=60, interval=0.05, what=f"jobs being {counts}")

    async def wait_for_fault(self, fault: Json, times: int) -> None:
        """Wait until a fault has struck ``times`` times."""

        async def has_struck() -> bool:
            return any(
                active["id"] == fault["id"] and active["struck"] >= times
                for active in await self.control.faults()
            )

        await eventually(has_struck, timeout=60, interval=0.02, what="the fault striking")

    async def wait_until_shared(self) -> None:
        """Wait until each bot has one of the shards, and all are connected to Discord."""

        async def is_shared() -> bool:
            for bot in self.bots:
                bot.check_running()
            sessions = (await self.control.sessions())["sessions"]
            connected = {each["shard"][0] for each in sessions if each["connected"]}
            try:
                rows = await self.reader.fetch_rows("SELECT owner FROM shards WHERE is_connected")
            except asyncpg.UndefinedTableError:  # the first bot has not made the tables yet
                return False
            owners = {owner for (owner,) in rows if owner is not None}
            return len(owners) == len(connected) == len(self.bots)

        await eventually(is_shared, timeout=120, interval=0.2, what="each bot having a shard")

    # -- the end

    async def wait_for_rest(self) -> None:
        """Wait until every job has ended and nothing is reserved, as long as jobs keep ending."""
        ended, resting = -1, False

        async def is_progressing() -> bool:
            nonlocal ended, resting
            states = await self.reader.count_states()
            before = ended
            ended = sum(states[state] for state in ("done", "failed", "cancelled", "unknown"))
            resting = ended == states.total() and await self.reader.sum_reserved() == 0
            return resting or ended > before

        while not resting:
            await eventually(
                is_progressing, timeout=REST_TIMEOUT_S, interval=0.2, what="jobs ending"
            )

    async def settle_unknown_jobs(self) -> set[str]:
        """Settle the unknown jobs by Google's bill, as admins would; return their prompts."""
        unknown = await self.reader.list_unknown_jobs()
        google = await self.control.call("GET", "google")
        billed = {
            find_prompt(submit["prompt"]) for submit in google["submits"] if is_billed(submit)
        }
        for job in unknown:
            await self._settle_job(job, charge=job.prompt in billed)
        return {job.prompt for job in unknown}

    async def _settle_job(self, job: UnknownJob, *, charge: bool) -> None:
        """Give the command in the job's channel until the database has the settlement.

        A bot that has just restarted may leave a command unanswered.
        """

        async def is_settled() -> bool:
            interaction = await self.control.command(
                "Ada", job.channel, "server unknown", {"job": job.number, "charge": charge}
            )
            try:
                async with asyncio.timeout(_choose_patience()):
                    state = await self.control.wait_interaction(interaction, has_answer)
            except (InteractionFailed, TimeoutError) as error:
                state = {"no answer": str(error)}
            assert job not in await self.reader.list_unknown_jobs(), state
            return True

        await eventually(is_settled, timeout=120, interval=0.5, what=f"{job} being settled")

    async def conclude_scenario(self, scenario: str) -> ScenarioResult:
        """Wait for all jobs to end, settle unknown ones, and compare the records."""
        await self.control.clear_faults()
        await self.wait_for_rest()
        await self._wait_for_google()
        settled = await self.settle_unknown_jobs()
        health = await self.control.health()
        assert health["internal_errors"] == 0, health
        return await compare_records(
            self.control,
            self.reader,
            scenario=scenario,
            database=self.database,
            processes=len(self.bots),
            kills=self.kills,
            settled_prompts=settled,
            notified_prompts=self.accepted_prompts,
        )

    async def _wait_for_google(self) -> None:
        async def is_finished() -> bool:
            google = await self.control.call("GET", "google")
            return all(submit["finished"] for submit in google["submits"])

        await eventually(
            is_finished, timeout=60, interval=0.2, what="Google finishing its operations"
        )


@asynccontextmanager
async def open_stage(
    directory: Path,
    *,
    cluster: DatabaseServer | None = None,
    processes: int = 1,
    settings: Mapping[str, str] | None = None,
    seconds: float = 1.0,
    shards: int | None = None,
    s3: S3Server | None = None,
    shares_shards: bool = False,
) -> AsyncIterator[ChaosStage]:
    """Set up a sandbox and bots on SQLite, or on a new database of ``cluster``.

    With ``s3`` their clips are in a bucket, and they share no folder.

    ``seconds`` is how long Google takes for a clip. Each bot has a shard of its own, unless
    ``shards`` is smaller. With ``shares_shards`` they share that number among themselves.
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
        if shares_shards:
            # one bucket of IDENTIFYs for each shard, so that nobody waits
            await sandbox.control.gateway("limit_identifies", max_concurrency=shards)
        for index in range(processes):
            shard = {"SHARD_COUNT": str(shards)}
            if not shares_shards:
                # fixed ones, so that a killed process is back before its lease has ended
                shard["SHARD_IDS"] = str(index % shards)
            bot = BotProcess(
                sandbox.control,
                sandbox.environment_for_bot,
                directory,
                name=f"bot{index}",
                settings={
                    "DATABASE_URL": url,
                    "DATA_DIR": str(data if s3 is None else directory / f"data{index}"),
                    **({} if s3 is None else s3.settings),
                    **NO_LIMITS,
                    **_SHORT_INTERVALS,
                    **(shard if cluster is not None else {}),
                    **(settings or {}),
                },
            )
            bots.append(bot)
            if shares_shards:
                stack.push_async_callback(bot.close)
                await bot.launch()
            else:
                await stack.enter_async_context(bot)
        stage = ChaosStage(sandbox, bots, url, database)
        if shares_shards:
            await stage.wait_until_shared()
        yield stage


async def order_submit_fault(control: Control, times: int, **options: object) -> Json:
    """Order a fault for the next ``times`` submits."""
    return await control.fault("google", method="POST", path=_SUBMITS, times=times, **options)

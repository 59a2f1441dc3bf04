"""Runs the sandbox and the real bot, and acts in Discord as members do."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.harness.bot import BotProcess
from tests.harness.control import Control
from tests.harness.migrated_file import MIGRATED_FILE
from tests.harness.process import run_to_end
from tests.harness.sandbox import SandboxProcess
from tests.harness.texts import quote_text
from tests.harness.waiting import eventually

Json = dict[str, Any]

TIMEOUT_S: Final = 120.0
"""How long a clip may take on a busy machine."""
UNLIMITED_SETTINGS: Final = {
    "POLL_INTERVAL_S": "0.2",
    "LOG_LEVEL": "INFO",
    "LEASE_S": "6",
    **{
        f"{whose}_{what}": "none"
        for whose in ("DEFAULT_MEMBER", "DEFAULT_SERVER", "BOT")
        for what in (
            "CLIPS_PER_DAY",
            "SECONDS_PER_DAY",
            "USD_PER_DAY",
            "USD_PER_MONTH",
            "JOBS_AT_ONCE",
        )
    },
    "MAX_CONCURRENT_JOBS": "none",
}
"""Fast and without limits, which have tests of their own."""
QUICK_GOOGLE: Final = {"seconds": 0.2, "processing_s": 0, "outcome": "done", "look": "plain"}
"""A healthy Google whose clips render quickly."""
SHORT_CLIP: Final = {"model": "veo-3.1-fast-generate-preview", "duration": 4}
"""The shortest clip of a model that can extend."""


class BotStage:
    """One sandbox and one bot, with methods for what members do."""

    def __init__(self, sandbox: SandboxProcess, bot: BotProcess) -> None:
        self.sandbox = sandbox
        self.bot = bot
        self.people: dict[str, str] = {}
        self.guild = ""
        self._channel_count = 0

    @property
    def control(self) -> Control:
        """The sandbox's control API."""
        return self.sandbox.control

    async def load_world(self) -> None:
        """Read the members of the default guild."""
        await self.control.google(**QUICK_GOOGLE)
        guild = (await self.control.world())["guilds"][0]
        self.guild = guild["id"]
        self.people = {member["name"]: member["id"] for member in guild["members"]}

    async def open_channel(self, **more: Any) -> str:
        """Create a channel for a test and return its id."""
        self._channel_count += 1
        body = {"guild": self.guild, "name": f"room-{self._channel_count}", **more}
        answer = await self.control.call("POST", "channels", body)
        return str(answer["channel"]["id"])

    async def request_clip(
        self, room: str, prompt: str = "a red fox", user: str = "Ada", **options: Any
    ) -> str:
        """Request a clip by command; return the interaction."""
        values = {"prompt": prompt, **SHORT_CLIP, **options}
        return await self.control.command(self.people[user], room, "video generate", values)

    async def wait_for_clip(
        self, room: str, number: int = 1, *, timeout: float = TIMEOUT_S
    ) -> Json:
        """Wait for the ``number``-th clip in a channel and return its message."""

        async def find_clip() -> Json | None:
            clips = clips_of(await self.control.messages(room))
            return clips[number - 1] if len(clips) >= number else None

        clip = await eventually(find_clip, timeout=timeout, interval=0.1, what=f"clip {number}")
        assert clip is not None
        return clip

    async def make_clip(self, room: str, prompt: str = "a red fox", **options: Any) -> Json:
        """Make a clip in an empty channel and return its message, once its job has ended."""
        await self.request_clip(room, prompt, **options)
        clip = await self.wait_for_clip(room)
        await self.wait_until_idle(room)
        return clip

    async def wait_for_answer(
        self, interaction: str, words: str = "", *, timeout: float = TIMEOUT_S
    ) -> str:
        """Wait until the answer to an interaction contains ``words``; return its text."""

        def has_words(state: Json) -> bool:
            texts = [text_of(message) for message in state["messages"]]
            return any(text and words in text for text in texts)

        state = await self.control.wait_interaction(interaction, has_words, timeout=timeout)
        return "\n".join(text_of(message) for message in state["messages"])

    async def wait_for_message(self, room: str, words: str, *, timeout: float = TIMEOUT_S) -> Json:
        """Wait for a message of the bot in a channel that contains ``words``."""
        return await self.control.wait_message(
            room,
            lambda m: m["author"].get("bot") and words in text_of(m),
            timeout=timeout,
        )

    async def press_button(self, message: Json, label: str, user: str = "Ada") -> str:
        """Press a button by its label; return the interaction."""
        return await self.control.component(
            self.people[user], message["id"], buttons_of(message)[label]
        )

    async def press_answer(self, interaction: str, label: str, user: str = "Ada") -> str:
        """Press a button of an interaction's answer."""
        state = await self.control.wait_interaction(
            interaction, lambda s: any(label in buttons_of(m) for m in s["messages"])
        )
        message = next(m for m in state["messages"] if label in buttons_of(m))
        return await self.press_button(message, label, user)

    async def delete_clip(self, message: Json, user: str = "Ada") -> str:
        """Press *Delete* on a clip, confirm, and return the answer once it is gone."""
        asked = await self.press_button(message, quote_text("button.delete"), user)
        pressed = await self.press_answer(asked, quote_text("button.delete_yes"), user)
        return await self.wait_for_answer(pressed, quote_text("delete.done"))

    async def submit_form(self, interaction: str, prompt: str, user: str = "Ada") -> str:
        """Submit the form that an interaction opened; return the new interaction."""
        await self.control.wait_interaction(interaction, lambda state: state.get("modal"))
        return await self.control.modal(self.people[user], interaction, {"prompt": prompt})

    async def list_submits(self) -> list[Json]:
        """Return every submit that the sandbox's Google has accepted."""
        submits: list[Json] = (await self.control.call("GET", "google"))["submits"]
        return submits

    async def refuse_files(self, room: str, times: int | None) -> None:
        """Let Discord answer 413 to the next ``times`` posts in a channel; `None`: to all."""
        await self.control.fault(
            "discord",
            method="POST",
            path=rf"/channels/{room}/messages$",
            status=413,
            times=times,
            body={"message": "Request entity too large", "code": 40005},
        )

    async def wait_until_idle(self, room: str) -> None:
        """Wait until all jobs of a channel have ended."""

        async def is_idle() -> bool:
            return not any(
                quote_text("button.cancel") in buttons_of(m)
                for m in await self.control.messages(room)
            )

        await eventually(is_idle, timeout=TIMEOUT_S, interval=0.1, what="the jobs having ended")

    async def wait_until(self, condition: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Wait for a condition, up to `TIMEOUT_S`."""
        return await eventually(condition, timeout=TIMEOUT_S, interval=0.1, what=what)


def components_of(message: Mapping[str, Any]) -> list[Json]:
    """Return all components of a message, from the outside in."""
    components: list[Json] = []
    waiting = list(message.get("components") or [])
    while waiting:
        component = waiting.pop(0)
        components.append(component)
        accessory = [component["accessory"]] if "accessory" in component else []
        waiting = [*component.get("components", []), *accessory, *waiting]
    return components


def text_of(message: Mapping[str, Any]) -> str:
    """Return the whole text of a message."""
    texts = [
        component["content"] for component in components_of(message) if component["type"] == 10
    ]
    return "\n".join([*([message["content"]] if message.get("content") else []), *texts])


def buttons_of(message: Mapping[str, Any]) -> dict[str, str]:
    """Return a message's buttons: custom ids by label."""
    return {
        component["label"]: component["custom_id"]
        for component in components_of(message)
        if component["type"] == 2 and "custom_id" in component
    }


def clip_number_of(message: Mapping[str, Any]) -> str:
    """Return the number of the clip that a message shows, from its Extend button."""
    match = re.search(r"clapper:extend:(\d+)", str(message))
    assert match is not None, message
    return match[1]


def video_of(message: Mapping[str, Any]) -> Json | None:
    """Return the video that a message shows."""
    return _find_media(message, "video/")


def picture_of(message: Mapping[str, Any]) -> Json | None:
    """Return the picture that a message shows, such as a status."""
    return _find_media(message, "image/")


def _find_media(message: Mapping[str, Any], content_type: str) -> Json | None:
    for component in components_of(message):
        if component["type"] == 12:
            media: Json = component["items"][0]["media"]
            return media if media.get("content_type", "").startswith(content_type) else None
    return None


def clips_of(messages: list[Json]) -> list[Json]:
    """Return the messages that show a video, oldest first."""
    return [message for message in messages if video_of(message)]


async def open_stage(
    directory: Path,
    *,
    settings: Mapping[str, str] | None = None,
    routes: str = "gemini",
    options: tuple[str, ...] = (),
) -> tuple[SandboxProcess, BotProcess]:
    """Return a running sandbox and a bot that is not started yet.

    Its tables are made already, unless the settings name a database.

    ``routes`` are the configured ones: "gemini", "vertex", or "both" with a bucket for Vertex.
    ``options`` are the sandbox's.
    """
    sandbox = SandboxProcess(directory / "sandbox", options=options)
    await sandbox.start()
    gemini, vertex = sandbox.environment_for_bot, sandbox.environment_vertex
    both = gemini | vertex | {"GOOGLE_OUTPUT_URI": "gs://clapper-clips/made"}
    if "DATABASE_URL" not in (settings or {}):
        (directory / "bot").mkdir()
        (directory / "bot" / "data").mkdir(mode=0o700)
        await MIGRATED_FILE.copy(directory / "bot" / "data" / "clapper.db")
    bot = BotProcess(
        sandbox.control,
        {"gemini": gemini, "vertex": vertex, "both": both}[routes],
        directory / "bot",
        settings={**UNLIMITED_SETTINGS, **(settings or {})},
    )
    return sandbox, bot


@asynccontextmanager
async def run_stage(
    directory: Path,
    *,
    settings: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> AsyncIterator[BotStage]:
    """Run a sandbox, with its ``options``, and a bot that end with the body."""
    sandbox, bot = await open_stage(directory, settings=settings, options=options)
    try:
        await bot.start()
        stage = BotStage(sandbox, bot)
        await stage.load_world()
        yield stage
    finally:
        await bot.close()
        await sandbox.close()


@asynccontextmanager
async def run_two_processes(
    directory: Path, **settings: str
) -> AsyncIterator[tuple[BotStage, BotProcess, str]]:
    """Run two processes of one bot on one PostgreSQL; yield the stage of the first, the second and
    the database's url. Skips the test without PostgreSQL.

    Both have the same shard, so that each event arrives twice.
    """
    try:
        cluster = PostgresCluster(durable=False)
    except PostgresNotInstalled as error:
        pytest.skip(str(error))
    async with cluster:
        shared = {
            "DATABASE_URL": await cluster.create_database(),
            "SHARD_COUNT": "1",
            "SHARD_IDS": "0",
            **settings,
        }
        sandbox, first = await open_stage(directory, settings=shared)
        second = BotProcess(
            sandbox.control,
            sandbox.environment_for_bot,
            directory / "second",
            settings=UNLIMITED_SETTINGS | shared,
        )
        try:
            await sandbox.control.scale_ratelimits(None)
            await first.start()
            await second.start()
            stage = BotStage(sandbox, first)
            await stage.load_world()
            yield stage, second, shared["DATABASE_URL"]
        finally:
            await first.close()
            await second.close()
            await sandbox.close()


async def run_operator_program(
    stage: BotStage, program: str, *arguments: str, status: int = 0
) -> str:
    """Run an operator's program beside the bot and return its output."""
    ended, output = await run_to_end(
        program, *arguments, folder=stage.bot.log.parent, environment=stage.bot.environment
    )
    assert ended == status, output
    return output


def format_json(value: object) -> str:
    """Return JSON that a failing test can show."""
    return json.dumps(value, indent=1, ensure_ascii=False)[:4000]

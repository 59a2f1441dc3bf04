"""A stage for end-to-end tests: the sandbox, the real bot, and people who act through Discord."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.harness.bot import BotProcess
from tests.harness.process import ROOT
from tests.harness.sandbox import Control, SandboxProcess
from tests.harness.waiting import eventually

Json = dict[str, Any]

TIMEOUT_S: Final = 120.0
"""How long a clip may take: rendering and encoding share the machine with everything else."""
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
"""Fast, and without limits: what limits do has tests of its own."""
QUICK_GOOGLE: Final = {"seconds": 0.2, "outcome": "done", "look": "plain"}
"""A Google in good health whose pictures are quickly drawn."""
SHORT_CLIP: Final = {"model": "veo-3.1-fast-generate-preview", "duration": 4}
"""The shortest clip of a model that can extend."""


class BotStage:
    """One sandbox and one bot, and short words for what people do with them."""

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
        """Learn who is in the default world."""
        await self.control.google(**QUICK_GOOGLE)
        guild = (await self.control.world())["guilds"][0]
        self.guild = guild["id"]
        self.people = {each["name"]: each["id"] for each in guild["members"]}

    async def open_channel(self, **more: Any) -> str:
        """Open a channel of its own for a test, and return its id."""
        self._channel_count += 1
        body = {"guild": self.guild, "name": f"room-{self._channel_count}", **more}
        made = await self.control.call("POST", "channels", body)
        return str(made["channel"]["id"])

    async def request_clip(
        self, room: str, prompt: str = "a red fox", user: str = "Ada", **options: Any
    ) -> str:
        """Ask for a clip by command; returns the interaction."""
        asked = {"prompt": prompt, **SHORT_CLIP, **options}
        return await self.control.command(self.people[user], room, "video generate", asked)

    async def wait_for_clip(
        self, room: str, number: int = 1, *, timeout: float = TIMEOUT_S
    ) -> Json:
        """Wait for the ``number``-th clip in a channel and return its message."""

        async def find_clip() -> Json | None:
            clips = clips_of(await self.control.messages(room))
            return clips[number - 1] if len(clips) >= number else None

        found = await eventually(find_clip, timeout=timeout, interval=0.1, what=f"clip {number}")
        assert found is not None
        return found

    async def make_clip(self, room: str, prompt: str = "a red fox", **options: Any) -> Json:
        """Make a clip in an empty channel and return its message, once the bot has noted it."""
        await self.request_clip(room, prompt, **options)
        clip = await self.wait_for_clip(room)
        await self.wait_until_idle(room)
        return clip

    async def wait_for_answer(
        self, interaction: str, words: str = "", *, timeout: float = TIMEOUT_S
    ) -> str:
        """Wait until the answer to an interaction says ``words``; return what it says."""

        def has_words(seen: Json) -> bool:
            texts = [text_of(message) for message in seen["messages"]]
            return any(text and words in text for text in texts)

        seen = await self.control.wait_interaction(interaction, has_words, timeout=timeout)
        return "\n".join(text_of(message) for message in seen["messages"])

    async def wait_for_message(self, room: str, words: str, *, timeout: float = TIMEOUT_S) -> Json:
        """Wait for a message of the bot in a channel that says ``words``."""
        return await self.control.wait_message(
            room,
            lambda m: m["author"].get("bot") and words in text_of(m),
            timeout=timeout,
        )

    async def press_button(self, message: Json, label: str, user: str = "Ada") -> str:
        """Press a button by its label; returns the interaction."""
        return await self.control.component(
            self.people[user], message["id"], buttons_of(message)[label]
        )

    async def press_answer(self, interaction: str, label: str, user: str = "Ada") -> str:
        """Press a button of an interaction's answer."""
        seen = await self.control.wait_interaction(
            interaction, lambda s: any(label in buttons_of(m) for m in s["messages"])
        )
        message = next(m for m in seen["messages"] if label in buttons_of(m))
        return await self.press_button(message, label, user)

    async def submit_form(self, interaction: str, prompt: str, user: str = "Ada") -> str:
        """Fill in the form that an interaction opened, and send it."""
        await self.control.wait_interaction(interaction, lambda seen: seen.get("modal"))
        return await self.control.modal(self.people[user], interaction, {"prompt": prompt})

    async def list_submits(self) -> list[Json]:
        """Return every submit that the sandbox's Google has accepted."""
        found: list[Json] = (await self.control.call("GET", "google"))["submits"]
        return found

    async def refuse_files(self, room: str, times: int | None) -> None:
        """Let Discord answer 413 to the next ``times`` posts in a channel, `None`: to all."""
        await self.control.fault(
            "discord",
            method="POST",
            path=rf"/channels/{room}/messages$",
            status=413,
            times=times,
            body={"message": "Request entity too large", "code": 40005},
        )

    async def wait_until_idle(self, room: str) -> None:
        """Wait until nothing is being made in a channel any more, and all of it is noted."""

        async def is_idle() -> bool:
            return not any("Cancel" in buttons_of(m) for m in await self.control.messages(room))

        await eventually(is_idle, timeout=TIMEOUT_S, interval=0.1, what="the jobs having ended")

    async def wait_until(self, condition: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Wait for a condition with the stage's patience."""
        return await eventually(condition, timeout=TIMEOUT_S, interval=0.1, what=what)


def components_of(message: Mapping[str, Any]) -> list[Json]:
    """Return all components of a message, from the outside in."""
    found: list[Json] = []
    waiting = list(message.get("components") or [])
    while waiting:
        component = waiting.pop(0)
        found.append(component)
        beside = [component["accessory"]] if "accessory" in component else []
        waiting = [*component.get("components", []), *beside, *waiting]
    return found


def text_of(message: Mapping[str, Any]) -> str:
    """Return everything that a message says."""
    texts = [each["content"] for each in components_of(message) if each["type"] == 10]
    return "\n".join([*([message["content"]] if message.get("content") else []), *texts])


def buttons_of(message: Mapping[str, Any]) -> dict[str, str]:
    """Return a message's buttons: custom ids by label."""
    return {
        each["label"]: each["custom_id"]
        for each in components_of(message)
        if each["type"] == 2 and "custom_id" in each
    }


def video_of(message: Mapping[str, Any]) -> Json | None:
    """Return the video that a message shows."""
    for component in components_of(message):
        if component["type"] == 12:
            media: Json = component["items"][0]["media"]
            return media
    return None


def clips_of(messages: list[Json]) -> list[Json]:
    """Return the messages that show a video, oldest first."""
    return [message for message in messages if video_of(message)]


async def open_stage(
    directory: Path, *, settings: Mapping[str, str] | None = None, routes: str = "gemini"
) -> tuple[SandboxProcess, BotProcess]:
    """Return a running sandbox and a bot that is not started yet.

    ``routes`` are the configured ones: "gemini", "vertex", or "both" with a bucket for Vertex.
    """
    sandbox = SandboxProcess(directory / "sandbox")
    await sandbox.start()
    gemini, vertex = sandbox.environment_for_bot, sandbox.environment_vertex
    both = gemini | vertex | {"GOOGLE_OUTPUT_URI": "gs://clapper-clips/made"}
    bot = BotProcess(
        sandbox.control,
        {"gemini": gemini, "vertex": vertex, "both": both}[routes],
        directory / "bot",
        settings={**UNLIMITED_SETTINGS, **(settings or {})},
    )
    return sandbox, bot


async def run_operator_program(stage: BotStage, program: str, *words: str, status: int = 0) -> str:
    """Run one of the operator's programs beside the bot, and return what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", program, *words),
        cwd=stage.bot.log.parent,
        env={**stage.bot.environment, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == status, said.decode()
    return said.decode()


def format_json(value: object) -> str:
    """Return JSON that a failing test can show."""
    return json.dumps(value, indent=1, ensure_ascii=False)[:4000]

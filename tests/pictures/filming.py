"""A running sandbox and bot of which pictures are taken, with clips that show scenes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bot.config.model_catalog import load_catalog
from bot.store.engine.database import open_database
from bot.store.jobs.model_states import ModelStateStore
from demo.scenario import EXTENSION_PROMPT, PROMPT, SERVER_NAME
from tests.e2e.stage import BotStage, Json, clip_number_of, open_stage, text_of
from tests.fakes.world import make_plan
from tests.harness.process import find_free_port

OMNI: Final = {"model": "gemini-omni-1.1-flash", "resolution": "720p", "duration": 4}
EDIT_PROMPT: Final = "Make it golden and warm"
_DURATIONS_S: Final = range(38, 74, 4)
"""How long Google is said to have taken so far."""


@dataclass(frozen=True, slots=True)
class FilmSet:
    """The stage with the ids of its channels by name."""

    stage: BotStage
    channels: dict[str, str]

    async def ask(self, place: str, command: str, /, **options: Any) -> Json:
        """Give a command as Ada in a channel, and return the first answer that has text."""
        control = self.stage.control
        asked = await control.command(
            self.stage.people["Ada"], self.channels[place], command, options
        )
        state = await control.wait_interaction(
            asked, lambda found: any(text_of(message) for message in found["messages"])
        )
        return next(message for message in state["messages"] if text_of(message))

    async def make_chain(self, channel: str) -> list[Json]:
        """Make a clip, extend it and edit the extension; return the messages of the three."""
        clips: list[Json] = []
        for command, prompt in (
            ("video generate", PROMPT),
            ("video extend", EXTENSION_PROMPT),
            ("video edit", EDIT_PROMPT),
        ):
            source = {"clip": clip_number_of(clips[-1])} if clips else OMNI
            await self.ask(channel, command, prompt=prompt, **source)
            clips.append(await self.wait_for_clip(channel, len(clips) + 1))
        return clips

    async def wait_for_clip(self, channel: str, number: int) -> Json:
        """Return the ``number``-th clip of a channel, once its job has ended."""
        clip = await self.stage.wait_for_clip(self.channels[channel], number)
        await self.stage.wait_until_idle(self.channels[channel])
        return clip


@asynccontextmanager
async def open_film_set(folder: Path) -> AsyncIterator[FilmSet]:
    """Run a sandbox without Veo, and a bot that knows how long Google takes."""
    port = find_free_port()
    settings = {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": str(port),
        "CONFIRM_ABOVE_USD": "5",
        "DEFAULT_MEMBER_CLIPS_PER_DAY": "20",
        "DEFAULT_MEMBER_USD_PER_DAY": "10",
        "DEFAULT_SERVER_USD_PER_MONTH": "200",
    }
    sandbox, bot = await open_stage(folder, settings=settings, options=("--veo", "gone"))
    try:
        await _record_durations(folder / "bot" / "data" / "clapper.db")
        await sandbox.control.scale_ratelimits(None)
        await bot.start()
        stage = BotStage(sandbox, bot)
        await stage.load_world()
        await stage.control.change_guild(stage.guild, name=SERVER_NAME)
        await stage.control.google(look="scene", seconds=0.5)
        [guild] = (await stage.control.world())["guilds"]
        yield FilmSet(stage, {each["name"]: each["id"] for each in guild["channels"]})
    finally:
        await bot.close()
        await sandbox.close()


async def _record_durations(file: Path) -> None:
    """Let the bot know how long each model took, so that it can say when a clip is expected."""
    database = open_database(f"sqlite+aiosqlite:///{file}")
    model_states = ModelStateStore(database)
    now = datetime.now(UTC)
    for model in load_catalog().models:
        for duration_s in _DURATIONS_S:
            await model_states.record_duration(
                make_plan(model=model.id), duration_s=float(duration_s), now=now
            )
    await database.close()

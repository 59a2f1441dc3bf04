"""The play: Ada asks for a clip of her picture, gets it, and replies to it to make it longer."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from PIL import Image

from sandbox.demo import sample_image, showcase_step, video_file
from sandbox.demo.control_client import ControlClient, DemoFailed, Json, wait_until
from sandbox.demo.terminal import ClipPreview, ProgressDisplay, Terminal
from sandbox.demo.video_file import VideoProperties

GENERATION_S: Final = 8
"""How long the sandbox's Google takes for a clip; the real one takes 11 s to 6 minutes."""

PROMPT: Final = (
    "A paper boat leaves the harbour at dusk, the lanterns light up one by one, soft waves"
)
EXTENSION_PROMPT: Final = (
    "Fireflies rise from the water and the little boat sails on among the stars"
)

PERSON: Final = "Ada"
_CHANNEL: Final = "clips"
_ONLINE_TIMEOUT_S: Final = 45.0
_ANSWER_TIMEOUT_S: Final = 10.0
_CLIP_TIMEOUT_S: Final = 150.0


@dataclass(frozen=True, slots=True)
class DemoContext:
    """Where the play takes place: ids as strings, names by their ids."""

    user_id: str
    bot_id: str
    channel_id: str
    showcase_channel_id: str
    server_name: str
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class SavedClip:
    """A clip as posted and as saved."""

    message: Json
    path: Path
    facts: VideoProperties
    stills: tuple[Image.Image, ...] = ()
    parent_message_id: str | None = None


class DemoScenario:
    """One run. Everything saved goes below ``folder``; ``check`` raises when the bot is gone."""

    def __init__(
        self, control: ControlClient, terminal: Terminal, folder: Path, check: Callable[[], None]
    ) -> None:
        self._control = control
        self._terminal = terminal
        self._folder = folder
        self._check = check
        self._transcript: list[Json] = []
        self._saved_names: dict[str, str] = {}

    async def run(self, place: DemoContext) -> list[SavedClip]:
        """Play it through and return the clips. Raises `DemoFailed` where anything fails."""
        await self._control.put("google", {"seconds": GENERATION_S})
        self._terminal.print_channel(_CHANNEL, place.server_name)
        first = await self._generate_clip(place)
        second = await self._extend_clip(place, first)
        alike = await asyncio.to_thread(
            video_file.starts_with_frames_of, second.path, first.path, [0.0, 2.5, 6.0]
        )
        if not alike:
            raise DemoFailed("the longer clip does not begin with the first one's frames")
        told = {"names": place.names, "files": self._saved_names, "said": self._transcript}
        transcript = json.dumps(told, indent=1)
        (self._folder / "conversation.json").write_text(transcript)
        return [first, second]

    async def _generate_clip(self, place: DemoContext) -> SavedClip:
        picture = self._folder / "harbour.png"
        await asyncio.to_thread(sample_image.paint_sample_image, picture)
        options = {"prompt": PROMPT, "resolution": "720p", "duration": 8}
        with Image.open(picture) as opened:
            shown = {"prompt": PROMPT, "resolution": "720p", "duration": "8", "image": picture.name}
            self._terminal.print_command(PERSON, "video generate", shown, opened.convert("RGB"))
        now = datetime.now(UTC).isoformat()
        self._transcript.append(
            {"person": PERSON, "command": "video generate", "options": shown, "timestamp": now}
        )
        asked = await self._control.post(
            "commands",
            {
                "user": place.user_id,
                "channel": place.channel_id,
                "command": "video generate",
                "options": options,
                "attachments": {"image": str(picture.resolve())},
            },
        )
        interaction = str(asked["interaction"]["id"])
        answer = await wait_until(
            lambda: self._find_answer(interaction),
            within_s=_ANSWER_TIMEOUT_S,
            waiting_for="the bot's answer to the command",
        )
        self._record_message(answer)
        return await self._save_next_clip(place, after=int(interaction), name="1-generated.mp4")

    async def _extend_clip(self, place: DemoContext, first: SavedClip) -> SavedClip:
        said = await self._control.post(
            "messages",
            {
                "user": place.user_id,
                "channel": place.channel_id,
                "content": EXTENSION_PROMPT,
                "reply_to": first.message["id"],
            },
        )
        reply = str(said["message"]["id"])
        self._record_message(await self._get_message(place, reply))
        clip = await self._save_next_clip(place, after=int(reply), name="2-extended.mp4")
        if (clip.message.get("message_reference") or {}).get("message_id") != reply:
            raise DemoFailed("the longer clip is not a reply to the message that asked for it")
        return replace(clip, parent_message_id=first.message["id"])

    async def _save_next_clip(self, place: DemoContext, *, after: int, name: str) -> SavedClip:
        """Wait for the bot's next clip, showing its status meanwhile; save it and show it."""
        with self._terminal.show_progress("waiting for the clip") as waiting:
            message = await wait_until(
                lambda: self._find_clip_message(place, after, waiting),
                within_s=_CLIP_TIMEOUT_S,
                waiting_for="the clip",
            )
        for status in await self._list_bot_messages(place, after):
            if int(status["id"]) < int(message["id"]):
                self._record_message(status)
        file = _video_files(message)[0]
        path = self._folder / name
        await self._control.download_file(file["url"], path)
        self._saved_names[file["filename"]] = name
        facts = await asyncio.to_thread(video_file.read_properties, path)
        times = [0.0, facts.seconds / 2, facts.seconds - 0.2]
        stills = tuple(await asyncio.to_thread(video_file.extract_stills, path, times))
        self._record_message(
            message, {file["filename"]: ClipPreview(file["filename"], facts, stills)}
        )
        return SavedClip(message, path, facts, stills)

    async def _find_clip_message(
        self, place: DemoContext, after: int, waiting: ProgressDisplay
    ) -> Json | None:
        self._check()
        spoken = await self._list_bot_messages(place, after)
        clip = next((message for message in spoken if _video_files(message)), None)
        if clip is None:
            waiting.show_status(spoken[-1] if spoken else None)
        return clip

    async def _list_bot_messages(self, place: DemoContext, after: int) -> list[Json]:
        messages = await self._control.list_messages(place.channel_id)
        return [
            message
            for message in messages
            if int(message["id"]) > after and message["author"]["id"] == place.bot_id
        ]

    async def _get_message(self, place: DemoContext, message_id: str) -> Json:
        messages = await self._control.list_messages(place.channel_id)
        return next(message for message in messages if message["id"] == message_id)

    async def _find_answer(self, interaction: str) -> Json | None:
        self._check()
        seen = await self._control.get(f"interactions/{interaction}")
        answers: list[Json] = [each for each in seen["messages"] if _has_content(each)]
        return answers[-1] if answers else None

    def _record_message(self, message: Json, films: dict[str, ClipPreview] | None = None) -> None:
        self._transcript.append({"message": message})
        self._terminal.print_message(message, films)


async def wait_for_bot(control: ControlClient, check: Callable[[], None]) -> DemoContext:
    """Return the place, once the bot is online there with its commands registered."""

    async def find_context() -> DemoContext | None:
        check()
        world = await control.get("world")
        sessions = await control.get("sessions")
        commands = world["application"].get("commands") or []
        return _build_context(world) if sessions["connected"] and commands else None

    return await wait_until(
        find_context, within_s=_ONLINE_TIMEOUT_S, waiting_for="the bot to come online"
    )


def write_summary(
    path: Path, clips: Sequence[SavedClip], gallery_url: str, elapsed_s: float
) -> None:
    """Write what the play left behind; see docs/sandbox.md for the fields."""
    rows: list[dict[str, Any]] = []
    for clip in clips:
        facts = asdict(clip.facts)
        del facts["size"]
        rows.append(
            {
                "file": clip.path.name,
                **facts,
                "message_id": clip.message["id"],
                "parent_message_id": clip.parent_message_id,
                "reply_to_message_id": (clip.message.get("message_reference") or {}).get(
                    "message_id"
                ),
            }
        )
    summary = {"clips": rows, "gallery_url": gallery_url, "elapsed_s": round(elapsed_s, 1)}
    path.write_text(json.dumps(summary, indent=2) + "\n")


def _build_context(world: Json) -> DemoContext:
    guild = world["guilds"][0]
    names = {channel["id"]: channel["name"] for channel in guild["channels"]}
    names |= {member["id"]: member["name"] for member in guild["members"]}
    by_name = {name: key for key, name in names.items()}
    return DemoContext(
        user_id=by_name[PERSON],
        bot_id=world["application"]["bot"]["id"],
        channel_id=by_name[_CHANNEL],
        showcase_channel_id=by_name[showcase_step.SHOWCASE_CHANNEL],
        server_name=guild["name"],
        names=names,
    )


def _video_files(message: Json) -> list[Json]:
    return [file for file in message["files"] if file["content_type"] == "video/mp4"]


def _has_content(message: Json) -> bool:
    loading = int(message.get("flags", 0)) & 128
    return not loading and bool(message.get("content") or message.get("components"))

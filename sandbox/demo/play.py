"""The play: Ada asks for a clip of her picture, gets it, and replies to it to make it longer."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from PIL import Image

from sandbox.demo import exhibition, film, poster
from sandbox.demo.control import Control, DemoFailed, Json, until
from sandbox.demo.film import Facts
from sandbox.demo.screen import Film, Screen, Waiting

FILMING_S: Final = 8
"""How long the sandbox's Google takes for a clip; the real one takes 11 s to 6 minutes."""

PROMPT: Final = (
    "A paper boat leaves the harbour at dusk, the lanterns light up one by one, soft waves"
)
SEQUEL: Final = "Fireflies rise from the water and the little boat sails on among the stars"

PERSON: Final = "Ada"
_CHANNEL: Final = "clips"
_ONLINE_S: Final = 45.0
_ANSWER_S: Final = 10.0
_CLIP_S: Final = 150.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the play takes place: ids as strings, names by their ids."""

    user: str
    bot: str
    channel: str
    showcase: str
    server: str
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class Saved:
    """A clip as posted and as saved."""

    message: Json
    path: Path
    facts: Facts
    stills: tuple[Image.Image, ...] = ()
    parent: str | None = None


class Play:
    """One run. Everything saved goes below ``folder``; ``check`` raises when the bot is gone."""

    def __init__(
        self, control: Control, screen: Screen, folder: Path, check: Callable[[], None]
    ) -> None:
        self._control = control
        self._screen = screen
        self._folder = folder
        self._check = check
        self._transcript: list[Json] = []
        self._files: dict[str, str] = {}

    async def perform(self, place: Place) -> list[Saved]:
        """Play it through and return the clips. Raises `DemoFailed` where anything fails."""
        await self._control.put("google", {"seconds": FILMING_S})
        self._screen.channel(_CHANNEL, place.server)
        first = await self._generate(place)
        second = await self._extend(place, first)
        alike = await asyncio.to_thread(film.begins_like, second.path, first.path, [0.0, 2.5, 6.0])
        if not alike:
            raise DemoFailed("the longer clip does not begin with the first one's frames")
        told = {"names": place.names, "files": self._files, "said": self._transcript}
        transcript = json.dumps(told, indent=1)
        (self._folder / "conversation.json").write_text(transcript)
        return [first, second]

    async def _generate(self, place: Place) -> Saved:
        picture = self._folder / "harbour.png"
        await asyncio.to_thread(poster.paint, picture)
        options = {"prompt": PROMPT, "resolution": "720p", "duration": 8}
        with Image.open(picture) as opened:
            shown = {"prompt": PROMPT, "resolution": "720p", "duration": "8", "image": picture.name}
            self._screen.command(PERSON, "video generate", shown, opened.convert("RGB"))
        now = datetime.now(UTC).isoformat()
        self._transcript.append(
            {"person": PERSON, "command": "video generate", "options": shown, "timestamp": now}
        )
        asked = await self._control.post(
            "commands",
            {
                "user": place.user,
                "channel": place.channel,
                "command": "video generate",
                "options": options,
                "attachments": {"image": str(picture.resolve())},
            },
        )
        interaction = str(asked["interaction"]["id"])
        answer = await until(
            lambda: self._answer(interaction),
            within_s=_ANSWER_S,
            waiting_for="the bot's answer to the command",
        )
        self._tell(answer)
        return await self._clip(place, after=int(interaction), name="1-generated.mp4")

    async def _extend(self, place: Place, first: Saved) -> Saved:
        said = await self._control.post(
            "messages",
            {
                "user": place.user,
                "channel": place.channel,
                "content": SEQUEL,
                "reply_to": first.message["id"],
            },
        )
        reply = str(said["message"]["id"])
        self._tell(await self._message(place, reply))
        clip = await self._clip(place, after=int(reply), name="2-extended.mp4")
        if (clip.message.get("message_reference") or {}).get("message_id") != reply:
            raise DemoFailed("the longer clip is not a reply to the message that asked for it")
        return replace(clip, parent=first.message["id"])

    async def _clip(self, place: Place, *, after: int, name: str) -> Saved:
        """Wait for the bot's next clip, showing its status meanwhile; save it and show it."""
        with self._screen.waiting("waiting for the clip") as waiting:
            message = await until(
                lambda: self._posted(place, after, waiting),
                within_s=_CLIP_S,
                waiting_for="the clip",
            )
        for status in await self._spoken(place, after):
            if int(status["id"]) < int(message["id"]):
                self._tell(status)
        file = _videos(message)[0]
        path = self._folder / name
        await self._control.save(file["url"], path)
        self._files[file["filename"]] = name
        facts = await asyncio.to_thread(film.measure, path)
        times = [0.0, facts.seconds / 2, facts.seconds - 0.2]
        stills = tuple(await asyncio.to_thread(film.stills, path, times))
        self._tell(message, {file["filename"]: Film(file["filename"], facts, stills)})
        return Saved(message, path, facts, stills)

    async def _posted(self, place: Place, after: int, waiting: Waiting) -> Json | None:
        self._check()
        spoken = await self._spoken(place, after)
        clip = next((message for message in spoken if _videos(message)), None)
        if clip is None:
            waiting.show(spoken[-1] if spoken else None)
        return clip

    async def _spoken(self, place: Place, after: int) -> list[Json]:
        messages = await self._control.messages(place.channel)
        return [
            message
            for message in messages
            if int(message["id"]) > after and message["author"]["id"] == place.bot
        ]

    async def _message(self, place: Place, message_id: str) -> Json:
        messages = await self._control.messages(place.channel)
        return next(message for message in messages if message["id"] == message_id)

    async def _answer(self, interaction: str) -> Json | None:
        self._check()
        seen = await self._control.get(f"interactions/{interaction}")
        answers: list[Json] = [each for each in seen["messages"] if _says_something(each)]
        return answers[-1] if answers else None

    def _tell(self, message: Json, films: dict[str, Film] | None = None) -> None:
        self._transcript.append({"message": message})
        self._screen.message(message, films)


async def find_place(control: Control, check: Callable[[], None]) -> Place:
    """Return the place, once the bot is online there with its commands registered."""

    async def online() -> Place | None:
        check()
        world = await control.get("world")
        sessions = await control.get("sessions")
        commands = world["application"].get("commands") or []
        return _place(world) if sessions["connected"] and commands else None

    return await until(online, within_s=_ONLINE_S, waiting_for="the bot to come online")


def write_summary(path: Path, clips: Sequence[Saved], gallery_url: str, elapsed_s: float) -> None:
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
                "parent_message_id": clip.parent,
                "reply_to_message_id": (clip.message.get("message_reference") or {}).get(
                    "message_id"
                ),
            }
        )
    summary = {"clips": rows, "gallery_url": gallery_url, "elapsed_s": round(elapsed_s, 1)}
    path.write_text(json.dumps(summary, indent=2) + "\n")


def _place(world: Json) -> Place:
    guild = world["guilds"][0]
    names = {channel["id"]: channel["name"] for channel in guild["channels"]}
    names |= {member["id"]: member["name"] for member in guild["members"]}
    by_name = {name: key for key, name in names.items()}
    return Place(
        user=by_name[PERSON],
        bot=world["application"]["bot"]["id"],
        channel=by_name[_CHANNEL],
        showcase=by_name[exhibition.CHANNEL],
        server=guild["name"],
        names=names,
    )


def _videos(message: Json) -> list[Json]:
    return [file for file in message["files"] if file["content_type"] == "video/mp4"]


def _says_something(message: Json) -> bool:
    loading = int(message.get("flags", 0)) & 128
    return not loading and bool(message.get("content") or message.get("components"))

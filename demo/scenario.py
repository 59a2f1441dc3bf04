"""The demo's first steps: Ada makes a clip of her image, extends it and edits it by replies."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from PIL import Image

from demo import sample_image, showcase_step, video_file
from demo.control_client import (
    ControlClient,
    DemoFailed,
    Json,
    wait_for_response,
    wait_until,
)
from demo.terminal import ClipPreview, ProgressDisplay, Terminal
from demo.video_file import VideoProperties

GENERATION_S: Final = 6
"""Seconds that the sandbox's Google takes for a clip. The real one takes 11 s to 6 minutes."""

PROMPT: Final = (
    "A paper boat leaves the harbour at dusk, the lanterns light up one by one, soft waves"
)
EXTENSION_PROMPT: Final = (
    "Fireflies rise from the water and the little boat sails on among the stars"
)
EDIT_PROMPT: Final = "Make it night"
FIRST_SECONDS: Final = 4

SERVER_NAME: Final = "Clapper Cinema"
PERSON: Final = "Ada"
_CHANNEL: Final = "clips"
_ONLINE_TIMEOUT_S: Final = 45.0
_RESPONSE_TIMEOUT_S: Final = 10.0
_CLIP_TIMEOUT_S: Final = 150.0


@dataclass(frozen=True, slots=True)
class DemoSetting:
    """The people, channels and server of the demo. Ids are strings; names are by id."""

    user_id: str
    bot_id: str
    channel_id: str
    showcase_channel_id: str
    server_name: str
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class SavedClip:
    """A posted clip and its downloaded file."""

    message: Json
    path: Path
    properties: VideoProperties
    stills: tuple[Image.Image, ...] = ()
    parent_message_id: str | None = None
    is_edited: bool = False


class DemoScenario:
    """One run, with files below ``folder``. ``check`` raises DemoFailed if the bot has ended."""

    def __init__(
        self, control: ControlClient, terminal: Terminal, folder: Path, check: Callable[[], None]
    ) -> None:
        self._control = control
        self._terminal = terminal
        self._folder = folder
        self._check = check
        self._transcript: list[Json] = []
        self._saved_names: dict[str, str] = {}

    async def run(self, setting: DemoSetting) -> list[SavedClip]:
        """Run all steps and return the clips. Raises DemoFailed."""
        await self._control.put("google", {"seconds": GENERATION_S})
        self._terminal.print_channel(_CHANNEL, setting.server_name)
        first = await self._generate_clip(setting)
        second = await self._reply_to_clip(setting, first, EXTENSION_PROMPT, "2-extended.mp4")
        is_extension = await asyncio.to_thread(
            video_file.starts_with_frames_of, second.path, first.path, [0.0, 1.5, 3.5]
        )
        if not is_extension or second.properties.seconds <= first.properties.seconds:
            raise DemoFailed("the longer clip does not begin with the first one's frames")
        third = await self._reply_to_clip(setting, second, EDIT_PROMPT, "3-edited.mp4")
        third = replace(third, is_edited=True)
        is_edit = await asyncio.to_thread(
            video_file.is_darker_version_of, third.path, second.path, [0.5, 3.0, 5.5]
        )
        if not is_edit or third.properties.seconds != second.properties.seconds:
            raise DemoFailed("the edited clip does not show the same motion by night")
        conversation = {
            "names": setting.names,
            "files": self._saved_names,
            "said": self._transcript,
        }
        transcript = json.dumps(conversation, indent=1)
        (self._folder / "conversation.json").write_text(transcript)
        return [first, second, third]

    async def _generate_clip(self, setting: DemoSetting) -> SavedClip:
        image_path = self._folder / "harbour.png"
        await asyncio.to_thread(sample_image.paint_sample_image, image_path)
        options = {"prompt": PROMPT, "resolution": "720p", "duration": FIRST_SECONDS}
        with Image.open(image_path) as image:
            options_shown = {
                "prompt": PROMPT,
                "resolution": "720p",
                "duration": str(FIRST_SECONDS),
                "image": image_path.name,
            }
            self._terminal.print_command(
                PERSON, "video generate", options_shown, image.convert("RGB")
            )
        now = datetime.now(UTC).isoformat()
        self._transcript.append(
            {
                "person": PERSON,
                "command": "video generate",
                "options": options_shown,
                "timestamp": now,
            }
        )
        command = await self._control.post(
            "commands",
            {
                "user": setting.user_id,
                "channel": setting.channel_id,
                "command": "video generate",
                "options": options,
                "attachments": {"image": str(image_path.resolve())},
            },
        )
        interaction = command["interaction"]
        response = await wait_for_response(
            self._control, interaction, self._check, within_s=_RESPONSE_TIMEOUT_S
        )
        self._record_message(response)
        after = int(interaction["id"])
        return await self._save_next_clip(setting, after=after, name="1-generated.mp4")

    async def _reply_to_clip(
        self, setting: DemoSetting, clip: SavedClip, words: str, name: str
    ) -> SavedClip:
        """Reply to a clip's message and return the resulting clip."""
        posted = await self._control.post(
            "messages",
            {
                "user": setting.user_id,
                "channel": setting.channel_id,
                "content": words,
                "reply_to": clip.message["id"],
            },
        )
        reply = str(posted["message"]["id"])
        self._record_message(await self._get_message(setting, reply))
        made = await self._save_next_clip(setting, after=int(reply), name=name)
        if (made.message.get("message_reference") or {}).get("message_id") != reply:
            raise DemoFailed(f"{name} is not a reply to the message that asked for it")
        return replace(made, parent_message_id=clip.message["id"])

    async def _save_next_clip(self, setting: DemoSetting, *, after: int, name: str) -> SavedClip:
        """Wait for the bot's next clip, showing its status meanwhile, then save and show it."""
        with self._terminal.show_progress("waiting for the clip") as progress:
            message = await wait_until(
                lambda: self._find_clip_message(setting, after, progress),
                within_s=_CLIP_TIMEOUT_S,
                waiting_for="the clip",
            )
        for status in await self._list_bot_messages(setting, after):
            if int(status["id"]) < int(message["id"]):
                self._record_message(status)
        video = _video_files(message)[0]
        path = self._folder / name
        await self._control.download_file(video["url"], path)
        self._saved_names[video["filename"]] = name
        properties = await asyncio.to_thread(video_file.read_properties, path)
        times = [0.0, properties.seconds / 2, properties.seconds - 0.2]
        stills = tuple(await asyncio.to_thread(video_file.extract_stills, path, times))
        self._record_message(
            message, {video["filename"]: ClipPreview(video["filename"], properties, stills)}
        )
        return SavedClip(message, path, properties, stills)

    async def _find_clip_message(
        self, setting: DemoSetting, after: int, progress: ProgressDisplay
    ) -> Json | None:
        self._check()
        messages = await self._list_bot_messages(setting, after)
        clip = next((message for message in messages if _video_files(message)), None)
        if clip is None:
            progress.show_status(messages[-1] if messages else None)
        return clip

    async def _list_bot_messages(self, setting: DemoSetting, after: int) -> list[Json]:
        messages = await self._control.list_messages(setting.channel_id)
        return [
            message
            for message in messages
            if int(message["id"]) > after and message["author"]["id"] == setting.bot_id
        ]

    async def _get_message(self, setting: DemoSetting, message_id: str) -> Json:
        messages = await self._control.list_messages(setting.channel_id)
        return next(message for message in messages if message["id"] == message_id)

    def _record_message(
        self, message: Json, previews: dict[str, ClipPreview] | None = None
    ) -> None:
        self._transcript.append({"message": message})
        self._terminal.print_message(message, previews)


async def name_server(control: ControlClient) -> None:
    """Give the sandbox's server a name for a bot that makes films."""
    world = await control.get("world")
    await control.patch(f"guilds/{world['guilds'][0]['id']}", {"name": SERVER_NAME})


async def wait_for_bot(control: ControlClient, check: Callable[[], None]) -> DemoSetting:
    """Wait until the bot is online with its commands, and return the setting. Raises DemoFailed."""

    async def find_setting() -> DemoSetting | None:
        check()
        world = await control.get("world")
        sessions = await control.get("sessions")
        commands = world["application"].get("commands") or []
        return _build_setting(world) if sessions["connected"] and commands else None

    return await wait_until(
        find_setting, within_s=_ONLINE_TIMEOUT_S, waiting_for="the bot to come online"
    )


def write_summary(
    path: Path, clips: Sequence[SavedClip], gallery_url: str, elapsed_s: float
) -> None:
    """Write ``summary.json``; its fields are in docs/sandbox.md."""
    rows: list[dict[str, Any]] = []
    for clip in clips:
        properties = asdict(clip.properties)
        del properties["size"]
        rows.append(
            {
                "file": clip.path.name,
                **properties,
                "message_id": clip.message["id"],
                "parent_message_id": clip.parent_message_id,
                "reply_to_message_id": (clip.message.get("message_reference") or {}).get(
                    "message_id"
                ),
                "edited": clip.is_edited,
            }
        )
    summary = {"clips": rows, "gallery_url": gallery_url, "elapsed_s": round(elapsed_s, 1)}
    path.write_text(json.dumps(summary, indent=2) + "\n")


def _build_setting(world: Json) -> DemoSetting:
    guild = world["guilds"][0]
    names = {channel["id"]: channel["name"] for channel in guild["channels"]}
    names |= {member["id"]: member["name"] for member in guild["members"]}
    ids = {name: key for key, name in names.items()}
    return DemoSetting(
        user_id=ids[PERSON],
        bot_id=world["application"]["bot"]["id"],
        channel_id=ids[_CHANNEL],
        showcase_channel_id=ids[showcase_step.SHOWCASE_CHANNEL],
        server_name=guild["name"],
        names=names,
    )


def _video_files(message: Json) -> list[Json]:
    return [file for file in message["files"] if file["content_type"] == "video/mp4"]

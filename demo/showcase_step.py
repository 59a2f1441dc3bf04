"""The demo's last step: the clip is posted in the showcase and appears in the web gallery."""

from collections.abc import Callable
from typing import Final

import aiohttp
from PIL import Image

from demo.control_client import (
    ControlClient,
    DemoFailed,
    Json,
    wait_for_response,
    wait_until,
)
from demo.terminal import ClipPreview, Terminal
from demo.video_file import VideoProperties

SHOWCASE_CHANNEL: Final = "showcase"
_BUTTON_LABEL: Final = "Showcase"
_RESPONSE_TIMEOUT_S: Final = 15.0
_PUBLISH_TIMEOUT_S: Final = 30.0


class ShowcaseStep:
    """Showcases a clip as its creator; ``gallery`` is the address of the bot's web server."""

    def __init__(
        self, control: ControlClient, terminal: Terminal, gallery: str, check: Callable[[], None]
    ) -> None:
        self._control = control
        self._terminal = terminal
        self._gallery = gallery
        self._check = check

    async def showcase_clip(
        self,
        *,
        user: str,
        person: str,
        channel: str,
        bot: str,
        clip: Json,
        properties: VideoProperties,
        stills: tuple[Image.Image, ...],
    ) -> str:
        """Set up the showcase, post ``clip`` there and return its web page. Raises DemoFailed.

        ``properties`` and ``stills`` are those of the clip's file, for display.
        """
        options = {"channel": f"#{SHOWCASE_CHANNEL}", "public": "True"}
        self._terminal.print_command(person, "server showcase", options, None)
        command = await self._control.post(
            "commands",
            {
                "user": user,
                "channel": clip["channel_id"],
                "command": "server showcase",
                "options": {"channel": channel, "public": True},
            },
        )
        await self._print_response(command["interaction"])
        self._terminal.print_line(
            f"{person} presses *{_BUTTON_LABEL}* under the edited clip.\n", "default"
        )
        press = await self._control.post(
            "components",
            {"user": user, "message": clip["id"], "custom_id": _find_button(clip, _BUTTON_LABEL)},
        )
        await self._print_response(press["interaction"])
        post = await wait_until(
            lambda: self._find_post(channel, bot),
            within_s=_PUBLISH_TIMEOUT_S,
            waiting_for="the clip in the showcase channel",
        )
        names = [file["filename"] for file in post["files"] if file["filename"].endswith(".mp4")]
        self._terminal.print_message(
            post, {name: ClipPreview(name, properties, stills) for name in names}
        )
        return await wait_until(
            self._find_gallery_page,
            within_s=_PUBLISH_TIMEOUT_S,
            waiting_for="the clip in the gallery on the web",
        )

    async def _print_response(self, interaction: Json) -> None:
        message = await wait_for_response(
            self._control, interaction, self._check, within_s=_RESPONSE_TIMEOUT_S
        )
        self._terminal.print_message(message)

    async def _find_post(self, channel: str, bot: str) -> Json | None:
        self._check()
        messages = await self._control.list_messages(channel)
        return next((message for message in messages if message["author"]["id"] == bot), None)

    async def _find_gallery_page(self) -> str | None:
        """Return the clip's page, or None if the gallery does not list it yet.

        Raises DemoFailed if the page, the poster or the video cannot be opened.
        """
        self._check()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{self._gallery}/api/v1/clips") as response:
                clips = (await response.json())["clips"]
            if not clips:
                return None
            for part in ("url", "poster_url", "video_url"):
                async with session.get(clips[0][part]) as response:
                    if response.status != 200:
                        raise DemoFailed(f"{clips[0][part]} does not open: HTTP {response.status}")
        return str(clips[0]["url"])


def _find_button(message: Json, label: str) -> str:
    """Return the custom id of the button with a label, anywhere in the message."""
    parts = list(message.get("components") or [])
    while parts:
        part = parts.pop(0)
        if part.get("label") == label and part.get("custom_id"):
            return str(part["custom_id"])
        parts += part.get("components") or []
        parts += [part["accessory"]] if part.get("accessory") else []
    raise DemoFailed(f"the clip has no button {label!r}")

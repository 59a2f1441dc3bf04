"""The last act: the clip goes into the showcase, and from there into the gallery on the web."""

from collections.abc import Callable
from typing import Final

import aiohttp
from PIL import Image

from sandbox.demo.control_client import ControlClient, DemoFailed, Json, wait_until
from sandbox.demo.terminal import ClipPreview, Terminal
from sandbox.demo.video_file import VideoProperties

SHOWCASE_CHANNEL: Final = "showcase"
_BUTTON_LABEL: Final = "Showcase"
_ANSWER_TIMEOUT_S: Final = 15.0
_PUBLISH_TIMEOUT_S: Final = 30.0


class ShowcaseStep:
    """Shows a clip, as its maker would; ``gallery`` is where the bot's web server listens."""

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
        facts: VideoProperties,
        stills: tuple[Image.Image, ...],
    ) -> str:
        """Open the gallery, showcase ``clip`` and return its page. Raises `DemoFailed`.

        ``facts`` and ``stills`` are of the clip's file, which the showcase shows again.
        """
        shown = {"channel": f"#{SHOWCASE_CHANNEL}", "public": "True"}
        self._terminal.print_command(person, "server showcase", shown, None)
        asked = await self._control.post(
            "commands",
            {
                "user": user,
                "channel": clip["channel_id"],
                "command": "server showcase",
                "options": {"channel": channel, "public": True},
            },
        )
        await self._wait_for_answer(asked)
        self._terminal.print_line(
            f"{person} presses *{_BUTTON_LABEL}* under the longer clip.\n", "default"
        )
        pressed = await self._control.post(
            "components",
            {"user": user, "message": clip["id"], "custom_id": _find_button(clip, _BUTTON_LABEL)},
        )
        await self._wait_for_answer(pressed)
        post = await wait_until(
            lambda: self._find_post(channel, bot),
            within_s=_PUBLISH_TIMEOUT_S,
            waiting_for="the clip in the showcase channel",
        )
        films = [file["filename"] for file in post["files"] if file["filename"].endswith(".mp4")]
        self._terminal.print_message(
            post, {name: ClipPreview(name, facts, stills) for name in films}
        )
        return await wait_until(
            self._find_gallery_page,
            within_s=_PUBLISH_TIMEOUT_S,
            waiting_for="the clip in the gallery on the web",
        )

    async def _wait_for_answer(self, asked: Json) -> None:
        interaction = str(asked["interaction"]["id"])

        async def find_answer() -> Json | None:
            self._check()
            seen = await self._control.get(f"interactions/{interaction}")
            said: list[Json] = [each for each in seen["messages"] if _has_content(each)]
            return said[-1] if said else None

        message = await wait_until(
            find_answer, within_s=_ANSWER_TIMEOUT_S, waiting_for="the bot's answer"
        )
        self._terminal.print_message(message)

    async def _find_post(self, channel: str, bot: str) -> Json | None:
        self._check()
        messages = await self._control.list_messages(channel)
        return next((each for each in messages if each["author"]["id"] == bot), None)

    async def _find_gallery_page(self) -> str | None:
        """Return the clip's page once page, poster and video really open."""
        self._check()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{self._gallery}/api/v1/clips") as answer:
                found = (await answer.json())["clips"]
            if not found:
                return None
            for part in ("url", "poster_url", "video_url"):
                async with session.get(found[0][part]) as answer:
                    if answer.status != 200:
                        raise DemoFailed(f"{found[0][part]} does not open: HTTP {answer.status}")
        return str(found[0]["url"])


def _find_button(message: Json, label: str) -> str:
    """Return the custom id of the button with that label, wherever in the message it stands."""
    waiting = list(message.get("components") or [])
    while waiting:
        part = waiting.pop(0)
        if part.get("label") == label and part.get("custom_id"):
            return str(part["custom_id"])
        waiting += part.get("components") or []
        waiting += [part["accessory"]] if part.get("accessory") else []
    raise DemoFailed(f"the clip has no button {label!r}")


def _has_content(message: Json) -> bool:
    loading = int(message.get("flags", 0)) & 128
    return not loading and bool(message.get("content") or message.get("components"))

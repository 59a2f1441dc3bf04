"""The last act: the clip goes into the showcase, and from there into the gallery on the web."""

from collections.abc import Callable
from typing import Final

import aiohttp
from PIL import Image

from sandbox.demo.control import Control, DemoFailed, Json, until
from sandbox.demo.film import Facts
from sandbox.demo.screen import Film, Screen

CHANNEL: Final = "showcase"
_BUTTON: Final = "Showcase"
_ANSWER_S: Final = 15.0
_SHOWN_S: Final = 30.0


class Exhibition:
    """Shows a clip, as its maker would; ``gallery`` is where the bot's web server listens."""

    def __init__(
        self, control: Control, screen: Screen, gallery: str, check: Callable[[], None]
    ) -> None:
        self._control = control
        self._screen = screen
        self._gallery = gallery
        self._check = check

    async def show(
        self,
        *,
        user: str,
        person: str,
        channel: str,
        bot: str,
        clip: Json,
        facts: Facts,
        stills: tuple[Image.Image, ...],
    ) -> str:
        """Open the gallery, showcase ``clip`` and return its page. Raises `DemoFailed`.

        ``facts`` and ``stills`` are of the clip's file, which the showcase shows again.
        """
        shown = {"channel": f"#{CHANNEL}", "public": "True"}
        self._screen.command(person, "server showcase", shown, None)
        asked = await self._control.post(
            "commands",
            {
                "user": user,
                "channel": clip["channel_id"],
                "command": "server showcase",
                "options": {"channel": channel, "public": True},
            },
        )
        await self._answered(asked)
        self._screen.line(f"{person} presses *{_BUTTON}* under the longer clip.\n", "default")
        pressed = await self._control.post(
            "components",
            {"user": user, "message": clip["id"], "custom_id": _button(clip, _BUTTON)},
        )
        await self._answered(pressed)
        post = await until(
            lambda: self._posted(channel, bot),
            within_s=_SHOWN_S,
            waiting_for="the clip in the showcase channel",
        )
        films = [file["filename"] for file in post["files"] if file["filename"].endswith(".mp4")]
        self._screen.message(post, {name: Film(name, facts, stills) for name in films})
        return await until(
            self._page, within_s=_SHOWN_S, waiting_for="the clip in the gallery on the web"
        )

    async def _answered(self, asked: Json) -> None:
        interaction = str(asked["interaction"]["id"])

        async def answer() -> Json | None:
            self._check()
            seen = await self._control.get(f"interactions/{interaction}")
            said: list[Json] = [each for each in seen["messages"] if _says_something(each)]
            return said[-1] if said else None

        message = await until(answer, within_s=_ANSWER_S, waiting_for="the bot's answer")
        self._screen.message(message)

    async def _posted(self, channel: str, bot: str) -> Json | None:
        self._check()
        messages = await self._control.messages(channel)
        return next((each for each in messages if each["author"]["id"] == bot), None)

    async def _page(self) -> str | None:
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


def _button(message: Json, label: str) -> str:
    """Return the custom id of the button with that label, wherever in the message it stands."""
    waiting = list(message.get("components") or [])
    while waiting:
        part = waiting.pop(0)
        if part.get("label") == label and part.get("custom_id"):
            return str(part["custom_id"])
        waiting += part.get("components") or []
        waiting += [part["accessory"]] if part.get("accessory") else []
    raise DemoFailed(f"the clip has no button {label!r}")


def _says_something(message: Json) -> bool:
    loading = int(message.get("flags", 0)) & 128
    return not loading and bool(message.get("content") or message.get("components"))

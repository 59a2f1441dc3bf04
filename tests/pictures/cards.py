"""One picture of each kind of card, as the sandbox's page draws it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, expect

from demo.scenario import EXTENSION_PROMPT, PROMPT
from tests.e2e.play_tab import PlayTab
from tests.e2e.stage import Json, buttons_of, clip_number_of, picture_of, text_of
from tests.harness.texts import quote_text
from tests.pictures.filming import EDIT_PROMPT, OMNI, FilmSet, open_film_set
from tests.pictures.picture_file import save_picture

_WINDOW: Final = (1440, 2200)
"""So high that every card is seen whole."""
_SCALE: Final = 2
_CARD_WIDTH: Final = 690
_LARGE_BYTES: Final = 24_000_000
"""More than Discord accepts."""
_GUILD_NAME: Final = "Harbour Film Club"
_A_WEEK_AGO: Final = """
UPDATE showcase_settings SET digest_since = datetime('now', '-8 days');
UPDATE showcase_posts SET showcased_at = datetime('now', '-2 hours');
"""


async def take_card_pictures(browser: Browser, folder: Path) -> None:
    """Take ``card-NAME`` for each kind of card."""
    async with open_film_set(folder) as film_set:
        url = film_set.stage.control.url
        tab = await PlayTab.open(browser, url, size=_WINDOW, device_scale_factor=_SCALE)
        cards = CardPictures(film_set, tab)
        await cards.take_answers()
        clip = await cards.take_clips()
        await cards.take_refusals()
        await cards.take_large_clip()
        await cards.take_showcase(clip)
        await cards.take_guide()


@dataclass(frozen=True, slots=True)
class CardPictures:
    """Takes the pictures; each method leaves the bot as it was, except for its clips."""

    film_set: FilmSet
    tab: PlayTab

    async def take_answers(self) -> None:
        """Take what is read in private: setup, help, models and quota."""
        await self.tab.open_channel("general")
        for name, command in (
            ("setup", "server setup"),
            ("help", "help"),
            ("models", "video models"),
            ("quota", "quota show"),
        ):
            await self._take(name, await self.film_set.ask("general", command))

    async def take_clips(self) -> Json:
        """Take a wait, a clip, an extension and an edit; return the clip's message."""
        await self.tab.open_channel("clips")
        ask, control = self.film_set.ask, self.film_set.stage.control
        await ask("clips", "video generate", prompt=PROMPT, **OMNI)
        clip = await self.film_set.wait_for_clip("clips", 1)
        await self._take("clip", clip)

        await control.google(seconds=25)
        source = clip_number_of(clip)
        await ask("clips", "video extend", clip=source, prompt=EXTENSION_PROMPT)
        status = await control.wait_message(
            self.film_set.channels["clips"],
            picture_of,
        )
        await self._take("waiting", status)
        await control.google(seconds=0.5)
        extension = await self.film_set.wait_for_clip("clips", 2)
        await self._take("extended", extension)

        source = clip_number_of(extension)
        await ask("clips", "video edit", clip=source, prompt=EDIT_PROMPT)
        await self._take("edited", await self.film_set.wait_for_clip("clips", 3))
        return clip

    async def take_refusals(self) -> None:
        """Take a price to confirm, a request that a rule refuses, and one that Google blocks."""
        ask, stage = self.film_set.ask, self.film_set.stage
        await self.tab.open_channel("general")
        await ask("general", "server confirm", above=0.1)
        question = await ask("general", "video generate", prompt=PROMPT, **OMNI)
        await self._take("confirm", question)
        await ask("general", "server confirm", clear=True)
        too_long = OMNI | {"duration": 60}
        await self._take(
            "refused", await ask("general", "video generate", prompt=PROMPT, **too_long)
        )
        reason = "The prompt names a real person."
        await stage.control.google(outcome="filtered", reason=reason)
        await ask("general", "video generate", prompt="A famous singer on a stage", **OMNI)
        blocked = await stage.control.wait_message(
            self.film_set.channels["general"],
            lambda message: quote_text("button.reword") in buttons_of(message),
        )
        await self._take("blocked", blocked)
        await stage.control.google(outcome="done", reason="")

    async def take_large_clip(self) -> None:
        """Take a clip that is over the upload limit, with the link to its original."""
        await self.tab.open_channel("general")
        await self.film_set.stage.control.google(min_bytes=_LARGE_BYTES)
        await self.film_set.ask("general", "video generate", prompt=PROMPT, **OMNI)
        await self._take("too-large", await self.film_set.wait_for_clip("general", 1))
        await self.film_set.stage.control.google(min_bytes=0)

    async def take_showcase(self, clip: Json) -> None:
        """Take a clip's post in the showcase, and the digest that it wins."""
        stage, channel = self.film_set.stage, self.film_set.channels["showcase"]
        now = datetime.now(UTC)
        options = {"public": True, "digest_day": str(now.weekday()), "digest_hour": now.hour}
        await self.film_set.ask("general", "server showcase", channel=channel, **options)
        pressed = await stage.press_button(clip, quote_text("button.showcase"))
        agreed = await stage.press_answer(pressed, quote_text("button.publish"))
        await stage.wait_for_answer(agreed, quote_text("showcase.added"))
        for name in ("Bea", "Cem", "Dia"):
            await stage.control.reaction(stage.people[name], clip["id"], "⭐")
        await self.tab.open_channel("showcase")
        post = await stage.control.wait_message(
            channel, lambda message: "**3**" in text_of(message)
        )
        await self._take("showcase", post)
        file = Path(stage.bot.environment["DATA_DIR"]) / "clapper.db"
        with closing(sqlite3.connect(file, timeout=30)) as database, database:
            database.executescript(_A_WEEK_AGO)
        await self._take(
            "digest", await stage.wait_for_message(channel, quote_text("digest.title"))
        )

    async def take_guide(self) -> None:
        """Take the guide that a new server gets."""
        stage = self.film_set.stage
        guild = await stage.control.add_guild(_GUILD_NAME, owner="Ada", channels=["lobby"])
        lobby = guild["channels"][0]["id"]
        guide = await stage.wait_for_message(lobby, quote_text("welcome.title"))
        await self.tab.page.locator("#servers").get_by_role("button", name=_GUILD_NAME).click()
        await self.tab.open_channel("lobby")
        await self._take("guide", guide)

    async def _take(self, name: str, message: Json) -> None:
        card = self.tab.page.locator(f'.message[data-id="{message["id"]}"]')
        await expect(card).to_be_visible()
        await self.tab.show_frames()
        screenshot = await card.screenshot()
        save_picture(screenshot, f"card-{name}", max_width=_CARD_WIDTH * _SCALE)

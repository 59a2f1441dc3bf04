"""After Google retires Veo for API keys, members are told the replacement and can use it."""

from datetime import date
from pathlib import Path

import pytest

from bot.i18n.formatting import format_day
from tests.e2e.stage import QUICK_GOOGLE, BotStage, open_stage
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio

FAST = "veo-3.1-fast-generate-preview"
DELAY_S = 3
DAY = format_day(date(2026, 10, 22), "en-US")
SHUT_DOWN = quote_text(
    "rule.model_replaced",
    model="Veo 3.1 Fast",
    date=DAY,
    replacement="Gemini Omni 1.2 Flash",
)


async def test_what_google_shut_down_is_off_and_names_its_successor(tmp_path: Path) -> None:
    sandbox, bot = await open_stage(tmp_path)
    try:
        await sandbox.control.google(**QUICK_GOOGLE, veo="gone")
        await bot.start()
        stage = BotStage(sandbox, bot)
        await stage.load_world()
        room = await stage.open_channel()

        listed = await stage.control.command(stage.people["Ada"], room, "video models")
        overview = await stage.wait_for_answer(listed, "Gemini Omni 1.2 Flash")
        assert DAY in overview

        named = await stage.request_clip(room, model=FAST, duration=4)
        assert SHUT_DOWN in await stage.wait_for_answer(named, "Gemini Omni 1.2 Flash")
        assert await stage.list_submits() == []
        await stage.press_answer(named, quote_text("button.nearest"))
        await stage.wait_for_clip(room)
        [submit] = await stage.list_submits()
        assert (submit["route"], submit["model"]) == ("omni", "gemini-omni-1.2-flash")
        assert submit["seconds"] == 4
        assert await bot.terminate(timeout=10) == 0
    finally:
        await bot.close()
        await sandbox.close()


async def test_a_server_that_has_them_is_asked_before_the_first_request(tmp_path: Path) -> None:
    """Right after the start nobody is refused a model that the gateway still runs."""
    sandbox, bot = await open_stage(tmp_path)
    try:
        await sandbox.control.google(**QUICK_GOOGLE)
        await sandbox.control.fault(
            "google", method="GET", path=rf"/models/{FAST}$", times=1, delay_s=DELAY_S
        )
        await bot.start()
        stage = BotStage(sandbox, bot)
        await stage.load_world()
        room = await stage.open_channel()
        await stage.request_clip(room, model=FAST, duration=4)
        await stage.wait_for_clip(room)
        [submit] = await stage.list_submits()
        assert submit["model"] == FAST
        [asked, *_] = await sandbox.control.requests(server="google", path=rf"/models/{FAST}$")
        [connected, *_] = await sandbox.control.requests(server="discord", path="/gateway/bot$")
        assert connected["at"] - asked["at"] > DELAY_S - 0.5
        assert await bot.terminate(timeout=10) == 0
    finally:
        await bot.close()
        await sandbox.close()

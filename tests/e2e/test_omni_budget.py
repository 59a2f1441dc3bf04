"""Limits count what Omni has billed, not what was reserved."""

import pytest

from tests.e2e.omni import OmniCharges, list_omni_submits, open_reader, request_omni
from tests.e2e.stage import BotStage
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT_SETTINGS = {"DEFAULT_MEMBER_USD_PER_DAY": "0.16"}
"""Less than two reservations, more than one bill and one reservation."""


async def test_a_lower_bill_leaves_room_for_the_next_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.wait_for_answer(await request_omni(stage, room), quote_text("ask.accepted"))
        # while the first is reserved, a second exceeds the limit
        refused = await stage.wait_for_answer(await request_omni(stage, room))
        assert quote_text("ask.accepted") not in refused
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    [[price, billed]] = await open_reader(stage).fetch_rows(
        "SELECT price_micros, billed_micros FROM jobs ORDER BY id DESC LIMIT 1"
    )
    assert billed + price <= 160_000 < 2 * price
    await stage.wait_for_answer(await request_omni(stage, room), quote_text("ask.accepted"))
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    third = await stage.wait_for_answer(await request_omni(stage, room))
    assert quote_text("ask.accepted") not in third
    assert len(await list_omni_submits(stage)) == 2
    books = await OmniCharges.read(stage)
    assert books.is_balanced
    shown = await stage.control.command(stage.people["Ada"], room, "quota show")
    assert "$0.14" in await stage.wait_for_answer(shown)

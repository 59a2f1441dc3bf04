"""Two processes on one PostgreSQL make each edit and extension once, even if one dies."""

from pathlib import Path

import pytest

from tests.e2e.omni import (
    EXTENDING,
    OmniCharges,
    get_submit,
    list_omni_submits,
    make_omni,
    reply,
    request_omni,
)
from tests.e2e.stage import clips_of, run_two_processes
from tests.harness.texts import quote_text


@pytest.mark.postgresql
async def test_edits_are_made_once_and_the_other_process_takes_over(tmp_path: Path) -> None:
    async with run_two_processes(tmp_path) as (stage, second, _):
        before = await OmniCharges.read(stage)
        room, clip, first = await make_omni(stage, **EXTENDING)
        await reply(stage, room, clip, "it jumps over the fence")
        await stage.wait_for_clip(room, 2)
        await reply(stage, room, clip, "make it dark")
        await stage.wait_for_clip(room, 3)
        await stage.wait_until_idle(room)
        assert [submit["task"] for submit in await list_omni_submits(stage)] == [
            "text_to_video",
            "extend",
            "edit",
        ]
        # Google has one operation to stop and one to finish when the first process dies
        other = await stage.open_channel()
        await stage.control.google(seconds=600, omni={"cancel_s": 3600})
        await request_omni(stage, other)
        status = await stage.wait_for_message(other, quote_text("stage.polling"))
        await stage.press_button(status, quote_text("button.cancel"))
        await stage.control.wait_request(r"/cancel$", timeout=60)
        await reply(stage, room, clip, "remove the background")

        # before the answer is stored, a kill would leave an unknown job, which is never sent again
        await stage.wait_for_message(room, quote_text("stage.polling"))
        await stage.bot.kill()
        await stage.control.advance(3600)
        await stage.wait_for_clip(room, 4)
        await stage.wait_for_message(other, quote_text("outcome.cancelled_late"))
        await stage.wait_until_idle(room)
        await stage.wait_until_idle(other)
        submits = await list_omni_submits(stage)
        assert len(submits) == 5
        assert (await get_submit(stage))["previous"] == first["operation"]
        assert len(clips_of(await stage.control.messages(room))) == 4
        assert not clips_of(await stage.control.messages(other))
        assert (await OmniCharges.read(stage) - before).is_balanced
        assert "Traceback" not in second.read_log(), second.read_log()[-4000:]

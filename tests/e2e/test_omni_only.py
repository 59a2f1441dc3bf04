"""A clip with an API key for which Google offers Omni but no Veo, over HTTPS."""

from pathlib import Path

import pytest

from tests.e2e.stage import run_stage, text_of, video_of
from tests.harness.texts import quote_pattern

VEO = "veo-3.1-generate-preview"


@pytest.mark.asyncio(loop_scope="function")
async def test_a_clip_without_veo_and_with_certificates(tmp_path: Path) -> None:
    async with run_stage(tmp_path, options=("--tls", "--veo", "gone")) as stage:
        room = await stage.open_channel()
        command = {"prompt": "a red fox", "resolution": "360p", "duration": 3}
        await stage.control.command(stage.people["Ada"], room, "video generate", command)
        clip = await stage.wait_for_clip(room)
        await stage.wait_until_idle(room)
        assert "Gemini Omni" in text_of(clip)
        video = video_of(clip)
        assert video is not None
        data = await stage.control.download(video["url"])
        assert data[4:8] == b"ftyp"
        [submit] = await stage.list_submits()
        assert (submit["route"], submit["seconds"], submit["resolution"]) == ("omni", 3, "360p")
        interaction = await stage.control.command(
            stage.people["Ada"], room, "video generate", command | {"model": VEO}
        )
        refused = await stage.wait_for_answer(interaction)
        assert quote_pattern("rule.model_replaced", model="Veo 3.1").search(refused)
        assert "Gemini Omni" in refused
        assert len(await stage.list_submits()) == 1
        assert await stage.bot.terminate(timeout=10) == 0

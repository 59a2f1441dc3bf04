"""The check of contents on Vertex AI, where requests that could not be checked are accepted."""

import json
from typing import Any

import pytest

from tests.e2e.stage import BotStage
from tests.e2e.test_content_check import KINDS, MODEL, PATH, list_asked, name_refusal
from tests.harness.texts import quote_text

BOT_SETTINGS = {"MODERATION_MODEL": MODEL, "MODERATION_IF_AWAY": "accept"}
VEO: dict[str, Any] = {"model": "veo-3.1-fast-generate-001", "duration": 4}
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("stage", ["vertex"], indirect=True, scope="module"),
]


async def test_unchecked_requests_are_accepted_and_logged(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.control.fault("google", path=PATH, status=503)
    await stage.make_clip(room, "a fox in the fog", **VEO)
    assert "content_check.failed" in stage.bot.read_log()
    assert "fox in the fog" not in stage.bot.read_log()


async def test_rules_apply_when_the_model_answers(stage: BotStage) -> None:
    """With a new token, after Google has revoked the one in use."""
    room = await stage.open_channel()
    await stage.control.google(
        text={"answer": {"text": json.dumps(dict.fromkeys(KINDS, "none") | {"hate": "clear"})}}
    )
    await stage.control.call("POST", "google/tokens", {"revoke": True})
    asked = await stage.request_clip(room, "a fox", **VEO)
    await stage.wait_for_answer(asked, name_refusal("hate"))
    assert (await list_asked(stage))[-1]["route"] == "vertex"
    await stage.control.google(text={"answer": {"block_reason": "PROHIBITED_CONTENT"}})
    asked = await stage.request_clip(room, "another fox", **VEO)
    await stage.wait_for_answer(asked, quote_text("content_refused.google"))

"""The operator is told in a channel and at a server, signed, and not again after a restart."""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import play_stage
from tests.e2e.omni import EXTENDING, NEWEST, SUBMIT, request_omni
from tests.e2e.stage import BotStage, clips_of, open_stage, run_operator_program
from tests.e2e.test_content_check import MODEL, rate
from tests.e2e.test_content_check import PATH as CHECK_PATH
from tests.harness.alert_server import AlertServer
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio

PROMPT = "a walrus in a red scarf"
LEASE_S = "3"
"""The bot looks every two leases for what is due, at most once a minute."""


async def refuse_account(stage: BotStage, room: str) -> None:
    """Let Google refuse the account, as it does when the credit is used up."""
    error = {"code": "payment_required", "message": "Your prepayment credits are depleted."}
    await stage.control.fault(
        "google", method="POST", path=SUBMIT, status=402, body={"error": error}, times=1
    )
    await request_omni(stage, room, PROMPT, **EXTENDING)


async def test_the_operator_is_told_once_in_the_channel_and_at_the_server(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = AlertServer()
        url = await stack.enter_async_context(server.serve())
        sandbox, bot = await open_stage(tmp_path, settings={"LEASE_S": LEASE_S})
        guild = (await sandbox.control.world())["guilds"][0]["id"]
        made = await sandbox.control.call("POST", "channels", {"guild": guild, "name": "alerts"})
        alerts = str(made["channel"]["id"])
        bot.environment |= {"ALERT_CHANNEL": alerts, "ALERT_URL": url}
        stage = await stack.enter_async_context(play_stage(sandbox, bot))

        async def wait_for_kinds(*kinds: str) -> list[dict[str, Any]]:
            """Wait for alerts of exactly these kinds in both places; return the messages."""

            async def have_arrived() -> bool:
                there = await stage.control.messages(alerts)
                return min(len(there), len(server.alerts)) >= len(kinds)

            await stage.wait_until(have_arrived, f"the alerts {kinds}")
            told = sorted(alert["type"] for alert in server.alerts)
            assert told == sorted(f"alert.{kind}" for kind in kinds)
            messages = await stage.control.messages(alerts)
            assert len(messages) == len(kinds)
            return messages

        async def is_checked() -> bool:
            return "google.route_answered" in bot.read_log()

        await stage.wait_until(is_checked, "the models' check")
        room = await stage.open_channel()
        await stage.control.google(retired_models=[NEWEST["model"]])
        await request_omni(stage, room, PROMPT)
        await stage.wait_for_message(room, quote_text("outcome.model_retired"))
        await stage.control.fault("google", method="POST", path=SUBMIT, drop="after", times=1)
        await request_omni(stage, room, PROMPT, **EXTENDING)
        await stage.wait_for_message(room, quote_text("outcome.submit_unknown"))
        messages = await wait_for_kinds("model_gone", "unknown_job")

        told = json.dumps([messages, server.alerts], ensure_ascii=False)
        assert NEWEST["model"] in told
        for private in (PROMPT, "Ada", stage.people["Ada"], bot.environment["DISCORD_TOKEN"]):
            assert private not in told
        assert not [each for each in messages if each["mentions"] or each["mention_everyone"]]

        await bot.restart()
        await refuse_account(stage, room)
        await wait_for_kinds("model_gone", "unknown_job", "credit_used_up")

        shown = await run_operator_program(stage, "bot", "alert-test", "--show-secret")
        tried = await run_operator_program(stage, "bot", "alert-test")
        assert tried.split() == ["ALERT_URL", "ok", "ALERT_CHANNEL", "ok"]
        await wait_for_kinds("model_gone", "unknown_job", "credit_used_up", "test")
        server.verify_signatures(shown.strip())


async def test_the_operator_is_told_that_the_check_fails_and_which_clips_wait(
    tmp_path: Path,
) -> None:
    """Google refuses the model after a request passed, so its finished clip waits."""
    settings = {"LEASE_S": LEASE_S, "MODERATION_MODEL": MODEL, "MODERATE_RESULTS": "true"}
    async with AsyncExitStack() as stack:
        server = AlertServer()
        url = await stack.enter_async_context(server.serve())
        sandbox, bot = await open_stage(tmp_path, settings=settings | {"ALERT_URL": url})
        stage = await stack.enter_async_context(play_stage(sandbox, bot))
        room = await stage.open_channel()
        await stage.control.google(text={"answer": rate()})
        async with stage.control.hold_google():
            asked = await stage.request_clip(room, PROMPT)
            await stage.wait_for_answer(asked, quote_text("ask.accepted"))
            error = {"code": 403, "status": "PERMISSION_DENIED", "message": f"No {PROMPT}."}
            order = {"method": "POST", "path": CHECK_PATH, "status": 403, "times": 1000}
            await stage.control.fault("google", **order, body={"error": error})

        async def is_told() -> bool:
            return bool(server.alerts)

        await stage.wait_until(is_told, "the alert")
        [alert] = server.alerts
        assert alert["type"] == "alert.check_failing"
        assert (alert["data"]["subject"], PROMPT in str(alert)) == (MODEL, False)
        assert "403 PERMISSION_DENIED" in alert["data"]["message"]
        assert "wait for their check: 1" in alert["data"]["message"]
        assert clips_of(await stage.control.messages(room)) == []
        await stage.control.clear_faults()
        await stage.wait_for_clip(room)
        assert len(server.alerts) == 1

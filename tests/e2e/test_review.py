"""Clips that moderators see first, in the real bot on both databases."""

import pytest

from tests.e2e.stage import BotStage, buttons_of, clips_of, text_of
from tests.harness.texts import quote_text

BOT_SETTINGS = {"DEFAULT_MEMBER_CLIPS_PER_DAY": "50", "LEASE_S": "3"}
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("stage", ["sqlite", "postgresql"], indirect=True, scope="module"),
]


async def run_admin(stage: BotStage, room: str, command: str, **options: object) -> str:
    """Give an admin's command and return its answer."""
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.wait_for_answer(asked)


async def open_review(stage: BotStage, **options: object) -> tuple[str, str]:
    """Switch reviews on; return a channel for clips and the staff channel."""
    room, staff = await stage.open_channel(), await stage.open_channel()
    await run_admin(stage, room, "staff", channel=staff)
    assert staff in await run_admin(stage, room, "review", clips="everyone", **options)
    return room, staff


async def read_used(stage: BotStage, room: str) -> str:
    asked = await stage.control.command(stage.people["Cem"], room, "quota show", {})
    return await stage.wait_for_answer(asked)


async def test_a_clip_is_posted_once_a_moderator_lets_it_pass(stage: BotStage) -> None:
    """The member is told where it stands, nobody else sees it, and the log has the decision.

    The bot is killed while the moderators decide. Their message waits for the next process.
    """
    room, staff = await open_review(stage)
    await stage.request_clip(room, user="Cem")
    asked = await stage.wait_for_clip(staff)
    await stage.wait_for_message(room, quote_text("stage.review"))
    assert clips_of(await stage.control.messages(room)) == []
    number = text_of(asked).split("#")[1].split()[0]
    got = await stage.control.command(stage.people["Cem"], room, "video get", {"clip": number})
    await stage.wait_for_answer(got, quote_text("not_found.clip"))
    await stage.bot.kill_and_wait()
    await stage.bot.start()

    refused = await stage.press_button(asked, quote_text("button.review_post"), "Cem")
    await stage.wait_for_answer(refused, quote_text("not_allowed.moderate"))
    first = await stage.press_button(asked, quote_text("button.review_post"))
    await stage.wait_for_answer(first, quote_text("review.done.post"))
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert stage.people["Cem"] in text_of(clip)
    assert len(clips_of(await stage.control.messages(room))) == 1
    decided = await stage.wait_for_message(staff, quote_text("review.decided.post"))
    assert decided["id"] == asked["id"]
    assert buttons_of(decided) == {}
    assert clips_of(await stage.control.messages(staff)) == []
    assert quote_text("log.review_post") in await run_admin(stage, room, "log")
    await stage.delete_clip(clip, "Cem")
    assert asked["id"] not in {each["id"] for each in await stage.control.messages(staff)}


async def test_a_clip_is_posted_behind_a_spoiler(stage: BotStage) -> None:
    room, staff = await open_review(stage)
    await stage.request_clip(room, user="Cem")
    await stage.press_button(await stage.wait_for_clip(staff), quote_text("button.review_spoiler"))
    clip = await stage.wait_for_clip(room)
    gallery = next(part for part in clip["components"][0]["components"] if part["type"] == 12)
    assert gallery["items"][0]["spoiler"] is True
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == 1


@pytest.mark.parametrize(("decision", "is_refunded"), [("refuse", True), ("refuse_charged", False)])
async def test_a_refused_clip_is_deleted_and_the_member_told(
    stage: BotStage, decision: str, is_refunded: bool
) -> None:
    room, staff = await open_review(stage)
    before = await read_used(stage, room)
    await stage.request_clip(room, user="Cem")
    asked = await stage.wait_for_clip(staff)
    await stage.press_button(asked, quote_text(f"button.review_{decision}"))
    told = await stage.wait_for_message(room, quote_text("outcome.review_refused"))
    assert ("$0.00" in text_of(told)) is is_refunded
    await stage.wait_for_message(staff, quote_text(f"review.decided.{decision}"))
    await stage.wait_until_idle(room)
    assert clips_of(await stage.control.messages(room)) == []
    assert clips_of(await stage.control.messages(staff)) == []
    assert (await read_used(stage, room) == before) is is_refunded
    assert quote_text(f"log.review_{decision}") in await run_admin(stage, room, "log")


async def test_a_member_withdraws_and_pays(stage: BotStage) -> None:
    room, staff = await open_review(stage)
    await stage.request_clip(room, user="Cem")
    await stage.wait_for_clip(staff)
    status = await stage.wait_for_message(room, quote_text("stage.review"))
    pressed = await stage.press_button(status, quote_text("button.cancel"), "Cem")
    await stage.wait_for_answer(pressed, quote_text("cancel.withdrawn"))
    await stage.wait_for_message(room, quote_text("outcome.review_withdrawn"))
    await stage.wait_for_message(staff, quote_text("review.decided.withdraw"))
    assert clips_of(await stage.control.messages(staff)) == []


async def test_without_a_trusted_role_everybody_is_reviewed(stage: BotStage) -> None:
    """This is said, until there is a role; the next test chooses one."""
    room, staff = await stage.open_channel(), await stage.open_channel()
    await run_admin(stage, room, "staff", channel=staff)
    answer = await run_admin(stage, room, "review", clips="untrusted")
    assert quote_text("server.review.no_role") in answer
    await stage.request_clip(room, user="Cem")
    asked = await stage.wait_for_clip(staff)
    await stage.press_button(asked, quote_text("button.review_post"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)


async def test_trusted_members_and_other_channels_are_not_reviewed(stage: BotStage) -> None:
    room, staff = await open_review(stage)
    role = (await stage.control.add_role(stage.guild, "trusted"))["id"]
    await stage.control.add_member(stage.guild, "Cem", roles=[role])
    answer = await run_admin(stage, room, "review", clips="untrusted", trusted_role=role)
    assert role in answer
    assert quote_text("server.review.no_role") not in answer
    await stage.request_clip(room, user="Cem")
    await stage.wait_for_clip(room)
    await run_admin(stage, room, "review", clips="channel", channel=staff)
    await stage.request_clip(room, user="Ada")
    await stage.wait_for_clip(room, 2)
    off = await run_admin(stage, room, "review", clips="off")
    assert quote_text("server.review.off") in off
    assert clips_of(await stage.control.messages(staff)) == []


async def test_a_lost_staff_channel_keeps_clips_until_an_admin_chooses_another(
    stage: BotStage,
) -> None:
    room, staff = await open_review(stage)
    await stage.control.delete_channel(staff)
    await stage.request_clip(room, user="Cem")
    await stage.wait_for_message(room, quote_text("stage.review"))

    async def is_unseen() -> bool:
        return quote_text("server.review.unseen", count=1) in await run_admin(stage, room, "review")

    await stage.wait_until(is_unseen, "the clip waiting unseen")
    other = await stage.open_channel()
    assert other in await run_admin(stage, room, "staff", channel=other)
    asked = await stage.wait_for_clip(other)
    await stage.press_button(asked, quote_text("button.review_post"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)


async def test_an_age_restricted_clip_is_shown_once_the_staff_channel_is_too(
    stage: BotStage,
) -> None:
    """Until then the staff reads what to do, and neither the clip nor the prompt."""
    _, staff = await open_review(stage)
    adults = await stage.open_channel(nsfw=True)
    await stage.request_clip(adults, "a wolf at night", user="Cem")
    told = await stage.wait_for_message(staff, quote_text("review.age_restricted"))
    assert "wolf" not in str(told)
    await stage.wait_for_message(adults, quote_text("stage.review"))
    warning = quote_text("server.staff.for_everybody", staff=f"<#{staff}>")
    unseen = quote_text("server.review.unseen", count=1)

    async def is_counted() -> bool:
        return unseen in await run_admin(stage, adults, "staff")

    await stage.wait_until(is_counted, "the clip waiting unseen")
    for command in ("staff", "review"):
        assert warning in await run_admin(stage, adults, command)
    await stage.bot.restart()

    async def is_warned() -> bool:
        return warning in await run_admin(stage, adults, "staff")

    await stage.wait_until(is_warned, "the bot knowing the server again")
    assert clips_of(await stage.control.messages(staff)) == []

    await stage.control.change_channel(staff, nsfw=True)
    asked = await stage.wait_for_clip(staff)
    assert "wolf" in text_of(asked)
    assert told["id"] not in {each["id"] for each in await stage.control.messages(staff)}
    assert warning not in await run_admin(stage, adults, "staff")
    pressed = await stage.press_button(asked, quote_text("button.review_post"))
    await stage.wait_for_answer(pressed, quote_text("review.done.post"))
    await stage.wait_for_clip(adults)
    await stage.wait_until_idle(adults)
    assert len(clips_of(await stage.control.messages(adults))) == 1


async def test_a_withdrawn_clip_that_nobody_saw_leaves_no_notice(stage: BotStage) -> None:
    _, staff = await open_review(stage)
    adults = await stage.open_channel(nsfw=True)
    await stage.request_clip(adults, user="Cem")
    told = await stage.wait_for_message(staff, quote_text("review.age_restricted"))
    status = await stage.wait_for_message(adults, quote_text("stage.review"))
    pressed = await stage.press_button(status, quote_text("button.cancel"), "Cem")
    await stage.wait_for_answer(pressed, quote_text("cancel.withdrawn"))
    ended = await stage.wait_for_message(staff, quote_text("review.decided.withdraw"))
    assert ended["id"] == told["id"]


async def test_forgetting_a_member_ends_the_review(stage: BotStage) -> None:
    room, staff = await open_review(stage)
    await stage.request_clip(room, user="Cem")
    await stage.wait_for_clip(staff)
    asked = await stage.control.command(stage.people["Cem"], room, "privacy forget", {})
    await stage.press_answer(asked, quote_text("button.forget"), "Cem")

    async def is_gone() -> bool:
        return not await stage.control.messages(staff)

    await stage.wait_until(is_gone, "the moderators' message being deleted")
    assert clips_of(await stage.control.messages(room)) == []

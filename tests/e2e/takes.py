"""Shared code of the tests of takes: asking for drafts, and finding their message."""

from typing import Any, Final

from tests.e2e.stage import BotStage, Json, buttons_of, components_of
from tests.harness.texts import quote_text

SHORT: Final[Json] = {"duration": 3}
"""The shortest drafts, which Gemini Omni makes."""


async def ask_for_takes(
    stage: BotStage, room: str, prompt: str = "a red fox", user: str = "Ada", **options: Any
) -> str:
    """Ask for drafts by command; return the interaction, whose answer asks for a confirmation."""
    values = {"prompt": prompt, **SHORT, **options}
    return await stage.control.command(stage.people[user], room, "video takes", values)


async def make_takes(
    stage: BotStage, room: str, prompt: str = "a red fox", user: str = "Ada", **options: Any
) -> str:
    """Ask for drafts, confirm the price, and return the answer once they are accepted."""
    asked = await ask_for_takes(stage, room, prompt, user, **options)
    await stage.press_answer(asked, quote_text("button.accept"), user)
    return await stage.wait_for_answer(asked, quote_text("ask.accepted"))


async def wait_for_choice(stage: BotStage, room: str, count: int) -> Json:
    """Wait for the message with ``count`` drafts to choose from."""

    async def find_message() -> Json | None:
        for message in await stage.control.messages(room):
            if len(list_choices(message)) == count:
                return message
        return None

    found: Json = await stage.wait_until(find_message, f"a choice of {count} drafts")
    return found


async def wait_for_end(stage: BotStage, room: str) -> Json:
    """Wait until all drafts have ended; return the only message of the channel."""

    async def find_message() -> Json | None:
        messages = await stage.control.messages(room)
        is_over = quote_text("button.more_takes") in buttons_of(messages[-1] if messages else {})
        return messages[-1] if is_over and len(messages) == 1 else None

    found: Json = await stage.wait_until(find_message, "the end of all drafts")
    return found


def list_choices(message: Json) -> list[str]:
    """Return the labels of a message's buttons that make a draft in full."""
    return [label for label, action in buttons_of(message).items() if ":take:" in action]


def list_videos(message: Json) -> list[Json]:
    """Return the videos that a message shows."""
    return [
        item["media"]
        for component in components_of(message)
        if component["type"] == 12
        for item in component["items"]
    ]

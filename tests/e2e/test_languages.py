"""Six languages as people meet them: theirs in what they alone see, the server's in public."""

import pytest

from bot.i18n.catalogs import say
from tests.e2e.stage import FAST, Json, Stage, buttons_of, text_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOCALES = ("en-US", "de", "es-ES", "fr", "ja", "zh-CN")


@pytest.mark.parametrize("locale", LOCALES)
async def test_everything_about_a_clip_is_said_in_the_language_of_server_and_member(
    stage: Stage, locale: str
) -> None:
    ada = stage.people["Ada"]
    await stage.control.change_guild(stage.guild, locale=locale)
    await stage.control.change_user(ada, locale=locale)
    room = await stage.room()
    async with stage.control.google_at_work():
        asked = await stage.control.command(
            ada, room, "video generate", {"prompt": "look=plain a fox", **FAST}
        )
        # the answer for the person alone
        await stage.told(asked, beginning("ask.accepted", locale))
        # the status and the card, for everyone
        status = await stage.said_in(room, beginning("stage.polling", locale))
        assert say("button.cancel", locale) in buttons_of(status)
    clip = await stage.clip_in(room)
    wanted = {say(f"button.{name}", locale) for name in ("extend", "redo", "edit", "details")}
    assert wanted <= set(buttons_of(clip))
    assert say("seconds", locale, count=4) in text_of(clip)

    # a form, a suggestion, a refusal and a list, in the language of the member
    pressed = await stage.control.component(
        ada, clip["id"], buttons_of(clip)[say("button.extend", locale)]
    )
    opened: Json = await stage.control.wait_interaction(pressed, lambda seen: seen.get("modal"))
    assert opened["modal"]["title"] == say("form.extend.title", locale)
    choices = await stage.control.autocomplete(
        ada, room, "video generate", {"prompt": "x"}, "duration"
    )
    names = {choice["name"] for choice in choices}
    assert any(name.startswith(say("seconds", locale, count=8)) for name in names), names
    refused = await stage.control.command(
        ada, room, "video extend", {"clip": "999999", "prompt": "x"}
    )
    await stage.told(refused, say("not_found.clip", locale))
    listed = await stage.control.command(ada, room, "video jobs")
    await stage.told(listed, say("jobs.none", locale))


async def test_a_member_of_another_language_is_answered_in_theirs(stage: Stage) -> None:
    bea, room = stage.people["Bea"], await stage.room()
    await stage.control.change_guild(stage.guild, locale="de")
    for locale, spoken in (("ja", "ja"), ("es-419", "es-ES"), ("pl", "en-US")):
        asked = await stage.control.command(bea, room, "video jobs", locale=locale)
        await stage.told(asked, say("jobs.none", spoken))


async def test_in_private_a_reply_is_answered_in_the_language_the_clip_was_asked_in(
    stage: Stage,
) -> None:
    """And "once more" is understood in it: it must not become a paid prompt."""
    cem = stage.people["Cem"]
    await stage.control.change_user(cem, locale="ja")
    await stage.control.message("Cem", "@Cem", "hello")
    talk = str((await stage.control.call("GET", "channels/@Cem/messages"))[0]["channel_id"])
    await stage.control.command(cem, talk, "video generate", {"prompt": "look=plain a fox", **FAST})
    clip = await stage.clip_in(talk)
    await stage.control.message(cem, talk, "もう一度。", reply_to=clip["id"])
    await stage.said_in(talk, say("reply.again", "ja"))


def beginning(key: str, locale: str) -> str:
    """Return what a text says before its first placeholder."""
    marks = dict.fromkeys(("job", "what", "since"), "\x00")
    text = say(key, locale, **marks)
    longest = max(text.split("\0"), key=len)
    return longest.strip()

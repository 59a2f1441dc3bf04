"""Private answers use the member's language, public messages the server's."""

import pytest

from bot.i18n.catalogs import translate
from bot.i18n.translations import negotiate_language
from tests.e2e.stage import SHORT_CLIP, BotStage, Json, buttons_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOCALES = ("en-US", "de", "es-ES", "fr", "ja", "zh-CN")


@pytest.mark.parametrize("locale", LOCALES)
async def test_messages_use_server_and_member_language(stage: BotStage, locale: str) -> None:
    ada, language = stage.people["Ada"], negotiate_language([locale])
    await stage.control.change_guild(stage.guild, locale=locale)
    await stage.control.change_user(ada, locale=locale)
    room = await stage.open_channel()
    async with stage.control.hold_google():
        interaction = await stage.control.command(
            ada, room, "video generate", {"prompt": "look=plain a fox", **SHORT_CLIP}
        )
        # the ephemeral answer
        await stage.wait_for_answer(interaction, quote_text("ask.accepted", language))
        # the public status and card
        status = await stage.wait_for_message(room, quote_text("stage.polling", language))
        assert translate("button.cancel", locale) in buttons_of(status)
    clip = await stage.wait_for_clip(room)
    buttons = ("extend", "redo", "reword", "details")
    labels = {translate(f"button.{name}", locale) for name in buttons}
    assert labels <= set(buttons_of(clip))
    assert translate("seconds", locale, count=4) in text_of(clip)

    # form, suggestion, refusal and list in the member's language
    pressed = await stage.control.component(
        ada, clip["id"], buttons_of(clip)[translate("button.extend", locale)]
    )
    form: Json = await stage.control.wait_interaction(pressed, lambda state: state.get("modal"))
    assert form["modal"]["title"] == translate("form.extend.title", locale)
    choices = await stage.control.autocomplete(
        ada, room, "video generate", {"prompt": "x"}, "duration"
    )
    names = {choice["name"] for choice in choices}
    assert any(name.startswith(translate("seconds", locale, count=8)) for name in names), names
    refused = await stage.control.command(
        ada, room, "video extend", {"clip": "999999", "prompt": "x"}
    )
    await stage.wait_for_answer(refused, translate("not_found.clip", locale))
    listed = await stage.control.command(ada, room, "video jobs")
    await stage.wait_for_answer(listed, translate("jobs.none", locale))


async def test_private_answers_use_member_language(stage: BotStage) -> None:
    bea, room = stage.people["Bea"], await stage.open_channel()
    await stage.control.change_guild(stage.guild, locale="de")
    for locale, spoken in (("ja", "ja"), ("es-419", "es-ES"), ("pl", "en-US")):
        interaction = await stage.control.command(bea, room, "video jobs", locale=locale)
        await stage.wait_for_answer(interaction, translate("jobs.none", spoken))


async def test_direct_message_reply_uses_clip_language(
    stage: BotStage,
) -> None:
    """ "Once more" is understood in that language and does not become a paid prompt."""
    cem = stage.people["Cem"]
    await stage.control.change_user(cem, locale="ja")
    await stage.control.message("Cem", "@Cem", "hello")
    talk = str((await stage.control.call("GET", "channels/@Cem/messages"))[0]["channel_id"])
    await stage.control.command(
        cem, talk, "video generate", {"prompt": "look=plain a fox", **SHORT_CLIP}
    )
    clip = await stage.wait_for_clip(talk)
    await stage.control.message(cem, talk, "もう一度。", reply_to=clip["id"])
    await stage.wait_for_message(talk, translate("reply.again", "ja"))

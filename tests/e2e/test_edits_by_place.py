"""Edits in the showcase, on the web, in the EEA and with a user install."""

import html
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.e2e.stage import BotStage, Json, buttons_of, clip_number_of, run_stage, text_of
from tests.e2e.test_edits import NIGHT, OMNI, edit, make_omni_clip
from tests.e2e.test_showcase import open_showcase, run_command
from tests.e2e.test_showcase_rules import find_free_port
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

PORT: Final = find_free_port()
GALLERY: Final = f"http://127.0.0.1:{PORT}"
BOT_SETTINGS: Final = {"PUBLIC_URL": GALLERY, "WEB_PORT": str(PORT)}
REPLY_USES: Final = ("extendable", "editable", "changeable")
"""What a card says that a reply can do, by the names of the texts."""


async def read_page(path: str, language: str = "en") -> tuple[int, str]:
    """Return status and text of a page of the gallery, without references to characters."""
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
        ) as http,
        http.get(f"{GALLERY}{path}", headers={"Accept-Language": language}) as answer,
    ):
        return answer.status, html.unescape(await answer.text())


async def edit_as(stage: BotStage, room: str, clip: Json, user: str, number: int) -> Json:
    """Let a member edit a clip; return the ``number``-th clip of the channel."""
    interaction = await edit(stage, room, clip_number_of(clip), user=user)
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    message = await stage.wait_for_clip(room, number)
    await stage.wait_until_idle(room)
    return message


async def test_an_edit_is_shown_only_while_its_source_may_be(stage: BotStage) -> None:
    """An editor cannot publish somebody else's clip; the page links both clips."""
    showcase, room = await open_showcase(stage), await stage.open_channel()
    await run_command(stage, showcase, "server showcase", public=True)
    first = await make_omni_clip(stage, room, "Ada")
    second = await edit_as(stage, room, first, "Cem", 2)
    number, source = clip_number_of(second), clip_number_of(first)
    asked = await run_command(stage, room, "showcase add", "Cem", clip=number)
    assert quote_text("showcase.public_notice") in asked
    assert (await read_page(f"/clips/{number}"))[0] == 404

    # Ada consents to others showing her clip, and shows it herself
    await run_command(stage, room, "showcase choose", "Ada", consent="everyone")
    for user, clip in (("Ada", source), ("Cem", number)):
        added = await stage.control.command(
            stage.people[user], room, "showcase add", {"clip": clip}
        )
        await stage.press_answer(
            added, quote_text("button.publish"), user
        )  # each person is asked once
        await stage.wait_for_answer(added, f"{GALLERY}/clips/{clip}")
    status, page = await read_page(f"/clips/{number}")
    assert status == 200
    assert quote_text("mode.edit", domain="web") in page
    edits, edit_step = (quote_text(key, domain="web") for key in ("facts.edits", "chain.edit"))
    assert f'<dt>{edits}</dt><dd><a href="/clips/{source}">#{source}</a></dd>' in page
    assert f'<span aria-hidden="true">✎</span> {edit_step}' in page
    assert quote_text("same_command.title", domain="web") not in page
    assert quote_text("clip.hidden_prompt", domain="web") not in page
    _, german = await read_page(f"/clips/{number}", "de")
    assert f"</span> {quote_text('chain.edit', 'de', domain='web')}" in german

    await run_command(stage, room, "showcase withdraw", "Ada", clip=source)
    await run_command(stage, room, "showcase choose", "Ada", consent="nobody")
    assert (await read_page(f"/clips/{number}"))[0] == 404
    await run_command(stage, room, "showcase choose", "Ada", consent="stars")


async def test_an_edit_of_an_age_restricted_clip_stays_there(stage: BotStage) -> None:
    adults = await stage.open_channel(nsfw=True)
    first = await make_omni_clip(stage, adults)
    before = len(await stage.list_submits())
    room = await stage.open_channel()
    interaction = await edit(stage, room, clip_number_of(first))
    assert quote_text("not_allowed.age_restricted") in await stage.wait_for_answer(interaction)
    assert len(await stage.list_submits()) == before


async def test_in_the_eea_only_what_google_has_a_record_of_can_be_edited(tmp_path: Path) -> None:
    """Google accepts no copies there: no button offers it, and a refusal costs nothing."""
    async with run_stage(tmp_path, settings={"GOOGLE_REGION": "eu"}) as stage:
        room = await stage.open_channel()
        veo = await stage.make_clip(room)
        assert quote_text("button.edit_clip") not in buttons_of(veo)
        details = await stage.press_button(veo, quote_text("button.details"))
        await stage.wait_for_answer(details, quote_text("card.extendable_until"))
        before = len(await stage.list_submits())
        refused = await edit(stage, room, clip_number_of(veo))
        await stage.wait_for_answer(refused, quote_text("rule.source_region"))
        assert len(await stage.list_submits()) == before

        room = await stage.open_channel()
        own = await make_omni_clip(stage, room)
        assert quote_text("button.edit_clip") in buttons_of(own)
        details = await stage.press_button(own, quote_text("button.details"))
        await stage.wait_for_answer(details, quote_text("card.changeable_until"))
        await edit_as(stage, room, own, "Ada", 2)
        assert (await stage.list_submits())[-1]["previous"] is not None


async def test_in_a_user_install_the_button_edits(stage: BotStage) -> None:
    await stage.control.change_user("Ada", has_app=True)
    guild = await stage.control.add_guild(
        "Elsewhere", owner="Cem", members=["Ada"], bot=False, channels=["lounge"]
    )
    room, ada = guild["channels"][0]["id"], stage.people["Ada"]
    interaction = await stage.control.command(
        ada, room, "video generate", {"prompt": "a red fox", **OMNI}
    )
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    first = await stage.wait_for_clip(room)
    uses = [f"card.{use}{end}" for use in REPLY_USES for end in ("", "_until")]
    assert not [use for use in uses if quote_text(use) in text_of(first)]
    opened = await stage.press_button(first, quote_text("button.edit_clip"))
    answer = await stage.wait_for_answer(
        await stage.submit_form(opened, NIGHT), quote_text("ask.accepted")
    )
    assert quote_text("plan.edit", clip=f"#{clip_number_of(first)}") in answer
    second = await stage.wait_for_clip(room, 2)
    assert quote_text("card.edit", parent=f"#{clip_number_of(first)}") in text_of(second)
    menu = await stage.control.context_menu(ada, quote_text("menu.edit"), first["id"])
    await stage.wait_for_answer(
        await stage.submit_form(menu, "make it dawn"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 3)

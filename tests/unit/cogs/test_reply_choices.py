"""Whether a reply extends, edits or asks, which choices and prices it offers, and to whom."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest

from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed, RuleBroken
from bot.domain.jobs.request import VideoRequest
from bot.i18n.catalogs import translate
from bot.services.clips.input_images import AttachedImage
from cogs._common.request_flow import Quote, RequestSource
from cogs.replies import TAP_EMOJI
from tests.harness.texts import quote_text
from tests.unit.cogs.test_cogs import Channel, a_reply, listener
from tests.unit.cogs.test_replies import InstantClock
from tests.unit.words.examples import CLIP, PLAN

MAX_REFERENCES = 2
EDIT_PRICE, EXTENSION_PRICE = Micros(570_000), Micros(720_000)
EXTEND = f"{quote_text('button.reply')} · $0.72"
EDIT = f"{quote_text('button.reply_edit')} · $0.57"
EXTEND_WITHOUT_IMAGE = f"{quote_text('button.reply_without_image')} · $0.72"
EDIT_WITH_IMAGE = f"{quote_text('button.edit_with_image')} · $0.57"


def impossible(rule: str) -> RuleBroken:
    return RuleBroken(rule, "clip", clip=12, seconds=20, most=15, result=40, model="Omni")


class PricedFlow:
    """A request flow that prices or refuses edits and extensions, and records the requests."""

    def __init__(self, **refusals: Exception) -> None:
        self.refusals = refusals
        self.prices = {"edit": EDIT_PRICE, "extend": EXTENSION_PRICE}
        self.made: list[tuple[str, str, int]] = []
        self.sources: list[RequestSource] = []

    async def require_may_extend(self, *_: object) -> None:
        pass

    async def quote(self, _clip: Clip, request: VideoRequest, _source: object) -> Quote:
        kind = "edit" if request.is_edit else "extend"
        if kind in self.refusals:
            raise self.refusals[kind]
        if len(request.references) > MAX_REFERENCES:
            nearest = request.evolve(references=request.references[:MAX_REFERENCES])
            raise RuleBroken(
                "too_many_references", "reference_3", nearest=nearest, model="Omni", most=2
            )
        return Quote(request, replace(PLAN, price=self.prices[kind]))

    async def extend_clip(self, _clip: Clip, prompt: str, source: RequestSource) -> None:
        self.made.append(("extend", prompt, 0))
        self.sources.append(source)

    async def edit_clip(
        self,
        _clip: Clip,
        prompt: str,
        source: RequestSource,
        *,
        references: tuple[AttachedImage, ...] = (),
    ) -> None:
        self.made.append(("edit", prompt, len(references)))
        self.sources.append(source)

    async def submit_quoted(self, quote: Quote, source: RequestSource) -> None:
        kind = "edit" if quote.request.is_edit else "extend"
        self.made.append((kind, quote.request.prompt, len(quote.request.references)))
        self.sources.append(source)


def a_file(name: str = "cat.png", kind: str = "image/png") -> Any:
    return SimpleNamespace(
        url=f"https://cdn.invalid/{name}",
        size=5000,
        content_type=kind,
        width=640,
        height=360,
        filename=name,
    )


async def answer(content: str, flow: PricedFlow, *files: Any) -> Any:
    """Let the bot read a reply; return the message."""
    message = a_reply(content)
    message.attachments = list(files)
    message.add_reaction = AsyncMock()
    await listener(flow, InstantClock()).on_message(message)
    return message


async def press(custom_id: str, content: str, flow: PricedFlow, *files: Any, user: int = 30) -> Any:
    """Press a button of a question about a reply; return the interaction."""
    message = a_reply(content)
    message.attachments = list(files)
    question = SimpleNamespace(
        reference=SimpleNamespace(message_id=message.id),
        channel=SimpleNamespace(fetch_message=AsyncMock(return_value=message)),
    )
    interaction: Any = SimpleNamespace(
        id=1,
        user=SimpleNamespace(id=user, roles=[]),
        message=question,
        data={"custom_id": custom_id},
        response=SimpleNamespace(defer=AsyncMock(), type=None),
        channel_id=20,
        channel=Channel(),
        guild_id=10,
        guild=message.guild,
        locale=discord.Locale.american_english,
        guild_locale=None,
        filesize_limit=10 * 2**20,
        extras={},
        edit_original_response=AsyncMock(),
        is_guild_integration=lambda: True,
        is_user_integration=lambda: False,
    )
    replies = listener(flow, InstantClock())
    pressed = replies.edit_by_button if ":reply_edit:" in custom_id else replies.extend_by_button
    await pressed(interaction, CLIP.id)
    return interaction


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("make it winter", "edit"),
        ("remove the car", "edit"),
        ("the bear starts to dance", "extend"),
        ("then it explodes into pieces", "extend"),
    ],
)
async def test_a_plain_reply_is_acted_upon(content: str, kind: str) -> None:
    flow = PricedFlow()
    message = await answer(content, flow)
    assert flow.made == [(kind, content, 0)]
    assert message.channel.said == []


async def test_an_unclear_reply_is_offered_both_with_prices() -> None:
    """Nothing is spent, and the buttons work without stored state."""
    flow = PricedFlow()
    message = await answer("then make it winter", flow)
    assert flow.made == []
    assert message.channel.said == [translate("reply.choose")]
    assert message.channel.shown_buttons == [EXTEND, EDIT]
    assert message.channel.custom_ids == ["clapper:reply:12@720000", "clapper:reply_edit:12@570000"]


async def test_an_impossible_direction_is_left_out_with_the_reason() -> None:
    flow = PricedFlow(edit=impossible("edit_source_too_long"))
    message = await answer("then make it winter", flow)
    [text] = message.channel.said
    assert "20 s" in text
    assert translate("reply.only_extend") in text
    assert message.channel.shown_buttons == [EXTEND]


@pytest.mark.parametrize(
    ("content", "refused", "offered"),
    [
        ("make it winter", "edit", EXTEND),
        ("the bear starts to dance", "extend", EDIT),
    ],
)
async def test_an_impossible_direction_is_explained_and_the_other_offered(
    content: str, refused: str, offered: str
) -> None:
    """The bot never makes the other one without being asked."""
    rule = "edit_source_too_long" if refused == "edit" else "source_too_long"
    flow = PricedFlow(**{refused: impossible(rule)})
    message = await answer(content, flow)
    assert flow.made == []
    [text] = message.channel.said
    assert "20 s" in text
    assert message.channel.shown_buttons == [offered]


async def test_where_neither_is_possible_the_rule_answers() -> None:
    """The answer is the same as for a command."""
    refusal = impossible("source_gone")
    flow = PricedFlow(edit=refusal, extend=refusal)
    message = await answer("make it winter", flow)
    assert flow.made == [("edit", "make it winter", 0)]
    assert message.channel.said == []


async def test_a_reply_without_words_is_told_what_words_can_do() -> None:
    message = await answer("extend", PricedFlow())
    assert message.channel.said == [translate("reply.empty")]
    assert message.channel.shown_buttons == [
        quote_text(f"button.{action}") for action in ("reply", "reply_edit", "redo")
    ]


async def test_an_edit_that_is_impossible_is_not_promised() -> None:
    message = await answer("extend", PricedFlow(edit=impossible("edit_unavailable")))
    assert message.channel.said == [translate("reply.empty_extend")]
    assert message.channel.shown_buttons == [
        quote_text(f"button.{action}") for action in ("reply", "redo")
    ]


async def test_a_picture_is_the_reference_of_an_edit() -> None:
    flow = PricedFlow()
    await answer("put this hat on him", flow, a_file())
    await answer("replace the dog with a cat", flow, a_file(), a_file("two.png"))
    assert flow.made == [
        ("edit", "put this hat on him", 1),
        ("edit", "replace the dog with a cat", 2),
    ]


@pytest.mark.parametrize("content", ["the fox jumps over the fence", "then make it like this"])
async def test_a_picture_with_an_extension_is_asked_about(content: str) -> None:
    """An extension takes no image, and the member is told so. [people-M8]"""
    flow = PricedFlow()
    message = await answer(content, flow, a_file())
    assert flow.made == []
    assert message.channel.said == [translate("reply.picture")]
    assert message.channel.shown_buttons == [
        EXTEND_WITHOUT_IMAGE,
        EDIT_WITH_IMAGE,
    ]


@pytest.mark.parametrize("content", ["lol same", "this is my dog", "haha", ""])
async def test_a_comment_with_a_picture_spends_nothing(content: str) -> None:
    flow = PricedFlow()
    message = await answer(content, flow, a_file())
    assert flow.made == []
    assert message.channel.said == []
    message.add_reaction.assert_awaited_once_with(TAP_EMOJI)


async def test_another_file_is_not_dropped_in_silence() -> None:
    flow = PricedFlow()
    message = await answer("make it winter", flow, a_file("song.mp3", "audio/mpeg"))
    assert flow.made == []
    assert message.channel.said == [translate("reply.other_file")]
    assert message.channel.shown_buttons == [EXTEND, EDIT]


async def test_more_pictures_than_the_model_takes_are_reported() -> None:
    flow = PricedFlow()
    files = [a_file(f"{number}.png") for number in range(3)]
    message = await answer("the fox jumps over the fence", flow, *files)
    assert flow.made == []
    assert "2" in message.channel.said[0].splitlines()[0]
    assert message.channel.shown_buttons[1] == EDIT_WITH_IMAGE
    await press(message.channel.custom_ids[1], message.content, flow, *files)
    assert flow.made == [("edit", message.content, MAX_REFERENCES)]


@pytest.mark.parametrize(
    ("custom_id", "kind", "pictures"),
    [("clapper:reply:12@720000", "extend", 0), ("clapper:reply_edit:12@570000", "edit", 1)],
)
async def test_a_press_makes_what_its_button_says(custom_id: str, kind: str, pictures: int) -> None:
    """It uses the reply's words and images from Discord, and the reply's own key."""
    flow = PricedFlow()
    await press(custom_id, "then make it winter", flow, a_file())
    assert flow.made == [(kind, "then make it winter", pictures)]
    assert flow.sources[0].origin.dedupe_key == "message:555"
    assert flow.sources[0].origin.request_message_id == 555


async def test_only_the_author_may_press() -> None:
    flow = PricedFlow()
    with pytest.raises(NotAllowed):
        await press("clapper:reply_edit:12@570000", "then make it winter", flow, user=31)
    assert flow.made == []


async def test_a_price_that_has_risen_is_asked_about_again() -> None:
    flow = PricedFlow()
    flow.prices["edit"] = Micros(1_400_000)
    interaction = await press("clapper:reply_edit:12@570000", "then make it winter", flow)
    assert flow.made == []
    shown = interaction.edit_original_response.await_args.kwargs
    assert translate("ask.changed") in shown["content"]
    [button] = shown["view"].children
    assert button.item.label == f"{quote_text('button.reply_edit')} · $1.40"


async def test_a_button_of_an_older_version_has_no_price() -> None:
    flow = PricedFlow()
    await press("clapper:reply:12", "the fox jumps over the fence", flow)
    assert flow.made == [("extend", "the fox jumps over the fence", 0)]

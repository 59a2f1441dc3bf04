"""Cogs find the clip that is meant, accept an offer once, and handle a repeated event once."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import discord
import pytest
from discord import ui
from discord.components import _component_factory

from bot.app.clock import SystemClock
from bot.domain.clips.clip import Clip
from bot.domain.errors import (
    AlreadyAccepted,
    DatabaseUnavailable,
    MissingPermissions,
    RecordNotFound,
    RuleBroken,
)
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import AspectRatio, VideoRequest
from bot.i18n.catalogs import translate
from bot.services.admin.guild_rules import ChannelContext, ServerRulesService
from bot.services.clips.input_images import AttachedImage
from bot.services.clips.library import ClipLibrary
from bot.ui.clip_card import ClipCards
from bot.ui.router import InteractionRouter
from cogs._common.clip_lookup import ClipFinder
from cogs._common.context import get_role_ids, require_permissions
from cogs._common.options import GenerateOptions
from cogs._common.pending import ImageDraft, PendingConfirmation, PendingConfirmations
from cogs._common.request_flow import RequestSource
from cogs.replies import ReplyListener
from tests.fakes.cogs import NO_SHOWCASE
from tests.unit.cards.test_cards import Titles
from tests.unit.words.examples import CLIP, NOW, ORIGIN, PLAN, a_job, enclosed

ME = 99


class FakeClipStore:
    """A store with one clip."""

    async def get(self, clip_id: int) -> Clip | None:
        return CLIP if clip_id == CLIP.id else None

    async def find_by_message(self, message_id: int) -> Clip | None:
        return CLIP if message_id == 123456789012345678 else None

    async def list_for_job(self, job_id: int) -> list[Clip]:
        return [CLIP] if job_id == CLIP.job_id else []


class FakeJobStore:
    """A store with every job."""

    async def get(self, job_id: int) -> Job:
        return a_job(id=job_id)


def build_clip_finder() -> ClipFinder:
    clips: Any = FakeClipStore()
    jobs: Any = FakeJobStore()
    return ClipFinder(clips=clips, clip_library=ClipLibrary(jobs=jobs, clips=clips))


def typing(card: ui.LayoutView | None = None, *, author: int = ME) -> Any:
    """Return a member's interaction; ``card`` is what every unrecorded message shows."""

    async def fetch_message(message_id: int) -> Any:
        if card is None:
            raise discord.NotFound(Mock(status=404), "Unknown Message")
        shown: list[Any] = card.to_components()  # type: ignore[no-untyped-call]
        return Mock(
            id=message_id,
            author=SimpleNamespace(id=author),
            components=[_component_factory(each) for each in shown],
        )

    channel = SimpleNamespace(fetch_message=fetch_message)
    return SimpleNamespace(
        user=SimpleNamespace(id=30),
        guild_id=10,
        channel_id=20,
        is_guild_integration=lambda: True,
        permissions=discord.Permissions.none(),
        application_id=ME,
        client=SimpleNamespace(get_partial_messageable=lambda _: channel),
    )


@pytest.mark.parametrize(
    "given",
    [
        "12",
        " #12 ",
        "https://discord.com/channels/10/20/123456789012345678",
        "<https://ptb.discord.com/channels/10/20/123456789012345678/>",
        "https://discordapp.com/channels/@me/20/123456789012345678",
    ],
)
async def test_a_clip_is_named_by_number_or_link(given: str) -> None:
    assert await build_clip_finder().resolve(given, typing()) is CLIP


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("the fox one", "clip_reference"),
        ("https://evil.example/channels/10/20/123456789012345678", "clip_reference"),
        ("13", "clip"),
        ("https://discord.com/channels/10/20/999999999999999999", "clip"),
    ],
)
async def test_invalid_clip_references_are_distinguished(given: str, what: str) -> None:
    with pytest.raises(RecordNotFound) as refused:
        await build_clip_finder().resolve(given, typing())
    assert refused.value.reason == what


async def test_a_link_to_a_clip_that_is_not_recorded_yet_is_read_from_its_buttons() -> None:
    """The card is posted a moment before its message is recorded."""
    finder = build_clip_finder()
    card = ClipCards(model_info=Titles()).build_clip_card(a_job(), [enclosed()], NOW)
    link = "https://discord.com/channels/10/20/999999999999999999"
    assert await finder.resolve(link, typing(card)) is CLIP
    with pytest.raises(RecordNotFound):  # somebody else's message with the same buttons
        await finder.resolve(link, typing(card, author=ME + 1))


def test_confirmations_have_unique_ids_and_evict_oldest() -> None:
    offers = PendingConfirmations()
    first = offers.add(ImageDraft(AttachedImage(url="https://cdn.example/a.png"), 30))
    offer = PendingConfirmation(VideoRequest("x"), ORIGIN, ChannelContext(), PLAN)
    numbers = {offers.add(offer) for _ in range(5000)}
    assert len(numbers) == 5000
    assert offers.find_draft(first) is None
    newest = max(numbers)
    assert offers.find_confirmation(newest) is not None
    assert offers.find_draft(newest) is None
    assert len(str(newest)) <= 20
    assert (
        PendingConfirmations().find_confirmation(newest) is None
    )  # another process does not know it


def test_an_option_that_is_no_value_is_refused_by_name() -> None:
    with pytest.raises(RuleBroken) as refused:
        GenerateOptions("x", aspect_ratio="4:3").build_request()
    assert (refused.value.rule, refused.value.parameter) == ("unknown_value", "aspect_ratio")
    request = GenerateOptions("x", aspect_ratio=" 9:16 ").build_request()
    assert request.aspect_ratio is AspectRatio.PORTRAIT


class Clock(SystemClock):
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class Heard:
    """A confirmation service that records what it was asked, or refuses."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.asked: list[tuple[str, str]] = []

    async def extend_clip(self, clip: Clip, prompt: str, source: RequestSource) -> None:
        if self.fault is not None:
            raise self.fault
        self.asked.append((source.origin.dedupe_key, prompt))

    async def quote(self, *_: object) -> None:
        if self.fault is not None:
            raise self.fault


class Channel:
    def __init__(self) -> None:
        self.id = 20
        self.said: list[str] = []
        self.shown_buttons: list[str] = []
        self.custom_ids: list[str] = []

    async def send(self, text: str, *, view: Any = None, **_: Any) -> None:
        self.said.append(text)
        for each in view.children if view else ():
            self.shown_buttons.append(each.item.label)
            self.custom_ids.append(each.item.custom_id)


def a_reply(content: str, *, pinged: bool = True, author_bot: bool = False) -> Any:
    """Return a reply to a message of the bot."""
    target = discord.Message.__new__(discord.Message)
    target.id = 123456789012345678
    target.author = SimpleNamespace(id=ME)  # type: ignore[assignment]
    target.components = []
    return SimpleNamespace(
        id=555,
        content=content,
        author=SimpleNamespace(id=30, bot=author_bot),
        type=discord.MessageType.reply,
        reference=SimpleNamespace(resolved=target),
        attachments=[],
        stickers=[],
        raw_mentions=[ME] if pinged else [],
        mentions=[],
        guild=SimpleNamespace(id=10, preferred_locale=discord.Locale.american_english),
        channel=Channel(),
        to_reference=lambda fail_if_not_exists: None,
    )


def listener(asking: Any, clock: Clock | None = None) -> ReplyListener:
    client: Any = SimpleNamespace(user=SimpleNamespace(id=ME))
    jobs: Any = FakeJobStore()
    clips: Any = FakeClipStore()
    guilds: Any = SimpleNamespace(
        load_rules_for_member=AsyncMock(return_value=({0: GuildRules(0), 10: GuildRules(10)}, None))
    )
    return ReplyListener(
        client=client,
        router=InteractionRouter(),
        request_flow=asking,
        server_rules=ServerRulesService(guilds=guilds, clock=SystemClock()),
        showcase_settings=NO_SHOWCASE,
        clips=clips,
        jobs=jobs,
        clip_finder=build_clip_finder(),
        clock=clock or Clock(),
    )


async def test_a_replys_text_is_the_prompt_without_the_bots_name() -> None:
    asking = Heard()
    await listener(asking).on_message(a_reply(f"<@{ME}> it jumps over the fence <@!{ME}>"))
    assert asking.asked == [("message:555", "it jumps over the fence")]


async def test_a_message_that_comes_twice_is_accepted_once_and_silently() -> None:
    message = a_reply("it jumps over the fence")
    await listener(Heard(AlreadyAccepted(a_job()))).on_message(message)
    assert message.channel.said == []


async def test_unavailable_database_is_reported() -> None:
    message = a_reply("it jumps over the fence")
    await listener(Heard(DatabaseUnavailable("gone"))).on_message(message)
    assert message.channel.said == [translate("error.store_away")]


async def test_unrelated_messages_are_ignored() -> None:
    asking = Heard()
    for message in (a_reply("x", author_bot=True), a_reply("x")):
        if not message.author.bot:
            message.reference.resolved.author = SimpleNamespace(id=1)
            message.raw_mentions = []
        await listener(asking).on_message(message)
    assert asking.asked == []


async def test_without_a_ping_the_hint_comes_once_a_day_to_each_person() -> None:
    clock = Clock()
    replies = listener(Heard(), clock)
    said = []
    for author, hours in ((30, 0), (30, 23), (31, 0), (30, 2)):
        clock.advance(hours * 3600)
        message = a_reply("", pinged=False)
        message.author.id = author
        await replies.on_message(message)
        said.append(message.channel.said)
    hint = translate("reply.ping_hint")
    assert said == [[hint], [], [hint], [hint]]


@pytest.mark.parametrize("lacking", ["view_channel", "send_messages", "attach_files"])
def test_a_missing_permission_is_named_before_anything_is_paid(lacking: str) -> None:
    had = discord.Permissions.all()
    setattr(had, lacking, False)
    asker = Mock(spec=discord.Interaction, app_permissions=had)
    with pytest.raises(MissingPermissions) as refused:
        require_permissions(asker)
    assert refused.value.missing == (lacking,)


def test_roles_of_somebody_who_is_no_member_are_none() -> None:
    user: Any = SimpleNamespace()
    assert get_role_ids(user) == frozenset()

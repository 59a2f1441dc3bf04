"""Requests that can be refused from known facts cause no download and no image decoding."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.domain.billing.limits import PacingLimits, SpendingPolicy, UsageLimits
from bot.domain.errors import (
    AlreadyAccepted,
    ChannelNotAllowed,
    ImageRefused,
    LimitReached,
    MemberBlocked,
    MissingPermissions,
    NotAllowed,
    RequestRefused,
    RequestsPaused,
)
from bot.domain.guild import ExtendPermission, GuildRules
from bot.domain.jobs.request import VideoRequest
from bot.domain.moderation.word_list import WordAction
from bot.i18n.catalogs import translate
from bot.services.admin.guild_rules import ChannelContext
from bot.store.moderation.request_blocks import RequestBlockStore
from cogs._common.modals import PROMPT_FIELD
from cogs._common.options import describe_attachment
from cogs._common.pending import ImageDraft, PendingConfirmation
from tests.contract.conftest import ON_SQLITE
from tests.fakes.cogs import (
    OneClipStore,
    SimulatedCogs,
    build_attachment,
    build_interaction,
    build_reply,
)
from tests.fakes.world import CHANNEL, GUILD, MEMBER, SimulatedWorld, make_origin, make_plan
from tests.unit.words.examples import a_clip

pytestmark = ON_SQLITE

Ask = Callable[[SimulatedCogs, Any], Awaitable[None]]


async def by_command(cogs: SimulatedCogs, attachment: Any) -> None:
    await cogs.generate(image=attachment)


async def by_references(cogs: SimulatedCogs, attachment: Any) -> None:
    await cogs.generate(reference_1=build_attachment(), reference_3=attachment)


async def by_animate_command(cogs: SimulatedCogs, attachment: Any) -> None:
    await cogs.animate(image=build_attachment(), last_frame=attachment)


async def by_menu_and_form(cogs: SimulatedCogs, attachment: Any) -> None:
    draft = ImageDraft(describe_attachment(attachment), MEMBER)
    number = cogs.confirmations.add(draft)
    await cogs.menus.submit_animate(build_interaction(), number, {PROMPT_FIELD: "it runs"})


async def by_button(cogs: SimulatedCogs, attachment: Any) -> None:
    request = VideoRequest("a fox", image=describe_attachment(attachment))
    confirmation = PendingConfirmation(
        request, make_origin("button"), channel=ChannelContext(), shown_plan=make_plan()
    )
    await cogs.buttons.accept_confirmation(
        build_interaction(), cogs.confirmations.add(confirmation)
    )


WAYS = [by_command, by_references, by_animate_command, by_menu_and_form, by_button]


async def save_rules(world: SimulatedWorld, **rules: Any) -> None:
    await world.guilds.save_rules(GuildRules(GUILD, **rules), actor_id=1, now=world.clock.now())


async def refuse(
    cogs: SimulatedCogs, ask: Ask, error: type[RequestRefused], **about: Any
) -> RequestRefused:
    """Send a request and check that it is refused and nothing was downloaded or decoded."""
    with pytest.raises(error) as refused:
        await ask(cogs, build_attachment(**about))
    assert type(refused.value) is error
    assert cogs.images.is_untouched
    return refused.value


@pytest.mark.parametrize("ask", WAYS)
async def test_pictures_of_an_accepted_request_are_imported(
    world: SimulatedWorld, ask: Ask
) -> None:
    cogs = SimulatedCogs(world)
    await ask(cogs, build_attachment())
    assert not cogs.images.is_untouched
    [job] = await world.jobs.list_running(user_id=MEMBER)
    pictures = [job.plan.image, job.plan.last_frame, *job.plan.references]
    imported = [picture for picture in pictures if picture is not None]
    assert len(imported) == cogs.images.decoded == len(cogs.images.downloads)
    assert all(picture.path.startswith("inputs/") and picture.sha256 for picture in imported)


@pytest.mark.parametrize("ask", WAYS)
async def test_closed_channel_touches_nothing(world: SimulatedWorld, ask: Ask) -> None:
    await save_rules(world, allowed_channels=frozenset({5}))
    await refuse(SimulatedCogs(world), ask, ChannelNotAllowed)


@pytest.mark.parametrize("by_operator", [False, True])
@pytest.mark.parametrize("ask", WAYS)
async def test_a_channel_without_age_restriction_touches_nothing(
    world: SimulatedWorld, ask: Ask, by_operator: bool
) -> None:
    """The server allows age-restricted channels only, or the operator does."""
    await save_rules(world, age_restricted_only=not by_operator)
    cogs = SimulatedCogs(world, age_restricted_only=by_operator)
    error = await refuse(cogs, ask, NotAllowed)
    assert isinstance(error, NotAllowed)
    assert error.reason == ("age_operator" if by_operator else "age_server")


@pytest.mark.parametrize("is_restricted", [True, False])
async def test_a_confirmation_counts_for_the_channel_as_it_is_now(
    world: SimulatedWorld, is_restricted: bool
) -> None:
    """The channel was age-restricted when the question was asked, or has become so since."""
    await save_rules(world, age_restricted_only=True)
    cogs = SimulatedCogs(world)
    then = ChannelContext(shows_age_restricted=not is_restricted, is_for_adults=not is_restricted)
    confirmation = PendingConfirmation(
        VideoRequest("a fox"), make_origin("then"), channel=then, shown_plan=make_plan()
    )
    number = cogs.confirmations.add(confirmation)
    here = SimpleNamespace(id=CHANNEL, is_nsfw=lambda: is_restricted)
    if is_restricted:
        await cogs.buttons.accept_confirmation(build_interaction(channel=here), number)
        [job] = await world.jobs.list_running(user_id=MEMBER)
        assert job.origin.age_restricted
    else:
        with pytest.raises(NotAllowed):
            await cogs.buttons.accept_confirmation(build_interaction(channel=here), number)
        assert not await world.jobs.list_running(user_id=MEMBER)


@pytest.mark.parametrize("ask", WAYS)
async def test_a_blocked_member_touches_nothing(world: SimulatedWorld, ask: Ask) -> None:
    await RequestBlockStore(world.database).set_block(
        GUILD, MEMBER, duration=timedelta(hours=1), reason="rude", actor_id=1, owner=None
    )
    error = await refuse(SimulatedCogs(world), ask, MemberBlocked)
    assert isinstance(error, MemberBlocked)
    assert error.reason == "rude"
    assert error.ends_at is not None


@pytest.mark.parametrize("ask", WAYS)
async def test_words_of_the_word_list_touch_nothing(world: SimulatedWorld, ask: Ask) -> None:
    """The member's prompts are "a fox" and "it runs"."""
    cogs = SimulatedCogs(world)
    await cogs.word_lists.add_entries(GUILD, "fox, runs", WordAction.REFUSE, actor_id=1)
    await ask(cogs, build_attachment())
    assert cogs.images.is_untouched
    assert await world.jobs.list_running(user_id=MEMBER) == []
    assert await world.ledger.sum_reserved() == 0


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("paused", ["server", "bot", "setting", "paid calls"])
async def test_pause_touches_nothing(world: SimulatedWorld, ask: Ask, paused: str) -> None:
    world.policy = SpendingPolicy(paused=paused == "setting")
    if paused == "server":
        await save_rules(world, paused=True, pause_reason="tidy")
    elif paused == "bot":
        await world.guilds.save_rules(
            GuildRules(0, paused=True, pause_reason="tidy"), actor_id=1, now=world.clock.now()
        )
    cogs = SimulatedCogs(world, paid_calls=paused != "paid calls")
    error = await refuse(cogs, ask, RequestsPaused)
    assert isinstance(error, RequestsPaused)
    assert error.by_operator is (paused != "server")
    if paused in ("server", "bot"):
        assert error.reason == "tidy"


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    "policy",
    [
        SpendingPolicy(member=UsageLimits(clips_per_day=0)),
        SpendingPolicy(guild=UsageLimits(seconds_per_day=1)),
        SpendingPolicy(bot=UsageLimits(jobs_at_once=0)),
        SpendingPolicy(pace=PacingLimits(requests_per_day=0)),
    ],
)
async def test_spent_limit_touches_nothing(
    world: SimulatedWorld, ask: Ask, policy: SpendingPolicy
) -> None:
    world.policy = policy
    await refuse(SimulatedCogs(world), ask, LimitReached)


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"size": 65 * 1024 * 1024}, "image_file_too_large"),
        ({"content_type": "video/mp4"}, "not_an_image"),
        ({"content_type": "text/plain; charset=utf-8"}, "not_an_image"),
        ({"width": 20_000, "height": 20_000}, "image_too_large"),
        ({"width": 1280, "height": 2}, "image_too_small"),
    ],
)
async def test_unusable_file_touches_nothing(
    world: SimulatedWorld, ask: Ask, about: dict[str, Any], reason: str
) -> None:
    error = await refuse(SimulatedCogs(world), ask, ImageRefused, **about)
    assert str(error) == reason


@pytest.mark.parametrize("content_type", [None, "application/octet-stream", "image/heic"])
async def test_file_of_unknown_kind_is_judged_by_its_bytes(
    world: SimulatedWorld, content_type: str | None
) -> None:
    cogs = SimulatedCogs(world)
    attachment = build_attachment(content_type=content_type, width=None, height=None, size=None)
    await by_command(cogs, attachment)
    assert cogs.images.decoded == 1


async def test_missing_permission_touches_nothing(world: SimulatedWorld) -> None:
    cogs = SimulatedCogs(world)
    permissions = discord.Permissions.all()
    permissions.attach_files = False
    interaction = build_interaction(app_permissions=permissions)
    with pytest.raises(MissingPermissions):
        await cogs.generate(interaction, image=build_attachment())
    assert cogs.images.is_untouched


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"reference_1": {}, "image": {}}, "references_exclude_frames"),
        ({"image": {}, "resolution": "1080p", "duration": 4}, "needs_seconds"),
    ],
)
async def test_broken_model_rule_touches_nothing(
    world: SimulatedWorld, options: dict[str, Any], rule: str
) -> None:
    cogs = SimulatedCogs(world)
    given = {
        name: build_attachment(**value) if isinstance(value, dict) else value
        for name, value in options.items()
    }
    interaction = await cogs.generate(**given)
    assert cogs.images.is_untouched
    [answer] = interaction.edit_original_response.await_args_list
    assert len(answer.kwargs["view"].children) == 2, rule
    assert await world.jobs.list_running(user_id=MEMBER) == []


async def test_the_nearest_request_imports_its_pictures_once_it_is_chosen(
    world: SimulatedWorld,
) -> None:
    cogs = SimulatedCogs(world)
    interaction = await cogs.generate(image=build_attachment(), resolution="1080p", duration=4)
    assert cogs.images.is_untouched
    [answer] = interaction.edit_original_response.await_args_list
    accept = answer.kwargs["view"].children[0]
    number = int(accept.custom_id.rsplit(":", 1)[1])
    await cogs.buttons.accept_confirmation(build_interaction(), number)
    assert (len(cogs.images.downloads), cogs.images.decoded) == (1, 1)
    [job] = await world.jobs.list_running(user_id=MEMBER)
    assert job.plan.image is not None
    assert job.plan.image.sha256 == "0" * 64
    assert job.plan.seconds != 4


async def test_the_rules_are_applied_again_to_what_a_picture_is(world: SimulatedWorld) -> None:
    """Discord describes a portrait, but the file is a landscape image, which decides."""
    cogs = SimulatedCogs(world)
    await cogs.generate(image=build_attachment(width=720, height=1280))
    [job] = await world.jobs.list_running(user_id=MEMBER)
    assert job.plan.aspect_ratio == "16:9"


async def test_event_that_comes_again_after_the_last_clip_was_accepted_once(
    world: SimulatedWorld,
) -> None:
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=1))
    cogs, interaction = SimulatedCogs(world), build_interaction()
    await cogs.generate(interaction, image=build_attachment())
    with pytest.raises(AlreadyAccepted):
        await cogs.generate(interaction, image=build_attachment())
    await save_rules(world, paused=True)
    with pytest.raises(AlreadyAccepted):
        await cogs.generate(interaction, image=build_attachment())
    assert cogs.images.decoded == 1


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"paused": True}, translate("paused.server")),
        ({"extend_by": ExtendPermission.REQUESTER}, translate("not_allowed.extend")),
    ],
)
async def test_reply_with_a_picture_touches_nothing(
    world: SimulatedWorld, rules: dict[str, Any], text: str
) -> None:
    clip = a_clip(guild_id=GUILD, user_id=MEMBER + 1)
    cogs = SimulatedCogs(world, clips=OneClipStore(clip))
    await save_rules(world, **rules)
    reply = build_reply("<@99> it jumps over the fence", attachments=[build_attachment()])
    await cogs.replies.on_message(reply)
    assert cogs.images.is_untouched
    [answer] = reply.channel.send.await_args_list
    assert text in answer.args[0]


@pytest.mark.parametrize("moderated_by", ["words", "block"])
async def test_a_refused_reply_says_in_public_neither_the_word_nor_the_block(
    world: SimulatedWorld, moderated_by: str
) -> None:
    clip = a_clip(guild_id=GUILD, user_id=MEMBER)
    cogs = SimulatedCogs(world, clips=OneClipStore(clip))
    if moderated_by == "words":
        await cogs.word_lists.add_entries(GUILD, "fence", WordAction.REFUSE, actor_id=1)
    else:
        await RequestBlockStore(world.database).set_block(
            GUILD, MEMBER, duration=None, reason="rude", actor_id=1, owner=None
        )
    reply = build_reply("<@99> it jumps over the fence")
    await cogs.replies.on_message(reply)
    [answer] = reply.channel.send.await_args_list
    key = {"words": "words_refused.server_in_public", "block": "blocked.in_public"}[moderated_by]
    assert answer.args[0] == translate(key)
    assert await world.jobs.list_running(user_id=MEMBER) == []


async def test_refused_preview_reserves_nothing(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=0))
    await refuse(SimulatedCogs(world), by_command, LimitReached)
    assert await world.ledger.sum_reserved() == 0

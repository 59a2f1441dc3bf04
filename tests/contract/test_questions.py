"""Requests that wait for a moderator: one answer, one job, nothing paid before."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import select, update

from bot.domain.billing.limits import SpendingPolicy, UsageLimits
from bot.domain.errors import (
    AlreadyAccepted,
    ChannelUnavailable,
    ContentRefused,
    DiscordUnavailable,
    LimitReached,
    NotAllowed,
    RecordNotFound,
    TooManyQuestions,
    WordsRefused,
)
from bot.domain.guild import GuildRules
from bot.domain.jobs.announcement import NotifyChoice
from bot.domain.jobs.request import InputImage, VideoRequest
from bot.domain.moderation.content_check import ContentKind
from bot.domain.moderation.question import (
    ANSWER_TIME,
    MAX_WAITING,
    QUESTION_RETENTION,
    ModeratorAnswer,
    QuestionState,
)
from bot.domain.moderation.word_list import WordAction, WordList
from bot.domain.showcase.post import AuditAction
from bot.services.moderation.questions import CLAIM_FOR, RETRY_PAUSE
from bot.store.billing.verification import verify_ledger
from bot.store.moderation.request_blocks import RequestBlockStore
from bot.store.operations.file_references import FileReferenceStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.tables.moderation import questions_table
from cogs.questions import ModeratorQuestions
from tests.fakes.cogs import (
    OneClipStore,
    build_attachment,
    build_interaction,
    build_reply,
)
from tests.fakes.question_scene import ADMIN, MODERATOR, OTHER_MODERATOR, QuestionScene
from tests.fakes.questions import OTHER_STAFF_CHANNEL, STAFF_CHANNEL
from tests.fakes.world import GUILD, MEMBER, SimulatedWorld, make_origin
from tests.unit.words.examples import a_clip

ALLOW, REFUSE = ModeratorAnswer.ALLOW, ModeratorAnswer.REFUSE


@pytest.fixture
async def scene(world: SimulatedWorld) -> QuestionScene:
    scene = QuestionScene(world)
    await scene.set_up()
    return scene


async def test_nothing_is_reserved_until_a_moderator_allows_the_very_request(
    scene: QuestionScene,
) -> None:
    question = await scene.ask(duration=4, seed=77)
    assert question.state is QuestionState.WAITING
    assert (question.entry, question.by_operator) == ("fox", False)
    assert list(scene.messages.questions) == list(scene.messages.waiting) == [question.id]
    assert await scene.count_jobs() == 0
    assert await scene.world.ledger.sum_reserved() == 0

    answered, is_first = await scene.answer(question)
    assert is_first
    assert answered.state is QuestionState.STARTED
    assert answered.decided_by == MODERATOR
    [job] = await scene.world.jobs.list_running(user_id=MEMBER)
    assert (job.id, job.plan, job.origin) == (answered.job_id, question.plan, question.origin)
    assert job.plan.seed == 77
    assert await scene.world.ledger.sum_reserved() == job.price
    assert scene.messages.answers == [(question.id, QuestionState.STARTED)]
    assert scene.messages.deleted == [(question.origin.channel_id, question.waiting_message_id)]
    assert scene.messages.ends == [], "the job says the rest"
    audit_log = ShowcaseSettingsStore(scene.world.database)
    [entry, *_] = await audit_log.list_audit_entries(GUILD, limit=9)
    assert (entry.action, entry.actor_id) == (AuditAction.QUESTION_ALLOW, MODERATOR)
    assert entry.target_user_id == MEMBER
    assert entry.comment is None
    await scene.desk.run_due()
    assert len(scene.messages.answers) == 1, "it is in sync"


async def test_a_refused_request_costs_nothing(scene: QuestionScene) -> None:
    question = await scene.ask()
    answered, _ = await scene.answer(question, REFUSE)
    assert answered.state is QuestionState.REFUSED
    assert scene.messages.ends == [(question.id, QuestionState.REFUSED, True)]
    assert await scene.count_jobs() == 0
    assert await scene.world.ledger.sum_reserved() == 0
    audit_log = ShowcaseSettingsStore(scene.world.database)
    [entry, *_] = await audit_log.list_audit_entries(GUILD, limit=9)
    assert entry.action is AuditAction.QUESTION_REFUSE


async def test_of_two_moderators_in_two_processes_one_answers(scene: QuestionScene) -> None:
    question, other = await scene.ask(), scene.open_desk()
    answers = await asyncio.gather(
        scene.answer(question),
        scene.answer(question, actor_id=OTHER_MODERATOR, desk=other),
        scene.answer(question, REFUSE, desk=other),
        scene.answer(question, desk=scene.open_desk()),
    )
    assert sum(is_first for _, is_first in answers) == 1
    for desk in (scene.desk, other):
        await desk.run_due()
    ended = await scene.load(question)
    assert await scene.count_jobs() == (ended.state is QuestionState.STARTED)
    again, is_first = await scene.answer(question)
    assert not is_first
    assert again.state is ended.state


async def test_a_process_that_ends_between_allow_and_the_job_leaves_it_to_another(
    scene: QuestionScene,
) -> None:
    """It may also end after the job was accepted; that is one transaction with the question."""
    question = await scene.ask()
    await scene.store.answer(question.id, ALLOW, guild_id=GUILD, actor_id=MODERATOR)
    assert await scene.store.claim(question.id, claim_for=CLAIM_FOR) is not None
    await scene.open_desk().run_due()
    assert await scene.count_jobs() == 0, "it is claimed"
    scene.world.clock.jump(CLAIM_FOR + timedelta(seconds=1))
    others = [scene.open_desk() for _ in range(3)]
    await asyncio.gather(*(desk.run_due() for desk in others))
    assert (await scene.load(question)).state is QuestionState.STARTED
    assert await scene.count_jobs() == 1

    # the process that was thought dead goes on
    allowed = replace(question, state=QuestionState.ALLOWED)
    with pytest.raises(RecordNotFound):
        await scene.cogs.request_service.submit(
            question.plan, replace(question.origin, dedupe_key="interaction:else"), question=allowed
        )
    assert await scene.count_jobs() == 1
    assert (await verify_ledger(scene.world.database)).mismatches == ()


async def test_the_member_cancels_from_any_place(scene: QuestionScene) -> None:
    question = await scene.ask()
    withdraw = partial(scene.desk.withdraw, question.id, user_id=MEMBER, moderator=False)
    assert await withdraw(guild_id=None)
    assert not await withdraw(guild_id=GUILD)
    late, is_first = await scene.answer(question)
    assert (late.state, is_first) == (QuestionState.WITHDRAWN, False)
    assert await scene.count_jobs() == 0
    assert scene.messages.ends == [(question.id, QuestionState.WITHDRAWN, False)]
    assert scene.messages.answers == [(question.id, QuestionState.WITHDRAWN)]


async def test_a_moderator_who_cancels_refuses_and_is_in_the_log(scene: QuestionScene) -> None:
    question = await scene.ask()
    withdraw = partial(scene.desk.withdraw, question.id, user_id=MODERATOR)
    with pytest.raises(NotAllowed):
        await withdraw(moderator=False, guild_id=GUILD)
    with pytest.raises(RecordNotFound):
        await withdraw(moderator=True, guild_id=GUILD + 1)
    assert await withdraw(moderator=True, guild_id=GUILD)
    assert not await withdraw(moderator=True, guild_id=GUILD)
    assert (await scene.load(question)).state is QuestionState.REFUSED
    assert scene.messages.ends == [(question.id, QuestionState.REFUSED, True)]
    audit_log = ShowcaseSettingsStore(scene.world.database)
    [entry, *_] = await audit_log.list_audit_entries(GUILD, limit=9)
    assert (entry.action, entry.actor_id) == (AuditAction.QUESTION_REFUSE, MODERATOR)


async def test_members_see_and_cancel_what_waits_for_a_moderator(scene: QuestionScene) -> None:
    """Theirs alone, with the excerpt, in `/video jobs`, and in `/video cancel` without options."""
    question, refused = await scene.ask(), await scene.ask()
    await scene.answer(refused, REFUSE)
    video = scene.cogs.video
    for show in (video.list_jobs, video.cancel_job):
        shown, others = (
            build_interaction(),
            build_interaction(user=SimpleNamespace(id=OTHER_MODERATOR)),
        )
        await show.callback(video, shown)  # type: ignore[call-arg,arg-type]
        text = str(shown.edit_original_response.await_args)
        assert f"`{question.id}`" in text
        assert f"`{refused.id}`" not in text
        assert "fox" in text
        await show.callback(video, others)  # type: ignore[call-arg,arg-type]
        assert "fox" not in str(others.edit_original_response.await_args)
    await video.cancel_job.callback(video, build_interaction(), request=question.id)  # type: ignore[arg-type]
    assert (await scene.load(question)).state is QuestionState.WITHDRAWN
    assert await scene.store.list_waiting(MEMBER) == []


async def test_a_request_that_is_canceled_after_allow_gets_no_job(scene: QuestionScene) -> None:
    question = await scene.ask()
    await scene.store.answer(question.id, ALLOW, guild_id=GUILD, actor_id=MODERATOR)
    assert await scene.store.close(question.id, QuestionState.WITHDRAWN)
    with pytest.raises(RecordNotFound):
        await scene.cogs.request_service.submit(question.plan, question.origin, question=question)
    assert await scene.world.ledger.sum_reserved() == 0


@pytest.mark.parametrize("pressed_late", [False, True])
async def test_a_question_expires_by_the_databases_clock(
    scene: QuestionScene, pressed_late: bool
) -> None:
    question = await scene.ask()
    scene.world.clock.jump(ANSWER_TIME - timedelta(minutes=1))
    await scene.desk.run_due()
    assert (await scene.load(question)).state is QuestionState.WAITING
    scene.world.clock.jump(timedelta(minutes=1))
    if pressed_late:
        late, is_first = await scene.answer(question)
        assert (late.state, is_first) == (QuestionState.EXPIRED, False)
    else:
        await scene.desk.run_due()
    assert (await scene.load(question)).state is QuestionState.EXPIRED
    assert scene.messages.ends == [(question.id, QuestionState.EXPIRED, True)]
    assert await scene.count_jobs() == 0
    scene.world.clock.jump(QUESTION_RETENTION)
    erasures, now = ErasureStore(scene.world.database), scene.world.clock.now()
    await erasures.purge_expired(now=now, audit_before=now - timedelta(days=180))
    assert await scene.list_questions() == []


async def change_before_allow(scene: QuestionScene, change: str) -> None:
    world = scene.world
    if change == "paused":
        await scene.save_rules(paused=True)
    elif change == "block":
        await RequestBlockStore(world.database).set_block(
            GUILD, MEMBER, duration=None, reason=None, actor_id=ADMIN, owner=None
        )
    elif change == "limit":
        world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=0))
    elif change == "word":
        await scene.cogs.word_lists.add_entries(GUILD, "fox", WordAction.REFUSE, actor_id=ADMIN)
    elif change == "channel":
        await scene.save_rules(allowed_channels=frozenset({12345}))
    elif change == "age":
        await scene.save_rules(age_restricted_only=True)


@pytest.mark.parametrize("change", ["paused", "block", "limit", "word", "channel", "age"])
async def test_rules_and_limits_of_the_moment_count(scene: QuestionScene, change: str) -> None:
    question = await scene.ask()
    await change_before_allow(scene, change)
    # another process has no lists or policies from before
    desk = QuestionScene(scene.world).open_desk(scene.messages)
    answered, _ = await scene.answer(question, desk=desk)
    assert answered.state is QuestionState.FAILED
    assert answered.failure
    assert "fox" not in answered.failure
    assert await scene.count_jobs() == 0
    assert await scene.world.ledger.sum_reserved() == 0
    assert scene.messages.answers == [(question.id, QuestionState.FAILED)]
    assert scene.messages.ends == [(question.id, QuestionState.FAILED, True)]


async def test_contents_are_checked_when_a_moderator_has_allowed_them(
    world: SimulatedWorld,
) -> None:
    """Such a check costs money, which a refused request should not."""
    check = AsyncMock()
    scene = QuestionScene(world, content_checks=SimpleNamespace(require_allowed=check))
    await scene.set_up()
    questions = [await scene.ask() for _ in range(3)]
    await scene.answer(questions[0], REFUSE)
    check.assert_not_awaited()
    assert (await scene.answer(questions[1]))[0].state is QuestionState.STARTED
    check.assert_awaited_once()
    check.side_effect = ContentRefused([ContentKind.VIOLENCE])
    assert (await scene.answer(questions[2]))[0].state is QuestionState.FAILED
    assert await scene.count_jobs() == 1


async def test_another_model_or_price_needs_a_new_request(scene: QuestionScene) -> None:
    question, dearer = await scene.ask(), await scene.ask()
    statement = update(questions_table).where(questions_table.c.id == dearer.id)
    cheap = question.plan.price - 1
    text = '"price":%d'
    plan = await scene.world.database.read_scalar(
        select(questions_table.c.plan).where(questions_table.c.id == dearer.id)
    )
    assert plan is not None
    changed = plan.replace(text % question.plan.price, text % cheap)
    assert changed != plan
    await scene.world.database.execute(statement.values(plan=changed))
    assert (await scene.answer(dearer))[0].state is QuestionState.FAILED
    scene.cogs.models = tuple(
        model for model in scene.cogs.models if model.id != question.plan.model
    )
    assert (await scene.answer(question))[0].state is QuestionState.FAILED
    assert await scene.count_jobs() == 0


@pytest.mark.parametrize("error", [None, ChannelUnavailable("no access")])
async def test_without_a_staff_channel_the_word_is_refused(
    world: SimulatedWorld, error: Exception | None
) -> None:
    scene = QuestionScene(world)
    await scene.set_up(None if error is None else STAFF_CHANNEL)
    scene.messages.refusals.extend([] if error is None else [error])
    interaction = await scene.cogs.generate()
    assert "fox" in str(interaction.edit_original_response.await_args)
    assert scene.messages.waiting == {}
    assert scene.messages.ends == [], "the answer says it"
    await scene.desk.run_due()
    assert scene.messages.ends == []
    assert [each.state for each in await scene.list_questions()] == (
        [] if error is None else [QuestionState.UNASKED]
    )
    assert await world.ledger.sum_reserved() == 0


async def test_an_age_restricted_request_is_not_shown_where_everybody_may_read(
    scene: QuestionScene,
) -> None:
    """The channel of the request is not known, and so counts as age-restricted."""
    scene.messages.channels_for_everybody = {STAFF_CHANNEL}
    interaction = await scene.cogs.generate()
    assert "fox" in str(interaction.edit_original_response.await_args)
    assert scene.messages.staff_messages == {}
    [question] = await scene.list_questions()
    assert question.state is QuestionState.UNASKED
    scene.messages.channels_for_everybody = {OTHER_STAFF_CHANNEL}
    waiting = await scene.ask()
    await scene.move_to(OTHER_STAFF_CHANNEL)
    assert scene.messages.staff_messages == {waiting.staff_message_id: (waiting.id, STAFF_CHANNEL)}
    assert (await scene.answer(waiting))[0].state is QuestionState.STARTED


async def test_waiting_requests_move_with_the_staff_channel_and_answered_ones_stay(
    scene: QuestionScene,
) -> None:
    answered, waiting = await scene.ask(), await scene.ask()
    await scene.answer(answered, REFUSE)
    other_process = scene.open_desk()
    for channel_id in (OTHER_STAFF_CHANNEL, STAFF_CHANNEL):
        await scene.move_to(channel_id)
        await other_process.run_due()
        moved = await scene.load(waiting)
        assert scene.messages.staff_messages == {
            answered.staff_message_id: (answered.id, STAFF_CHANNEL),
            moved.staff_message_id: (waiting.id, channel_id),
        }
    # Discord gives the earlier message back for the same nonce
    assert len(scene.messages.nonces) == 4
    assert (await scene.answer(waiting))[0].state is QuestionState.STARTED
    assert scene.messages.answers == [
        (answered.id, QuestionState.REFUSED),
        (waiting.id, QuestionState.STARTED),
    ]


@pytest.mark.parametrize("moment", ["after deletion", "before the post", "after the post"])
@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (DiscordUnavailable("busy"), RETRY_PAUSE),
        (RuntimeError("killed"), CLAIM_FOR + timedelta(seconds=1)),
    ],
)
async def test_a_move_that_breaks_off_is_finished_by_another_process(
    scene: QuestionScene, moment: str, error: Exception, pause: timedelta
) -> None:
    question = await scene.ask()
    errors = {
        "after deletion": scene.messages.errors_after_deletion,
        "before the post": scene.messages.refusals,
        "after the post": scene.messages.errors_after_post,
    }
    errors[moment].append(error)
    with suppress(RuntimeError):
        await scene.move_to(OTHER_STAFF_CHANNEL)
    assert not errors[moment]
    await scene.open_desk().run_due()
    scene.world.clock.jump(pause)
    for desk in (scene.open_desk(), scene.open_desk()):
        await desk.run_due()
    moved = await scene.load(question)
    assert scene.messages.staff_messages == {
        moved.staff_message_id: (question.id, OTHER_STAFF_CHANNEL)
    }
    assert moved.staff_channel_id == OTHER_STAFF_CHANNEL
    assert (await scene.answer(question))[0].state is QuestionState.STARTED


async def test_outside_of_servers_nobody_can_be_asked(scene: QuestionScene) -> None:
    lists = scene.cogs.word_lists
    lists.operator_list = WordList(await lists.list_entries(GUILD))
    context = await scene.cogs.server_rules.load_context(make_origin(1, guild_id=None))
    with pytest.raises(WordsRefused):
        scene.cogs.request_service.plan_video(VideoRequest("a fox"), context)


async def test_discord_away_is_tried_again(scene: QuestionScene) -> None:
    scene.messages.refusals.append(DiscordUnavailable("503"))
    question = await scene.ask()
    assert question.state is QuestionState.WAITING
    assert scene.messages.questions == {}
    scene.world.clock.jump(RETRY_PAUSE)
    scene.messages.waiting_refusals.append(ChannelUnavailable("no access"))
    await scene.open_desk().run_due()
    assert list(scene.messages.questions) == [question.id]
    await scene.answer(question)
    assert await scene.count_jobs() == 1


async def test_a_message_without_a_record_is_found_although_it_was_answered(
    scene: QuestionScene,
) -> None:
    """A process ended right after it posted; a moderator pressed before another one looked."""
    scene.messages.errors_after_post.append(DiscordUnavailable("no answer"))
    question = await scene.ask()
    assert question.staff_message_id is None
    await scene.store.answer(question.id, REFUSE, guild_id=GUILD, actor_id=MODERATOR)
    await scene.open_desk().run_due()
    assert scene.messages.answers == [(question.id, QuestionState.REFUSED)]


async def test_a_member_may_have_only_some_waiting(
    scene: QuestionScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [await scene.ask() for _ in range(MAX_WAITING)]
    with pytest.raises(TooManyQuestions):
        await scene.cogs.generate()
    await scene.answer(questions[0], REFUSE)
    results = await asyncio.gather(
        *(scene.cogs.generate() for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(result, TooManyQuestions) for result in results) == 2
    assert len(scene.messages.questions) == MAX_WAITING + 1


async def test_a_request_over_a_limit_bothers_no_moderator(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=0))
    scene = QuestionScene(world)
    await scene.set_up()
    with pytest.raises(LimitReached):
        await scene.cogs.generate()
    assert await scene.list_questions() == []


async def test_a_repeated_event_asks_once(scene: QuestionScene) -> None:
    interaction = build_interaction()
    await asyncio.gather(scene.cogs.generate(interaction), scene.cogs.generate(interaction))
    [question] = await scene.list_questions()
    assert list(scene.messages.questions) == [question.id]
    await scene.answer(question)
    with pytest.raises(AlreadyAccepted):
        await scene.cogs.generate(interaction)
    assert await scene.count_jobs() == 1


async def test_a_reply_waits_without_saying_the_word_in_public(world: SimulatedWorld) -> None:
    clip = a_clip(guild_id=GUILD, user_id=MEMBER, remote_expires_at=None, age_restricted=False)
    scene = QuestionScene(world, clips=OneClipStore(clip))
    await scene.set_up()
    reply = build_reply("<@99> the fox jumps over the fence")
    await scene.cogs.replies.on_message(reply)
    [question] = await scene.list_questions()
    assert question.origin.request_message_id == reply.id
    assert question.plan.source is not None
    assert reply.channel.send.await_args_list == [], "the message that it waits is the reply"
    await scene.answer(question)
    [job] = await world.jobs.list_running(user_id=MEMBER)
    assert (job.origin, job.plan.source) == (question.origin, question.plan.source)
    assert job.undo_until is None, "it could be canceled for long enough"


async def test_pictures_wait_with_their_request(scene: QuestionScene) -> None:
    question = await scene.ask(image=build_attachment())
    image = question.plan.image
    assert image is not None
    files = FileReferenceStore(scene.world.database)
    later = scene.world.clock.now() + timedelta(days=9)
    assert await files.list_inputs_in_use(since=later) == {image.path}
    await scene.answer(question)
    [job] = await scene.world.jobs.list_running(user_id=MEMBER)
    assert job.plan.image == InputImage(
        image.path, image.mime_type, image.width, image.height, image.sha256
    )
    assert (
        await scene.world.database.read_scalar(select(questions_table.c.state))
        == QuestionState.STARTED
    )


@pytest.mark.parametrize(
    ("choice", "takes", "mentioned", "written"),
    [
        (NotifyChoice.QUIET, True, False, 0),
        (NotifyChoice.DIRECT_MESSAGE, True, False, 1),
        (NotifyChoice.DIRECT_MESSAGE, False, True, 0),
    ],
)
async def test_the_member_is_told_as_they_chose(
    scene: QuestionScene, choice: NotifyChoice, takes: bool, mentioned: bool, written: int
) -> None:
    await scene.world.member_preferences.save_notify_choice(MEMBER, choice)
    scene.messages.takes_direct_messages = takes
    question = await scene.ask()
    await scene.answer(question, REFUSE)
    assert scene.messages.ends == [(question.id, QuestionState.REFUSED, mentioned)]
    assert len(scene.messages.direct) == written
    after = await scene.world.member_preferences.load_notify_choice(MEMBER)
    assert (after is NotifyChoice.DIRECT_MESSAGE_REFUSED) is not takes


async def test_only_moderators_of_the_server_answer(scene: QuestionScene) -> None:
    question = await scene.ask()
    cog = ModeratorQuestions(router=scene.cogs.buttons.router, question_desk=scene.desk)
    with pytest.raises(NotAllowed):
        await cog.answer(ALLOW, build_interaction(), question.id)
    for guild_id in (GUILD + 1, None):
        with pytest.raises(RecordNotFound):
            await scene.desk.answer(question.id, ALLOW, guild_id=guild_id, actor_id=MODERATOR)
    assert (await scene.load(question)).state is QuestionState.WAITING


async def test_questions_are_exported_and_erased(scene: QuestionScene) -> None:
    """An image that somebody else's job or question uses stays."""
    question = await scene.ask(image=build_attachment())
    allowed = await scene.ask()
    await scene.store.answer(allowed.id, ALLOW, guild_id=GUILD, actor_id=MODERATOR)
    database = scene.world.database
    exported = await ExportStore(database).export_member(MEMBER)
    assert [row["entry"] for row in exported["questions"]] == ["fox", "fox"]
    assert len((await ExportStore(database).export_member(MODERATOR))["questions_answered"]) == 1
    erasures = ErasureStore(database)
    batch = await erasures.withdraw_questions(MEMBER)
    assert set(batch.question_ids) == {question.id, allowed.id}
    assert question.plan.image is not None
    assert batch.paths == (question.plan.image.path,)
    assert (STAFF_CHANNEL, question.staff_message_id) in batch.posts
    assert (question.origin.channel_id, question.waiting_message_id) in batch.posts
    states = {(await scene.load(each)).state for each in (question, allowed)}
    assert states == {QuestionState.WITHDRAWN}
    await scene.desk.run_due()
    assert await scene.count_jobs() == 0
    assert all(not is_mentioned for _, _, is_mentioned in scene.messages.ends)
    await erasures.erase_questions(batch)
    assert await scene.list_questions() == []


async def test_a_message_about_an_erased_question_is_deleted(scene: QuestionScene) -> None:
    """It was erased while another process posted."""
    question = await scene.ask()
    await scene.world.database.execute(
        update(questions_table).values(staff_message_id=None, in_sync=False)
    )
    claimed = await scene.store.claim(question.id, claim_for=CLAIM_FOR)
    assert claimed is not None
    await scene.world.database.execute(questions_table.delete())
    posted = await scene.store.record_staff_message(
        claimed, channel_id=STAFF_CHANNEL, message_id=5000
    )
    assert not posted
    assert not await scene.store.record_waiting_message(claimed, 6000)


async def test_a_server_that_left_takes_its_questions_along(scene: QuestionScene) -> None:
    await scene.ask()
    erasures, left_at = ErasureStore(scene.world.database), scene.world.clock.now()
    await erasures.mark_guild_left(GUILD, now=left_at)
    assert await erasures.erase_guild(GUILD, left_before=left_at + timedelta(hours=1))
    assert await scene.list_questions() == []
    assert await scene.world.ledger.sum_reserved() == 0


async def test_the_rules_refuse_before_anything_is_asked(scene: QuestionScene) -> None:
    await scene.cogs.word_lists.add_entries(GUILD, "gore", WordAction.REFUSE, actor_id=ADMIN)
    context = await scene.cogs.server_rules.load_context((await scene.ask()).origin)
    with pytest.raises(WordsRefused):
        context.require_allowed_words(VideoRequest("a fox and gore"))
    context.require_allowed_words(VideoRequest("a fox"))
    unasked = replace(context, rules=GuildRules(GUILD))
    with pytest.raises(WordsRefused):
        unasked.require_allowed_words(VideoRequest("a fox"))
    replace(unasked, is_allowed_by_moderator=True).require_allowed_words(VideoRequest("a fox"))
    assert await scene.count_jobs() == 0

"""Asks moderators about requests, and carries out what they answer.

Each process looks for questions that are out of sync, and claims them, so that none is dealt with
twice. All steps can be repeated after a crash: messages have nonces and are looked for, and a job
is accepted together with the change of its question.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from bot.domain.errors import (
    ChannelUnavailable,
    DatabaseUnavailable,
    DeliveryError,
    MediaUnavailable,
    NotAllowed,
    RecordNotFound,
    RequestRefused,
    WordsRefused,
)
from bot.domain.jobs.announcement import NotifyChoice
from bot.domain.jobs.request import VideoPlan, VideoRequest
from bot.domain.moderation.question import (
    ModeratorAnswer,
    ModeratorQuestion,
    NewQuestion,
    QuestionState,
)
from bot.domain.moderation.word_list import WordMatch
from bot.domain.ports import Clock
from bot.services.admin.guild_rules import ChannelContext, GuildContext, ServerRulesService
from bot.services.event_waits import wait_for_event
from bot.services.jobs.requests import RequestService
from bot.services.repeated_work import repeat_work
from bot.store.jobs.clips import ClipStore
from bot.store.member_preferences import MemberPreferenceStore
from bot.store.moderation.questions import QuestionStore

CLAIM_FOR: Final = timedelta(seconds=30)
"""Longer than a question takes, unless Discord is slow: a second process then does the same, which
nonces and fenced changes make harmless. After a crash another one goes on after this time."""
RETRY_PAUSE: Final = timedelta(seconds=30)
_INTERVAL_S: Final = 3.0

_log: Final = structlog.get_logger(__name__)


class QuestionMessages(Protocol):
    """The messages about questions in Discord. All may raise `DeliveryError`."""

    async def find_question(self, question: ModeratorQuestion, channel_id: int) -> int | None:
        """Look for a staff's message that a process posted before it ended."""
        ...

    async def is_age_restricted(self, channel_id: int) -> bool:
        """Return whether a channel is known to be age-restricted."""
        ...

    async def post_question(self, question: ModeratorQuestion, channel_id: int) -> int:
        """Post the staff's message and return its id."""
        ...

    async def find_waiting(self, question: ModeratorQuestion) -> int | None:
        """Look for the message of `post_waiting` that a process posted before it ended."""
        ...

    async def post_waiting(self, question: ModeratorQuestion) -> int:
        """Post in the channel of the request that it waits, and return the message's id."""
        ...

    async def show_staff_end(self, question: ModeratorQuestion) -> None:
        """Replace the request and the buttons by what was answered."""
        ...

    async def show_end(self, question: ModeratorQuestion, *, is_mentioned: bool) -> None:
        """Show in the channel of the request how it ended, instead of that it waits.

        With ``is_mentioned`` this is a new message, unless that is there already.
        """
        ...

    async def send_direct_notice(self, question: ModeratorQuestion) -> bool:
        """Send the member how it ended; return ``False`` if they take no direct messages."""
        ...

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete a message, if it exists."""
        ...


@dataclass(kw_only=True, eq=False)
class QuestionDesk:
    """``describe_refusal`` says in a language why a request was not accepted."""

    questions: QuestionStore
    server_rules: ServerRulesService
    request_service: RequestService
    clips: ClipStore
    member_preferences: MemberPreferenceStore
    messages: QuestionMessages
    describe_refusal: Callable[[RequestRefused, str], str]
    clock: Clock
    _requested: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    # -- for members and moderators

    async def ask(
        self, request: VideoRequest, plan: VideoPlan, match: WordMatch, context: GuildContext
    ) -> ModeratorQuestion:
        """Store a request and show it to the moderators; return how it stands then.

        Nothing is reserved. Raises `TooManyQuestions`, `DatabaseUnavailable`, or the refusal of a
        request that would not be accepted now. Raises `WordsRefused` if no moderator can be shown
        the request, because then nobody can allow it.
        """
        await self.request_service.require_acceptable(plan, context.origin)
        question = await self.questions.add(
            NewQuestion(
                plan=plan,
                origin=context.origin,
                entry=match.entry.text,
                by_operator=match.by_operator,
                parent_channel_id=context.channel.parent_channel_id,
                shows_age_restricted=context.channel.shows_age_restricted,
                is_for_adults=context.channel.is_for_adults,
            )
        )
        _log.info("question.asked", question_id=question.id, key=context.origin.dedupe_key)
        await self._settle(question.id, is_answered=True)
        question = await self._reload(question)
        if question.state is QuestionState.UNASKED:
            raise WordsRefused(match.entry.text, by_operator=match.by_operator, request=request)
        return question

    async def answer(
        self, question_id: int, answer: ModeratorAnswer, *, guild_id: int | None, actor_id: int
    ) -> tuple[ModeratorQuestion, bool]:
        """Answer as a moderator; return how the question stands, ``False`` if it had ended before.

        Raises `RecordNotFound` for a question of another server.
        """
        if guild_id is None:
            raise RecordNotFound("question")
        question, is_first = await self.questions.answer(
            question_id, answer, guild_id=guild_id, actor_id=actor_id
        )
        if is_first:
            _log.info("question.answered", question_id=question_id, answer=answer)
        await self._settle(question_id)
        return await self._reload(question), is_first

    async def withdraw(
        self, question_id: int, *, user_id: int, moderator: bool, guild_id: int | None
    ) -> bool:
        """End a question for its member, or a moderator of its server ``guild_id``.

        Returns ``False`` if it had ended before. Raises `RecordNotFound` and `NotAllowed`.
        """
        question = await self.questions.find(question_id)
        if question is None:
            raise RecordNotFound("question")
        if question.origin.user_id != user_id:
            if question.origin.guild_id != guild_id:
                raise RecordNotFound("question")
            if not moderator:
                raise NotAllowed("cancel")
            _, is_first = await self.answer(
                question_id, ModeratorAnswer.REFUSE, guild_id=guild_id, actor_id=user_id
            )
            return is_first
        is_withdrawn = await self.questions.close(question_id, QuestionState.WITHDRAWN)
        await self._settle(question_id)
        return is_withdrawn

    async def _reload(self, question: ModeratorQuestion) -> ModeratorQuestion:
        return await self.questions.find(question.id) or question

    async def move_waiting(self, guild_id: int, staff_channel: int) -> None:
        """Show the waiting questions of a server in its staff channel, if it may show them."""
        await self.questions.move_waiting(guild_id, staff_channel=staff_channel)
        self._requested.set()

    # -- what follows

    async def run(self) -> None:
        await repeat_work(
            self.run_due,
            pause=lambda _: self._pause(),
            log_postponed=partial(_log.warning, "questions.postponed"),
        )

    async def _pause(self) -> None:
        await wait_for_event(self._requested, self.clock, _INTERVAL_S)
        self._requested.clear()

    async def run_due(self) -> None:
        """Deal with what is due and no other process has claimed. Raises `DatabaseUnavailable`."""
        await self.questions.expire_due()
        for question in await self.questions.claim_due(claim_for=CLAIM_FOR):
            await self._deal_with(question)

    async def _settle(self, question_id: int, *, is_answered: bool = False) -> None:
        """Deal with one question now; the loop goes on with what does not work or is claimed.

        With ``is_answered``, whoever calls this tells the member that nobody can be asked.
        """
        with suppress(DatabaseUnavailable):
            question = await self.questions.claim(question_id, claim_for=CLAIM_FOR)
            if question is not None:
                await self._deal_with(question, is_answered=is_answered)
        self._requested.set()

    async def _deal_with(self, question: ModeratorQuestion, *, is_answered: bool = False) -> None:
        try:
            await self._find_messages(question)
            question = await self._reload(question)
            if question.state is QuestionState.WAITING:
                await self._show_waiting(question)
                question = await self._reload(question)
            if question.state is QuestionState.ALLOWED:
                await self._start(question)
                question = await self._reload(question)
            if not question.state.is_open:
                is_told = is_answered and question.state is QuestionState.UNASKED
                await self._show_end(question, is_told=is_told)
        except (DeliveryError, MediaUnavailable) as error:
            _log.warning("question.postponed", question_id=question.id, error=str(error))
            await self.questions.postpone(question, pause=RETRY_PAUSE)
            return
        await self.questions.record_sync(question)

    async def _find_messages(self, question: ModeratorQuestion) -> None:
        """Record messages that were posted by a process that ended before it did so."""
        channel_id = await self._find_staff_channel(question)
        is_moved = question.is_in_other_channel(channel_id)
        if is_moved and await self._may_ask_in(question, channel_id):
            assert question.staff_channel_id is not None
            assert question.staff_message_id is not None
            await self.messages.delete_message(question.staff_channel_id, question.staff_message_id)
            await self.questions.forget_staff_message(question)
            question = await self._reload(question)
        if question.staff_message_id is None and channel_id is not None:
            message_id = await self.messages.find_question(question, channel_id)
            if message_id is not None:
                await self.questions.record_staff_message(
                    question, channel_id=channel_id, message_id=message_id
                )
        if question.waiting_message_id is None:
            message_id = await self.messages.find_waiting(question)
            if message_id is not None:
                await self.questions.record_waiting_message(question, message_id)

    async def _find_staff_channel(self, question: ModeratorQuestion) -> int | None:
        guild_id = question.origin.guild_id
        assert guild_id is not None
        return (await self.server_rules.guilds.load_rules(guild_id)).staff_channel

    async def _show_waiting(self, question: ModeratorQuestion) -> None:
        """Post both messages; without the staff's, nobody is asked, and the request is refused."""
        if question.staff_message_id is None and not await self._ask_staff(question):
            await self.questions.close(question.id, QuestionState.UNASKED)
            return
        if question.waiting_message_id is not None:
            return
        try:
            message_id = await self.messages.post_waiting(question)
        except ChannelUnavailable as error:
            _log.info("question.not_shown", question_id=question.id, error=str(error))
            return  # the end is shown instead, if that is possible by then
        if not await self.questions.record_waiting_message(question, message_id):
            await self.messages.delete_message(question.origin.channel_id, message_id)

    async def _may_ask_in(self, question: ModeratorQuestion, channel_id: int | None) -> bool:
        """Return whether a channel may show the request. Raises `DiscordUnavailable`."""
        if channel_id is None or not question.origin.age_restricted:
            return channel_id is not None
        return await self.messages.is_age_restricted(channel_id)

    async def _ask_staff(self, question: ModeratorQuestion) -> bool:
        channel_id = await self._find_staff_channel(question)
        if channel_id is None or not await self._may_ask_in(question, channel_id):
            return False
        try:
            message_id = await self.messages.post_question(question, channel_id)
        except ChannelUnavailable as error:
            _log.warning("question.not_asked", guild=question.origin.guild_id, error=str(error))
            return False
        if not await self.questions.record_staff_message(
            question, channel_id=channel_id, message_id=message_id
        ):
            await self.messages.delete_message(channel_id, message_id)
        return True

    async def _start(self, question: ModeratorQuestion) -> None:
        """Accept the request by the rules and limits of now, or record why that is impossible."""
        origin = question.origin
        channel = ChannelContext(
            age_restricted=origin.age_restricted,
            shows_age_restricted=question.shows_age_restricted,
            is_for_adults=question.is_for_adults,
            parent_channel_id=question.parent_channel_id,
        )
        try:
            context = await self.server_rules.load_context(origin, channel)
            context = replace(context, is_allowed_by_moderator=True)
            request, plan = await self._plan_again(question, context)
            await self.request_service.submit(plan, origin, question=question)
        except RequestRefused as error:
            failure = self.describe_refusal(error, question.locale)
            await self.questions.close(question.id, QuestionState.FAILED, failure=failure)
            return
        await self.server_rules.record_words(request, context)

    async def _plan_again(
        self, question: ModeratorQuestion, context: GuildContext
    ) -> tuple[VideoRequest, VideoPlan]:
        """Return the same request by the rules of now. It never gets another model or dearer."""
        await self.request_service.require_open(context)
        stored = question.plan
        if stored.parent is not None:
            clip = await self.clips.get(stored.parent.clip_id)
            if clip is None:
                raise RecordNotFound("clip")
            context.require_may_extend(clip)
            context.require_may_show(age_restricted=clip.age_restricted)
        prepared = await self.request_service.prepare_request(stored.as_request(), context)
        if prepared.plan.model != stored.model or prepared.plan.price > stored.price:
            raise NotAllowed("request_changed")
        return prepared.request, prepared.plan

    async def _show_end(self, question: ModeratorQuestion, *, is_told: bool) -> None:
        if question.staff_message_id is not None:
            await self.messages.show_staff_end(question)
        if is_told:
            return
        channel_id, waiting_id = question.origin.channel_id, question.waiting_message_id
        if question.state is QuestionState.STARTED:  # the job has a status message of its own
            if waiting_id is not None:
                await self.messages.delete_message(channel_id, waiting_id)
            return
        is_withdrawn = question.state is QuestionState.WITHDRAWN
        is_mentioned = not is_withdrawn and await self._must_mention(question)
        try:
            await self.messages.show_end(question, is_mentioned=is_mentioned)
        except ChannelUnavailable as error:
            _log.info("question.end_not_shown", question_id=question.id, error=str(error))

    async def _must_mention(self, question: ModeratorQuestion) -> bool:
        """Write to the member if they chose that; return whether they still need a mention."""
        user_id = question.origin.user_id
        choice = await self.member_preferences.load_notify_choice(user_id)
        if choice is not NotifyChoice.DIRECT_MESSAGE:
            return choice is not NotifyChoice.QUIET
        if await self.messages.send_direct_notice(question):
            return False
        await self.member_preferences.mark_direct_messages_refused(user_id)
        return True

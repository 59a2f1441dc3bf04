"""What moderators and members see of questions, without Discord."""

from collections import deque

from bot.domain.moderation.question import ModeratorQuestion, QuestionState

STAFF_CHANNEL, OTHER_STAFF_CHANNEL = 801, 802


class FakeQuestionMessages:
    """Implements `QuestionMessages`. Each message is there once, as with nonces and searches.

    ``refusals`` are raised by the next posts for the staff, ``waiting_refusals`` by the others.
    ``ends`` are what members were told, with whether they were mentioned. ``staff_messages`` are
    the question and channel of each of the staff's messages, and ``nonces`` those of all.
    ``channels_for_everybody`` are not age-restricted.
    """

    def __init__(self) -> None:
        self.questions: dict[int, int] = {}
        self.staff_messages: dict[int, tuple[int, int]] = {}
        self.nonces: dict[str, int] = {}
        self.channels_for_everybody: set[int] = set()
        self.errors_after_deletion: deque[Exception] = deque()
        self.waiting: dict[int, int] = {}
        self.answers: list[tuple[int, QuestionState]] = []
        self.ends: list[tuple[int, QuestionState, bool]] = []
        self.direct: list[int] = []
        self.deleted: list[tuple[int, int]] = []
        self.refusals: deque[Exception] = deque()
        self.waiting_refusals: deque[Exception] = deque()
        self.errors_after_post: deque[Exception] = deque()
        self.takes_direct_messages = True

    async def find_question(self, question: ModeratorQuestion, channel_id: int) -> int | None:
        """Look for the staff's message."""
        place = (question.id, channel_id)
        return next((each for each, known in self.staff_messages.items() if known == place), None)

    async def is_age_restricted(self, channel_id: int) -> bool:
        """Return whether a channel is age-restricted."""
        return channel_id not in self.channels_for_everybody

    async def find_waiting(self, question: ModeratorQuestion) -> int | None:
        """Look for the other one."""
        return self.waiting.get(question.id)

    async def post_question(self, question: ModeratorQuestion, channel_id: int) -> int:
        """Post for the staff."""
        if self.refusals:
            raise self.refusals.popleft()
        assert channel_id in (STAFF_CHANNEL, OTHER_STAFF_CHANNEL)
        message_id = self.nonces.setdefault(question.staff_nonce, 5000 + len(self.nonces))
        self.staff_messages[message_id] = (question.id, channel_id)
        self.questions[question.id] = message_id
        if self.errors_after_post:
            raise self.errors_after_post.popleft()
        return message_id

    async def post_waiting(self, question: ModeratorQuestion) -> int:
        """Post for the channel of the request."""
        if self.waiting_refusals:
            raise self.waiting_refusals.popleft()
        return self.waiting.setdefault(question.id, 6000 + question.id)

    async def show_staff_end(self, question: ModeratorQuestion) -> None:
        """Edit the staff's message."""
        self.answers.append((question.id, question.state))

    async def show_end(self, question: ModeratorQuestion, *, is_mentioned: bool) -> None:
        """Tell the channel."""
        self.ends.append((question.id, question.state, is_mentioned))

    async def send_direct_notice(self, question: ModeratorQuestion) -> bool:
        """Tell the member."""
        if self.takes_direct_messages:
            self.direct.append(question.id)
        return self.takes_direct_messages

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete a message."""
        self.deleted.append((channel_id, message_id))
        self.staff_messages.pop(message_id, None)
        if self.errors_after_deletion:
            raise self.errors_after_deletion.popleft()

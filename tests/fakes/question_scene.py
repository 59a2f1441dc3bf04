"""One server with a word about which moderators are asked, and one process of the bot."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from bot.domain.moderation.question import ModeratorAnswer, ModeratorQuestion
from bot.domain.moderation.word_list import WordAction
from bot.services.moderation.questions import QuestionDesk
from bot.store.tables.moderation import questions_table
from tests.fakes.cogs import SimulatedCogs, build_question_desk
from tests.fakes.questions import STAFF_CHANNEL, FakeQuestionMessages
from tests.fakes.world import GUILD, MEMBER, SimulatedWorld

ADMIN, MODERATOR, OTHER_MODERATOR = 1, 42, 43


class QuestionScene:
    """One server with "fox" on its word list, and one process, over ``world``."""

    def __init__(self, world: SimulatedWorld, **changes: Any) -> None:
        self.world = world
        self.cogs = SimulatedCogs(world, **changes)
        self.desk, self.messages = self.cogs.question_desk, self.cogs.question_messages
        self.store = self.desk.questions

    async def set_up(self, staff_channel: int | None = STAFF_CHANNEL) -> None:
        """Add the word and the staff channel."""
        await self.cogs.word_lists.add_entries(GUILD, "fox", WordAction.ASK, actor_id=ADMIN)
        await self.save_rules(staff_channel=staff_channel)

    async def save_rules(self, **changes: Any) -> None:
        """Change some of the server's rules."""
        rules = replace(await self.world.guilds.load_rules(GUILD), **changes)
        await self.world.guilds.save_rules(rules, actor_id=ADMIN, now=self.world.clock.now())

    async def move_to(self, staff_channel: int) -> None:
        """Choose another staff channel."""
        await self.save_rules(staff_channel=staff_channel)
        await self.desk.move_waiting(GUILD, staff_channel)
        await self.desk.run_due()

    async def ask(self, **options: Any) -> ModeratorQuestion:
        """Ask for a clip with the word; return the question."""
        before = {question.id for question in await self.list_questions()}
        await self.cogs.generate(**options)
        [question] = [each for each in await self.list_questions() if each.id not in before]
        return question

    async def list_questions(self) -> list[ModeratorQuestion]:
        """Return all questions."""
        query = select(questions_table.c.id).order_by(questions_table.c.id)
        ids = await self.world.database.read_scalars(query)
        found = [await self.store.find(number) for number in ids]
        return [question for question in found if question is not None]

    async def load(self, question: ModeratorQuestion) -> ModeratorQuestion:
        """Return a question as it is now."""
        found = await self.store.find(question.id)
        assert found is not None
        return found

    async def answer(
        self,
        question: ModeratorQuestion,
        answer: ModeratorAnswer = ModeratorAnswer.ALLOW,
        *,
        actor_id: int = MODERATOR,
        desk: QuestionDesk | None = None,
    ) -> tuple[ModeratorQuestion, bool]:
        """Press a button as a moderator."""
        return await (desk or self.desk).answer(
            question.id, answer, guild_id=GUILD, actor_id=actor_id
        )

    def open_desk(self, messages: FakeQuestionMessages | None = None) -> QuestionDesk:
        """Return the desk of another process, which sees the same Discord."""
        cogs = SimulatedCogs(self.world)
        return build_question_desk(
            self.world, cogs.server_rules, cogs.request_service, messages or self.messages
        )

    async def count_jobs(self) -> int:
        """Return how many jobs the member has."""
        return len(await self.world.jobs.list_running(user_id=MEMBER))

"""A text model that rates contents as a test wants."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bot.domain.billing.limits import SpendingPolicy
from bot.domain.errors import CheckFailed
from bot.domain.moderation.content_check import (
    CheckedContent,
    CheckPrices,
    ContentJudge,
    ContentKind,
    ContentLevel,
    ContentRules,
    ContentThreshold,
    ContentVerdict,
    TokenUsage,
)
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.moderation.content_checks import ContentCheckService
from bot.store.moderation.content_checks import ContentCheckStore
from tests.fakes.world import SimulatedWorld

PRICES: Final = CheckPrices(Decimal("0.30"), Decimal("2.50"))
USAGE: Final = TokenUsage(400, 60)
BILLED: Final = PRICES.compute_price(USAGE)
FREE: Final = ContentVerdict(dict.fromkeys(ContentKind, ContentLevel.NONE))
HATE: Final = ContentVerdict({**(FREE.levels or {}), ContentKind.HATE: ContentLevel.CLEAR})


@dataclass
class FakeJudge(ContentJudge):
    """Answers what a test wants, once it is let."""

    answer: ContentVerdict | CheckFailed = FREE
    usage: TokenUsage | None = USAGE
    asked: list[CheckedContent] = field(default_factory=list)
    shown: list[Sequence[Path | bytes]] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    @property
    def model(self) -> str:
        """Its id."""
        return "a-model"

    async def judge(
        self, content: CheckedContent, pictures: Sequence[Path | bytes]
    ) -> tuple[ContentVerdict, TokenUsage | None]:
        """Answer, or fail."""
        self.asked.append(content)
        self.shown.append(pictures)
        await self.may_answer.wait()
        if isinstance(self.answer, CheckFailed):
            raise self.answer
        return self.answer, self.usage


def build_checks(world: SimulatedWorld, judge: FakeJudge, **changes: Any) -> ContentCheckService:
    """Return a service that refuses clear cases."""
    facts: dict[str, Any] = {
        "store": ContentCheckStore(world.database, now=world.now),
        "judge": judge,
        "media_store": world.media_store,
        "rules": ContentRules(dict.fromkeys(ContentKind, ContentThreshold.REFUSE_CLEAR)),
        "prices": PRICES,
        "accepts_unchecked": False,
        "policy": SpendingPolicy(),
        "clock": world.clock,
        "critical_sections": CriticalSections(world.clock),
    }
    return ContentCheckService(**facts | changes)

"""Asks a text model about requests before they are accepted, as the operator has set."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from bot.domain.billing.limits import SpendingPolicy
from bot.domain.billing.money import ZERO_MICROS, Micros
from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import CheckFailed, ContentRefused, ContentUnchecked, MediaUnavailable
from bot.domain.jobs.job import AdmissionRequest, Origin
from bot.domain.jobs.request import VideoPlan
from bot.domain.moderation.content_check import (
    CheckedContent,
    CheckPrices,
    ContentJudge,
    ContentRules,
    ContentVerdict,
    TokenUsage,
)
from bot.domain.ports import Clock
from bot.store.moderation.content_checks import (
    ANSWER_TIME,
    CheckAttempt,
    CheckInProgress,
    ContentCheckStore,
)

_PAUSE_S: Final = 0.5
_MAX_WAIT_S: Final = 2 * ANSWER_TIME.total_seconds()
"""How long a request waits for others with the same content, before it counts as not checked."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentCheckService:
    """``accepts_unchecked`` says what happens if the model gives no verdict."""

    store: ContentCheckStore
    judge: ContentJudge
    media_store: MediaStore
    rules: ContentRules
    prices: CheckPrices
    accepts_unchecked: bool
    policy: SpendingPolicy
    clock: Clock

    async def require_allowed(self, plan: VideoPlan, origin: Origin) -> None:
        """Check what ``plan`` says and shows.

        Raises `ContentRefused`, `ContentUnchecked`, `DatabaseUnavailable`, or the refusal of a
        request that would not be accepted anyway; such a request is not checked.
        """
        content = CheckedContent.from_plan(plan)
        try:
            verdict = await self._find_verdict(content, plan, origin)
        except CheckFailed as error:
            _log.warning(
                "content_check.failed",
                model=self.judge.model,
                reason=str(error),
                accepted=self.accepts_unchecked,
            )
            if self.accepts_unchecked:
                return
            raise ContentUnchecked("the content could not be checked") from error
        refused = self.rules.list_refused(verdict)
        if refused or verdict.levels is None:
            _log.info("content_check.refused", key=origin.dedupe_key, kinds=list(refused))
            raise ContentRefused(refused)

    async def _find_verdict(
        self, content: CheckedContent, plan: VideoPlan, origin: Origin
    ) -> ContentVerdict:
        key = content.build_key(self.judge.model)
        estimate = self.prices.compute_price(content.estimate_usage())
        request = AdmissionRequest(plan, origin, extra=estimate)
        give_up_at = self.clock.monotonic() + _MAX_WAIT_S
        while True:
            try:
                begun = await self.store.begin(key, request, policy=self.policy)
            except CheckInProgress as error:
                if self.clock.monotonic() >= give_up_at:
                    raise CheckFailed("others wait for it too", may_be_billed=False) from error
                await self.clock.sleep(_PAUSE_S)
                continue
            if isinstance(begun, ContentVerdict):
                return begun
            # whoever asked may be gone, but what Google bills must be recorded
            return await asyncio.shield(asyncio.create_task(self._ask(begun, content)))

    async def _ask(self, attempt: CheckAttempt, content: CheckedContent) -> ContentVerdict:
        try:
            async with AsyncExitStack() as stack:
                files = await self._open_pictures(content, stack)
                verdict, usage = await self.judge.judge(content, files)
        except CheckFailed as error:
            unbilled = attempt.booked if error.may_be_billed else ZERO_MICROS
            price = self._compute_price(error.usage, unbilled)
            await self.store.finish(attempt, None, price=price)
            raise
        price = self._compute_price(usage, attempt.booked)
        await self.store.finish(attempt, verdict, price=price)
        return verdict

    async def _open_pictures(
        self, content: CheckedContent, stack: AsyncExitStack
    ) -> Sequence[Path]:
        try:
            return [
                await stack.enter_async_context(self.media_store.read(picture.path))
                for picture in content.pictures
            ]
        except (FileNotFoundError, MediaUnavailable) as error:
            raise CheckFailed(
                f"a picture cannot be read: {type(error).__name__}", may_be_billed=False
            ) from error

    def _compute_price(self, usage: TokenUsage | None, otherwise: Micros) -> Micros:
        return otherwise if usage is None else self.prices.compute_price(usage)

"""Asks a text model about requests before they are accepted, and about clips before they are shown.

What is refused, and what happens without a verdict, is the operator's choice.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from bot.domain.billing.limits import SpendingPolicy
from bot.domain.billing.money import ZERO_MICROS, Micros
from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import (
    CheckFailed,
    ContentRefused,
    ContentUnchecked,
    DatabaseUnavailable,
    MediaUnavailable,
)
from bot.domain.jobs.job import AdmissionRequest, Origin
from bot.domain.jobs.request import VideoPlan
from bot.domain.moderation.check_failures import CheckFailures, CheckReading
from bot.domain.moderation.content_check import (
    CheckedContent,
    CheckedRequest,
    CheckedResult,
    CheckPrices,
    ContentJudge,
    ContentRules,
    ContentVerdict,
    TokenUsage,
    estimate_usage,
    format_finding,
)
from bot.domain.ports import Clock
from bot.services.jobs.critical_sections import CriticalSections
from bot.store.moderation.content_checks import (
    ANSWER_TIME,
    CheckAttempt,
    CheckInProgress,
    ContentCheckStore,
)

_PAUSE_S: Final = 0.5
_MAX_WAIT_S: Final = 2 * ANSWER_TIME.total_seconds()
"""How long a check waits for others of the same content, before it counts as failed."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentCheckService:
    """``accepts_unchecked`` says what happens if the model gives no verdict.

    Without ``paid_calls`` it is not asked. A check is a critical section: whoever asked may be
    gone, but what Google bills must be recorded.
    """

    store: ContentCheckStore
    judge: ContentJudge
    media_store: MediaStore
    rules: ContentRules
    prices: CheckPrices
    accepts_unchecked: bool
    policy: SpendingPolicy
    clock: Clock
    critical_sections: CriticalSections
    paid_calls: bool = True
    failures: CheckFailures = field(default_factory=CheckFailures)

    async def read_failures(self) -> CheckReading | None:
        """Return the checks in a row that gave no verdict, for the operator.

        Raises `DatabaseUnavailable`.
        """
        if not self.failures.are_there:
            return None
        return self.failures.read(
            self.judge.model,
            accepts_unchecked=self.accepts_unchecked,
            waiting_clips=await self.store.count_unchecked_clips(),
        )

    async def require_allowed(self, plan: VideoPlan, origin: Origin) -> None:
        """Check what ``plan`` says and shows.

        Raises `ContentRefused`, `ContentUnchecked`, `DatabaseUnavailable`, or the refusal of a
        request that would not be accepted anyway; such a request is not checked.
        """
        content = CheckedRequest.from_plan(plan)
        model = self.judge.model
        request = AdmissionRequest(plan, origin, extra=self._estimate_price(content))
        try:
            verdict = await self._find_verdict(
                content,
                begin=lambda key: self.store.begin(key, request, model=model, policy=self.policy),
                open_pictures=lambda stack: self._open_pictures(content, stack),
            )
        except CheckFailed as error:
            _log.warning(
                "content_check.failed",
                model=model,
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

    async def check_result(
        self, result: CheckedResult, frames: Sequence[bytes], origin: Origin
    ) -> str | None:
        """Return what is wrong with the frames (`format_finding`), `None` if nothing is.

        It is paid for already, so no budget keeps it from being checked. Raises `CheckFailed` or
        `DatabaseUnavailable`.
        """
        model, estimate = self.judge.model, self._estimate_price(result)

        async def give_frames(_: AsyncExitStack) -> Sequence[bytes]:
            return frames

        verdict = await self._find_verdict(
            result,
            begin=lambda key: self.store.begin_for_result(
                key, origin, model=model, estimate=estimate
            ),
            open_pictures=give_frames,
        )
        refused = self.rules.list_refused(verdict)
        return format_finding(refused) if refused or verdict.levels is None else None

    async def _find_verdict(
        self,
        content: CheckedContent,
        *,
        begin: Callable[[str], Awaitable[ContentVerdict | CheckAttempt]],
        open_pictures: Callable[[AsyncExitStack], Awaitable[Sequence[Path | bytes]]],
    ) -> ContentVerdict:
        if not self.paid_calls:
            raise CheckFailed("paid calls are not allowed", may_be_billed=False)
        key = content.build_key(self.judge.model)
        give_up_at = self.clock.monotonic() + _MAX_WAIT_S
        while True:
            try:
                begun = await begin(key)
            except CheckInProgress as error:
                if self.clock.monotonic() >= give_up_at:
                    raise CheckFailed("others wait for it too", may_be_billed=False) from error
                await self.clock.sleep(_PAUSE_S)
                continue
            if isinstance(begun, ContentVerdict):
                return begun
            return await self.critical_sections.run_shielded(
                self._ask(begun, content, open_pictures)
            )

    async def _ask(
        self,
        attempt: CheckAttempt,
        content: CheckedContent,
        open_pictures: Callable[[AsyncExitStack], Awaitable[Sequence[Path | bytes]]],
    ) -> ContentVerdict:
        try:
            async with AsyncExitStack() as stack:
                pictures = await open_pictures(stack)
                verdict, usage = await self._judge(content, pictures)
        except CheckFailed as error:
            unbilled = attempt.booked if error.may_be_billed else ZERO_MICROS
            await self._finish(attempt, None, self._compute_price(error.usage, unbilled))
            raise
        await self._finish(attempt, verdict, self._compute_price(usage, attempt.booked))
        return verdict

    async def _judge(
        self, content: CheckedContent, pictures: Sequence[Path | bytes]
    ) -> tuple[ContentVerdict, TokenUsage | None]:
        try:
            answer = await self.judge.judge(content, pictures)
        except CheckFailed as error:
            self.failures.record_failure(self.clock.now(), refusal=error.refusal)
            raise
        self.failures.record_verdict()
        return answer

    async def _finish(
        self, attempt: CheckAttempt, verdict: ContentVerdict | None, price: Micros
    ) -> None:
        """Record an answer. Without the database its estimate stays, and the answer still counts.

        It is not repeated, because nobody could tell whether the price was corrected already.
        """
        try:
            await self.store.finish(attempt, verdict, price=price)
        except DatabaseUnavailable as error:
            _log.warning("content_check.not_recorded", error=str(error))

    async def _open_pictures(
        self, content: CheckedRequest, stack: AsyncExitStack
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

    def _estimate_price(self, content: CheckedContent) -> Micros:
        return self.prices.compute_price(estimate_usage(content))

    def _compute_price(self, usage: TokenUsage | None, otherwise: Micros) -> Micros:
        return otherwise if usage is None else self.prices.compute_price(usage)

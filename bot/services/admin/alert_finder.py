"""Reads everywhere where something that the operator should know is recorded already."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain import alerts
from bot.domain.alerts import Alert, ModelReading, RefusalReading
from bot.domain.billing.limits import UsageLimits
from bot.domain.errors import AccessRefused
from bot.domain.jobs.request import GoogleRoute
from bot.domain.moderation.check_failures import CheckReading
from bot.domain.ports import Clock
from bot.google.wording import is_about_used_up_credit
from bot.services.admin.model_directory import ModelDirectory
from bot.store.billing.ledger import LedgerStore
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore

_CREDIT_REASONS: Final = frozenset({"BILLING_DISABLED", "payment_required", "402"})


@dataclass(kw_only=True, eq=False)
class AlertFinder:
    """Finds what is wrong now, as this process and the database know it.

    ``route_refusals`` has what Google said when it was asked about models, and ``route_settings``
    names the settings of each route's account. ``count_loop_failures`` returns how often each
    background loop of this process has failed. ``host`` is this machine's name.
    """

    model_directory: ModelDirectory
    model_states: ModelStateStore
    account_refusals: AccountRefusalStore
    ledger: LedgerStore
    jobs: JobStore
    clock: Clock
    bot_limits: UsageLimits
    route_refusals: Mapping[GoogleRoute, AccessRefused]
    route_settings: Mapping[GoogleRoute, str]
    count_loop_failures: Callable[[], Mapping[str, int]]
    measure_free_disk: Callable[[], Awaitable[int | None]]
    list_newer_revisions: Callable[[], Awaitable[list[str]]]
    read_check_failures: Callable[[], Awaitable[CheckReading | None]]
    host: str
    _known_failures: Mapping[str, int] = field(init=False, default_factory=dict)

    async def find_alerts(self) -> list[Alert]:
        """Return everything that there is to tell, told before or not.

        Raises `DatabaseUnavailable`.
        """
        now = self.clock.now()
        failures = self.count_loop_failures()
        found = [
            *alerts.find_gone_models(await self._read_models(), now.date()),
            *alerts.find_refusals(await self._read_refusals(), now),
            *alerts.find_budget_alerts(
                await self.ledger.list_bot_lines(self.bot_limits),
                alerts.find_cheapest_request(self.model_directory.list_offered()),
            ),
            *alerts.find_unknown_jobs(await self.jobs.summarize_unknown(), now),
            *alerts.find_failing_checks(await self.read_check_failures(), now),
            *alerts.find_full_disk(await self.measure_free_disk(), host=self.host),
            *alerts.find_newer_schema(await self.list_newer_revisions(), host=self.host),
            *alerts.find_failing_loops(self._known_failures, failures, host=self.host, now=now),
        ]
        # only now, so that a failure is told later if the database was away
        self._known_failures = failures
        return found

    async def _read_models(self) -> list[ModelReading]:
        used = set(await self.model_states.list_measured_models())
        states = await self.model_states.load_states()
        used |= {model_id for model_id, state in states.items() if state.disabled}
        return [
            ModelReading(
                model=status.model,
                is_offered=status.offered or not status.configured or status.is_unconfirmed,
                was_used=status.model.id in used,
                is_past_end=status.is_past_end,
                replacement=status.replacement,
            )
            for status in self.model_directory.list_offer_statuses()
        ]

    async def _read_refusals(self) -> list[RefusalReading]:
        """Return the refused requests, and then the refused questions about models."""
        requests = [
            (GoogleRoute(refusal.route), refusal.reason, refusal.message, refusal.refused_at)
            for refusal in await self.account_refusals.list_latest()
        ]
        questions = [
            (route, error.reason, str(error), None) for route, error in self.route_refusals.items()
        ]
        return [
            RefusalReading(
                account=self.route_settings[route],
                reason=reason,
                is_about_credit=reason in _CREDIT_REASONS or is_about_used_up_credit(message),
                refused_at=refused_at,
            )
            for route, reason, message, refused_at in [*requests, *questions]
        ]

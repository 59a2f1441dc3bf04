"""What is measured on both sizes: the work behind commands, pages and metrics."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from bot.app.clock import SystemClock
from bot.domain.clips.history_query import HistoryFilter
from bot.domain.jobs.job import AdmissionRequest
from bot.domain.showcase.gallery import (
    ClipLength,
    ClipShape,
    GalleryOrder,
    GalleryPeriod,
    GallerySearch,
)
from bot.domain.showcase.post import ShowcaseSettings
from bot.services.clips.history import ClipHistory
from bot.store.billing.ledger import LedgerStore
from bot.store.engine.database import Database
from bot.store.jobs.admission import Admission
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.operations.statistics import StatisticsStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.gallery import GalleryStore
from tests.bench.million.rows import BUSY_SERVER, MODELS, RARE_WORD, REGULAR
from tests.bench.store import POLICY
from tests.fakes.world import make_origin, make_plan

WORKER: Final = "bench"
_PAGE_ENTRIES: Final = 24


class BenchOperations:
    """The operations on one database, as a regular of the busiest server causes them."""

    def __init__(self, database: Database) -> None:
        self._jobs = JobStore(database)
        self._ledger = LedgerStore(database)
        self._statistics = StatisticsStore(database)
        self._gallery = GalleryStore(database)
        self._digests = DigestStore(database)
        self._clock = SystemClock()
        self._history = ClipHistory(
            clips=ClipStore(database), is_extendable=lambda clip, now: True, clock=self._clock
        )
        self._numbers = count(1)

    def list_all(self) -> dict[str, Callable[[], Awaitable[object]]]:
        """Return the operations by the name of their figure, in the order of a round."""
        return {
            "accept": self.accept,
            "claim": self.claim,
            "history, search": self.search_history,
            "suggestions of clips": self.suggest_clips,
            "/quota show": self.show_quota,
            "/server usage": self.show_usage,
            "/metrics": self.load_metrics,
            "gallery, first page": self.load_gallery,
            "gallery, search": self.search_gallery,
            "gallery, filters": self.filter_gallery,
            "digest": self.create_digest,
        }

    async def accept(self) -> None:
        """Admit one request. Raises `AssertionError` if it is refused."""
        origin = make_origin(f"bench {next(self._numbers)}", guild_id=BUSY_SERVER, user_id=REGULAR)
        [answer] = await self._jobs.admit_requests(
            [AdmissionRequest(make_plan(), origin)], policy=POLICY, owner=WORKER
        )
        assert isinstance(answer, Admission), answer

    async def claim(self) -> None:
        """Claim one job. Raises `AssertionError` if there is none."""
        assert await self._jobs.claim_jobs(WORKER, policy=POLICY, limit=1)

    async def search_history(self) -> None:
        """Load the first page of the clips whose prompt contains a common word."""
        page = await self._history.load_first_page(
            user_id=REGULAR,
            guild_id=BUSY_SERVER,
            history_filter=HistoryFilter(search_text="boat"),
        )
        assert page.clips

    async def suggest_clips(self) -> None:
        """Suggest clips by a part of the prompt, and by the first digit of a number."""
        for typed in ("boat", "#1"):
            await self._history.suggest_clips(typed, user_id=REGULAR, limit=25)

    async def show_quota(self) -> None:
        """Load the state of every limit."""
        await self._ledger.quota_status(
            make_origin("quota", guild_id=BUSY_SERVER, user_id=REGULAR), policy=POLICY
        )

    async def show_usage(self) -> None:
        """Load what each member of the server used in 30 days, the command's default."""
        await self._ledger.list_usage(BUSY_SERVER, since=self._now() - timedelta(days=30))

    async def load_metrics(self) -> None:
        """Load what a scrape exports."""
        await self._statistics.load_snapshot(now=self._now())

    async def load_gallery(self) -> None:
        """Load the first page with the choices of its filters and their counts."""
        await self._gallery.load_page(GallerySearch(), cursor=None, limit=_PAGE_ENTRIES)
        await self._gallery.list_guilds()
        await self._gallery.list_models()
        await self._gallery.count_clips(GallerySearch(), now=self._now())

    async def search_gallery(self) -> None:
        """Search for a rare word, which few entries contain."""
        await self._gallery.load_page(
            GallerySearch(text=RARE_WORD), cursor=None, limit=_PAGE_ENTRIES
        )

    async def filter_gallery(self) -> None:
        """Filter by what no entry has, by a model, by the last month, and by a server."""
        for search in (
            GallerySearch(shape=ClipShape.PORTRAIT),
            GallerySearch(period=GalleryPeriod.MONTH, order=GalleryOrder.TOP),
            GallerySearch(length=ClipLength.LONG),
            GallerySearch(model=MODELS[0]),
            GallerySearch(guild_id=BUSY_SERVER, text="boat"),
        ):
            await self._gallery.load_page(search, cursor=None, limit=_PAGE_ENTRIES, now=self._now())

    async def create_digest(self) -> None:
        """Create the digest of the past week, due now."""
        now = self._now()
        await self._digests.create_digest(
            ShowcaseSettings(BUSY_SERVER), due_at=now, since=now - timedelta(days=7), owner=WORKER
        )

    def _now(self) -> datetime:
        return self._clock.now()

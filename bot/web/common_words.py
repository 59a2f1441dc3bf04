"""The words of the newest clips, which browsers offer while somebody types a search."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.domain.ports import Clock
from bot.domain.showcase.gallery import GallerySearch
from bot.store.showcase.gallery import GalleryStore
from bot.store.showcase.search_text import normalize_search_text
from bot.store.showcase.word_matches import choose_probes

_MAX_AGE_S: Final = 60.0
_NEWEST_COUNT: Final = 100
_MAX_WORDS: Final = 24


@dataclass(slots=True)
class CommonWords:
    """Words that are in several public prompts, counted at most once a minute."""

    _words: Sequence[str] = field(init=False, default=())
    _counted_at: float | None = field(init=False, default=None)

    async def load(self, gallery: GalleryStore, clock: Clock) -> Sequence[str]:
        """Return the words in the order of the alphabet."""
        if self._counted_at is None or clock.monotonic() - self._counted_at >= _MAX_AGE_S:
            page = await gallery.load_page(GallerySearch(), cursor=None, limit=_NEWEST_COUNT)
            prompts = {entry.prompt for entry in page.entries if entry.prompt is not None}
            counts: Counter[str] = Counter()
            for prompt in prompts:
                counts.update(choose_probes(normalize_search_text(prompt)))
            common = [word for word, count in counts.most_common(_MAX_WORDS) if count > 1]
            self._words = sorted(common)
            self._counted_at = clock.monotonic()
        return self._words

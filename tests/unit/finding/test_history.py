"""Pages of a history repeat and skip nothing, even if clips are added or deleted meanwhile."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import (
    MAX_SEARCH_LENGTH,
    HistoryFilter,
    HistoryKind,
    HistoryPage,
    PageDirection,
    PageRequest,
)
from bot.i18n.catalogs import translate
from bot.services.clips.history import MAX_SEARCHED, ClipHistory
from bot.ui.components import PageButton
from bot.ui.custom_ids import build_page_custom_id
from bot.ui.text_lists import format_history
from tests.unit.words.examples import NOW, a_clip


class FakeClipStore:
    """A clip store in memory."""

    def __init__(self, clips: list[Clip]) -> None:
        self.clips = clips

    async def list_history(
        self,
        *,
        user_id: int,
        guild_id: int | None,
        before: int | None = None,
        after: int | None = None,
        showcased_only: bool = False,
        limit: int,
    ) -> list[Clip]:
        found = sorted(
            (
                clip
                for clip in self.clips
                if (before is None or clip.id < before) and (after is None or clip.id > after)
            ),
            key=lambda clip: clip.id,
            reverse=after is None,
        )[:limit]
        return found if after is None else found[::-1]


def history(*clips: Clip) -> ClipHistory:
    shelf: Any = FakeClipStore(list(clips))
    clock: Any = SimpleNamespace(now=lambda: NOW)

    def extendable(clip: Clip, _now: datetime) -> bool:
        return clip.id % 7 == 0

    return ClipHistory(clips=shelf, is_extendable=extendable, clock=clock)


ALL = [
    a_clip(id=each, prompt=f"Füchse {'Ärger' if each % 3 else 'ruhig'}") for each in range(1, 501)
]
WHO: dict[str, Any] = {"user_id": 30, "guild_id": 10}


async def walk(shelf: ClipHistory, page: HistoryPage, way: str) -> list[int]:
    found = [clip.id for clip in page.clips]
    while (to := getattr(page, way)) is not None:
        page = await shelf.load_page(to, **WHO)
        ids = [clip.id for clip in page.clips]
        found = found + ids if way == "older" else ids + found
    return found


@pytest.mark.parametrize(
    ("wanted", "fitting"),
    [
        (HistoryFilter(), ALL),
        (HistoryFilter(search_text="ärger"), [clip for clip in ALL if clip.id % 3]),
        (HistoryFilter(kind=HistoryKind.EXTENDABLE), [clip for clip in ALL if clip.id % 7 == 0]),
        (HistoryFilter(model="FAST"), ALL),
        (HistoryFilter(model="veo-2"), []),
        (
            HistoryFilter(search_text="ärger", kind=HistoryKind.EXTENDABLE),
            [c for c in ALL if c.id % 3 and c.id % 7 == 0],
        ),
    ],
)
async def test_older_pages_show_every_clip_once_and_newer_ones_lead_back(
    wanted: HistoryFilter, fitting: list[Clip]
) -> None:
    shelf = history(*ALL)
    first = await shelf.load_first_page(**WHO, history_filter=wanted)
    assert first.newer is None
    expected = [clip.id for clip in reversed(fitting)]
    assert await walk(shelf, first, "older") == expected
    if not fitting:
        return
    last = await shelf.load_page(PageRequest(PageDirection.OLDER, fitting[0].id + 1, wanted), **WHO)
    assert last.older is None
    assert await walk(shelf, last, "newer") == expected


async def test_a_page_whose_clips_are_gone_leads_back() -> None:
    shelf = history(*ALL[100:])
    page = await shelf.load_page(PageRequest(PageDirection.OLDER, 101), **WHO)
    assert page.clips == ()
    assert page.newer is not None
    back = await shelf.load_page(page.newer, **WHO)
    assert back.clips[-1].id == 101
    assert len(back.clips) == 10


async def test_suggestions_go_by_number_or_by_words() -> None:
    shelf = history(*ALL)
    assert [c.id for c in await shelf.suggest_clips("#49", user_id=30, limit=25)] == [
        *range(499, 489, -1),
        49,
    ]
    assert [c.id for c in await shelf.suggest_clips("RUHIG", user_id=30, limit=2)] == [498, 495]


@pytest.mark.parametrize("only", [None, *HistoryKind])
@pytest.mark.parametrize("way", PageDirection)
async def test_page_button_encodes_whole_filter(
    only: HistoryKind | None, way: PageDirection
) -> None:
    for words in (None, "a:b", "two\nlines", "狐" * MAX_SEARCH_LENGTH, "🦊" * 15):
        to = PageRequest(
            way, 10**12 - 1, HistoryFilter("veo-3.1-fast-generate-preview", words, only)
        )
        given = build_page_custom_id(to)
        assert len(given.encode("utf-16-le")) // 2 <= 100
        match = PageButton.__discord_ui_compiled_template__.fullmatch(given)
        assert match is not None
        nothing: Any = None
        button = await PageButton.from_custom_id(nothing, nothing, match)
        assert button.page_request == to


def test_words_that_would_break_the_limit_are_cut() -> None:
    wanted = HistoryFilter("m" * 60, "🦊" * MAX_SEARCH_LENGTH)
    given = build_page_custom_id(PageRequest(PageDirection.OLDER, 1, wanted))
    assert len(given.encode("utf-16-le")) // 2 <= 100


@pytest.mark.parametrize("kind", [None, HistoryKind.EXTENDABLE])
async def test_a_search_looks_at_some_clips_and_the_next_page_goes_on(
    kind: HistoryKind | None,
) -> None:
    """However many clips a person has, no page takes longer than a thousand of them."""
    count = 3 * MAX_SEARCHED
    shelf = history(
        *(a_clip(id=each, prompt="the fox" if each == 7 else "") for each in range(count))
    )
    wanted = HistoryFilter(search_text="fox", kind=kind)
    first = await shelf.load_first_page(**WHO, history_filter=wanted)
    assert first.clips == ()
    assert first.older == PageRequest(PageDirection.OLDER, count - MAX_SEARCHED, wanted)
    assert await walk(shelf, first, "older") == [7]
    oldest = await shelf.load_page(PageRequest(PageDirection.NEWER, 0, wanted), **WHO)
    assert await walk(shelf, oldest, "newer") == [7]
    text = format_history(first, SimpleNamespace(get_display_name=str), None)
    assert text == translate("history.none_so_far", None)


async def test_an_old_clip_is_suggested_by_its_whole_number() -> None:
    shelf = history(*(a_clip(id=each) for each in range(1, 501)))
    assert [clip.id for clip in await shelf.suggest_clips(" #12 ", user_id=30, limit=25)] == [12]
    assert await shelf.suggest_clips("501", user_id=30, limit=25) == []
    assert await shelf.suggest_clips("9" * 30, user_id=30, limit=25) == []

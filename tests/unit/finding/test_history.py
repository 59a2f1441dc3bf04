"""Pages of a history: nothing twice, nothing left out, whatever comes and goes meanwhile."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import MOST_WORDS, Only, Page, Turn, Wanted, Way
from bot.services.clips.history import History
from bot.ui.components import PageButton, page_custom_id
from tests.unit.words.examples import NOW, a_clip


class Shelf:
    """Clips in memory, asked as the store is."""

    def __init__(self, clips: list[Clip]) -> None:
        self.clips = clips

    async def history(
        self,
        *,
        user_id: int,
        guild_id: int | None,
        before: int | None = None,
        after: int | None = None,
        showcased: bool = False,
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


def history(*clips: Clip) -> History:
    shelf: Any = Shelf(list(clips))
    clock: Any = SimpleNamespace(now=lambda: NOW)

    def extendable(clip: Clip, _now: datetime) -> bool:
        return clip.id % 7 == 0

    return History(clips=shelf, extendable=extendable, clock=clock)


ALL = [
    a_clip(id=each, prompt=f"Füchse {'Ärger' if each % 3 else 'ruhig'}") for each in range(1, 501)
]
WHO: dict[str, Any] = {"user_id": 30, "guild_id": 10}


async def walk(shelf: History, page: Page, way: str) -> list[int]:
    found = [clip.id for clip in page.clips]
    while (to := getattr(page, way)) is not None:
        page = await shelf.turn(to, **WHO)
        ids = [clip.id for clip in page.clips]
        found = found + ids if way == "older" else ids + found
    return found


@pytest.mark.parametrize(
    ("wanted", "fitting"),
    [
        (Wanted(), ALL),
        (Wanted(words="ärger"), [clip for clip in ALL if clip.id % 3]),
        (Wanted(only=Only.EXTENDABLE), [clip for clip in ALL if clip.id % 7 == 0]),
        (Wanted(model="FAST"), ALL),
        (Wanted(model="veo-2"), []),
        (
            Wanted(words="ärger", only=Only.EXTENDABLE),
            [c for c in ALL if c.id % 3 and c.id % 7 == 0],
        ),
    ],
)
async def test_older_pages_show_every_clip_once_and_newer_ones_lead_back(
    wanted: Wanted, fitting: list[Clip]
) -> None:
    shelf = history(*ALL)
    first = await shelf.first(**WHO, wanted=wanted)
    assert first.newer is None
    expected = [clip.id for clip in reversed(fitting)]
    assert await walk(shelf, first, "older") == expected
    if not fitting:
        return
    last = await shelf.turn(Turn(Way.OLDER, fitting[0].id + 1, wanted), **WHO)
    assert last.older is None
    assert await walk(shelf, last, "newer") == expected


async def test_a_page_whose_clips_are_gone_leads_back() -> None:
    shelf = history(*ALL[100:])
    page = await shelf.turn(Turn(Way.OLDER, 101), **WHO)
    assert page.clips == ()
    assert page.newer is not None
    back = await shelf.turn(page.newer, **WHO)
    assert back.clips[-1].id == 101
    assert len(back.clips) == 10


async def test_suggestions_go_by_number_or_by_words() -> None:
    shelf = history(*ALL)
    assert [c.id for c in await shelf.suggest("#49", user_id=30, most=25)] == [
        *range(499, 489, -1),
        49,
    ]
    assert [c.id for c in await shelf.suggest("RUHIG", user_id=30, most=2)] == [498, 495]


@pytest.mark.parametrize("only", [None, *Only])
@pytest.mark.parametrize("way", Way)
async def test_a_page_button_carries_the_whole_look_up(only: Only | None, way: Way) -> None:
    for words in (None, "a:b", "two\nlines", "狐" * MOST_WORDS, "🦊" * 15):
        to = Turn(way, 10**12 - 1, Wanted("veo-3.1-fast-generate-preview", words, only))
        given = page_custom_id(to)
        assert len(given.encode("utf-16-le")) // 2 <= 100
        match = PageButton.__discord_ui_compiled_template__.fullmatch(given)
        assert match is not None
        nothing: Any = None
        button = await PageButton.from_custom_id(nothing, nothing, match)
        assert button.to == to


def test_words_that_would_break_the_limit_are_cut() -> None:
    wanted = Wanted("m" * 60, "🦊" * MOST_WORDS)
    given = page_custom_id(Turn(Way.OLDER, 1, wanted))
    assert len(given.encode("utf-16-le")) // 2 <= 100

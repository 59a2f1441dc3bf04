"""Filmstrips: which parts of a lineage a clip contains, and how its branches are drawn."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs.request import GenerationMode
from bot.domain.showcase.filmstrip import (
    MAX_PARTS,
    Filmstrip,
    LineageLink,
    build_filmstrip,
)
from bot.domain.showcase.gallery import GalleryEntry
from tests.unit.words.examples import a_clip

EXTENSION, EDIT, TEXT = GenerationMode.EXTENSION, GenerationMode.EDIT, GenerationMode.TEXT
Lineage = Mapping[int, tuple[int | None, GenerationMode, int]]
"""Parent, mode and whole length in seconds of each clip by its number."""


def an_entry(number: int, lineage: Lineage) -> GalleryEntry:
    parent, mode, seconds = lineage[number]
    return GalleryEntry(
        clip=a_clip(id=number, parent_clip_id=parent, mode=mode, seconds=seconds),
        guild_id=1,
        guild_name="Kites",
        creator_name="Ada",
        prompt="A kite",
        votes=0,
        showcased_at=datetime(2026, 1, 2, tzinfo=UTC),
        message_id=None,
        channel_id=None,
        hidden=False,
        locked=False,
    )


def build(lineage: Lineage, shown: int, private: frozenset[int] = frozenset()) -> Filmstrip:
    return build_filmstrip(
        [an_entry(number, lineage) for number in lineage if number not in private],
        [LineageLink(number, parent, mode) for number, (parent, mode, _) in lineage.items()],
        shown,
    )


def list_spans(filmstrip: Filmstrip) -> list[tuple[int, int, int, bool]]:
    return [
        (part.entry.clip.id, part.start_s, part.end_s, part.is_contained)
        for part in filmstrip.list_parts()
    ]


def name_shape(filmstrip: Filmstrip) -> object:
    """Return the numbers of the parts, with the branches as lists behind them."""
    own = [part.entry.clip.id for part in filmstrip.parts]
    return [*own, *([name_shape(each) for each in filmstrip.branches])]


CHAIN: Lineage = {
    1: (None, TEXT, 8),
    2: (1, EXTENSION, 15),
    3: (2, EXTENSION, 22),
}


def test_extensions_contain_what_they_continue() -> None:
    assert list_spans(build(CHAIN, 3)) == [
        (1, 0, 8, True),
        (2, 8, 15, True),
        (3, 15, 22, True),
    ]
    # seen from the first clip the others come later
    assert list_spans(build(CHAIN, 1)) == [
        (1, 0, 8, True),
        (2, 8, 15, False),
        (3, 15, 22, False),
    ]


def test_an_edit_contains_nothing_of_before() -> None:
    lineage = {**CHAIN, 4: (3, EDIT, 22), 5: (4, EXTENSION, 29)}
    assert list_spans(build(lineage, 5)) == [
        (1, 0, 8, False),
        (2, 8, 15, False),
        (3, 15, 22, False),
        (4, 0, 22, True),
        (5, 22, 29, True),
    ]


def test_branches_stay_apart_and_the_way_to_the_clip_is_first() -> None:
    lineage = {**CHAIN, 4: (1, EDIT, 8), 5: (2, EXTENSION, 22), 6: (5, EDIT, 22)}
    assert name_shape(build(lineage, 3)) == [1, [2, [3], [5, 6]], [4]]
    assert name_shape(build(lineage, 6)) == [1, [2, [5, 6], [3]], [4]]
    assert name_shape(build(lineage, 4)) == [1, [4], [2, [3], [5, 6]]]


def test_what_is_private_is_passed_over() -> None:
    """A private extension is still in the clip, after a private edit nothing else is."""
    assert list_spans(build(CHAIN, 3, frozenset({2}))) == [(1, 0, 8, True), (3, 8, 22, True)]
    edited = {**CHAIN, 2: (1, EDIT, 8)}
    assert list_spans(build(edited, 3, frozenset({2}))) == [(1, 0, 8, False), (3, 0, 22, True)]


def test_clips_that_share_only_something_private_do_not_meet() -> None:
    lineage = {1: (None, TEXT, 8), 2: (1, EXTENSION, 15), 3: (1, EXTENSION, 15)}
    assert name_shape(build(lineage, 2, frozenset({1}))) == [2]


def test_an_extension_that_is_not_longer_is_shown_whole() -> None:
    assert list_spans(build({1: (None, TEXT, 8), 2: (1, EXTENSION, 8)}, 2)) == [
        (1, 0, 8, True),
        (2, 0, 8, True),
    ]


def test_of_a_large_lineage_the_nearest_are_shown() -> None:
    wide: dict[int, tuple[int | None, GenerationMode, int]] = {1: (None, TEXT, 8)}
    wide |= dict.fromkeys(range(2, 100), (1, EDIT, 8))
    shown = build(wide, 70)
    assert len(shown.list_parts()) == MAX_PARTS
    assert shown.branches[0].parts[0].entry.clip.id == 70
    long: dict[int, tuple[int | None, GenerationMode, int]] = {1: (None, TEXT, 8)}
    long |= {each: (each - 1, EXTENSION, each * 8) for each in range(2, 40)}
    parts = build(long, 39).list_parts()
    assert [part.entry.clip.id for part in parts] == [1, *range(41 - MAX_PARTS, 40)]
    assert [part.start_s for part in parts[1:]] == [part.end_s for part in parts[:-1]]


@st.composite
def draw_lineages(draw: st.DrawFn) -> tuple[Lineage, int, frozenset[int]]:
    lineage: dict[int, tuple[int | None, GenerationMode, int]] = {1: (None, TEXT, 8)}
    for number in range(2, draw(st.integers(2, 12)) + 1):
        parent = draw(st.integers(1, number - 1))
        mode = draw(st.sampled_from((EXTENSION, EDIT)))
        added = draw(st.integers(3, 10)) if mode is EXTENSION else 0
        lineage[number] = (parent, mode, lineage[parent][2] + added)
    private = draw(st.frozensets(st.sampled_from(sorted(lineage))))
    shown = draw(st.sampled_from(sorted(lineage)))
    return lineage, shown, private - {shown}


@given(draw_lineages())
def test_contained_parts_fill_the_clip_without_gaps(
    drawn: tuple[Lineage, int, frozenset[int]],
) -> None:
    lineage, shown, private = drawn
    parts = build(lineage, shown, private).list_parts()
    numbers = [part.entry.clip.id for part in parts]
    assert len(set(numbers)) == len(numbers)
    assert not private & set(numbers)
    contained = [part for part in parts if part.is_contained]
    assert contained[0].start_s == 0
    assert contained[-1].entry.clip.id == shown
    for earlier, later in pairwise(contained):
        assert earlier.end_s == later.start_s

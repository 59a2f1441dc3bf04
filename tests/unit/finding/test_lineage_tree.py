"""The lineage lists each clip once, below its parent, and fits in one message."""

import random

import pytest

from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import HistoryPage
from bot.domain.clips.lineage import build_lineage, elide_rows, find_root_id
from bot.domain.jobs.request import GenerationMode
from bot.ui.lineage import format_lineage
from bot.ui.text_lists import format_history
from tests.harness.texts import quote_text
from tests.unit.cards.test_cards import Titles
from tests.unit.words.examples import a_clip


def a_tree(parents: dict[int, int | None], **changes: object) -> list[Clip]:
    return [
        a_clip(
            id=each,
            parent_clip_id=parent,
            root_clip_id=None if parent is None else 1,
            message_id=1000 + each,
            **changes,
        )
        for each, parent in parents.items()
    ]


BRANCHED = a_tree({1: None, 2: 1, 3: 2, 4: 1, 5: 4})


def test_each_stands_below_what_it_continues_and_only_branches_indent() -> None:
    assert [(row.clip.id, row.depth) for row in build_lineage(BRANCHED, 3)] == [
        (1, 0),
        (2, 1),
        (3, 1),
        (4, 1),
        (5, 1),
    ]


def test_path_to_clip_ranks_highest() -> None:
    ranks = {
        row.clip.id: row.rank
        for row in build_lineage(a_tree({1: None, 2: 1, 3: 2, 4: 2, 5: 3, 6: 1}), 3)
    }
    assert ranks == {1: 0, 2: 1, 3: 0, 5: 2, 4: 3, 6: 4}


def test_a_clip_whose_source_is_deleted_is_marked() -> None:
    found = build_lineage(a_tree({1: None, 3: 2, 4: 3}), 4)
    assert [(row.clip.id, row.is_orphan) for row in found] == [(1, False), (3, True), (4, False)]
    text = format_lineage(found, found[2].clip, "en-US")
    assert quote_text("chain.orphan", parent="#2") in text


def test_the_root_of_a_first_clip_is_itself() -> None:
    assert find_root_id(BRANCHED[0]) == 1
    assert find_root_id(BRANCHED[4]) == 1


def test_the_message_marks_the_clip_and_links_every_other() -> None:
    said = format_lineage(build_lineage(BRANCHED, 3), BRANCHED[2], "en-US").splitlines()
    assert said[0] == quote_text("chain.title", clip="#3")
    assert said[1].startswith("● [#1](https://discord.com/channels/10/20/1001) · 8 s · <@30>: ")
    assert said[3].startswith("\u2003⤷ **▶ [#3](")
    # 4 does not follow what it continues
    assert quote_text("chain.from", parent="#1") in said[4]
    assert quote_text("chain.from") not in said[2] + said[3] + said[5]


def test_extensions_and_edits_are_different_edges() -> None:
    """They differ in words too, because screen readers skip the symbols."""
    clips = [
        *a_tree({1: None}),
        *a_tree({2: 1}, mode=GenerationMode.EXTENSION, seconds=15, extension_depth=1),
        *a_tree({3: 2, 6: 5}, mode=GenerationMode.EDIT, seconds=15, extension_depth=1),
        *a_tree({7: 4}, mode=GenerationMode.EXTENSION, seconds=18, extension_depth=2),
    ]
    rows = build_lineage(clips, 3)
    assert [row.added_seconds for row in rows] == [None, 7, None, None, None]
    said = format_lineage(rows, clips[2], "en-US").splitlines()[1:]
    assert said[1].startswith("⤷ [#2](")
    assert f") · {quote_text('chain.extended_by', added='7 s')} · 15 s · <@30>" in said[1]
    assert said[2].startswith("✎ **▶ [#3](")
    edited, extended = quote_text("chain.edited"), quote_text("chain.extended")
    assert f"** · {edited} · 15 s · <@30>" in said[2]
    orphans = [quote_text("chain.orphan", parent=parent) for parent in ("#5", "#4")]
    assert f") · {edited} · 15 s · <@30> · {orphans[0]}" in said[3]
    assert f") · {extended} · 18 s · <@30> · {orphans[1]}" in said[4]


def test_the_history_says_what_a_clip_was_made_from() -> None:
    clips = [
        *a_tree({3: 2}, mode=GenerationMode.EDIT),
        *a_tree({2: 1}, mode=GenerationMode.EXTENSION),
        *a_tree({1: None}),
    ]
    said = format_history(HistoryPage(tuple(clips)), Titles(), "en-US").splitlines()[1:]
    assert f"✎ {quote_text('card.edit', parent='#2')}" in said[0]
    assert f"⤷ {quote_text('card.extension', parent='#1')}" in said[1]
    origins = (quote_text("card.edit"), quote_text("card.extension"))
    assert not any(word in said[2] for word in (*origins, "✎", "⤷", "●"))


def test_single_clip_lineage_and_missing_link() -> None:
    clip = a_clip(id=7, message_id=None)
    said = format_lineage(build_lineage([clip], 7), clip, "en-US")
    assert quote_text("chain.alone") in said
    assert "](http" not in said


@pytest.mark.parametrize("seed", range(6))
def test_a_large_tree_is_cut_to_a_message_and_keeps_the_way_to_the_clip(seed: int) -> None:
    chance = random.Random(seed)
    size = chance.choice([40, 300, 1000])
    parents: dict[int, int | None] = {1: None}
    parents |= {each: chance.randrange(max(1, each - 30), each) for each in range(2, size)}
    clips = a_tree(parents, prompt="a fox @everyone " * 20)
    asked = chance.choice(clips)
    found = build_lineage(clips, asked.id)
    assert sorted(row.clip.id for row in found) == sorted(parents)
    said = format_lineage(found, asked, "en-US")
    assert len(said) <= 3800
    assert f"▶ [#{asked.id}]" in said
    assert "@everyone" not in said
    shown = sum(line.strip("\u2003").startswith(("●", "⤷")) for line in said.splitlines())
    assert quote_text("chain.more", count=size - 1 - shown) in said


def test_a_chain_of_twenty_hops_is_whole() -> None:
    clips = a_tree({1: None} | {each: each - 1 for each in range(2, 22)}, prompt="it jumps")
    said = format_lineage(build_lineage(clips, 21), clips[-1], "en-US")
    assert said.count("⤷") == 20
    assert "\u2003" not in said


def test_shortening_keeps_the_order() -> None:
    found = build_lineage(BRANCHED, 5)
    assert [row.clip.id for row in elide_rows(found, 3)] == [1, 4, 5]

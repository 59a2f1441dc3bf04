"""The diagram in docs/architecture.md is the one that the code follows."""

import re
from pathlib import Path

from bot.domain.jobs.job import ENDED, TRANSITIONS, JobState


def test_the_diagram_shows_every_transition_and_no_other(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    drawn = re.findall(r"^    (\w+) --> (\w+)", text, re.MULTILINE)
    assert len(drawn) == len(set(drawn))
    allowed = {(old.value, new.value) for old, states in TRANSITIONS.items() for new in states}
    assert set(drawn) == allowed


def test_the_ends_are_drawn_as_ends(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    assert set(re.findall(r"^    (\w+) --> \[\*\]", text, re.MULTILINE)) == {
        state.value for state in ENDED - {JobState.UNKNOWN}
    }

"""The state diagram in docs/architecture.md matches the code."""

import re
from pathlib import Path

from bot.domain.jobs.job import ALLOWED_TRANSITIONS, ENDED_STATES, JobState


def test_the_diagram_shows_every_transition_and_no_other(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    drawn = re.findall(r"^    (\w+) --> (\w+)", text, re.MULTILINE)
    assert len(drawn) == len(set(drawn))
    allowed = {
        (old.value, new.value) for old, states in ALLOWED_TRANSITIONS.items() for new in states
    }
    assert set(drawn) == allowed


def test_final_states_are_drawn_as_final(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    assert set(re.findall(r"^    (\w+) --> \[\*\]", text, re.MULTILINE)) == {
        state.value for state in ENDED_STATES - {JobState.UNKNOWN}
    }

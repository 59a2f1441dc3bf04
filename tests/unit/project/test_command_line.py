"""The help of `clapper` and its subcommands follows one form."""

import re

import pytest

from bot.cli.main import SUBCOMMANDS
from tests.unit.project.reference_pages import read_help


@pytest.fixture(scope="module")
def help_texts() -> dict[str, str]:
    """What each command's `--help` prints; that of `clapper` alone is under an empty name."""
    return {name: read_help(name) for name in ("", *SUBCOMMANDS)}


def test_help_fits_a_terminal(help_texts: dict[str, str]) -> None:
    long = {
        name: [line for line in text.splitlines() if len(line) >= 80]
        for name, text in help_texts.items()
    }
    assert not {name: lines for name, lines in long.items() if lines}


def test_help_begins_with_the_summary_and_ends_with_the_exit_status(
    help_texts: dict[str, str],
) -> None:
    for name, summary in SUBCOMMANDS.items():
        usage, first, *_, example, status = re.split(r"\n\n+", help_texts[name].strip())
        assert usage.startswith(f"usage: clapper {name} [-h]")
        assert first == f"{summary[0].upper()}{summary[1:]}."
        title, *examples = example.splitlines()
        assert title == ("Example:" if len(examples) == 1 else "Examples:")
        assert all(re.match(rf"  (\w+=\S+ )?clapper {name}\b", line) for line in examples)
        title, *meanings = status.splitlines()
        assert title == "Exit status:"
        assert [line[:5] for line in meanings][:2] in (["  0  ", "  1  "], ["  0  ", "  2  "])


def test_general_help_lists_every_command(help_texts: dict[str, str]) -> None:
    listed = dict(re.findall(r"^  ([a-z-]+)  +(.+)$", help_texts[""], re.MULTILINE))
    assert SUBCOMMANDS.items() <= listed.items()

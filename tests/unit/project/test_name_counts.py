"""Names and sizes do not get worse; `python -m tests.unit.project.name_counts -v` prints them."""

from pathlib import Path

import pytest

from tests.unit.project.name_counts import TOP_LEVEL_FILES, NameCounts, count_names, count_words


@pytest.fixture(scope="module")
def counts(root: Path) -> NameCounts:
    return count_names(root)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Worker", 1),
        ("_Worker", 1),
        ("JobTask", 2),
        ("HTTPServer", 2),
        ("PyAvMediaProbe", 4),
        ("run", 1),
        ("_run_once", 2),
        ("url", 1),
    ],
)
def test_words_of_a_name(name: str, words: int) -> None:
    assert count_words(name) == words


def test_few_classes_have_one_word(counts: NameCounts) -> None:
    assert len(counts.one_word_classes) <= 0.35 * len(counts.class_names), counts.one_word_classes


def test_few_functions_have_one_word(counts: NameCounts) -> None:
    assert len(counts.one_word_functions) <= 0.5 * len(counts.function_names)


def test_no_class_name_is_defined_twice(counts: NameCounts) -> None:
    assert counts.repeated_classes == []


def test_bot_itself_holds_three_files(counts: NameCounts) -> None:
    assert counts.files_at_the_top == TOP_LEVEL_FILES


def test_no_module_is_too_long(counts: NameCounts) -> None:
    assert counts.longest_module[1] <= 500, counts.longest_module


def test_the_program_does_not_grow_unnoticed(counts: NameCounts) -> None:
    """Raise the limit on purpose, with a feature, not by accident."""
    assert counts.total_lines < 78_000

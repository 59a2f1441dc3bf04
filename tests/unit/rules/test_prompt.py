"""The token estimate is never too low, and close enough to accept ordinary prompts."""

import pytest

from bot.domain.jobs.prompt import count_tokens

PARAGRAPH = (
    "Track the butterfly into the garden as it lands on an orange origami flower. A fluffy white "
    "puppy runs up and gently pats the flower."
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("fox", 1),
        ("a fox", 2),
        ("a  fox", 3),
        ("a\nfox", 3),
        ("fox, wolf.", 4),
        ("2026", 4),
        ("cinematography", 3),
        ("antidisestablishmentarianism", 6),
        ("折纸蝴蝶", 4),
        ("かわいい", 4),
        ("лиса", 2),
        ("🦊", 3),
        ("👩‍👩‍👧", 11),
    ],
)
def test_count(text: str, count: int) -> None:
    assert count_tokens(text) == count


def test_english_is_counted_near_what_is_usual() -> None:
    """About 1.3 tokens a word; the estimate is slightly above the real count."""
    words = len(PARAGRAPH.split())
    assert words <= count_tokens(PARAGRAPH) <= 1.4 * words


def test_a_prompt_in_parts_is_not_cheaper() -> None:
    assert count_tokens(PARAGRAPH) <= count_tokens(PARAGRAPH[:50]) + count_tokens(PARAGRAPH[50:])


def test_counting_a_very_long_text_is_quick() -> None:
    assert count_tokens("x" * 100_000) > 1024

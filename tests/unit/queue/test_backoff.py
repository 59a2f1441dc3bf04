"""The delays between retries."""

import pytest

from bot.domain.backoff import Backoff


def test_delays_double_up_to_the_maximum() -> None:
    backoff = Backoff(initial=2.0, maximum=10.0)
    delays = [backoff.next_delay() for _ in range(40)]
    for delay, expected in zip(delays, [2.0, 4.0, 8.0] + [10.0] * 37, strict=True):
        assert 0.75 * expected <= delay <= 1.25 * expected
    assert len(set(delays[3:])) > 1, "without jitter, jobs that failed together retry together"
    assert backoff.attempts == 40
    backoff.reset()
    assert backoff.next_delay() <= 2.5


@pytest.mark.parametrize(("retry_after", "minimum"), [(30.0, 30.0), (0.1, 0.75)])
def test_requested_delay_is_a_minimum(retry_after: float, minimum: float) -> None:
    assert minimum <= Backoff(initial=1.0).next_delay(retry_after) <= max(retry_after, 1.25) + 0.5

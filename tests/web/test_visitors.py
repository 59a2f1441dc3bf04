"""Who asks, and how much they may."""

from ipaddress import ip_address, ip_network

import pytest

from bot.web.rate_limit import Allowance, visitor

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # anybody can write a header
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        (
            "10.0.0.1",
            ["1.1.1.1, 198.51.100.1"],
            "198.51.100.1",
        ),  # 1.1.1.1 is what the visitor wrote
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::5]"], "2001:db8::5"),
        (None, ["198.51.100.1"], "0.0.0.0"),
    ],
)
def test_the_visitors_address(peer: str | None, forwarded: list[str], found: str) -> None:
    assert visitor(peer, forwarded, PROXIES) == ip_address(found)


def test_an_endless_header_ends() -> None:
    assert visitor("10.0.0.1", [", ".join(["10.0.0.9"] * 100_000)], PROXIES) == ip_address(
        "10.0.0.9"
    )


def test_an_allowance_empties_and_fills() -> None:
    now = 0.0
    allowance = Allowance(per_minute=60, burst=3, monotonic=lambda: now)
    someone, other = ip_address("203.0.113.9"), ip_address("203.0.113.10")
    assert [allowance.wait_s(someone, 1) for _ in range(4)] == [0, 0, 0, 1]
    assert allowance.wait_s(other, 1) == 0
    now = 1.0
    assert allowance.wait_s(someone, 1) == 0
    assert allowance.wait_s(someone, 1) == 1
    now = 1000.0
    assert [allowance.wait_s(someone, 1) for _ in range(4)] == [0, 0, 0, 1]


def test_a_household_shares_its_allowance() -> None:
    allowance = Allowance(per_minute=60, burst=1, monotonic=lambda: 0.0)
    assert allowance.wait_s(ip_address("2001:db8:1:2::1"), 1) == 0
    assert allowance.wait_s(ip_address("2001:db8:1:2:ffff::9"), 1) > 0
    assert allowance.wait_s(ip_address("2001:db8:1:3::1"), 1) == 0


def test_memory_is_bounded() -> None:
    allowance = Allowance(per_minute=60, burst=1, monotonic=lambda: 0.0)
    for number in range(30_000):
        allowance.wait_s(ip_address(number), 1)
    assert len(allowance._buckets) == 20_000

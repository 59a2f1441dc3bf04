"""Who asks, and how much they may."""

from ipaddress import ip_address, ip_network

import pytest

from bot.web.rate_limit import TokenBucket, resolve_client_ip

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
    assert resolve_client_ip(peer, forwarded, PROXIES) == ip_address(found)


def test_long_forwarded_header_is_cut() -> None:
    assert resolve_client_ip(
        "10.0.0.1", [", ".join(["10.0.0.9"] * 100_000)], PROXIES
    ) == ip_address("10.0.0.9")


def test_token_bucket_drains_and_refills() -> None:
    now = 0.0
    allowance = TokenBucket(per_minute=60, burst=3, monotonic=lambda: now)
    someone, other = ip_address("203.0.113.9"), ip_address("203.0.113.10")
    assert [allowance.take_tokens(someone, 1) for _ in range(4)] == [0, 0, 0, 1]
    assert allowance.take_tokens(other, 1) == 0
    now = 1.0
    assert allowance.take_tokens(someone, 1) == 0
    assert allowance.take_tokens(someone, 1) == 1
    now = 1000.0
    assert [allowance.take_tokens(someone, 1) for _ in range(4)] == [0, 0, 0, 1]


def test_ipv6_network_shares_token_bucket() -> None:
    allowance = TokenBucket(per_minute=60, burst=1, monotonic=lambda: 0.0)
    assert allowance.take_tokens(ip_address("2001:db8:1:2::1"), 1) == 0
    assert allowance.take_tokens(ip_address("2001:db8:1:2:ffff::9"), 1) > 0
    assert allowance.take_tokens(ip_address("2001:db8:1:3::1"), 1) == 0


def test_token_bucket_memory_is_bounded() -> None:
    allowance = TokenBucket(per_minute=60, burst=1, monotonic=lambda: 0.0)
    for number in range(30_000):
        allowance.take_tokens(ip_address(number), 1)
    assert len(allowance._buckets) == 20_000

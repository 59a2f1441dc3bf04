"""The client's address behind proxies, and rate limits."""

from ipaddress import ip_address, ip_network
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bot.web import operations, security
from bot.web.rate_limit import TokenBucket, resolve_client_ip

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
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
def test_client_address(peer: str | None, forwarded: list[str], expected: str) -> None:
    assert resolve_client_ip(peer, forwarded, PROXIES) == ip_address(expected)


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("10.0.0.1", None, 200),
        ("203.0.113.9", None, 404),
        ("::ffff:10.0.0.1", None, 200),
        # an allowed address, but of a proxy that is not trusted to name its client
        ("10.0.0.1", "10.0.0.2", 404),
        ("::ffff:10.0.0.1", "10.0.0.2", 404),
        # a trusted proxy
        ("127.0.0.1", "10.0.0.2", 200),
        ("127.0.0.1", "203.0.113.9", 404),
    ],
)
async def test_readiness_is_for_allowed_networks(
    peer: str, forwarded: str | None, status: int
) -> None:
    app = web.Application()
    app[operations.READINESS_CHECKS] = {}
    app[operations.METRICS_ALLOWED_NETWORKS] = (ip_network("10.0.0.0/8"),)
    app[security.TRUSTED_PROXIES] = (ip_network("127.0.0.0/8"),)
    transport = Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (
        (peer, 1234) if name == "peername" else default
    )
    headers = {"Host": "127.0.0.1:8080"}
    if forwarded is not None:
        headers["X-Forwarded-For"] = forwarded
    request = make_mocked_request("GET", "/readyz", headers, app=app, transport=transport)
    try:
        answered = (await operations.report_readiness(request)).status
    except web.HTTPNotFound as error:
        answered = error.status
    assert answered == status


def test_long_forwarded_header_is_cut() -> None:
    assert resolve_client_ip(
        "10.0.0.1", [", ".join(["10.0.0.9"] * 100_000)], PROXIES
    ) == ip_address("10.0.0.9")


def test_token_bucket_drains_and_refills() -> None:
    now = 0.0
    bucket = TokenBucket(per_minute=60, burst=3, monotonic=lambda: now)
    client, other = ip_address("203.0.113.9"), ip_address("203.0.113.10")
    assert [bucket.take_tokens(client, 1) for _ in range(4)] == [0, 0, 0, 1]
    assert bucket.take_tokens(other, 1) == 0
    now = 1.0
    assert bucket.take_tokens(client, 1) == 0
    assert bucket.take_tokens(client, 1) == 1
    now = 1000.0
    assert [bucket.take_tokens(client, 1) for _ in range(4)] == [0, 0, 0, 1]


def test_ipv6_network_shares_token_bucket() -> None:
    bucket = TokenBucket(per_minute=60, burst=1, monotonic=lambda: 0.0)
    assert bucket.take_tokens(ip_address("2001:db8:1:2::1"), 1) == 0
    assert bucket.take_tokens(ip_address("2001:db8:1:2:ffff::9"), 1) > 0
    assert bucket.take_tokens(ip_address("2001:db8:1:3::1"), 1) == 0


def test_token_bucket_memory_is_bounded() -> None:
    bucket = TokenBucket(per_minute=60, burst=1, monotonic=lambda: 0.0)
    for number in range(30_000):
        bucket.take_tokens(ip_address(number), 1)
    assert len(bucket._buckets) == 20_000

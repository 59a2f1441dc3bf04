"""The client's address behind proxies, and rate limits."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import HttpVersion, HttpVersion10, HttpVersion11, web
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from bot.web import operations, security
from bot.web.operations import VISITOR_HEADER, VisitorSource
from bot.web.rate_limit import TokenBucket, resolve_client_ip
from bot.web.site import SITE
from tests.web.conftest import client
from tests.web.local_site import serve_locally

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("trusted", "forwarded", "source"),
    [
        ((), None, VisitorSource.DIRECT),
        (("127.0.0.1/32",), "198.51.100.1", VisitorSource.PROXY),
        (("127.0.0.1/32",), None, VisitorSource.SILENT_PROXY),
        ((), "198.51.100.1", VisitorSource.UNTRUSTED_PROXY),
    ],
)
async def test_the_health_check_tells_how_visitors_are_told_apart(
    tmp_path: Path, trusted: tuple[str, ...], forwarded: str | None, source: VisitorSource
) -> None:
    """It names no address, so that everybody may read it."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    async with (
        serve_locally(tmp_path, trusted_proxies=trusted) as site,
        client(str(site.url)) as http,
        http.get("/healthz", headers=headers) as answer,
    ):
        assert answer.headers[VISITOR_HEADER] == source
        assert await answer.text() == "ok\n"


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
        pytest.param("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5", id="web-W28-port"),
        pytest.param("10.0.0.1", ["[2001:db8::5]:4711"], "2001:db8::5", id="web-W28-ipv6-port"),
        pytest.param("10.0.0.1", ['"[2001:db8::5]:1"'], "2001:db8::5", id="web-W28-quoted"),
        pytest.param("10.0.0.1", ["2001:db8::5"], "2001:db8::5", id="web-W28-ipv6"),
        pytest.param("10.0.0.1", ["203.0.113.5:4711, 10.0.0.2:80"], "203.0.113.5", id="web-W28-2"),
        pytest.param("10.0.0.1", ["fe80::1%eth0"], "fe80::1", id="web-W28-zone"),
        pytest.param("10.0.0.1", ["203.0.113.5, unknown"], "10.0.0.1", id="web-W28-unknown"),
        (None, ["198.51.100.1"], "0.0.0.0"),
    ],
)
def test_client_address(peer: str | None, forwarded: list[str], expected: str) -> None:
    assert resolve_client_ip(peer, forwarded, PROXIES) == ip_address(expected)


LOCAL = "127.0.0.1:8080"
ADMIN = "10.9.9.9"
"""In a network that may read the metrics, and no proxy's."""


@pytest.mark.parametrize(
    ("peer", "host", "headers", "status"),
    [
        (ADMIN, LOCAL, {}, 200),
        ("::ffff:10.9.9.9", "[::1]:8080", {}, 200),
        (ADMIN, "clapper:8080", {}, 200),
        (ADMIN, "clapper.monitoring.svc.cluster.local", {}, 200),
        ("203.0.113.9", LOCAL, {}, 404),
        # an allowed address, but of a proxy that is not trusted to name its client
        (ADMIN, LOCAL, {"X-Forwarded-For": "10.0.0.2"}, 404),
        ("::ffff:10.9.9.9", LOCAL, {"X-Forwarded-For": "10.0.0.2"}, 404),
        # or that does not even name it
        (ADMIN, LOCAL, {"Forwarded": "for=10.0.0.2"}, 404),
        (ADMIN, LOCAL, {"Via": "1.1 proxy"}, 404),
        (ADMIN, LOCAL, {"X-Real-IP": "10.0.0.2"}, 404),
        (ADMIN, LOCAL, {"x-forwarded-proto": "https"}, 404),
        (ADMIN, LOCAL, {"X-Forwarded-Host": "clips.example"}, 404),
        (ADMIN, LOCAL, {"CF-Connecting-IP": "10.0.0.2"}, 404),
        (ADMIN, LOCAL, {"True-Client-IP": "10.0.0.2"}, 404),
        (ADMIN, LOCAL, {"CDN-Loop": "cloudflare"}, 404),
        # a trusted proxy
        ("127.0.0.1", LOCAL, {"X-Forwarded-For": "10.9.9.9"}, 200),
        ("127.0.0.1", "clips.example", {"X-Forwarded-For": "10.9.9.9"}, 200),
        ("127.0.0.1", LOCAL, {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("127.0.0.1", LOCAL, {"X-Real-IP": "10.9.9.9"}, 404),
        # a host name that a stranger pointed here
        (ADMIN, "evil.example:8080", {}, 404),
        (ADMIN, "clips.example", {}, 404),
        (ADMIN, "127.0.0.1.evil.example", {}, 404),
        (ADMIN, "", {}, 404),
        ("127.0.0.1", "evil.example", {"X-Forwarded-For": "10.9.9.9"}, 404),
    ],
)
async def test_readiness_and_metrics_are_for_allowed_networks(
    peer: str, host: str, headers: dict[str, str], status: int
) -> None:
    """Not through an untrusted proxy or under another host name. [web-W04]"""
    assert await ask_readiness(peer, {"Host": host, **headers}) == status


async def test_what_nginx_sends_by_default_is_no_direct_request() -> None:
    """A bare `proxy_pass` adds no header, but speaks HTTP/1.0. [web-W04]"""
    assert await ask_readiness(ADMIN, {"Host": LOCAL}, version=HttpVersion10) == 404


async def ask_readiness(
    peer: str, headers: dict[str, str], version: HttpVersion = HttpVersion11
) -> int:
    site: Any = Mock(base_url=URL("https://clips.example"))
    app = web.Application()
    app[SITE] = site
    app[operations.READINESS_CHECKS] = {}
    app[operations.METRICS_ALLOWED_NETWORKS] = (ip_network("10.0.0.0/8"),)
    app[security.TRUSTED_PROXIES] = (ip_network("127.0.0.0/8"),)
    transport = Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (
        (peer, 1234) if name == "peername" else default
    )
    request = make_mocked_request(
        "GET", "/readyz", headers=headers, version=version, app=app, transport=transport
    )
    try:
        return (await operations.report_readiness(request)).status
    except web.HTTPNotFound as error:
        return error.status


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

"""Who asks, and how much: the client's address behind proxies that were named, and rate limits.

A header that anybody can write is believed only where a proxy of ours wrote it; otherwise every
visitor could pick a new address for each request and no limit would hold.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

UNKNOWN_ADDRESS: Final = IPv4Address("0.0.0.0")  # noqa: S104 - nobody listens on it: it stands for nobody
_MAX_BUCKETS: Final = 20_000
_MAX_PROXY_HOPS: Final = 32


def is_in_networks(address: Address, networks: Iterable[Network]) -> bool:
    """Return whether ``address`` lies in one of ``networks``."""
    return any(address.version == each.version and address in each for each in networks)


def resolve_client_ip(
    peer: str | None, forwarded: Sequence[str], trusted_proxies: Sequence[Network]
) -> Address:
    """Return the address of whoever asks.

    ``peer`` is the other end of the connection, ``forwarded`` the values of every
    ``X-Forwarded-For`` header in order. Read from the right, only what a trusted proxy has written
    counts: the first address that is not such a proxy's is the visitor's.
    """
    address = _parse_address(peer) or UNKNOWN_ADDRESS
    if not is_in_networks(address, trusted_proxies):
        return address
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops[-_MAX_PROXY_HOPS:]):
        found = _parse_address(hop)
        if found is None:
            return address
        address = found
        if not is_in_networks(address, trusted_proxies):
            return address
    return address


def _parse_address(text: str | None) -> Address | None:
    try:
        found = ip_address((text or "").strip("[]"))
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


class TokenBucket:
    """A bucket a visitor that fills steadily; whoever empties theirs waits.

    ``per_minute`` units flow in each minute, ``burst`` fit in. One household's IPv6 addresses (a
    /64) share a bucket. Only the latest visitors are remembered: memory stays bounded.
    """

    def __init__(self, *, per_minute: float, burst: float, monotonic: Callable[[], float]) -> None:
        self._per_second = per_minute / 60.0
        self._burst = burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take_tokens(self, address: Address, cost: float) -> float:
        """Take ``cost`` units; return 0, or the seconds until there are enough of them again."""
        key = _derive_bucket_key(address)
        now = self._monotonic()
        level, at = self._buckets.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._per_second)
        enough = level >= cost
        self._buckets[key] = (level - cost if enough else level, now)
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return 0.0 if enough else (cost - level) / self._per_second


def _derive_bucket_key(address: Address) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address)

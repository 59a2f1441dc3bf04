"""Rate limits by client address, also behind trusted proxies.

`X-Forwarded-For` only counts if a trusted proxy wrote it. Otherwise clients could bypass every
limit by claiming a new address in each request.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

UNKNOWN_ADDRESS: Final = IPv4Address("0.0.0.0")  # noqa: S104 - not listened on
_MAX_BUCKETS: Final = 20_000
_MAX_PROXY_HOPS: Final = 32


def is_in_networks(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def resolve_client_ip(
    peer: str | None, forwarded: Sequence[str], trusted_proxies: Sequence[Network]
) -> Address:
    """Return the client's address.

    ``peer`` is the other end of the connection, and ``forwarded`` has the values of all
    ``X-Forwarded-For`` headers in order. Read from the right, the first address that is not a
    trusted proxy's is the client's.
    """
    address = _parse_address(peer) or UNKNOWN_ADDRESS
    if not is_in_networks(address, trusted_proxies):
        return address
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops[-_MAX_PROXY_HOPS:]):
        previous = _parse_address(hop)
        if previous is None:
            return address
        address = previous
        if not is_in_networks(address, trusted_proxies):
            return address
    return address


def _parse_address(text: str | None) -> Address | None:
    """Return an address, with or without a port. Some proxies add one."""
    text = (text or "").strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])  # a zone only has a meaning on its own host
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class TokenBucket:
    """A token bucket for each client.

    It gains ``per_minute`` tokens a minute, up to ``burst``. IPv6 addresses of one /64 share a
    bucket, because that is what a household gets. To limit memory, only the latest clients are
    remembered.
    """

    def __init__(self, *, per_minute: float, burst: float, monotonic: Callable[[], float]) -> None:
        self._per_second = per_minute / 60.0
        self._burst = burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take_tokens(self, address: Address, cost: float) -> float:
        """Take ``cost`` tokens and return 0, or return the seconds until there are enough."""
        key = derive_visitor_key(address)
        now = self._monotonic()
        level, updated_at = self._buckets.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - updated_at) * self._per_second)
        is_enough = level >= cost
        self._buckets[key] = (level - cost if is_enough else level, now)
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return 0.0 if is_enough else (cost - level) / self._per_second


def derive_visitor_key(address: Address) -> str:
    """Return the key of a visitor: an IPv4 address, or the /64 network of an IPv6 address."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address)

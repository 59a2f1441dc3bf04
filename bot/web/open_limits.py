"""Limits how much may be open at once, per visitor and in all.

A rate limit counts only new requests. But a connection or a slow download occupies a file
descriptor for as long as the visitor wants, so those have their own limits.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.web.rate_limit import Address, derive_visitor_key


class TooManyOpen(Exception):
    """The limit is reached: of this visitor, or with ``is_for_everyone`` of all visitors."""

    def __init__(self, what: str, *, is_for_everyone: bool) -> None:
        self.reason = what if is_for_everyone else f"{what}_of_visitor"
        super().__init__(self.reason)
        self.is_for_everyone = is_for_everyone


class OpenLimit:
    """Counts what is open. IPv6 addresses of one /64 are one visitor."""

    def __init__(self, what: str, *, per_visitor: int, in_all: int) -> None:
        self._what = what
        self._per_visitor = per_visitor
        self._in_all = in_all
        self._by_visitor: Counter[str] = Counter()

    @property
    def open_count(self) -> int:
        return self._by_visitor.total()

    def open_one(self, visitor: Address, *, is_proxy: bool = False) -> None:
        """Count one more. Proxies have no limit per visitor. Raises `TooManyOpen`."""
        key = derive_visitor_key(visitor)
        if self.open_count >= self._in_all:
            raise TooManyOpen(self._what, is_for_everyone=True)
        if not is_proxy and self._by_visitor[key] >= self._per_visitor:
            raise TooManyOpen(self._what, is_for_everyone=False)
        self._by_visitor[key] += 1

    def close_one(self, visitor: Address) -> None:
        key = derive_visitor_key(visitor)
        self._by_visitor[key] -= 1
        if self._by_visitor[key] <= 0:
            del self._by_visitor[key]

    @contextmanager
    def hold_one(self, visitor: Address) -> Iterator[None]:
        """Count one while the block runs. Raises `TooManyOpen`."""
        self.open_one(visitor)
        try:
            yield
        finally:
            self.close_one(visitor)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebCapacity:
    """What the web server may have open at once."""

    connections: int = 512
    connections_per_visitor: int = 100
    """Per address, except for trusted proxies. Many people may share an address."""
    requests_per_visitor: int = 100
    """At once. Over HTTP/2, a proxy requests all images of a page together."""
    streams: int = 128
    streams_per_visitor: int = 16
    """Videos and originals that are being sent, or that visitors wait for."""
    stall_timeout_s: float = 20.0
    """Seconds without progress before a reader is dropped. Players resume with a range."""


def compute_capacity(descriptors: int) -> WebCapacity:
    """Return the capacity that leaves half of the process's file descriptors for the bot.

    A connection counts twice, because it may have one file open.
    """
    maximum = WebCapacity()
    connections = min(maximum.connections, max(16, descriptors // 4))
    return WebCapacity(
        connections=connections,
        connections_per_visitor=min(maximum.connections_per_visitor, max(8, connections // 4)),
        streams=min(maximum.streams, max(8, connections // 4)),
        streams_per_visitor=min(maximum.streams_per_visitor, max(4, connections // 16)),
    )

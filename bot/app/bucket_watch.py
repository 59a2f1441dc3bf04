"""Knows whether the bucket of ``MEDIA_URL`` answers, for `/readyz` and `/metrics`.

It is asked once a minute, and at once after a request of the bot has failed, but not for a probe:
there may be many, and each would wait for a bucket that does not answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Gauge

from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import MediaUnavailable
from bot.domain.ports import Clock
from bot.media.object_store import ObjectMediaStore
from bot.services.event_waits import wait_for_event

_INTERVAL_S: Final = 60.0
_RETRY_S: Final = 5.0
_TIMEOUT_S: Final = 20.0

_log: Final = structlog.get_logger(__name__)


class BucketWatch:
    """Asks the bucket now and then. `open_media_store` has seen it work before."""

    def __init__(
        self, bucket: ObjectMediaStore, *, registry: CollectorRegistry, clock: Clock
    ) -> None:
        self._bucket = bucket
        self._clock = clock
        self._is_reachable = True
        self._gauge = Gauge(
            "clapper_bucket_up",
            "1 while the bucket of MEDIA_URL answers, otherwise 0; only with a bucket.",
            registry=registry,
        )
        self._gauge.set(1)

    async def is_reachable(self) -> bool:
        """Return the latest result, without a request."""
        return self._is_reachable

    async def run(self) -> None:
        """Ask until canceled."""
        while True:
            if self._is_reachable:
                await wait_for_event(self._bucket.request_failed, self._clock, _INTERVAL_S)
            else:
                await self._clock.sleep(_RETRY_S)
            await self._look()

    async def _look(self) -> None:
        self._bucket.request_failed.clear()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._bucket.ping()
        except (MediaUnavailable, TimeoutError) as error:
            if self._is_reachable:
                _log.warning("media.unreachable", error=str(error) or type(error).__name__)
            self._is_reachable = False
        else:
            if not self._is_reachable:
                _log.info("media.reachable_again")
            self._is_reachable = True
        self._gauge.set(self._is_reachable)


def build_media_checks(
    watch: BucketWatch | None,
) -> Mapping[str, Callable[[], Awaitable[bool]]]:
    """Return the readiness check of the bucket, if there is one."""
    return {} if watch is None else {"bucket": watch.is_reachable}


def build_bucket_watch(
    media_store: MediaStore, registry: CollectorRegistry, clock: Clock
) -> BucketWatch | None:
    """Return what watches the media store, or `None` for a folder of this machine."""
    if not isinstance(media_store, ObjectMediaStore):
        return None
    return BucketWatch(media_store, registry=registry, clock=clock)

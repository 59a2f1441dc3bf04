"""Metrics of the web server and of the encoders that make its posters and previews."""

from collections.abc import Callable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

REFUSAL_REASONS: Final = (
    "requests",
    "requests_of_visitor",
    "streams",
    "streams_of_visitor",
    "connections",
    "connections_of_visitor",
    "encoder",
    "reports",
)


WEBHOOK_RESULTS: Final = (
    "accepted",
    "duplicate",
    "ignored",
    "unsigned",
    "stale",
    "forged",
    "too_large",
    "postponed",
)
"""What became of received webhook events; see "Webhooks for Omni" in docs/operations.md."""


class WebInstruments:
    """The metrics of the web server, in the ``registry`` of the process's other instruments."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self.requests = counter(
            "clapper_web_requests",
            "Responses of the web server, by route (malformed: the request was not HTTP).",
            ["route", "status"],
        )
        self.refusals = counter(
            "clapper_web_refusals",
            "Requests and connections over a limit of the web server (429 or 503), by reason.",
            ["reason"],
        )
        for reason in REFUSAL_REASONS:
            self.refusals.labels(reason)  # creates the series, so that it starts with 0
        self.webhook_events = counter(
            "clapper_webhook_events", "Webhook events received from Google, by result.", ["result"]
        )
        for result in WEBHOOK_RESULTS:
            self.webhook_events.labels(result)
        self.stalled_readers = counter(
            "clapper_web_stalled_readers",
            "Connections closed because the visitor had stopped reading.",
        )
        self.connections = gauge("clapper_web_connections", "Open connections of the web server.")
        self.streams = gauge(
            "clapper_web_streams", "Videos and originals that are being sent, or wait for it."
        )
        self._encoder_queue = gauge(
            "clapper_encoder_queue", "Posters and previews that wait for an encoder.", ["encoder"]
        )
        self._encoder_running = gauge(
            "clapper_encoder_running", "Posters and previews that are being encoded.", ["encoder"]
        )

    def watch_encoder(
        self, name: str, *, count_waiting: Callable[[], float], count_running: Callable[[], float]
    ) -> None:
        """Measure an encoder's queue, labeled ``name``."""
        self._encoder_queue.labels(name).set_function(count_waiting)
        self._encoder_running.labels(name).set_function(count_running)

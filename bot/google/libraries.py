"""Imports Google's libraries, which takes most of a second of a processor.

Blocking: for a thread, early in a start. Later it would compete with the lease's first renewals.
"""

import importlib
from collections.abc import Iterable
from typing import Final

from bot.domain.jobs.request import GoogleRoute

_LIBRARIES: Final = {
    GoogleRoute.GEMINI: "bot.google.gemini_sdk",
    GoogleRoute.VERTEX: "google.auth.transport.requests",
    GoogleRoute.VERTEX_OMNI: "google.auth.transport.requests",
}


def import_libraries(routes: Iterable[GoogleRoute]) -> None:
    """Import what ``routes`` need; other libraries of Google are never imported."""
    for library in {_LIBRARIES[route] for route in routes if route in _LIBRARIES}:
        importlib.import_module(library)

"""Imports the libraries that the first request to Google needs, which takes time.

The import blocks, so do it in a thread. Later it would delay the first renewals of the lease.
google-genai is not among them: it is first needed for a clip's file.
"""

import importlib
from collections.abc import Iterable
from typing import Final

from bot.domain.jobs.request import GoogleRoute

_LIBRARIES: Final = {
    GoogleRoute.VERTEX: "google.auth.transport.requests",
    GoogleRoute.VERTEX_OMNI: "google.auth.transport.requests",
}


def import_libraries(routes: Iterable[GoogleRoute]) -> None:
    """Import only the libraries that ``routes`` need."""
    for library in {_LIBRARIES[route] for route in routes if route in _LIBRARIES}:
        importlib.import_module(library)

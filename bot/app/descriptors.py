"""The number of files and connections that this process may have open.

Most systems start a program with 1,024, though they allow many more to one that asks.
"""

import resource
from contextlib import suppress
from typing import Final

_ENOUGH_DESCRIPTORS: Final = 8192


def raise_descriptor_limit() -> int:
    """Raise the soft limit as far as it is needed and allowed; return what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _ENOUGH_DESCRIPTORS
    wanted = _ENOUGH_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

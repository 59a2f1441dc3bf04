"""Raises the limit of open files and connections of this process.

Most systems start a program with a limit of 1,024, but let it raise the limit by itself.
"""

import resource
from contextlib import suppress
from typing import Final

_ENOUGH_DESCRIPTORS: Final = 8192


def raise_descriptor_limit() -> int:
    """Raise the soft limit as far as needed and allowed, and return the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _ENOUGH_DESCRIPTORS
    target = _ENOUGH_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        target = min(target, hard)
    if soft < target:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

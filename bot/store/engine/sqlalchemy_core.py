"""Imports SQLAlchemy's asyncio extension without the ORM, which nothing here uses.

The extension imports it for its sessions. It would take 9 MiB and a tenth of the start
(docs/decisions/0028-load-libraries-when-needed.md).
"""

import sys
from types import ModuleType
from typing import Final

_EXTENSION: Final = "sqlalchemy.ext.asyncio"
_ORM_PARTS: Final = tuple(f"{_EXTENSION}.{name}" for name in ("scoping", "session"))


class _EmptyModule(ModuleType):
    """Has every name, so that the extension can import it."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


def import_without_orm() -> None:
    """Import the extension, unless somebody else did before."""
    if _EXTENSION in sys.modules:
        return
    for name in _ORM_PARTS:
        sys.modules[name] = _EmptyModule(name)
    try:
        import sqlalchemy.ext.asyncio  # noqa: F401
    finally:
        for name in _ORM_PARTS:  # whoever needs them gets the real ones
            del sys.modules[name]

"""A folder that the bot's user may not enter, also in tests that run as root."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Shut ``folder`` for this process, all of whose threads lose root's rights meanwhile.

    Nothing should be imported for the first time here: that user may not see the program either.
    """
    is_root = os.geteuid() == 0
    folder.chmod(0)
    if is_root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)

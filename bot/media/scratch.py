"""A process's own temporary files: what is on its way to or from an object store."""

import fcntl
import secrets
import shutil
from pathlib import Path
from typing import BinaryIO, Final

_SCRATCH_FOLDER: Final = "scratch"
_LOCK_SUFFIX: Final = ".lock"


class ScratchFolder:
    """A folder below ``data_dir`` that is deleted with its process.

    Each process locks a file of its own. Whoever opens a scratch folder deletes those whose lock is
    free, because their process has died. Methods block.
    """

    def __init__(self, data_dir: Path) -> None:
        """Create the folder. Raises `OSError`."""
        parent = data_dir / _SCRATCH_FOLDER
        parent.mkdir(parents=True, exist_ok=True)
        name = secrets.token_hex(8)
        self.path = parent / name
        self._lock_path = parent / f"{name}{_LOCK_SUFFIX}"
        unlocked_path = parent / f".{name}"  # others only look at files that are locked already
        self._lock_file = unlocked_path.open("xb")
        fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unlocked_path.rename(self._lock_path)
        self.path.mkdir()
        for lock_path in parent.glob(f"*{_LOCK_SUFFIX}"):
            if lock_path != self._lock_path:
                _delete_if_abandoned(lock_path)

    def create_folder(self) -> Path:
        """Return a new folder of its own."""
        folder = self.path / f"new-{secrets.token_hex(8)}"
        folder.mkdir()
        return folder

    def close(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock_path.unlink(missing_ok=True)
        self._lock_file.close()


def _delete_if_abandoned(lock_path: Path) -> None:
    try:
        lock_file: BinaryIO = lock_path.open("r+b")
    except FileNotFoundError:  # another process was faster
        return
    with lock_file:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # its process is alive
            return
        shutil.rmtree(lock_path.with_suffix(""), ignore_errors=True)
        lock_path.unlink(missing_ok=True)

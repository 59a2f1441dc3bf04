"""What the benches of memory share."""

import re
from pathlib import Path
from typing import Any


def list_files(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the files attached to messages."""
    return [file for message in messages for file in message["files"]]


def read_memory_mb(pid: int, field: str) -> float:
    """Return a field of a process's status in MB, such as VmRSS or VmHWM (the peak)."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    assert match is not None, field
    return int(match[1]) * 1024 / 1e6


def reset_peak_memory(pid: int) -> None:
    """Reset VmHWM of a process."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")

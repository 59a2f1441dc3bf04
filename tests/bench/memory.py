"""Shared code of the two memory benchmarks."""

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.console import Console


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


def run_in_folder(run_bench: Callable[[Console, Path], Awaitable[bool]]) -> int:
    """Run a bench in a temporary folder; return the exit status, 1 when a goal was missed."""
    console = Console()
    if not console.is_terminal:
        console.width = 100

    async def run() -> bool:
        with tempfile.TemporaryDirectory(prefix="clapper-bench-") as folder:
            return await run_bench(console, Path(folder))

    return 0 if asyncio.run(run()) else 1

"""Runs a worker program in a child process that can be killed and shares no memory with the bot.

A thread could not be stopped or limited in memory. If a decoder crashed in a thread, the bot would
crash, too, in the middle of paid jobs.
"""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class WorkerCrashed(Exception):
    """The worker ended without an answer. ``signal`` is the number of the signal that ended it."""

    def __init__(self, message: str, *, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal


def count_process_slots() -> int:
    """Return how many encoders may run at once: one for every two cores."""
    return max(1, (os.cpu_count() or 1) // 2)


def build_limited_order(order: Mapping[str, Any], *, time_limit_s: float, niceness: int) -> str:
    """Return an order as JSON, with the limits that its worker sets itself.

    It ends with this process, and after ``time_limit_s`` CPU seconds per core.
    """
    limits = {
        "parent": os.getpid(),
        "nice": niceness,
        "cpu_s": int(time_limit_s * max(1, os.cpu_count() or 1)) + 1,
    }
    return json.dumps({**order, **limits})


def name_draft(destination: Path) -> Path:
    """Return a new name beside ``destination`` for a file that is not complete yet."""
    return destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.part")


async def run_worker(
    program: Path,
    *arguments: str,
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run ``program`` and return the JSON object that it prints.

    The process has ended when the call returns or raises. Raises `TimeoutError` after
    ``timeout_s``, and `WorkerCrashed` if the program fails or prints no JSON object.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(program),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=dict(environment or {}),  # the worker must not get the bot's tokens
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        code = process.returncode or 0
        raise WorkerCrashed(f"ended with {code}", signal=-code if code < 0 else None)
    try:
        answer = json.loads(output)
    except ValueError as error:
        raise WorkerCrashed("printed no JSON") from error
    if not isinstance(answer, dict):
        raise WorkerCrashed("printed no JSON object")
    return answer

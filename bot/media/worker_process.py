"""Runs a worker program in a child process that can be killed and shares no memory with the bot.

A thread could not be stopped or limited in memory. If a decoder crashed in a thread, the bot would
crash, too, in the middle of paid jobs.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class WorkerCrashed(Exception):
    """The worker ended without an answer. ``signal`` is the number of the signal that ended it."""

    def __init__(self, message: str, *, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal


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

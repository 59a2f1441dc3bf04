"""Renders clips away from the event loop, each of them once.

Rendering takes seconds of a whole core. It happens in at most two worker processes of low
priority, so that the servers go on answering, and a finished clip is kept on disk under the key
of its spec, so that a hundred requests for the same clip cost one.
"""

import asyncio
import contextlib
import functools
import multiprocessing
import os
import secrets
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path

from sandbox.google.clips import ClipSpec
from sandbox.google.rendering import RenderedClip, measured, render

_WORKERS = 2
_NICENESS = 10
_ATTEMPTS = 2
"""Times a clip is tried when its worker dies under it."""


class Renderer:
    """Makes and keeps clips in a directory.

    The directory may be shared by several sandboxes: clips appear in it whole or not at all.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pool: Executor | None = None
        self._lifeline: Connection | None = None
        self._drafts = f".{secrets.token_hex(8)}-"
        self._drafted = 0
        self._clips: dict[str, asyncio.Task[RenderedClip]] = {}
        self.rendered = 0

    async def clip(self, spec: ClipSpec) -> RenderedClip:
        """The finished clip of a spec: kept, being made, or made now.

        Raises what `rendering.render` raises.
        """
        key = await asyncio.to_thread(lambda: spec.key)
        task = self._clips.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(self._make(spec, self._directory / f"{key}.mp4"))
            self._clips[key] = task
        # One waiter's end must not take the clip away from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Ends the workers at once; clips being made are given up."""
        for task in self._clips.values():
            task.cancel()
        await asyncio.gather(*self._clips.values(), return_exceptions=True)
        self._clips.clear()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            if self._lifeline is not None:
                self._lifeline.close()
            await asyncio.to_thread(functools.partial(pool.shutdown, cancel_futures=True))
        await asyncio.to_thread(self._sweep)

    async def _make(self, spec: ClipSpec, path: Path) -> RenderedClip:
        if await asyncio.to_thread(path.exists):
            return await asyncio.to_thread(measured, path)
        loop = asyncio.get_running_loop()
        for attempt in range(_ATTEMPTS):
            pool = self._workers()
            try:
                clip = await loop.run_in_executor(pool, render, spec, path, self._draft())
            except BrokenProcessPool:
                if pool is self._pool:
                    self._pool = None
                if attempt + 1 == _ATTEMPTS:
                    raise
            else:
                self.rendered += 1
                return clip
        raise AssertionError

    def _draft(self) -> Path:
        self._drafted += 1
        return self._directory / f"{self._drafts}{self._drafted}.mp4"

    def _sweep(self) -> None:
        for draft in self._directory.glob(f"{self._drafts}*"):
            draft.unlink(missing_ok=True)

    def _workers(self) -> Executor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            theirs, self._lifeline = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(
                max_workers=_WORKERS,
                mp_context=context,
                initializer=_settle_in,
                initargs=(theirs,),
            )
        return self._pool


def _settle_in(lifeline: Connection) -> None:
    """Runs first in each worker: polite to the servers, deaf to Ctrl-C, gone with the parent."""
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(lifeline,), daemon=True).start()


def _follow(lifeline: Connection) -> None:
    # Nothing is ever sent. The other end closes when the renderer does, or when its process dies
    # in any way at all, which the pool's own pipes would never show.
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(0)

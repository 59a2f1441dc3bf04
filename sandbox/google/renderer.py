"""Renders each clip once, in worker processes.

Rendering uses a whole core for seconds. So there are at most two workers, with low priority, and
the servers stay responsive. Finished clips are cached on disk by the key of their spec.
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

from sandbox.google.clip_spec import ClipSpec
from sandbox.google.encoding import RenderedClip, copy_clip, measure_clip, render_to_file
from sandbox.google.provenance import ClipSigner

_WORKER_COUNT = 2
_START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
"""Each worker would import FFmpeg and numpy anew, which takes as long as a short clip."""
_NICENESS = 10
_MAX_ATTEMPTS = 2
"""Attempts per clip when its worker process dies."""


class ClipRenderer:
    """Renders clips into a directory, which several sandboxes may share: writes are atomic.

    ``signer`` adds manifests to the clips. Those without have other names.
    """

    def __init__(self, directory: Path, *, signer: ClipSigner | None = None) -> None:
        self._directory = directory
        self._signer = signer
        self._pool: Executor | None = None
        self._parent_pipe: Connection | None = None
        self._draft_prefix = f".{secrets.token_hex(8)}-"
        self._draft_count = 0
        self._clips: dict[str, asyncio.Task[RenderedClip]] = {}
        self.rendered_count = 0

    async def render_clip(self, spec: ClipSpec) -> RenderedClip:
        """Return a spec's clip, cached or rendered. Raises the errors of ``render_to_file``."""
        key = await asyncio.to_thread(lambda: spec.key)
        task = self._clips.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(self._render_to(spec, self._find_path(key)))
            self._clips[key] = task
        # Shielded: one waiter's cancellation must not affect the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End the workers at once, abandoning clips in progress."""
        for task in self._clips.values():
            task.cancel()
        await asyncio.gather(*self._clips.values(), return_exceptions=True)
        self._clips.clear()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            if self._parent_pipe is not None:
                self._parent_pipe.close()
            await asyncio.to_thread(functools.partial(pool.shutdown, cancel_futures=True))
        await asyncio.to_thread(self._remove_drafts)

    async def _render_to(self, spec: ClipSpec, path: Path) -> RenderedClip:
        if await asyncio.to_thread(path.exists):
            return await asyncio.to_thread(measure_clip, path)
        if spec.pattern is not None:
            pattern = await self.render_clip(spec.pattern)
            return await asyncio.to_thread(
                copy_clip, pattern.path, path, self._next_draft_path(), mark=path.stem.encode()
            )
        loop = asyncio.get_running_loop()
        for attempt in range(_MAX_ATTEMPTS):
            pool = self._start_workers()
            try:
                clip = await loop.run_in_executor(
                    pool, render_to_file, spec, path, self._next_draft_path(), self._signer
                )
            except BrokenProcessPool:
                if pool is self._pool:
                    self._pool = None
                if attempt + 1 == _MAX_ATTEMPTS:
                    raise
            else:
                self.rendered_count += 1
                return clip
        raise AssertionError

    def _find_path(self, key: str) -> Path:
        suffix = "mp4" if self._signer is None else "signed.mp4"
        return self._directory / f"{key}.{suffix}"

    def _next_draft_path(self) -> Path:
        self._draft_count += 1
        return self._directory / f"{self._draft_prefix}{self._draft_count}.mp4"

    def _remove_drafts(self) -> None:
        for draft in self._directory.glob(f"{self._draft_prefix}*"):
            draft.unlink(missing_ok=True)

    def _start_workers(self) -> Executor:
        if self._pool is None:
            context = multiprocessing.get_context(_START_METHOD)
            signing = () if self._signer is None else ("c2pa",)
            context.set_forkserver_preload([render_to_file.__module__, *signing])
            theirs, self._parent_pipe = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(
                max_workers=_WORKER_COUNT,
                mp_context=context,
                initializer=_initialize_worker,
                initargs=(theirs,),
            )
        return self._pool


def _initialize_worker(lifeline: Connection) -> None:
    """Set up a worker: low priority, Ctrl-C ignored, ends with its parent."""
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, args=(lifeline,), daemon=True).start()


def _exit_with_parent(lifeline: Connection) -> None:
    # Nothing is ever sent. The other end closes when the renderer closes or its process dies, even
    # when it is killed; the pool itself would not notice that.
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(0)

"""Renders each clip once, in worker processes.

Rendering uses a whole core for seconds. So there are at most two workers, with low priority, and
the servers stay responsive. Finished clips are cached on disk by the key of their spec.
"""

import asyncio
import contextlib
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


class RenderWorkers:
    """Processes that render clips until they are closed, or until this process ends."""

    def __init__(self, start_method: str) -> None:
        context = multiprocessing.get_context(start_method)
        context.set_forkserver_preload([render_to_file.__module__])
        theirs, self._lifeline = context.Pipe(duplex=False)
        self.pool: Executor = ProcessPoolExecutor(
            max_workers=_WORKER_COUNT,
            mp_context=context,
            initializer=_initialize_worker,
            initargs=(theirs, self._lifeline if start_method == "fork" else None),
        )

    @classmethod
    def fork_early(cls) -> "RenderWorkers | None":
        """Fork workers while this process has only one thread.

        They need not import FFmpeg and numpy again, which takes a second of a processor. Returns
        `None` if there are more threads: a fork would miss them, with whatever locks they hold.
        """
        threads = Path("/proc/self/task")  # only Linux has it
        if not threads.exists() or len(list(threads.iterdir())) > 1:
            return None
        workers = cls("fork")
        workers.pool.submit(int)  # the pool starts its processes with the first task
        return workers

    def close(self) -> None:
        """End the processes at once, abandoning clips in progress."""
        self._lifeline.close()
        self.pool.shutdown(cancel_futures=True)


class ClipRenderer:
    """Renders clips into a directory, which several sandboxes may share: writes are atomic.

    Closes its ``workers``. Without any, or when one of them dies, it starts new ones. ``signer``
    adds manifests to the clips. Those without have other names.
    """

    def __init__(
        self,
        directory: Path,
        workers: RenderWorkers | None = None,
        *,
        signer: ClipSigner | None = None,
    ) -> None:
        self._directory = directory
        self._signer = signer
        self._workers = workers
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
        if self._workers is not None:
            workers, self._workers = self._workers, None
            await asyncio.to_thread(workers.close)
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
            workers = self._workers = self._workers or RenderWorkers(_START_METHOD)
            try:
                clip = await loop.run_in_executor(
                    workers.pool,
                    render_to_file,
                    spec,
                    path,
                    self._next_draft_path(),
                    self._signer,
                )
            except BrokenProcessPool:
                if workers is self._workers:
                    self._workers = None
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


def _initialize_worker(lifeline: Connection, inherited: Connection | None) -> None:
    """Set up a worker: low priority, Ctrl-C ignored, ends with its parent.

    ``inherited`` is the parent's end, which a fork has, too.
    """
    if inherited is not None:
        inherited.close()
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, args=(lifeline,), daemon=True).start()


def _exit_with_parent(lifeline: Connection) -> None:
    # Nothing is ever sent. The other end closes when the renderer closes or its process dies, even
    # when it is killed; the pool itself would not notice that.
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(0)

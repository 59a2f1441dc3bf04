"""Content Credentials (C2PA): reads what a file says, and signs what the bot re-encodes.

Both run in processes of their own (`manifest_worker`).
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import structlog

from bot.domain.clips.provenance import (
    FileOrigin,
    ManifestClaim,
    ManifestVerdict,
    OriginStatement,
)
from bot.domain.errors import ImageRefused
from bot.media.worker_process import WorkerCrashed, run_worker

_WORKER_PATH: Final = Path(__file__).with_name("manifest_worker.py").resolve()
_WORKER_ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "2"}
_READ_TIME_LIMIT_S: Final = 60.0
_SIGN_TIME_LIMIT_S: Final = 90.0
_TIME_STAMP_LIMIT_S: Final = 30.0
"""How long a signature with a time stamp may take, before it is made without one."""
_TIME_STAMP_PAUSE_S: Final = 600.0
"""How long no time stamps are asked for after the server has failed."""
_MAX_PROCESSES: Final = 2
_MANIFEST_BYTES: Final = 24 * 1024
"""More than our own manifest takes without its certificates, a time stamp included."""
_MANIFEST_UUID: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The kind of the box of an MP4 file that holds its manifests (C2PA, appendix A.5)."""
_BOX_HEADER_BYTES: Final = 32

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningFiles:
    """The operator's certificate chain and key (PEM), and a time-stamp server, if any."""

    certificate: Path
    key: Path
    timestamp_url: str | None = None

    def describe(self) -> dict[str, Any]:
        return {
            "certificate": str(self.certificate.absolute()),
            "key": str(self.key.absolute()),
            "timestamp_url": self.timestamp_url,
            "version": _find_version(),
        }


def _find_version() -> str:
    try:
        return version("clapper")
    except PackageNotFoundError:  # the source tree, without an installation
        return "0"


@dataclass(kw_only=True, eq=False)
class ManifestReader:
    """Reads the origin of any video or picture, up to two at a time.

    ``anchors`` is a file with the certificates (PEM) of those whose signatures are trusted,
    ``certificate`` the bot's own. A file that cannot be read counts as empty.
    """

    anchors: Path | None = None
    certificate: Path | None = None
    _process_slots: asyncio.Semaphore = field(
        init=False, default_factory=lambda: asyncio.Semaphore(_MAX_PROCESSES)
    )

    async def read_origin(self, path: Path) -> FileOrigin:
        """Raises `ImageRefused` if the file is no video or picture, or cannot be read."""
        order = {
            "task": "read",
            "source": str(path),
            "anchors": None if self.anchors is None else str(self.anchors.absolute()),
            "certificate": None if self.certificate is None else str(self.certificate.absolute()),
        }
        try:
            async with self._process_slots:
                answer = await _run_order(order, _READ_TIME_LIMIT_S)
        except (TimeoutError, WorkerCrashed, OSError) as error:
            raise ImageRefused("origin_unreadable") from error
        if "refused" in answer:
            raise ImageRefused(str(answer["refused"]))
        if "failed" in answer:
            _log.warning("origin.unreadable", error=answer["failed"])
            raise ImageRefused("origin_unreadable")
        return FileOrigin(
            sha256=answer["sha256"],
            verdict=ManifestVerdict(answer["verdict"]),
            claims=tuple(_parse_claim(claim) for claim in answer["claims"]),
            has_ai_label=answer["has_ai_label"],
        )


def _parse_claim(claim: dict[str, Any]) -> ManifestClaim:
    return ManifestClaim(
        signer=claim["signer"],
        program=claim["program"],
        statements=tuple(OriginStatement(each) for each in claim["statements"]),
        is_intact=claim["is_intact"],
    )


class FileSigner:
    """Signs re-encoded clips with the operator's certificate. It never raises for a clip.

    Without a usable certificate, clips are posted without a manifest: one that is lost would be
    worse. If the time-stamp server does not answer, they are signed without a time stamp.
    ``monotonic`` returns seconds.
    """

    def __init__(
        self, files: SigningFiles, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._files = files
        self._monotonic = monotonic
        self._asks_for_stamps_at = 0.0
        self._process_slots = asyncio.Semaphore(_MAX_PROCESSES)

    async def measure_room(self, original: Path) -> int:
        """Return how many bytes the manifest of a re-encode of ``original`` takes at most."""
        return await asyncio.to_thread(_measure_room, original, self._files.certificate)

    async def sign_reencode(
        self, draft: Path, *, original: Path, is_cut: bool, max_bytes: int
    ) -> int | None:
        """Replace ``draft`` by itself with a manifest; return the new size in bytes.

        Returns `None`, with ``draft`` unchanged, if it cannot be signed or would be too large.
        """
        order = {
            "task": "sign",
            "parents": [str(original)],
            "changes": ["transcoded", *(["trimmed"] if is_cut else [])],
        }
        return await self._replace_signed(draft, order, max_bytes=max_bytes)

    async def sign_join(self, draft: Path, *, parts: Sequence[Path], is_copied: bool) -> int | None:
        """Replace a file that ``parts`` were joined into by itself with a manifest.

        The first part is its parent, the others are components. Returns as `sign_reencode`.
        """
        order = {
            "task": "sign",
            "parents": [str(part) for part in parts],
            "changes": ["edited", *([] if is_copied else ["transcoded"])],
        }
        return await self._replace_signed(draft, order, max_bytes=None)

    async def _replace_signed(
        self, draft: Path, order: dict[str, Any], *, max_bytes: int | None
    ) -> int | None:
        signed = draft.with_name(f"{draft.name}.signed")
        files = {"source": str(draft), "destination": str(signed)}
        try:
            async with self._process_slots:
                answer = await self._sign(self._files.describe() | order | files)
            reason = answer.get("failed")
            if reason is None and max_bytes is not None and answer["size"] > max_bytes:
                reason = "no room for the manifest"
            if reason is None:
                await asyncio.to_thread(signed.replace, draft)
                return int(answer["size"])
        except (TimeoutError, WorkerCrashed, OSError) as error:
            reason = f"{type(error).__name__}: {error}"
        finally:
            await asyncio.shield(asyncio.to_thread(signed.unlink, missing_ok=True))
        _log.warning("manifest.failed", reason=reason)
        return None

    async def _sign(self, order: dict[str, Any]) -> dict[str, Any]:
        """Raises `TimeoutError`, `WorkerCrashed` or `OSError`."""
        if order["timestamp_url"] is not None and self._monotonic() >= self._asks_for_stamps_at:
            try:
                answer = await _run_order(order, _TIME_STAMP_LIMIT_S)
            except (TimeoutError, WorkerCrashed) as error:
                answer = {"failed": type(error).__name__}
            if "failed" not in answer:
                return answer
            self._asks_for_stamps_at = self._monotonic() + _TIME_STAMP_PAUSE_S
            _log.warning("manifest.not_stamped", reason=answer["failed"])
        return await _run_order(order | {"timestamp_url": None}, _SIGN_TIME_LIMIT_S)


async def try_signing(files: SigningFiles) -> str | None:
    """Sign a small picture. Return why that does not work, or `None` if it does."""
    limit_s = _SIGN_TIME_LIMIT_S if files.timestamp_url is None else _TIME_STAMP_LIMIT_S
    try:
        answer = await _run_order(files.describe() | {"task": "try"}, limit_s)
    except TimeoutError:
        return "it took too long"
    except WorkerCrashed as error:
        return str(error)
    reason = answer.get("failed")
    return None if reason is None else str(reason)


async def _run_order(order: dict[str, Any], time_limit_s: float) -> dict[str, Any]:
    return await run_worker(
        _WORKER_PATH,
        json.dumps(order | {"parent_process": os.getpid()}),
        timeout_s=time_limit_s,
        environment=_WORKER_ENVIRONMENT,
    )


def _measure_room(original: Path, certificate: Path) -> int:
    """Return the room for a manifest; a file that cannot be read needs none, and fails later."""
    room = _MANIFEST_BYTES
    with suppress(OSError):
        room += certificate.stat().st_size
    with suppress(OSError):
        room += _measure_manifests(original)
    return room


def _measure_manifests(path: Path) -> int:
    """Return the size of a video's manifests, which its re-encode takes over."""
    total, position, end = 0, 0, path.stat().st_size
    with path.open("rb") as file:
        while position + 8 <= end:
            file.seek(position)
            header = file.read(_BOX_HEADER_BYTES)
            size, head = int.from_bytes(header[:4], "big"), 8
            if size == 1:
                size, head = int.from_bytes(header[8:16], "big"), 16
            if header[4:8] == b"uuid" and header[head : head + 16] == _MANIFEST_UUID:
                total += size or end - position
            if size < head:  # it goes to the end, or the file is damaged
                break
            position += size
    return total

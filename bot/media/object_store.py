"""The media store in a bucket of S3 or Google Cloud Storage.

An object appears when its upload is complete, so it exists completely or not at all. Large files
are uploaded in parts. Each object carries the SHA-256 of its content, which is compared whenever
the whole object is read.

The library's blocking methods are called in threads of our own. Its asyncio methods touch Python
from its own threads after they have returned, which crashes a process that ends at that moment:
https://github.com/PyO3/pyo3-async-runtimes/issues/40
"""

import asyncio
import hashlib
import mimetypes
import secrets
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import structlog

from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import MediaFile, split_key
from bot.domain.errors import MediaUnavailable, MediaUnusable
from bot.media.blocking_calls import BlockingCalls
from bot.media.object_errors import convert_store_errors
from bot.media.scratch import ScratchFolder
from bot.media.unfinished_uploads import UnfinishedUploads
from bot.transfer.partial_file import PartialFile

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ClientConfig, GCSConfig, GCSStore, RetryConfig, S3Config, S3Store

_PART_BYTES: Final = 5 * 1024 * 1024
"""The smallest part that S3 accepts; larger files are uploaded in parts."""
_PARTS_AT_ONCE: Final = 1
"""Two at once would be no faster than the network, and take 5 MiB more."""
_CHUNK_BYTES: Final = 1024 * 1024
_LINK_LIFETIME: Final = timedelta(minutes=5)
_REQUESTS_AT_ONCE: Final = 16
_CLOSE_TIMEOUT_S: Final = 2.0
"""Seconds that requests get to end when the process stops. A stopped upload leaves no object."""
_SHA256_ATTRIBUTE: Final = "sha256"
_CHECK_FOLDER: Final = "checks"
_CONNECT_TIMEOUT: Final = timedelta(seconds=5)
_READ_TIMEOUT: Final = timedelta(seconds=30)
_TIMEOUT: Final = timedelta(minutes=10)
_RETRY_TIMEOUT: Final = timedelta(seconds=20)
_MAX_RETRIES: Final = 3

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAccess:
    """How to reach a bucket. Without keys, the library finds the machine's own credentials.

    ``url`` begins with ``s3://`` or ``gs://``. The other fields are for S3, except
    ``google_credentials``.
    """

    url: str
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    region: str = "us-east-1"
    endpoint_url: str | None = None
    google_credentials: Path | None = None

    @property
    def uses_tls(self) -> bool:
        """Whether the bucket has an address of ``https``."""
        return self.endpoint_url is None or self.endpoint_url.startswith("https://")

    def find_unfinished_uploads(self) -> UnfinishedUploads | None:
        """Return the bucket's unfinished uploads, `None` where this program cannot list them.

        That is on Google Cloud Storage, and with a machine's own credentials, which only the
        library knows.
        """
        address = urlsplit(self.url)
        if address.scheme != "s3" or self.access_key_id is None or self.secret_access_key is None:
            return None
        folder = address.path.strip("/")
        return UnfinishedUploads(
            endpoint_url=self.endpoint_url or f"https://s3.{self.region}.amazonaws.com",
            bucket=address.netloc,
            prefix=f"{folder}/" if folder else "",
            region=self.region,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
        )


def open_bucket(access: BucketAccess) -> "S3Store | GCSStore":
    """Return the library's object for a bucket, without a request. Raises `MediaUnusable`.

    Imports the library, which is why it should be called in a thread.
    """
    from obstore.exceptions import BaseError
    from obstore.store import GCSStore, S3Store

    client: ClientConfig = {
        "allow_http": not access.uses_tls,
        "connect_timeout": _CONNECT_TIMEOUT,
        "read_timeout": _READ_TIMEOUT,
        "timeout": _TIMEOUT,
    }
    retry: RetryConfig = {"max_retries": _MAX_RETRIES, "retry_timeout": _RETRY_TIMEOUT}
    try:
        if access.url.startswith("gs://"):
            google: GCSConfig = {}
            if access.google_credentials is not None:
                google["application_credentials"] = str(access.google_credentials)
            return GCSStore.from_url(
                access.url, config=google, client_options=client, retry_config=retry
            )
        config: S3Config = {"region": access.region, "checksum_algorithm": "SHA256"}
        if access.access_key_id is not None and access.secret_access_key is not None:
            config["access_key_id"] = access.access_key_id
            config["secret_access_key"] = access.secret_access_key
        if access.endpoint_url is not None:
            config["endpoint"] = access.endpoint_url
        return S3Store.from_url(
            access.url, config=config, client_options=client, retry_config=retry
        )
    except (BaseError, ValueError) as error:
        raise MediaUnusable(f"{type(error).__name__} for {access.url}") from error


@dataclass(slots=True, eq=False)
class _LocalCopy:
    """A copy of an object in the scratch folder, which its last reader deletes."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_complete: bool = False
    reader_count: int = 0


class ObjectMediaStore:
    """`bot.domain.clips.media_store.MediaStore` in a bucket.

    ``has_links`` says whether visitors can reach the bucket themselves.
    """

    def __init__(self, access: BucketAccess, *, scratch: ScratchFolder, has_links: bool) -> None:
        """Open the bucket without a request; `open_bucket` says what that means."""
        self._bucket = open_bucket(access)
        self._unfinished_uploads = access.find_unfinished_uploads()
        self._scratch = scratch
        self._has_links = has_links
        self._copies: dict[str, _LocalCopy] = {}
        self._calls = BlockingCalls(_REQUESTS_AT_ONCE)
        self.request_failed: Final = asyncio.Event()
        """Set when a request gets no answer or is refused."""

    @property
    def working_folder(self) -> Path:
        return self._scratch.path

    @asynccontextmanager
    async def read(self, key: str) -> AsyncIterator[Path]:
        copy = self._copies.setdefault(key, _LocalCopy())
        copy.reader_count += 1
        path = self._scratch.path / key
        try:
            async with copy.lock:
                if not copy.is_complete:
                    await self._download(key, path)
                    copy.is_complete = True
            yield path
        finally:
            copy.reader_count -= 1
            if not copy.reader_count:  # without waiting, so that no new reader comes in between
                del self._copies[key]
                path.unlink(missing_ok=True)

    async def _download(self, key: str, destination: Path) -> None:
        with self._convert_errors("download", key):
            answer = await self._calls.run(self._bucket.get, key)
            expected = answer.attributes.get(_SHA256_ATTRIBUTE)
            chunks = answer.stream(min_chunk_size=_CHUNK_BYTES)
            async with PartialFile(destination, with_sha256=True) as file:
                while chunk := await self._calls.run(next, chunks, b""):
                    await file.write(chunk)
                if file.size != answer.meta["size"]:
                    raise MediaUnavailable("the download ended early")
                # objects that other programs have copied to the bucket have no hash
                if expected is not None and await file.compute_sha256() != expected:
                    _log.error("media.damaged", key=key)
                    raise FileNotFoundError(key)
                await file.commit()

    @asynccontextmanager
    async def write_in(self, folder: str) -> AsyncIterator[Path]:
        local_folder = await asyncio.to_thread(self._scratch.create_folder)
        try:
            yield local_folder
            for path in await asyncio.to_thread(_list_finished, local_folder):
                await self._upload(path, f"{folder}/{path.name}")
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, local_folder, ignore_errors=True))

    async def _upload(self, path: Path, key: str) -> None:
        size_bytes, digest = await asyncio.to_thread(_measure_file, path)
        with self._convert_errors("upload", key):
            await self._calls.run(
                self._bucket.put,
                key,
                path,
                attributes={
                    "Content-Type": mimetypes.guess_type(key)[0] or "application/octet-stream",
                    "Content-Disposition": f'attachment; filename="{path.name}"',
                    _SHA256_ATTRIBUTE: digest,
                },
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
            stored = await self._calls.run(self._bucket.head, key)
        if stored["size"] != size_bytes:
            await self.remove([key])
            raise MediaUnavailable("the upload is incomplete")

    async def find(self, key: str) -> MediaFile | None:
        with suppress(FileNotFoundError), self._convert_errors("look up", key):
            return _describe(await self._calls.run(self._bucket.head, key))
        return None

    async def list_files(self, folder: str) -> list[MediaFile]:
        with self._convert_errors("list", folder):
            return await self._calls.run(self._list_files, folder)

    def _list_files(self, folder: str) -> list[MediaFile]:
        batches = self._bucket.list(folder, chunk_size=1000)
        return [_describe(each) for batch in batches for each in batch]

    async def stream(
        self, file: MediaFile, start: int, size_bytes: int
    ) -> AsyncGenerator[bytes, None]:
        end = start + size_bytes
        while start < end:  # a request for each piece, because readers may be slow
            piece_end = min(end, start + _CHUNK_BYTES)
            with self._convert_errors("download", file.key):
                piece = await self._calls.run(self._read_piece, file, start, piece_end)
            if len(piece) != piece_end - start:
                raise OSError("the object ended early")
            start = piece_end
            yield piece

    def _read_piece(self, file: MediaFile, start: int, end: int) -> bytes:
        options: GetOptions = {"range": (start, end), "if_match": f'"{file.version}"'}
        return bytes(self._bucket.get(file.key, options=options).bytes())

    async def create_link(self, file: MediaFile) -> str | None:
        if not self._has_links:
            return None
        from obstore import sign

        try:
            with self._convert_errors("sign a link to", file.key):
                return await self._calls.run(sign, self._bucket, "GET", file.key, _LINK_LIFETIME)
        except MediaUnavailable as error:  # e.g. an account that may not sign
            _log.warning("media.link_failed", error=str(error))
            return None

    async def remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            with suppress(FileNotFoundError), self._convert_errors("delete", key):
                await self._calls.run(self._bucket.delete, key)

    async def abort_uploads(self, *, before: datetime) -> int:
        if self._unfinished_uploads is None:
            return 0
        return await self._calls.run(self._unfinished_uploads.abort_begun_before, before)

    async def delete_files(self, keys: Sequence[str]) -> None:
        for key in keys:
            await self.remove(await self._list_derived(key))

    async def delete_published(self, clip: Clip) -> None:
        derived = await self._list_derived(clip.path)
        await self.remove(key for key in derived if key != clip.path)

    async def _list_derived(self, key: str) -> list[str]:
        """Return the keys of a file and of everything derived from it."""
        folder, _ = split_key(key)
        with self._convert_errors("list", folder):
            return await self._calls.run(self._list_by_stem, folder, key.rpartition(".")[0])

    def _list_by_stem(self, folder: str, stem: str) -> list[str]:
        found: list[str] = []
        for batch in self._bucket.list(folder, offset=stem):  # in the order of the keys
            found += [each["path"] for each in batch if each["path"].startswith(f"{stem}.")]
            if batch and not batch[-1]["path"].startswith(stem):
                break
        return found

    async def check(self) -> None:
        """Write, read and delete a small object.

        Raises `MediaUnusable` if the operator has to change something, else `MediaUnavailable`.
        """
        key, content = f"{_CHECK_FOLDER}/{secrets.token_hex(8)}", secrets.token_bytes(16)
        try:
            with self._convert_errors("write to", "the bucket"):
                await self._calls.run(self._bucket.put, key, content)
            with self._convert_errors("read from", "the bucket"):
                stored = await self._calls.run(lambda: bytes(self._bucket.get(key).bytes()))
            with self._convert_errors("delete from", "the bucket"):
                await self._calls.run(self._bucket.delete, key)
        except FileNotFoundError as error:
            raise MediaUnusable("there is no such bucket") from error
        if stored != content:
            raise MediaUnusable("the bucket returns other content than was written")

    async def ping(self) -> None:
        """Ask for the names in a folder that is empty. Raises `MediaUnavailable`."""
        try:
            with self._convert_errors("list", "the bucket"):
                await self._calls.run(self._list_first_check)
        except FileNotFoundError as error:
            raise MediaUnusable("there is no such bucket") from error

    def _list_first_check(self) -> None:
        next(iter(self._bucket.list(_CHECK_FOLDER, chunk_size=1)), None)

    @contextmanager
    def _convert_errors(self, action: str, key: str) -> Iterator[None]:
        try:
            with convert_store_errors(action, key):
                yield
        except MediaUnavailable:
            self.request_failed.set()
            raise

    async def close(self) -> None:
        """Wait a moment for requests that are on their way, and delete the local copies."""
        await self._calls.wait_until_idle(_CLOSE_TIMEOUT_S)
        await asyncio.to_thread(self._scratch.close)


def _describe(meta: "ObjectMeta") -> MediaFile:
    version = (meta["e_tag"] or "").removeprefix("W/").strip('"')
    return MediaFile(meta["path"], meta["size"], meta["last_modified"], version)


def _list_finished(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _measure_file(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest

"""Opens the media store, and builds what keeps it small."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import structlog

from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings
from bot.domain.backoff import Backoff
from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import MediaUnavailable, MediaUnusable
from bot.domain.ports import Clock
from bot.media.local_store import LocalMediaStore
from bot.media.object_store import BucketAccess, ObjectMediaStore
from bot.media.scratch import ScratchFolder
from bot.services.clips.retention import FileRetention
from bot.store.engine.database import Database
from bot.store.operations.file_references import FileReferenceStore

_FILE_SCHEME: Final = "file://"

_log: Final = structlog.get_logger(__name__)


@asynccontextmanager
async def open_media_store(settings: Settings, clock: Clock) -> AsyncIterator[MediaStore]:
    """Open the media store and wait until it can be used. Raises `SettingsError`."""
    if settings.media_url is None:
        yield LocalMediaStore(settings.data_dir)
    elif settings.media_url.startswith(_FILE_SCHEME):
        yield await asyncio.to_thread(_open_folder, settings.media_url)
    else:
        async with open_object_store(settings) as object_store:
            await _wait_until_usable(object_store, clock)
            yield object_store


@asynccontextmanager
async def open_object_store(settings: Settings) -> AsyncIterator[ObjectMediaStore]:
    """Open the bucket of ``MEDIA_URL`` without a request. Raises `SettingsError`."""
    object_store = await asyncio.to_thread(_build_object_store, settings)
    try:
        yield object_store
    finally:
        await object_store.close()


def is_in_bucket(settings: Settings) -> bool:
    """Return whether the media store is in a bucket."""
    return settings.media_url is not None and not settings.media_url.startswith(_FILE_SCHEME)


def describe_unusable(error: MediaUnavailable) -> str:
    """Return one line that says what to do about an unusable bucket."""
    return f"MEDIA_URL cannot be used ({error}): check the bucket, its region and the credentials."


def _open_folder(url: str) -> LocalMediaStore:
    folder = Path(unquote(url.removeprefix(_FILE_SCHEME)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"MEDIA_URL cannot be written to ({error.strerror}): make {folder} writable for the"
            " bot's user, or set another one."
        ) from error
    return LocalMediaStore(folder)


def _build_object_store(settings: Settings) -> ObjectMediaStore:
    assert settings.media_url is not None
    key_id, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    access = BucketAccess(
        url=settings.media_url,
        access_key_id=None if key_id is None else key_id.get_secret_value(),
        secret_access_key=None if secret is None else secret.get_secret_value(),
        region=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        google_credentials=settings.google_application_credentials,
    )
    redirects = settings.media_redirects
    has_links = access.uses_tls if redirects is None else redirects
    try:
        scratch = ScratchFolder(settings.data_dir)
    except OSError as error:
        raise SettingsError(
            f"DATA_DIR cannot be written to ({error.strerror}): it holds files on their way to"
            " MEDIA_URL."
        ) from error
    try:
        return ObjectMediaStore(access, scratch=scratch, has_links=has_links)
    except MediaUnusable as error:
        scratch.close()
        raise SettingsError(describe_unusable(error)) from error


async def _wait_until_usable(object_store: ObjectMediaStore, clock: Clock) -> None:
    backoff = Backoff(initial=1.0, maximum=30.0)
    while True:
        try:
            await object_store.check()
        except MediaUnusable as error:
            raise SettingsError(describe_unusable(error)) from error
        except MediaUnavailable as error:
            pause_s = backoff.next_delay()
            _log.warning("media.unavailable", error=str(error), retry_in_s=round(pause_s, 1))
            await clock.sleep(pause_s)
        else:
            return


def build_file_retention(
    settings: Settings, database: Database, media_store: MediaStore, clock: Clock
) -> FileRetention:
    """Return the deletion of files that need not be kept, with the operator's limits."""
    days, gigabytes = settings.keep_clips_days, settings.keep_clips_gb
    return FileRetention(
        file_references=FileReferenceStore(database),
        media_store=media_store,
        clock=clock,
        keep_for=None if days is None else timedelta(days=days),
        keep_bytes=None if gigabytes is None else int(gigabytes * 1_000_000_000),
    )

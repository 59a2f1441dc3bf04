"""Builds the media store and what keeps it small."""

from datetime import timedelta

from bot.config.settings import Settings
from bot.domain.clips.media_store import MediaStore
from bot.domain.ports import Clock
from bot.media.local_store import LocalMediaStore
from bot.services.clips.retention import FileRetention
from bot.store.engine.database import Database
from bot.store.operations.file_references import FileReferenceStore


def build_media_store(settings: Settings) -> MediaStore:
    """Return the media store: the data directory."""
    return LocalMediaStore(settings.data_dir)


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

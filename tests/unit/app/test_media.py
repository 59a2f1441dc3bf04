"""Where `MEDIA_URL` leads, and what is said if it leads nowhere."""

from pathlib import Path

import pytest

from bot.app.clock import SystemClock
from bot.app.media import open_media_store
from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings


def create_settings(folder: Path, **changes: str) -> Settings:
    values = {"discord_token": "t", "gemini_api_key": "k", "data_dir": str(folder / "data")}
    return Settings.model_validate(values | changes)


async def test_without_it_files_are_in_the_data_directory(tmp_path: Path) -> None:
    async with open_media_store(create_settings(tmp_path), SystemClock()) as store:
        assert store.working_folder == tmp_path / "data"


async def test_another_folder_is_created(tmp_path: Path) -> None:
    settings = create_settings(tmp_path, media_url=f"file://{tmp_path}/my%20clips/")
    async with open_media_store(settings, SystemClock()) as store:
        assert store.working_folder == tmp_path / "my clips"
        async with store.write_in("clips/0000") as folder:
            (folder / "1-0.mp4").write_bytes(b"film")
    assert (tmp_path / "my clips" / "clips" / "0000" / "1-0.mp4").read_bytes() == b"film"
    assert not (tmp_path / "data").exists()


async def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = create_settings(tmp_path, media_url=f"file://{tmp_path}/file/clips")
    with pytest.raises(SettingsError, match="MEDIA_URL cannot be written to"):
        async with open_media_store(settings, SystemClock()):
            pass


async def test_a_missing_credentials_file_is_said_before_any_request(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text("{}")
    settings = create_settings(
        tmp_path, media_url="gs://bucket/f", google_application_credentials=str(credentials)
    )
    with pytest.raises(SettingsError, match="MEDIA_URL cannot be used"):
        async with open_media_store(settings, SystemClock()):
            pass
    assert list((tmp_path / "data" / "scratch").iterdir()) == []

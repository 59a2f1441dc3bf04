"""Folders that the bot's user may not enter are named, and stop neither a check nor a program.

Before Python 3.14, `Path.exists` and `Path.is_file` raise `PermissionError` in such a folder.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.app.alerts import measure_free_disk
from bot.cli.doctor.certificate_checks import check_certificate
from bot.cli.doctor.database_checks import check_database
from bot.cli.doctor.findings import CheckStatus
from bot.cli.doctor.machine_checks import check_data_folder, read_machine
from bot.config.settings import Settings, SettingsError, read_settings
from bot.media.local_store import LocalMediaStore
from bot.observability.heartbeat import find_health_problem, get_heartbeat_file
from bot.store.engine.database import Access, open_database
from bot.store.engine.schema import has_tables
from tests.harness.locked_folder import lock_folder


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with files, inside one that tests lock."""
    folder = tmp_path / "locked" / "data"
    (folder / "clips").mkdir(parents=True)
    for name in ("clips/1.mp4", "clapper.db", "file.pem"):
        (folder / name).write_text("content")
    get_heartbeat_file(folder).touch()
    return folder


@pytest.fixture
def settings(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir("/")
    for name, value in (
        ("DISCORD_TOKEN", "a-token"),
        ("GEMINI_API_KEY", "a-key"),
        ("DATA_DIR", str(data_dir)),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return read_settings()


def test_the_data_folder_is_named_and_the_machine_is_measured(data_dir: Path) -> None:
    assert check_data_folder(data_dir).status is CheckStatus.OK
    assert read_machine(data_dir).stored_clips_bytes > 0
    with lock_folder(data_dir.parent):
        finding = check_data_folder(data_dir)
        readings = read_machine(data_dir)
    assert finding.status is CheckStatus.FAILED
    assert "denied" in finding.message
    assert finding.cure is not None
    assert str(data_dir) in finding.cure
    assert readings.free_disk_bytes > 0
    assert readings.stored_clips_bytes == 0


async def test_the_database_is_not_called_new(
    settings: Settings, data_dir: Path, tmp_path: Path
) -> None:
    await open_once(tmp_path / "other.db")
    with lock_folder(data_dir.parent):
        [finding] = await check_database(settings, datetime.now(UTC))
    assert finding.status is CheckStatus.FAILED
    assert "permissions" in finding.message


async def open_once(path: Path) -> None:
    """Import all that a database needs."""
    path.touch()
    database = open_database(f"sqlite+aiosqlite:///{path}", access=Access.READER)
    try:
        assert not await has_tables(database)
    finally:
        await database.close()


def test_the_health_check_says_why(data_dir: Path) -> None:
    assert find_health_problem(data_dir, get_heartbeat_file(data_dir).stat().st_mtime) is None
    with lock_folder(data_dir.parent):
        problem = find_health_problem(data_dir, 0)
    assert problem is not None
    assert "denied" in problem


async def test_a_clip_counts_as_missing(data_dir: Path) -> None:
    store = LocalMediaStore(data_dir)
    assert await store.find("clips/1.mp4") is not None
    with lock_folder(data_dir):
        assert await store.find("clips/1.mp4") is None


async def test_a_disk_that_cannot_be_measured_keeps_no_alert_back(data_dir: Path) -> None:
    with lock_folder(data_dir.parent):
        assert await measure_free_disk(data_dir) is None


def test_the_file_of_the_settings_is_named(
    settings: Settings, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data_dir)
    (data_dir / ".env").write_bytes("OPERATOR_NAME=Zo\u00eb".encode("latin-1"))
    with pytest.raises(SettingsError, match="UTF-8"):
        read_settings()
    with lock_folder(data_dir), pytest.raises(SettingsError, match="denied"):
        read_settings()


def test_a_file_that_a_setting_names_is_named(
    settings: Settings, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(data_dir / "file.pem"))
    read_settings()
    message = "GOOGLE_APPLICATION_CREDENTIALS"
    with lock_folder(data_dir.parent), pytest.raises(SettingsError, match=message):
        read_settings()


async def test_the_files_of_the_certificate_are_named(
    settings: Settings, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("C2PA_CERTIFICATE", "C2PA_KEY", "C2PA_TRUST"):
        monkeypatch.setenv(name, str(data_dir / "file.pem"))
    settings, now = read_settings(), datetime.now(UTC)
    await check_certificate(settings, now)
    with lock_folder(data_dir.parent):
        findings = await check_certificate(settings, now)
    assert [finding.status for finding in findings] == [CheckStatus.FAILED] * 2
    assert all("denied" in finding.message for finding in findings)

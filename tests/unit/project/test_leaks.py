"""The watch in tests/conftest.py must see what it is there for: each leak must fail its test."""

import shutil
import subprocess
import sys
from pathlib import Path

LEAKS = """
import asyncio, gc, threading, warnings

async def test_a_task():
    test_a_task.kept = asyncio.create_task(asyncio.sleep(60), name="forgotten task")

async def test_an_exception_nobody_read():
    async def fail():
        raise ValueError("nobody read this")
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()

def test_a_thread():
    threading.Thread(target=threading.Event().wait, args=(4,), name="forgotten thread").start()

def test_a_file():
    open(__file__)
    gc.collect()

async def test_a_coroutine():
    asyncio.sleep(0)

def test_a_warning():
    warnings.warn("deprecated thing", DeprecationWarning)

async def test_tidy_work_is_no_leak():
    task = asyncio.create_task(asyncio.sleep(0.01))
    await asyncio.to_thread(threading.Event)
    await task

def test_no_accounts():
    import os
    assert "GEMINI_API_KEY" not in os.environ
    assert os.environ["PAID_CALLS"] == "forbid"
"""
EXPECTED = (
    "forgotten task",
    "nobody read this",
    "forgotten thread",
    "test_a_file - pytest.PytestUnraisableExceptionWarning",
    "test_a_coroutine - pytest.PytestUnraisableExceptionWarning",
    "test_a_warning - DeprecationWarning",
)
SUMMARY = "3 failed, 5 passed, 3 errors"


def test_each_leak_fails_its_test(root: Path, tmp_path: Path) -> None:
    watch = (root / "tests" / "conftest.py").read_text()
    assert "_GRACE_S = 15.0" in watch
    (tmp_path / "conftest.py").write_text(watch.replace("_GRACE_S = 15.0", "_GRACE_S = 0.2"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_leaks.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "300", "GEMINI_API_KEY": "a developer's own"},
    )
    assert SUMMARY in ran.stdout, ran.stdout
    for words in EXPECTED:
        assert words in ran.stdout

"""The wrapper hands on its command's status and surroundings."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TELL = "import os, sys; print(os.environ.get('TEST_POSTGRES_URL')); sys.exit(3)"


def wrapped(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.harness.postgres", sys.executable, "-c", TELL],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "POSTGRES" not in name}
        | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_server_that_is_given_is_used() -> None:
    ran = wrapped(TEST_POSTGRES_URL="postgresql+asyncpg://somewhere/else")
    assert ran.stdout.strip() == "postgresql+asyncpg://somewhere/else"
    assert ran.returncode == 3


def test_otherwise_there_is_one_of_its_own_or_a_word_about_it() -> None:
    ran = wrapped()
    assert ran.returncode == 3
    if "without PostgreSQL" in ran.stderr:
        assert ran.stdout.strip() == "None"
    else:
        assert ran.stdout.startswith("postgresql+asyncpg://clapper@127.0.0.1:")

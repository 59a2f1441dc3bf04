"""The project's own files, for the tests that keep documents and code telling the same."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return Path(__file__).resolve().parents[3]

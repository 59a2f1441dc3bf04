"""The container files say what they should; no engine is needed to see it.

`make check` lints the Dockerfile with hadolint; this holds what a linter cannot know.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

SERVICE_KEYS = {
    "build", "image", "env_file", "environment", "volumes", "restart", "stop_grace_period", "init",
    "read_only", "tmpfs", "cap_drop", "security_opt", "logging", "profiles", "shm_size",
    "healthcheck", "ports",
}  # fmt: skip


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / "compose.yaml").read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    return (root / "Dockerfile").read_text("utf-8")


def test_compose_has_only_what_compose_knows(compose: dict[str, Any]) -> None:
    assert set(compose) == {"name", "services", "volumes"}
    for service in compose["services"].values():
        assert set(service) <= SERVICE_KEYS
        named = {volume.partition(":")[0] for volume in service["volumes"]}
        assert named <= set(compose["volumes"])


def test_sqlite_is_the_default_and_postgresql_a_profile(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [name for name, each in services.items() if "profiles" not in each] == ["bot"]
    assert services["postgres"]["profiles"] == ["postgres"]
    assert "DATABASE_URL" not in services["bot"]["environment"]


def test_data_outlives_the_container(compose: dict[str, Any], dockerfile: str) -> None:
    bot = compose["services"]["bot"]
    assert "data:/data" in bot["volumes"]
    assert bot["environment"]["DATA_DIR"] == "/data"
    assert "DATA_DIR=/data" in dockerfile
    assert re.search(r"^VOLUME /data$", dockerfile, re.MULTILINE)


def test_the_bot_gets_the_time_it_needs_to_leave(compose: dict[str, Any]) -> None:
    assert int(compose["services"]["bot"]["stop_grace_period"].removesuffix("s")) > 10


def test_the_image_is_slim_locked_and_not_root(dockerfile: str) -> None:
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert len(bases) == 2
    assert all("-slim" in base for base in bases)
    assert "uv sync --frozen --no-default-groups" in dockerfile
    assert re.search(r"^USER 10001", dockerfile, re.MULTILINE)
    assert "HEALTHCHECK" in dockerfile


def test_the_image_has_a_python_that_the_project_supports(root: Path, dockerfile: str) -> None:
    minor = {int(found) for found in re.findall(r"python:3\.(\d+)-slim", dockerfile)}
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    least = int(project["project"]["requires-python"].removeprefix(">=3."))
    assert len(minor) == 1
    assert min(minor) >= least


def test_what_the_dockerfile_copies_reaches_the_builder(root: Path, dockerfile: str) -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    allowed = (root / ".dockerignore").read_text("utf-8").splitlines()
    for source in " ".join(copied).split():
        assert (root / source).exists()
        assert f"!{source}" in allowed or f"!{source}/" in allowed

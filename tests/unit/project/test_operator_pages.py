"""The documents tell operators what they need, under names that exist."""

import re
from pathlib import Path

from bot.cli.main import SUBCOMMANDS
from bot.config.settings import Settings
from bot.store.engine.schema import find_newest_revision


def read_section(root: Path, name: str, heading: str) -> str:
    """Return a section of a page, without its heading."""
    page = (root / name).read_text("utf-8")
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def test_upgrading_is_explained(root: Path) -> None:
    """[people-O19]"""
    assert "(docs/upgrading.md)" in (root / "README.md").read_text("utf-8")
    upgrading = (root / "docs" / "upgrading.md").read_text("utf-8")
    for words in ("Make a backup", "Stop every process", "adopted", "Going back"):
        assert words in upgrading
    newest = find_newest_revision()
    assert f"→ {newest} |" in upgrading, "what does the newest revision mean for operators?"


def test_commands_in_containers_are_those_that_exist(root: Path) -> None:
    """[people-O21]"""
    docker = read_section(root, "docs/operations.md", "With Docker")
    page = (root / "docs" / "operations.md").read_text("utf-8")
    compose = (root / "compose.yaml").read_text("utf-8")
    used = re.findall(r"docker compose (?:exec|run --rm) (\w+) clapper ([\w-]+)", page)
    assert {"status", "pause", "settle", "after-restore"} <= {command for _, command in used}
    assert {name for name, _ in used} <= set(
        re.findall(r"^  (\w+):(?: &\w+)?$", compose, re.MULTILINE)
    )
    assert {command for _, command in used} <= SUBCOMMANDS.keys()
    assert "/data/clapper.db" in docker
    assert "link-keys.json" in docker


def test_each_command_for_a_checkout_stands_beside_that_for_docker(root: Path) -> None:
    page = (root / "docs" / "operations.md").read_text("utf-8")
    blocks = re.findall(r"^ *```.*?^ *```", page, re.MULTILINE | re.DOTALL)
    commands = 0
    for block in blocks:
        for command in re.findall(r"^ *\.venv/bin/clapper ([\w-]+)", block, re.MULTILINE):
            commands += 1
            with_docker = rf"^ *docker compose .*(clapper {command}|up -d {command})\b"
            assert re.search(with_docker, block, re.MULTILINE), f"clapper {command} with Docker"
    assert commands > 5


def test_dockers_bridge_is_named_for_proxies_and_metrics(root: Path) -> None:
    """A container sees the bridge, not 127.0.0.1. [web-W34, people-O21]"""
    docker = read_section(root, "docs/operations.md", "With Docker")
    for setting in ("TRUSTED_PROXIES", "METRICS_ALLOWED_NETWORKS"):
        assert setting in docker
        assert setting.lower() in Settings.model_fields
    assert "docker network inspect" in docker
    compose = (root / "compose.yaml").read_text("utf-8")
    name = re.search(r"^name: (\w+)$", compose, re.MULTILINE)
    assert name is not None
    assert f"{name[1]}_default" in docker


def test_operators_read_what_public_means_for_the_bill(root: Path) -> None:
    """[people-O3]"""
    assert "ALLOWED_SERVERS" in (root / "README.md").read_text("utf-8")
    page = read_section(root, "docs/install.md", "Decide who may use the bot")
    for word in ("Public Bot", "User Install", "Install Link", "ALLOWED_SERVERS"):
        assert word in page

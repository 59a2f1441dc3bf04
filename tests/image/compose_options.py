"""How compose.yaml runs the image, as options of ``docker run``: the checks do the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def read_bot_service(root: Path) -> Mapping[str, Any]:
    """Return the service ``bot`` of compose.yaml."""
    services: Mapping[str, Any] = yaml.safe_load((root / "compose.yaml").read_text("utf-8"))
    bot: Mapping[str, Any] = services["services"]["bot"]
    return bot


def build_run_options(service: Mapping[str, Any]) -> list[str]:
    """Return the options that limit the container; network, settings and volume are the test's."""
    options = []
    if service.get("read_only"):
        options.append("--read-only")
    if service.get("init"):
        options.append("--init")
    options += [f"--tmpfs={folder}" for folder in service.get("tmpfs", ())]
    options += [f"--cap-drop={name}" for name in service.get("cap_drop", ())]
    options += [f"--security-opt={name}" for name in service.get("security_opt", ())]
    if limit := service.get("mem_limit"):
        options.append(f"--memory={limit}")
    return options

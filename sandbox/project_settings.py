"""Reads the settings that a project gives its own bot in the sandbox.

The sandbox knows no bot. What a bot needs besides the addresses, for example no limits on spending,
is in ``[tool.clapper-sandbox.env]`` of the project's ``pyproject.toml``.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CHECKOUT: Final = Path(__file__).resolve().parents[1]


def read_project_settings(folder: Path | None = None) -> dict[str, str]:
    """Return the table of the nearest project that has one, beginning in ``folder``. Blocks.

    The default is the working directory. The last project that is looked at is the one whose
    checkout contains this package. Raises ValueError if the table is malformed.
    """
    for path in _list_projects(folder or Path.cwd()):
        tools = tomllib.loads(path.read_text("utf-8")).get("tool", {})
        if (table := tools.get("clapper-sandbox")) is not None:
            return _check_settings(path, table.get("env", {}))
    return {}


def _list_projects(folder: Path) -> Iterator[Path]:
    for each in (folder, *folder.parents, _CHECKOUT):
        if (path := each / "pyproject.toml").is_file():
            yield path


def _check_settings(path: Path, settings: object) -> dict[str, str]:
    if not isinstance(settings, dict) or not all(
        isinstance(value, str) for value in settings.values()
    ):
        raise ValueError(f"{path}: [tool.clapper-sandbox.env] is a table of strings")
    return settings

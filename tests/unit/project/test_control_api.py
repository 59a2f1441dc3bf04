"""docs/sandbox.md lists exactly the calls of the control API."""

import re
from pathlib import Path

_MOUNTED = re.compile(r'route\(\s*"([A-Z]+)", "(/[^"]+)"')
_FULL = re.compile(r'web\.(get|post|put|patch|delete)\("(/control[^"]*)"')


def served(root: Path) -> set[str]:
    """Every call, from where it is mounted, with ID for each placeholder."""
    found = set()
    for path in (root / "sandbox").rglob("*.py"):
        text = path.read_text("utf-8")
        found |= {(method.upper(), where) for method, where in _FULL.findall(text)}
        if "control" in path.parts:
            found |= {(method, f"/control{where}") for method, where in _MOUNTED.findall(text)}
    return {f"{method} {re.sub(r'{[a-z_]+}', 'ID', where)}" for method, where in found}


def test_each_call_is_documented(root: Path) -> None:
    text = (root / "docs" / "sandbox.md").read_text("utf-8")
    documented = set(re.findall(r"`([A-Z]+ /control/[\w/-]+)", text))
    calls = served(root)
    assert len(calls) > 40
    assert documented == calls

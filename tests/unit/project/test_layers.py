"""Every module belongs to a layer, and each layer refuses imports in the wrong direction."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

PACKAGES = ("bot", "cogs", "demo", "sandbox")


def read_layers(root: Path) -> list[list[str]]:
    """The layers of the contract, the highest first, each with its packages."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (contract,) = (each for each in contracts["contracts"] if each["type"] == "layers")
    return [layer.split(" | ") for layer in contract["layers"]]


def list_modules(root: Path, *packages: str) -> list[str]:
    """The dotted names of all modules; a package is named for itself."""
    return sorted(
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for package in packages
        for path in (root / package).rglob("*.py")
    )


def find_file(root: Path, module: str) -> Path:
    """The file of a module or of a package."""
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_every_module_stands_in_a_layer(root: Path) -> None:
    members = [member for layer in read_layers(root) for member in layer]
    outside = [
        module
        for module in list_modules(root, "bot", "cogs")
        if not any(module == member or module.startswith(f"{member}.") for member in members)
    ]
    assert outside == ["bot"]  # its docstring; it imports nothing
    assert "import" not in re.sub(r'""".*?"""', "", find_file(root, "bot").read_text(), flags=re.S)


def lint_imports(directory: Path) -> "subprocess.CompletedProcess[str]":
    """Run `lint-imports` on a checkout, not on the one that is being tested."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=directory,
        env={"PYTHONPATH": str(directory), "COLUMNS": "300", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied_tree(root: Path, tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            root / package,
            tmp_path / package,
            ignore=lambda _, names: [
                name for name in names if "." in name and not name.endswith(".py")
            ],
        )
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def test_an_upward_import_is_refused_in_each_layer(copied_tree: Path) -> None:
    layers = read_layers(copied_tree)
    wrong = {member: above[0] for above, layer in pairwise(layers) for member in layer}
    for module, imported in wrong.items():
        with find_file(copied_tree, module).open("a", encoding="utf-8") as file:
            file.write(f"\nimport {imported}\n")
    done = lint_imports(copied_tree)
    assert done.returncode == 1, done.stderr
    refused = set(re.findall(r"(\S+) -> (\S+) \(l\.\d+\)", done.stdout))
    assert wrong.items() <= refused

"""docs/dependencies.md lists exactly the dependencies, each with a reason."""

import re
import tomllib
from pathlib import Path

from tests.unit.project.documents import rows


def test_each_dependency_is_explained(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    sandbox = tomllib.loads((root / "sandbox" / "pyproject.toml").read_text("utf-8"))
    declared = [*project["project"]["dependencies"], *sandbox["project"]["dependencies"]]
    for group in project["dependency-groups"].values():
        declared += group
    names = {re.split(r"[\[<>=~!; ]", requirement)[0] for requirement in declared}
    text = (root / "docs" / "dependencies.md").read_text("utf-8")
    explained = {cells[0].strip("`"): cells[1] for cells in rows(text) if cells[0].startswith("`")}
    assert set(explained) == names
    assert all(len(why) > 10 for why in explained.values())


def test_the_sandbox_has_the_same_versions_as_a_distribution(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    sandbox = tomllib.loads((root / "sandbox" / "pyproject.toml").read_text("utf-8"))
    here = {*project["project"]["dependencies"], *project["dependency-groups"]["sandbox"]}
    assert {*project["dependency-groups"]["sandbox"]} <= {*sandbox["project"]["dependencies"]}
    assert {*sandbox["project"]["dependencies"]} <= here

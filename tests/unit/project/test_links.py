"""Links in documents work, and the code that documents name exists."""

import ast
import re
from pathlib import Path

import pytest

from tests.unit.project.documents import anchors, documents, links


def broken(path: Path) -> list[str]:
    found = []
    for link in links(path):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            found.append(link)
    return found


def test_every_link_resolves(root: Path) -> None:
    found = {str(path.relative_to(root)): broken(path) for path in documents(root)}
    assert not {name: links for name, links in found.items() if links}


@pytest.mark.parametrize(
    "link", ["nowhere.md", "here.md#no-such-heading", "#nor-this", "pictures/none.png"]
)
def test_a_broken_link_is_seen(tmp_path: Path, link: str) -> None:
    page = tmp_path / "here.md"
    page.write_text(f"# A heading, with `code`\n[good](#a-heading-with-code) ![bad]({link})\n")
    assert broken(page) == [link]


def missing_code(root: Path, text: str) -> list[str]:
    """Return references like `bot/x.py` or `bot/x.py:name` that name nothing."""
    missing = []
    for file, name in re.findall(
        r"`((?:bot|cogs|demo|sandbox|tests)/[\w/]+\.py)(?::(\w+))?`", text
    ):
        path = root / file
        defined = {
            node.name
            for node in ast.walk(ast.parse(path.read_text("utf-8") if path.exists() else ""))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        }
        if not path.exists() or (name and name not in defined):
            missing.append(f"{file}:{name}")
    return missing


@pytest.mark.parametrize("page", ["architecture", "glossary"])
def test_the_code_that_a_page_names_exists(root: Path, page: str) -> None:
    assert missing_code(root, (root / "docs" / f"{page}.md").read_text("utf-8")) == []


def test_code_that_does_not_exist_is_seen(root: Path) -> None:
    text = "`bot/domain/jobs/job.py:Job` `bot/domain/jobs/job.py:Jobs` `bot/domain/nothing.py`"
    assert missing_code(root, text) == ["bot/domain/jobs/job.py:Jobs", "bot/domain/nothing.py:"]


def test_required_documents_exist(root: Path) -> None:
    wanted = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}
    pages = ("architecture", "dependencies", "glossary", "models", "sandbox", "settings")
    wanted |= {f"docs/{page}.md" for page in pages}
    assert wanted <= {str(path.relative_to(root)) for path in documents(root)}

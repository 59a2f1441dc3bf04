"""A link in a document leads somewhere."""

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


def test_required_documents_exist(root: Path) -> None:
    wanted = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}
    pages = ("architecture", "dependencies", "models", "sandbox", "settings")
    wanted |= {f"docs/{page}.md" for page in pages}
    assert wanted <= {str(path.relative_to(root)) for path in documents(root)}

"""Makes a site of documents that are written to be read in the repository.

README, CONTRIBUTING and CHANGELOG lie outside `docs/`: they become pages here. Links from a page to
code or other files of the repository lead to the repository.
"""

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
_PAGES: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK_PATTERN: Final = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside `docs/`, and a list of the decisions."""
    for source, target in _PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, target, content=text))
    titles = ["# Decisions", ""]
    for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")):
        title = path.read_text("utf-8").splitlines()[0].removeprefix("# ")
        titles.append(f"* [{title}]({path.name})")
    files.append(File.generated(config, "decisions/index.md", content="\n".join(titles)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Point links at pages of the site where there are some, else at the repository."""
    name = page.file.src_uri
    source = next((key for key, value in _PAGES.items() if value == name), f"docs/{name}")
    return _LINK_PATTERN.sub(lambda match: _resolve_link(match, source, name, config), markdown)


def _resolve_link(match: re.Match[str], source: str, name: str, config: MkDocsConfig) -> str:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
    page = _PAGES.get(target) or (target.removeprefix("docs/") if _is_on_site(target) else None)
    if page is not None:
        return posixpath.relpath(page, posixpath.dirname(name) or ".") + (match[2] or "")
    if target == "docs/decisions":
        return posixpath.relpath("decisions/index.md", posixpath.dirname(name) or ".")
    if not (ROOT / target).exists():
        return match[0]  # mkdocs says that it is not there
    return f"{(config.repo_url or '').rstrip('/')}/blob/main/{target}{match[2] or ''}"


def _is_on_site(target: str) -> bool:
    path = ROOT / target
    return (
        target.startswith("docs/") and path.is_file() and path.suffix in (".md", ".webp", ".json")
    )

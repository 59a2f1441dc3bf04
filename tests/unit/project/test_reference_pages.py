"""The generated pages match the code."""

from pathlib import Path

from tests.unit.project.reference_pages import render_pages


def test_reference_pages_are_current(root: Path) -> None:
    pages = dict(render_pages(root))
    assert {path.name for path in pages} == {
        "command-line.md",
        "models.md",
        "sandbox-api.md",
        "settings.md",
        ".env.example",
    }
    for path, content in pages.items():
        assert path.read_text("utf-8") == content, f"{path.name}: run make reference"

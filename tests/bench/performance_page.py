"""Writes docs/performance.md from the results that are kept in docs/performance.json."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from tests.bench.figures import RESULTS_FOLDER, RecordedResult
from tests.harness.process import ROOT

RESULTS_FILE: Final = ROOT / "docs" / "performance.json"
PAGE: Final = ROOT / "docs" / "performance.md"


def load_results() -> dict[str, RecordedResult]:
    """Return the results that the page shows, by the name of the bench."""
    if not RESULTS_FILE.exists():
        return {}
    documents = json.loads(RESULTS_FILE.read_text("utf-8"))
    return {document["name"]: RecordedResult.from_json(document) for document in documents}


def update_page(names: Iterable[str], order: Iterable[str]) -> None:
    """Take over the newest results of some benches; those of others stay as they are.

    ``order`` lists all benches as the page does.
    """
    results = load_results()
    for name in names:
        path = RESULTS_FOLDER / f"{name}.json"
        if path.exists():
            results[name] = RecordedResult.from_json(json.loads(path.read_text("utf-8")))
    ordered = [results[name] for name in order if name in results]
    documents = [recorded.to_json() for recorded in ordered]
    text = json.dumps(documents, indent=1, ensure_ascii=False)
    RESULTS_FILE.write_text(f"{text}\n", "utf-8")
    PAGE.write_text(render_page(ordered), "utf-8")


def render_page(results: Iterable[RecordedResult]) -> str:
    """Return the page of figures as Markdown."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(),  # Markdown is not escaped
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _escape_cell
    return environment.get_template("performance.md.j2").render(results=list(results))


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|") or "–"

"""The page generated from the catalog is current and matches Google's table, cell by cell."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.cli.models_document import (
    DOCUMENT_COLUMNS,
    DOCUMENT_PARAMETERS,
    build_parameter_cell,
    render_catalog,
)
from bot.config.model_catalog import load_catalog

ROOT = Path(__file__).parents[3]

# From the document; 4k, "8 s only" of Veo 3 and the number of references are newer.
DOCUMENT = {
    "prompt": ("string", "string", "string"),
    "negativePrompt": ("string", "string", "string"),
    "image": ("Image", "Image", "Image"),
    "lastFrame": ("Image, only together with image",) * 3,
    "referenceImages": ("up to 3 VideoGenerationReferenceImage", "none", "none"),
    "video": ("Video", "none", "none"),
    "aspectRatio": (
        '"16:9" (default, 720p, 1080p, 4k), "9:16" (720p, 1080p, 4k)',
        '"16:9" (default, 720p, 1080p), "9:16" (720p)',
        '"16:9" (default, 720p), "9:16" (720p)',
    ),
    "resolution": (
        '"720p" (default), "1080p" (8 s only), "4k" (8 s only), "720p" only for extension',
        '"720p" (default), "1080p" (8 s only, 16:9 only)',
        "not supported",
    ),
    "durationSeconds": (
        '"4", "6", "8"; must be "8" for extension, first and last frame, reference images '
        "(16:9 only)",
        '"4", "6", "8"',
        '"5", "6", "8"',
    ),
    "personGeneration": (
        'text, extension: "allow_all" only; first frame, first and last frame, reference images: '
        '"allow_adult" only',
        'text: "allow_all" only; first frame, first and last frame: "allow_adult" only',
        'text: "allow_all", "allow_adult", "dont_allow"; first frame, first and last frame: '
        '"allow_adult", "dont_allow"',
    ),
    "seed": ("number", "number", "none"),
}


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "models.md").read_text("utf-8")
    assert page == render_catalog(load_catalog()), "run: clapper models > docs/models.md"


def test_every_row_of_the_document_is_there() -> None:
    assert tuple(DOCUMENT) == DOCUMENT_PARAMETERS


@pytest.mark.parametrize("parameter", DOCUMENT_PARAMETERS)
def test_every_cell_of_the_documents_table(parameter: str) -> None:
    for (_, ids), cell in zip(DOCUMENT_COLUMNS, DOCUMENT[parameter], strict=True):
        for model_id in ids:
            model = load_catalog().get(model_id)
            assert model is not None
            assert build_parameter_cell(model, parameter) == cell


def test_where_the_table_differs_from_the_document_a_footnote_says_why() -> None:
    page = render_catalog(load_catalog())
    assert "| `aspectRatio` * |" in page
    assert "| `seed` * |" in page
    assert "- \\* `aspectRatio`, Veo 3 and Veo 3 Fast: the document's cell also gives 1080p" in page
    assert "- \\* `seed`, Veo 3 and Veo 3 Fast: added here" in page


def test_omnis_abilities_and_prices_are_on_the_page() -> None:
    page = render_catalog(load_catalog())
    rows = [line for line in page.splitlines() if line.startswith("| Gemini Omni 1.1 Flash |")]
    abilities, prices, people = (row.strip("| ").split(" | ") for row in rows)
    assert abilities[3].endswith("extension, edit")
    assert abilities[5:7] == ["360p, 720p, 1080p, 4k", "3–10"]
    assert prices[2:6] == ["$0.034", "$0.102", "$0.153", "$0.305"]
    assert prices[6:] == ["$0.01", "8 s: $0.826", "$1.50, $9.00, $17.50"]
    assert set(people[2:]) == {"–"}
    rules = page[page.index("(`gemini-omni-1.1-flash`)") :]
    assert "an extension adds 3–10 s (7 unless a member chooses) in 360p, 720p, 1080p" in rules
    assert "an edit changes a clip of at most 10 s" in rules
    assert "for 55 days on a paid project" in rules
    first = page[page.index("(`gemini-omni-1.2-flash`)") : page.index("(`gemini-omni-1.1-flash`)")]
    assert "first and last frame needs at most 10 s" in first
    assert "an extension" not in first


def test_a_model_that_google_shut_down_names_what_replaced_it() -> None:
    page = render_catalog(load_catalog())
    [row] = [line for line in page.splitlines() if "| `veo-3.1-generate-preview` |" in line]
    assert row.endswith("| 2026-10-22 | Gemini Omni 1.2 Flash |")


def test_the_command_prints_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "models"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == render_catalog(load_catalog())


def test_the_command_reads_an_operators_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "models.toml"
    file.write_text('[[model]]\nid = "veo-2.0-generate-001"\nname = "The old one"\n')
    assert main(["models", str(file)]) == 0
    assert "The old one" in capsys.readouterr().out
    file.write_text("[[model]]\n")
    assert main(["models", str(file)]) == 2
    assert "id is missing" in capsys.readouterr().err
    assert main(["models", str(tmp_path / "nothing.toml")]) == 2

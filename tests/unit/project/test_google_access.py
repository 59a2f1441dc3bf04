"""What documents say about an API key and a Google Cloud project matches the catalog."""

import re
from pathlib import Path

import pytest

from bot.config.model_catalog import load_catalog, parse_catalog
from bot.config.settings import Settings
from bot.domain.billing.money import Micros
from bot.domain.jobs.request import GenerationMode, GoogleRoute, Resolution
from bot.domain.models import ModelSpec
from tests.unit.project.documents import rows

KEY, PROJECT = 1, 2
"""The columns of the table in docs/install.md."""


@pytest.fixture(scope="module")
def ways(root: Path) -> dict[str, list[str]]:
    """The rows of the table in docs/install.md, by their bold first cell."""
    page = (root / "docs" / "install.md").read_text("utf-8")
    table = page.partition("<!-- ways:")[2].partition("<!-- /ways -->")[0]
    return {cells[0].strip("*"): cells for cells in rows(table)}


@pytest.fixture(scope="module")
def models() -> dict[str, ModelSpec]:
    return {model.id: model for model in load_catalog().models}


def on_route(models: dict[str, ModelSpec], route: GoogleRoute) -> list[ModelSpec]:
    return [model for model in models.values() if model.route is route]


def format_usd(price: Micros) -> str:
    return f"${price / 1_000_000:.2f}"


def test_the_readme_repeats_rows_of_the_comparison(root: Path, ways: dict[str, list[str]]) -> None:
    page = (root / "README.md").read_text("utf-8").replace("](docs/", "](")
    repeated = [cells for cells in rows(page) if cells[0].strip("*") in ways and cells[0]]
    assert len(repeated) == 4
    assert [cells for cells in repeated if ways[cells[0].strip("*")] != cells] == []


@pytest.mark.parametrize(
    ("column", "route"), [(KEY, GoogleRoute.OMNI), (PROJECT, GoogleRoute.VERTEX)]
)
def test_what_a_clip_costs_each_way(
    ways: dict[str, list[str]], models: dict[str, ModelSpec], column: int, route: GoogleRoute
) -> None:
    told = set(re.findall(r"\$\d+\.\d\d", ways["8 s in 720p cost"][column]))
    prices = {
        format_usd(model.compute_price(Resolution.P720, 8, 1)) for model in on_route(models, route)
    }
    assert told == prices


def test_lengths_and_resolutions_of_each_way(
    ways: dict[str, list[str]], models: dict[str, ModelSpec]
) -> None:
    newest, older = models["gemini-omni-1.2-flash"], models["gemini-omni-1.1-flash"]
    seconds = f"any number from {newest.lengths[0]} to {newest.lengths[-1]}"
    assert ways["seconds"][KEY] == f"{seconds} (1.1: to {older.lengths[-1]})"
    for model in on_route(models, GoogleRoute.VERTEX):
        assert model.lengths == (4, 6, 8)
    assert ways["seconds"][PROJECT] == "4, 6 or 8"
    assert set(ways["resolutions"][KEY].split(", ")) == set(newest.resolutions)
    assert f"up to {newest.max_references} references" in ways["images"][KEY]


def test_extending_and_editing_each_way(
    ways: dict[str, list[str]], models: dict[str, ModelSpec]
) -> None:
    omni, newest = models["gemini-omni-1.1-flash"].extension, models["gemini-omni-1.2-flash"]
    veo = models["veo-3.1-generate-001"].extension
    assert omni is not None
    assert veo is not None
    assert newest.extension is None
    first, last = omni.offered_lengths[0], omni.offered_lengths[-1]
    told = f"by {first} to {last} s at a time, to {omni.max_result_seconds} s in all"
    assert told in ways["extension"][KEY]
    told = f"by {veo.added_seconds} s at a time, to {veo.max_result_seconds} s in all"
    assert told in ways["extension"][PROJECT]
    assert newest.edit is not None
    assert f"up to {newest.edit.max_input_seconds} s" in ways["editing"][KEY]
    for model in on_route(models, GoogleRoute.VERTEX):
        assert GenerationMode.EDIT not in model.modes


def test_what_can_be_set_each_way(ways: dict[str, list[str]], models: dict[str, ModelSpec]) -> None:
    seed = ways["seed, negative prompt"]
    assert seed[KEY].startswith("no seed")
    assert seed[PROJECT] == "both"
    assert not any(model.seed for model in on_route(models, GoogleRoute.OMNI))
    for model in on_route(models, GoogleRoute.VERTEX):
        assert model.seed
        assert model.negative_prompt
    assert ways["people rules"][PROJECT] == "adults only, or nobody"
    days = (models["gemini-omni-1.2-flash"].keep_interaction_seconds or 0) // 86_400
    assert f"for {days} days" in ways["Google keeps"][KEY]


def test_the_row_that_operators_switch_on_is_there(root: Path) -> None:
    page = (root / "docs" / "operations.md").read_text("utf-8")
    [text] = re.findall(r"<!-- test: omni on vertex -->\n```toml\n(.*?)```", page, re.DOTALL)
    own = (root / "bot" / "config" / "models.toml").read_text("utf-8")
    switched_on = {
        model.id: model for model in parse_catalog([("own", own), ("extra", text)]).models
    }
    model = switched_on["gemini-omni-1.2-flash-vertex"]
    assert model.id not in {each.id for each in load_catalog().models}
    price = model.compute_price(Resolution.P360, 3, 1)
    assert "eight cents" in page
    assert format_usd(price) == "$0.08"


def test_the_spend_cap_is_counted_right(root: Path, models: dict[str, ModelSpec]) -> None:
    page = (root / "docs" / "api-key.md").read_text("utf-8")
    told = re.search(r"by (\d+) clips of 8 s in 720p with Omni 1.2, or by (\d+) in 4k", page)
    assert told is not None
    for count, resolution in zip(told.groups(), (Resolution.P720, Resolution("4k")), strict=True):
        price = models["gemini-omni-1.2-flash"].compute_price(resolution, 8, 1)
        assert (int(count) - 1) * price < 10_000_000 <= int(count) * price


def test_settings_and_log_lines_of_the_page_exist(root: Path) -> None:
    page = (root / "docs" / "api-key.md").read_text("utf-8")
    settings = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b", re.sub(r"[A-Z_]+_…", "", page)))
    assert {"GEMINI_API_KEY", "PAID_CALLS", "GOOGLE_REGION"} <= settings
    assert {name.lower() for name in settings} <= Settings.model_fields.keys()
    code = "\n".join(path.read_text("utf-8") for path in (root / "bot").rglob("*.py"))
    events = set(re.findall(r"`(submit\.\w+)`", page))
    assert len(events) > 3
    assert [event for event in events if f'"{event}"' not in code] == []

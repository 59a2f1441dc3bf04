"""Renders the catalog as docs/models.md, by the template models_document.md.j2.

The page has the Veo document's own table of parameters too, so that a wrong row shows when the two
are compared.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot.domain.billing.money import format_usd
from bot.domain.jobs.request import (
    MODEL_MODES,
    GenerationMode,
    OperatorRegion,
    PersonGeneration,
    Resolution,
)
from bot.domain.models.spec import ModelCatalog, ModelSpec
from bot.ui.models_overview import list_ranges

DOCUMENT_COLUMNS: Final = (
    ("Veo 3.1 and Veo 3.1 Fast", ("veo-3.1-generate-preview", "veo-3.1-fast-generate-preview")),
    ("Veo 3 and Veo 3 Fast", ("veo-3.0-generate-001", "veo-3.0-fast-generate-001")),
    ("Veo 2", ("veo-2.0-generate-001",)),
)
"""The columns of the Veo document's table, and the models that each covers."""

_MODE_NAMES: Final = {
    GenerationMode.TEXT: "text",
    GenerationMode.IMAGE: "first frame",
    GenerationMode.FRAMES: "first and last frame",
    GenerationMode.REFERENCES: "reference images",
    GenerationMode.EXTENSION: "extension",
    GenerationMode.EDIT: "edit",
}
_EMPTY_CELL: Final = "–"


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """A row of the document's table; ``differences`` from the document are by column."""

    parameter: str
    cells: list[str]
    differences: dict[str, str]


def render_catalog(catalog: ModelCatalog) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(),  # Markdown is not escaped
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["mode_name"] = lambda mode: _MODE_NAMES.get(mode, mode)
    environment.filters["usd"] = format_usd
    environment.filters["ranges"] = list_ranges
    return environment.get_template("models_document.md.j2").render(
        models=catalog.models,
        names={model.id: model.name for model in catalog.models},
        modes=list(MODEL_MODES),
        resolutions=list(Resolution),
        regions=list(OperatorRegion),
        columns=[column for column, _ in DOCUMENT_COLUMNS],
        parameter_rows=[_build_row(catalog, parameter) for parameter in DOCUMENT_PARAMETERS],
    )


def build_parameter_cell(model: ModelSpec, parameter: str) -> str:
    """Return the cell of the document's table. Raises `KeyError` for an unknown parameter."""
    return _CELL_BUILDERS[parameter](model)


def _build_row(catalog: ModelCatalog, parameter: str) -> ParameterRow:
    row = ParameterRow(parameter, [], {})
    for column, ids in DOCUMENT_COLUMNS:
        models = [model for id_ in ids if (model := catalog.get(id_)) is not None]
        cells = dict.fromkeys(build_parameter_cell(model, parameter) for model in models)
        row.cells.append(" / ".join(cells) or _EMPTY_CELL)
        # a source that is named like the parameter says how the catalog differs
        notes = dict.fromkeys(note for model in models if (note := model.sources.get(parameter)))
        if notes:
            row.differences[column] = "; ".join(notes)
    return row


def _join_values(values: Iterable[object], *, quoted: bool = False) -> str:
    return ", ".join(f'"{value}"' if quoted else str(value) for value in values) or _EMPTY_CELL


_CellBuilder = Callable[[ModelSpec], str]


def _build_aspect_ratio_cell(model: ModelSpec) -> str:
    cells = []
    for ratio in model.aspect_ratios:
        matching = [
            resolution
            for resolution in model.resolutions or (Resolution.P720,)
            if all(
                condition.aspect_ratio in (None, ratio)
                for condition in model.conditions
                if condition.when is resolution
            )
        ]
        default = "default, " if ratio is model.aspect_ratios[0] else ""
        cells.append(f'"{ratio}" ({default}{_join_values(matching)})')
    return ", ".join(cells)


def _build_resolution_cell(model: ModelSpec) -> str:
    if not model.resolutions:
        return "not supported"
    cells = []
    for resolution in model.resolutions:
        notes = ["default"] if resolution is model.resolutions[0] else []
        for condition in model.conditions:
            if condition.when is resolution:
                notes += [f"{condition.seconds} s only"] if condition.seconds else []
                notes += [f"{condition.aspect_ratio} only"] if condition.aspect_ratio else []
        cells.append(f'"{resolution}"' + (f" ({', '.join(notes)})" if notes else ""))
    if model.extension is not None:
        cells.append(f'"{model.extension.resolution}" only for extension')
    return ", ".join(cells)


def _build_duration_cell(model: ModelSpec) -> str:
    cell = _join_values(model.lengths, quoted=True)
    needs: list[str] = []
    if model.extension is not None:
        needs.append(_MODE_NAMES[GenerationMode.EXTENSION])
    for condition in model.conditions:
        if isinstance(condition.when, GenerationMode) and condition.seconds is not None:
            ratio = f" ({condition.aspect_ratio} only)" if condition.aspect_ratio else ""
            needs.append(f"{_MODE_NAMES[condition.when]}{ratio}")
    seconds = model.extension.sent_seconds if model.extension else model.default_seconds
    return cell + (f'; must be "{seconds}" for {_join_values(needs)}' if needs else "")


def _build_person_cell(model: ModelSpec) -> str:
    groups: dict[tuple[PersonGeneration, ...], list[str]] = {}
    for mode in MODEL_MODES:
        if mode in model.modes:
            values = model.list_person_values(mode, OperatorRegion.ELSEWHERE)
            groups.setdefault(values, []).append(_MODE_NAMES[mode])
    cells = []
    for values, modes in groups.items():
        only = " only" if len(values) == 1 else ""
        cells.append(f"{_join_values(modes)}: {_join_values(values, quoted=True)}{only}")
    return "; ".join(cells)


def _build_mode_cell(name: str, mode: GenerationMode) -> _CellBuilder:
    return lambda model: name if mode in model.modes else "none"


_CELL_BUILDERS: Final[dict[str, _CellBuilder]] = {
    "prompt": lambda model: "string",
    "negativePrompt": lambda model: "string" if model.negative_prompt else "none",
    "image": _build_mode_cell("Image", GenerationMode.IMAGE),
    "lastFrame": _build_mode_cell("Image, only together with image", GenerationMode.FRAMES),
    "referenceImages": lambda model: (
        f"up to {model.max_references} VideoGenerationReferenceImage"
        if model.max_references
        else "none"
    ),
    "video": _build_mode_cell("Video", GenerationMode.EXTENSION),
    "aspectRatio": _build_aspect_ratio_cell,
    "resolution": _build_resolution_cell,
    "durationSeconds": _build_duration_cell,
    "personGeneration": _build_person_cell,
    "seed": lambda model: "number" if model.seed else "none",
}

DOCUMENT_PARAMETERS: Final = tuple(_CELL_BUILDERS)
"""The rows of the document's table; the last comes from its remark on the seed."""

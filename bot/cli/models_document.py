"""The catalogue as people read it: Markdown tables of models, rules, prices and person values.

The Veo document's own table of parameters is reproduced from the catalogue too. When the two can
be laid side by side, a wrong row is seen by whoever knows the document.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from bot.domain.billing.money import Micros, format_usd
from bot.domain.jobs.request import GenerationMode, GoogleRoute, OperatorRegion, Resolution
from bot.domain.models.spec import ExtensionRules, ModelCatalogue, ModelCondition, ModelSpec

DOCUMENT_COLUMNS: Final = (
    ("Veo 3.1 and Veo 3.1 Fast", ("veo-3.1-generate-preview", "veo-3.1-fast-generate-preview")),
    ("Veo 3 and Veo 3 Fast", ("veo-3.0-generate-001", "veo-3.0-fast-generate-001")),
    ("Veo 2", ("veo-2.0-generate-001",)),
)
"""The columns of the Veo document's table, and the models that each stands for."""

_MODE_NAMES: Final = {
    GenerationMode.TEXT: "text",
    GenerationMode.IMAGE: "first frame",
    GenerationMode.FRAMES: "first and last frame",
    GenerationMode.REFERENCES: "reference images",
    GenerationMode.EXTENSION: "extension",
}
_EMPTY_CELL: Final = "–"


def render_catalogue(catalogue: ModelCatalogue) -> str:
    """Return the page `docs/models.md`."""
    parts = [
        "# Models",
        "Made from the catalogue by `python -m bot.domain.catalogue > docs/models.md`; a test "
        "fails when it is out of date. Which of these models are offered follows from what the "
        "operator's account can reach (`/video models` says so, and why): Google's shutdown "
        "dates are shown here and decide nothing, since gateways that speak the same wire live "
        "on. An operator changes or adds models in a file of the same form as "
        "`bot/config/models.toml`, named by `MODELS_FILE`.",
        "## Abilities",
        _build_abilities_table(catalogue.models),
        "## Prices",
        "US dollars for a second of one video. What is charged is the price a second × the "
        "seconds × the videos; an extension costs the seconds that it adds.",
        _build_price_table(catalogue.models),
        "## Rules",
        "\n".join(line for model in catalogue.models for line in _list_rules(model)),
        "## The Veo document's table of parameters",
        "From the catalogue, in the order of the document. Resolutions that Google added later "
        "(4k) stand with the others.",
        _build_parameter_table(catalogue),
        _list_footnotes(catalogue),
        "## People",
        "The values of `personGeneration` that Google takes; the first is what it does when the "
        "parameter is left out. How a server's rule becomes a value stands in "
        "`bot/domain/jobs/people_policy.py`.",
        _build_people_table(catalogue.models),
        "## Where the facts come from",
        "\n".join(line for model in catalogue.models for line in _list_sources(model)),
    ]
    return "\n\n".join(parts) + "\n"


def build_parameter_cell(model: ModelSpec, parameter: str) -> str:
    """Return what the document's table says of ``parameter`` for ``model``.

    Raises `KeyError` for a parameter that the document does not have.
    """
    return _CELL_BUILDERS[parameter](model)


def _format_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _join_values(values: Iterable[object], *, quoted: bool = False) -> str:
    return ", ".join(f'"{value}"' if quoted else str(value) for value in values) or _EMPTY_CELL


def _format_flag(value: bool) -> str:
    return "yes" if value else _EMPTY_CELL


def _build_abilities_table(models: Sequence[ModelSpec]) -> str:
    header = (
        "model",
        "id",
        "route",
        "modes",
        "aspect ratio",
        "resolution",
        "seconds",
        "videos",
        "seed",
        "sound",
        "Google's shutdown date",
    )
    return _format_table(
        header,
        (
            (
                model.name,
                f"`{model.id}`",
                model.route,
                _join_values(_MODE_NAMES[mode] for mode in GenerationMode if mode in model.modes),
                _join_values(model.aspect_ratios),
                _join_values(model.resolutions) if model.resolutions else "720p, not to be chosen",
                _join_values(model.lengths),
                "1" if model.max_videos == 1 else f"1–{model.max_videos}",
                _format_flag(model.seed),
                _format_flag(model.audio),
                model.retires.isoformat() if model.retires else _EMPTY_CELL,
            )
            for model in models
        ),
    )


def _build_price_table(models: Sequence[ModelSpec]) -> str:
    def build_cells(model: ModelSpec) -> list[str]:
        found = [model.prices.get(resolution) for resolution in Resolution]
        default = Micros(model.price_per_second(None) * model.default_seconds)
        return [
            *(_EMPTY_CELL if price is None else format_usd(price) for price in found),
            f"{model.default_seconds} s: {format_usd(default)}",
        ]

    header = ("model", "route", *Resolution, "a clip as the defaults make it")
    return _format_table(
        header, ((model.name, model.route, *build_cells(model)) for model in models)
    )


def _list_rules(model: ModelSpec) -> list[str]:
    lines = [f"- **{model.name}** (`{model.id}`)"]
    lines += [
        f"  - {_describe_condition(each)}"
        for each in model.conditions
        if each.when in model.modes or not isinstance(each.when, GenerationMode)
    ]
    if model.max_references:
        lines.append(
            f"  - at most {model.max_references} reference images, with no first or last frame"
        )
    if GenerationMode.FRAMES in model.modes:
        lines.append("  - a last frame needs a first one")
    if model.extension is not None:
        lines.append(f"  - {_describe_extension(model.extension)}")
        if model.keep_seconds is not None:
            lines.append(
                f"  - Google keeps a clip for {model.keep_seconds // 3600} h: so long it can be "
                "extended"
            )
    lines.append(f"  - a prompt has at most {model.max_prompt_tokens:,} tokens")
    return lines


def _describe_condition(condition: ModelCondition) -> str:
    what = (
        _MODE_NAMES[condition.when]
        if isinstance(condition.when, GenerationMode)
        else condition.when
    )
    needed = [f"{condition.seconds} s"] if condition.seconds is not None else []
    needed += [each for each in (condition.aspect_ratio, condition.resolution) if each is not None]
    verb = "need" if what.endswith("s") else "needs"
    return f"{what} {verb} {' and '.join(needed)}"


def _describe_extension(extension: ExtensionRules) -> str:
    hops = "" if extension.max_hops is None else f", at most {extension.max_hops} times"
    refused = "".join(
        f"; clips made from {_MODE_NAMES[mode]} cannot be extended"
        for mode in GenerationMode
        if mode in extension.refused_sources
    )
    return (
        f"an extension adds {extension.added_seconds} s in {extension.resolution} and the source's "
        f"aspect ratio{hops}, to a clip of at most {extension.max_input_seconds} s "
        f"({extension.max_result_seconds} s with it){refused}"
    )


# --- the document's table -----------------------------------------------------------------------


def _select_conditions(model: ModelSpec, *, by_mode: bool) -> list[ModelCondition]:
    return [each for each in model.conditions if isinstance(each.when, GenerationMode) is by_mode]


def _build_aspect_ratio_cell(model: ModelSpec) -> str:
    cells = []
    for ratio in model.aspect_ratios:
        fitting = [
            resolution
            for resolution in model.resolutions or (Resolution.P720,)
            if all(
                each.aspect_ratio in (None, ratio)
                for each in model.conditions
                if each.when is resolution
            )
        ]
        default = "default, " if ratio is model.aspect_ratios[0] else ""
        cells.append(f'"{ratio}" ({default}{_join_values(fitting)})')
    return ", ".join(cells)


def _build_resolution_cell(model: ModelSpec) -> str:
    if not model.resolutions:
        return "not supported"
    cells = []
    for resolution in model.resolutions:
        notes = ["default"] if resolution is model.resolutions[0] else []
        for each in _select_conditions(model, by_mode=False):
            if each.when is resolution:
                notes += [f"{each.seconds} s only"] if each.seconds else []
                notes += [f"{each.aspect_ratio} only"] if each.aspect_ratio else []
        cells.append(f'"{resolution}"' + (f" ({', '.join(notes)})" if notes else ""))
    if model.extension is not None:
        cells.append(f'"{model.extension.resolution}" only for extension')
    return ", ".join(cells)


def _build_duration_cell(model: ModelSpec) -> str:
    cell = _join_values(model.lengths, quoted=True)
    needs: list[str] = []
    if model.extension is not None:
        needs.append(_MODE_NAMES[GenerationMode.EXTENSION])
    for each in _select_conditions(model, by_mode=True):
        if isinstance(each.when, GenerationMode) and each.seconds is not None:
            ratio = f" ({each.aspect_ratio} only)" if each.aspect_ratio else ""
            needs.append(f"{_MODE_NAMES[each.when]}{ratio}")
    seconds = model.extension.sent_seconds if model.extension else model.default_seconds
    return cell + (f'; must be "{seconds}" for {_join_values(needs)}' if needs else "")


def _build_person_cell(model: ModelSpec) -> str:
    groups: dict[tuple[str, ...], list[str]] = {}
    for mode in GenerationMode:
        if mode in model.modes:
            groups.setdefault(
                tuple(model.person_values(mode, OperatorRegion.ELSEWHERE)), []
            ).append(_MODE_NAMES[mode])
    return "; ".join(
        f"{_join_values(modes)}: {_join_values(values, quoted=True)}{' only' if len(values) == 1 else ''}"
        for values, modes in groups.items()
    )


_CellBuilder = Callable[[ModelSpec], str]


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
"""The rows of the document's table; its remark on the seed is the last."""


def _build_parameter_table(catalogue: ModelCatalogue) -> str:
    header = ("parameter", *(name for name, _ in DOCUMENT_COLUMNS))
    rows = []
    for parameter in DOCUMENT_PARAMETERS:
        row = [f"`{parameter}`" + (" *" if _find_differences(catalogue, parameter) else "")]
        for _, ids in DOCUMENT_COLUMNS:
            models = [model for each in ids if (model := catalogue.get(each)) is not None]
            cells = dict.fromkeys(build_parameter_cell(model, parameter) for model in models)
            row.append(" / ".join(cells) or _EMPTY_CELL)
        rows.append(row)
    return _format_table(header, rows)


def _find_differences(catalogue: ModelCatalogue, parameter: str) -> dict[str, str]:
    """Return how a row differs from the document's, by column: the source that bears its name."""
    found = {}
    for name, ids in DOCUMENT_COLUMNS:
        models = [model for each in ids if (model := catalogue.get(each)) is not None]
        notes = dict.fromkeys(note for each in models if (note := each.sources.get(parameter)))
        if notes:
            found[name] = "; ".join(notes)
    return found


def _list_footnotes(catalogue: ModelCatalogue) -> str:
    return "\n".join(
        f"- \\* `{parameter}`, {column}: {note}."
        for parameter in DOCUMENT_PARAMETERS
        for column, note in _find_differences(catalogue, parameter).items()
    )


def _build_people_table(models: Sequence[ModelSpec]) -> str:
    rows = []
    for model in models:
        for row in model.people:
            regions = _join_values(region for region in OperatorRegion if region in row.regions)
            cells = [
                _join_values(row.values.get(mode, ())) if mode in model.modes else _EMPTY_CELL
                for mode in GenerationMode
            ]
            rows.append([model.name, regions, *cells])
    return _format_table(("model", "region", *(_MODE_NAMES[mode] for mode in GenerationMode)), rows)


def _list_sources(model: ModelSpec) -> list[str]:
    facts = "; ".join(f"{fact}: {source}" for fact, source in model.sources.items())
    return [f"- **{model.name}** ({GoogleRoute(model.route)}): {facts or _EMPTY_CELL}"]

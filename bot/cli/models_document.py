"""The catalogue as people read it: Markdown tables of models, rules, prices and person values.

The Veo document's own table of parameters is reproduced from the catalogue too. When the two can
be laid side by side, a wrong row is seen by whoever knows the document.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from bot.domain.billing.money import Micros, format_usd
from bot.domain.jobs.request import Mode, Region, Resolution, Route
from bot.domain.models.spec import Catalogue, Condition, Extension, Model

COLUMNS: Final = (
    ("Veo 3.1 and Veo 3.1 Fast", ("veo-3.1-generate-preview", "veo-3.1-fast-generate-preview")),
    ("Veo 3 and Veo 3 Fast", ("veo-3.0-generate-001", "veo-3.0-fast-generate-001")),
    ("Veo 2", ("veo-2.0-generate-001",)),
)
"""The columns of the Veo document's table, and the models that each stands for."""

_MODES: Final = {
    Mode.TEXT: "text",
    Mode.IMAGE: "first frame",
    Mode.FRAMES: "first and last frame",
    Mode.REFERENCES: "reference images",
    Mode.EXTENSION: "extension",
}
_NONE: Final = "–"


def render(catalogue: Catalogue) -> str:
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
        _abilities(catalogue.models),
        "## Prices",
        "US dollars for a second of one video. What is charged is the price a second × the "
        "seconds × the videos; an extension costs the seconds that it adds.",
        _prices(catalogue.models),
        "## Rules",
        "\n".join(line for model in catalogue.models for line in _rules(model)),
        "## The Veo document's table of parameters",
        "From the catalogue, in the order of the document. Resolutions that Google added later "
        "(4k) stand with the others.",
        _parameters(catalogue),
        _footnotes(catalogue),
        "## People",
        "The values of `personGeneration` that Google takes; the first is what it does when the "
        "parameter is left out. How a server's rule becomes a value stands in "
        "`bot/domain/jobs/people_policy.py`.",
        _people(catalogue.models),
        "## Where the facts come from",
        "\n".join(line for model in catalogue.models for line in _sources(model)),
    ]
    return "\n\n".join(parts) + "\n"


def parameter_cell(model: Model, parameter: str) -> str:
    """Return what the document's table says of ``parameter`` for ``model``.

    Raises `KeyError` for a parameter that the document does not have.
    """
    return _CELLS[parameter](model)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _listed(values: Iterable[object], *, quoted: bool = False) -> str:
    return ", ".join(f'"{value}"' if quoted else str(value) for value in values) or _NONE


def _yes(value: bool) -> str:
    return "yes" if value else _NONE


def _abilities(models: Sequence[Model]) -> str:
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
    return _table(
        header,
        (
            (
                model.name,
                f"`{model.id}`",
                model.route,
                _listed(_MODES[mode] for mode in Mode if mode in model.modes),
                _listed(model.aspect_ratios),
                _listed(model.resolutions) if model.resolutions else "720p, not to be chosen",
                _listed(model.lengths),
                "1" if model.max_videos == 1 else f"1–{model.max_videos}",
                _yes(model.seed),
                _yes(model.audio),
                model.retires.isoformat() if model.retires else _NONE,
            )
            for model in models
        ),
    )


def _prices(models: Sequence[Model]) -> str:
    def cells(model: Model) -> list[str]:
        found = [model.prices.get(resolution) for resolution in Resolution]
        default = Micros(model.price_per_second(None) * model.default_seconds)
        return [
            *(_NONE if price is None else format_usd(price) for price in found),
            f"{model.default_seconds} s: {format_usd(default)}",
        ]

    header = ("model", "route", *Resolution, "a clip as the defaults make it")
    return _table(header, ((model.name, model.route, *cells(model)) for model in models))


def _rules(model: Model) -> list[str]:
    lines = [f"- **{model.name}** (`{model.id}`)"]
    lines += [
        f"  - {_condition(each)}"
        for each in model.conditions
        if each.when in model.modes or not isinstance(each.when, Mode)
    ]
    if model.max_references:
        lines.append(
            f"  - at most {model.max_references} reference images, with no first or last frame"
        )
    if Mode.FRAMES in model.modes:
        lines.append("  - a last frame needs a first one")
    if model.extension is not None:
        lines.append(f"  - {_extension(model.extension)}")
        if model.keep_seconds is not None:
            lines.append(
                f"  - Google keeps a clip for {model.keep_seconds // 3600} h: so long it can be "
                "extended"
            )
    lines.append(f"  - a prompt has at most {model.max_prompt_tokens:,} tokens")
    return lines


def _condition(condition: Condition) -> str:
    what = _MODES[condition.when] if isinstance(condition.when, Mode) else condition.when
    needed = [f"{condition.seconds} s"] if condition.seconds is not None else []
    needed += [each for each in (condition.aspect_ratio, condition.resolution) if each is not None]
    verb = "need" if what.endswith("s") else "needs"
    return f"{what} {verb} {' and '.join(needed)}"


def _extension(extension: Extension) -> str:
    hops = "" if extension.max_hops is None else f", at most {extension.max_hops} times"
    refused = "".join(
        f"; clips made from {_MODES[mode]} cannot be extended"
        for mode in Mode
        if mode in extension.refused_sources
    )
    return (
        f"an extension adds {extension.added_seconds} s in {extension.resolution} and the source's "
        f"aspect ratio{hops}, to a clip of at most {extension.max_input_seconds} s "
        f"({extension.max_result_seconds} s with it){refused}"
    )


# --- the document's table -----------------------------------------------------------------------


def _required(model: Model, *, mode: bool) -> list[Condition]:
    return [each for each in model.conditions if isinstance(each.when, Mode) is mode]


def _aspect_ratio(model: Model) -> str:
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
        cells.append(f'"{ratio}" ({default}{_listed(fitting)})')
    return ", ".join(cells)


def _resolution(model: Model) -> str:
    if not model.resolutions:
        return "not supported"
    cells = []
    for resolution in model.resolutions:
        notes = ["default"] if resolution is model.resolutions[0] else []
        for each in _required(model, mode=False):
            if each.when is resolution:
                notes += [f"{each.seconds} s only"] if each.seconds else []
                notes += [f"{each.aspect_ratio} only"] if each.aspect_ratio else []
        cells.append(f'"{resolution}"' + (f" ({', '.join(notes)})" if notes else ""))
    if model.extension is not None:
        cells.append(f'"{model.extension.resolution}" only for extension')
    return ", ".join(cells)


def _duration(model: Model) -> str:
    cell = _listed(model.lengths, quoted=True)
    needs: list[str] = []
    if model.extension is not None:
        needs.append(_MODES[Mode.EXTENSION])
    for each in _required(model, mode=True):
        if isinstance(each.when, Mode) and each.seconds is not None:
            ratio = f" ({each.aspect_ratio} only)" if each.aspect_ratio else ""
            needs.append(f"{_MODES[each.when]}{ratio}")
    seconds = model.extension.sent_seconds if model.extension else model.default_seconds
    return cell + (f'; must be "{seconds}" for {_listed(needs)}' if needs else "")


def _person_generation(model: Model) -> str:
    groups: dict[tuple[str, ...], list[str]] = {}
    for mode in Mode:
        if mode in model.modes:
            groups.setdefault(tuple(model.people_values(mode, Region.ELSEWHERE)), []).append(
                _MODES[mode]
            )
    return "; ".join(
        f"{_listed(modes)}: {_listed(values, quoted=True)}{' only' if len(values) == 1 else ''}"
        for values, modes in groups.items()
    )


_Cell = Callable[[Model], str]


def _kind(name: str, mode: Mode) -> _Cell:
    return lambda model: name if mode in model.modes else "none"


_CELLS: Final[dict[str, _Cell]] = {
    "prompt": lambda model: "string",
    "negativePrompt": lambda model: "string" if model.negative_prompt else "none",
    "image": _kind("Image", Mode.IMAGE),
    "lastFrame": _kind("Image, only together with image", Mode.FRAMES),
    "referenceImages": lambda model: (
        f"up to {model.max_references} VideoGenerationReferenceImage"
        if model.max_references
        else "none"
    ),
    "video": _kind("Video", Mode.EXTENSION),
    "aspectRatio": _aspect_ratio,
    "resolution": _resolution,
    "durationSeconds": _duration,
    "personGeneration": _person_generation,
    "seed": lambda model: "number" if model.seed else "none",
}

PARAMETERS: Final = tuple(_CELLS)
"""The rows of the document's table; its remark on the seed is the last."""


def _parameters(catalogue: Catalogue) -> str:
    header = ("parameter", *(name for name, _ in COLUMNS))
    rows = []
    for parameter in PARAMETERS:
        row = [f"`{parameter}`" + (" *" if _differences(catalogue, parameter) else "")]
        for _, ids in COLUMNS:
            models = [model for each in ids if (model := catalogue.get(each)) is not None]
            cells = dict.fromkeys(parameter_cell(model, parameter) for model in models)
            row.append(" / ".join(cells) or _NONE)
        rows.append(row)
    return _table(header, rows)


def _differences(catalogue: Catalogue, parameter: str) -> dict[str, str]:
    """Return how a row differs from the document's, by column: the source that bears its name."""
    found = {}
    for name, ids in COLUMNS:
        models = [model for each in ids if (model := catalogue.get(each)) is not None]
        notes = dict.fromkeys(note for each in models if (note := each.sources.get(parameter)))
        if notes:
            found[name] = "; ".join(notes)
    return found


def _footnotes(catalogue: Catalogue) -> str:
    return "\n".join(
        f"- \\* `{parameter}`, {column}: {note}."
        for parameter in PARAMETERS
        for column, note in _differences(catalogue, parameter).items()
    )


def _people(models: Sequence[Model]) -> str:
    rows = []
    for model in models:
        for row in model.people:
            regions = _listed(region for region in Region if region in row.regions)
            cells = [
                _listed(row.values.get(mode, ())) if mode in model.modes else _NONE for mode in Mode
            ]
            rows.append([model.name, regions, *cells])
    return _table(("model", "region", *(_MODES[mode] for mode in Mode)), rows)


def _sources(model: Model) -> list[str]:
    facts = "; ".join(f"{fact}: {source}" for fact, source in model.sources.items())
    return [f"- **{model.name}** ({Route(model.route)}): {facts or _NONE}"]

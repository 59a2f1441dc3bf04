"""Reads a catalogue, and names the row and the key of anything that is wrong with it.

An operator writes this file by hand, and a misread price is money: every key is checked, unknown
ones are refused, and nothing is filled in silently.
"""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from importlib import resources
from typing import Any, TypeVar

from bot.domain.billing.money import Micros, to_micros
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    PersonGeneration,
    Resolution,
)
from bot.domain.models.spec import (
    ExtensionRules,
    ModelCatalogue,
    ModelCondition,
    ModelSpec,
    PeopleRow,
)

_ChoiceType = TypeVar("_ChoiceType", bound=StrEnum)


class CatalogueError(ValueError):
    """A catalogue that cannot be used; the message names file, row and key."""


def load_catalogue(
    extra_text: str | None = None, *, extra_name: str = "MODELS_FILE"
) -> ModelCatalogue:
    """Return the catalogue of the package, changed and extended by the text ``extra``.

    ``name`` is what errors call that text. Raises `CatalogueError`.
    """
    texts = [
        ("models.toml", resources.files(__package__).joinpath("models.toml").read_text("utf-8"))
    ]
    if extra_text is not None:
        texts.append((extra_name, extra_text))
    return parse_catalogue(texts)


def parse_catalogue(texts: Iterable[tuple[str, str]]) -> ModelCatalogue:
    """Return the catalogue told by ``texts`` (name and TOML), later ones overriding earlier ones.

    Raises `CatalogueError`.
    """
    people: dict[str, tuple[PeopleRow, ...]] = {}
    rows: dict[str, dict[str, Any]] = {}
    for name, text in texts:
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise CatalogueError(f"{name}: {error}") from error
        _refuse_unknown_keys(document, {"people", "model"}, name)
        for table, entries in _require_table(document.get("people", {}), f"{name}: people").items():
            where = f"{name}: people.{table}"
            people[table] = tuple(
                _read_people_row(entry, where) for entry in _require_list(entries, where)
            )
        for number, row in enumerate(
            _require_list(document.get("model", []), f"{name}: model"), start=1
        ):
            identity = _require_table(row, f"{name}: model {number}").get("id")
            if not isinstance(identity, str) or not identity:
                raise CatalogueError(f"{name}: model {number}: id is missing")
            rows[identity] = {**rows.get(identity, {}), **row}
    return ModelCatalogue(
        tuple(
            _build_model(_CatalogueTable(row, f"model {identity}"), people)
            for identity, row in rows.items()
            if _CatalogueTable(row, f"model {identity}").read_flag("enabled", default=True)
        )
    )


class _CatalogueTable:
    """One table of the file, read key by key with errors that say where."""

    def __init__(self, values: Any, where: str) -> None:
        self._values = _require_table(values, where)
        self.where = where

    def refuse_unknown_keys(self, known: Iterable[str]) -> None:
        _refuse_unknown_keys(self._values, set(known), self.where)

    def read_raw(self, key: str) -> Any:
        if key not in self._values:
            raise CatalogueError(f"{self.where}: {key} is missing")
        return self._values[key]

    def has_key(self, key: str) -> bool:
        return key in self._values

    def read_text(self, key: str) -> str:
        value = self.read_raw(key)
        if not isinstance(value, str) or not value.strip():
            raise CatalogueError(f"{self.where}: {key} must be a text")
        return value

    def read_flag(self, key: str, *, default: bool | None = None) -> bool:
        if default is not None and key not in self._values:
            return default
        value = self.read_raw(key)
        if not isinstance(value, bool):
            raise CatalogueError(f"{self.where}: {key} must be true or false")
        return value

    def read_number(self, key: str, *, minimum: int = 0) -> int:
        return _require_number(self.read_raw(key), f"{self.where}: {key}", minimum=minimum)

    def read_optional_number(self, key: str, *, minimum: int = 0) -> int | None:
        return self.read_number(key, minimum=minimum) if self.has_key(key) else None

    def read_numbers(self, key: str) -> tuple[int, ...]:
        where = f"{self.where}: {key}"
        return tuple(
            _require_number(value, where, minimum=1)
            for value in _require_list(self.read_raw(key), where)
        )

    def read_choice(self, key: str, kind: type[_ChoiceType]) -> _ChoiceType:
        return _require_choice(self.read_raw(key), kind, f"{self.where}: {key}")

    def read_choices(self, key: str, kind: type[_ChoiceType]) -> tuple[_ChoiceType, ...]:
        where = f"{self.where}: {key}"
        return tuple(
            _require_choice(value, kind, where)
            for value in _require_list(self.read_raw(key), where)
        )


_MODEL_KEYS = frozenset(ModelSpec.__dataclass_fields__) | {"enabled"}


def _build_model(row: _CatalogueTable, people: Mapping[str, tuple[PeopleRow, ...]]) -> ModelSpec:
    row.refuse_unknown_keys(_MODEL_KEYS)
    table = row.read_text("people")
    if table not in people:
        raise CatalogueError(f"{row.where}: people names no table: {table}")
    retires = row.read_raw("retires") if row.has_key("retires") else None
    if retires is not None and type(retires) is not date:
        raise CatalogueError(f"{row.where}: retires must be a date")
    model = ModelSpec(
        id=row.read_text("id"),
        route=row.read_choice("route", GoogleRoute),
        family=row.read_text("family"),
        name=row.read_text("name"),
        modes=frozenset(row.read_choices("modes", GenerationMode)),
        aspect_ratios=row.read_choices("aspect_ratios", AspectRatio),
        resolutions=row.read_choices("resolutions", Resolution),
        lengths=row.read_numbers("lengths"),
        default_seconds=row.read_number("default_seconds", minimum=1),
        max_videos=row.read_number("max_videos", minimum=1),
        max_references=row.read_number("max_references"),
        max_prompt_tokens=row.read_number("max_prompt_tokens", minimum=1),
        seed=row.read_flag("seed"),
        negative_prompt=row.read_flag("negative_prompt"),
        audio=row.read_flag("audio"),
        prices=_read_prices(row),
        people=people[table],
        conditions=_read_conditions(row),
        extension=_read_extension(row),
        keep_seconds=row.read_optional_number("keep_seconds", minimum=1),
        retires=retires,
        sources=_read_sources(row),
    )
    _check_consistency(model, row.where)
    return model


def _check_consistency(model: ModelSpec, where: str) -> None:
    """Refuse a row whose parts contradict each other: no request could then be sure to fit."""
    problem = None
    if not model.modes:
        problem = "modes is empty"
    elif not model.aspect_ratios:
        problem = "aspect_ratios is empty"
    elif model.default_seconds not in model.lengths:
        problem = "default_seconds is not one of lengths"
    elif (GenerationMode.EXTENSION in model.modes) != (model.extension is not None):
        problem = 'the mode "extension" and the table extension need each other'
    elif (GenerationMode.REFERENCES in model.modes) != (model.max_references > 0):
        problem = 'the mode "references" and max_references need each other'
    elif missing := set(model.resolutions or (Resolution.P720,)) - set(model.prices):
        problem = f"prices lacks {', '.join(sorted(missing))}"
    if problem is None:
        for condition in model.conditions:
            if condition.seconds is not None and condition.seconds not in model.lengths:
                problem = f"the condition on {condition.when} needs a length the model lacks"
            ratio = condition.aspect_ratio
            if ratio is not None and ratio not in model.aspect_ratios:
                problem = f"the condition on {condition.when} needs an aspect ratio it lacks"
            if condition.resolution is not None and condition.resolution not in model.resolutions:
                problem = f"the condition on {condition.when} needs a resolution it lacks"
    if problem is not None:
        raise CatalogueError(f"{where}: {problem}")


def _read_prices(row: _CatalogueTable) -> Mapping[Resolution, Micros]:
    where = f"{row.where}: prices"
    prices: dict[Resolution, Micros] = {}
    for key, value in _require_table(row.read_raw("prices"), where).items():
        try:
            price = Decimal(value) if isinstance(value, str) else None
        except InvalidOperation:
            price = None
        if price is None or not price.is_finite() or price < 0:
            raise CatalogueError(f'{where}.{key} must be dollars a second, as text: "0.40"')
        prices[_require_choice(key, Resolution, where)] = to_micros(price)
    return prices


def _read_conditions(row: _CatalogueTable) -> tuple[ModelCondition, ...]:
    if not row.has_key("conditions"):
        return ()
    found = []
    for number, entry in enumerate(
        _require_list(row.read_raw("conditions"), f"{row.where}: conditions"), 1
    ):
        condition = _CatalogueTable(entry, f"{row.where}: condition {number}")
        condition.refuse_unknown_keys(ModelCondition.__dataclass_fields__)
        when = condition.read_text("when")
        kind: type[GenerationMode] | type[Resolution] = (
            GenerationMode if when in set(GenerationMode) else Resolution
        )
        found.append(
            ModelCondition(
                when=condition.read_choice("when", kind),
                seconds=condition.read_optional_number("seconds", minimum=1),
                aspect_ratio=(
                    condition.read_choice("aspect_ratio", AspectRatio)
                    if condition.has_key("aspect_ratio")
                    else None
                ),
                resolution=(
                    condition.read_choice("resolution", Resolution)
                    if condition.has_key("resolution")
                    else None
                ),
            )
        )
    return tuple(found)


def _read_extension(row: _CatalogueTable) -> ExtensionRules | None:
    if not row.has_key("extension"):
        return None
    table = _CatalogueTable(row.read_raw("extension"), f"{row.where}: extension")
    table.refuse_unknown_keys(ExtensionRules.__dataclass_fields__)
    return ExtensionRules(
        added_seconds=table.read_number("added_seconds", minimum=1),
        sent_seconds=table.read_number("sent_seconds", minimum=1),
        resolution=table.read_choice("resolution", Resolution),
        max_input_seconds=table.read_number("max_input_seconds", minimum=1),
        max_result_seconds=table.read_number("max_result_seconds", minimum=1),
        max_hops=table.read_optional_number("max_hops", minimum=1),
        refused_sources=(
            frozenset(table.read_choices("refused_sources", GenerationMode))
            if table.has_key("refused_sources")
            else frozenset()
        ),
    )


def _read_sources(row: _CatalogueTable) -> Mapping[str, str]:
    if not row.has_key("sources"):
        return {}
    table = _CatalogueTable(row.read_raw("sources"), f"{row.where}: sources")
    return {
        key: table.read_text(key) for key in _require_table(row.read_raw("sources"), table.where)
    }


def _read_people_row(entry: Any, where: str) -> PeopleRow:
    row = _CatalogueTable(entry, where)
    row.refuse_unknown_keys({"regions", *GenerationMode})
    return PeopleRow(
        regions=frozenset(row.read_choices("regions", OperatorRegion)),
        values={
            mode: row.read_choices(mode, PersonGeneration)
            for mode in GenerationMode
            if row.has_key(mode)
        },
    )


def _refuse_unknown_keys(values: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise CatalogueError(f"{where}: unknown key {', '.join(unknown)}")


def _require_table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CatalogueError(f"{where} must be a table")
    return value


def _require_list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise CatalogueError(f"{where} must be a list")
    return value


def _require_number(value: Any, where: str, *, minimum: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise CatalogueError(f"{where} must be a whole number of at least {minimum}")
    return value


def _require_choice(value: Any, kind: type[_ChoiceType], where: str) -> _ChoiceType:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(kind)
        raise CatalogueError(f"{where}: {value!r} is none of {known}") from error

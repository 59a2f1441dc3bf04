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

from bot.domain.billing.money import Micros, micros
from bot.domain.jobs.request import AspectRatio, Mode, PersonGeneration, Region, Resolution, Route
from bot.domain.models.spec import Catalogue, Condition, Extension, Model, PeopleRow

_Value = TypeVar("_Value", bound=StrEnum)


class CatalogueError(ValueError):
    """A catalogue that cannot be used; the message names file, row and key."""


def load(extra: str | None = None, *, name: str = "MODELS_FILE") -> Catalogue:
    """Return the catalogue of the package, changed and extended by the text ``extra``.

    ``name`` is what errors call that text. Raises `CatalogueError`.
    """
    texts = [
        ("models.toml", resources.files(__package__).joinpath("models.toml").read_text("utf-8"))
    ]
    if extra is not None:
        texts.append((name, extra))
    return parse(texts)


def parse(texts: Iterable[tuple[str, str]]) -> Catalogue:
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
        _only(document, {"people", "model"}, name)
        for table, entries in _table(document.get("people", {}), f"{name}: people").items():
            where = f"{name}: people.{table}"
            people[table] = tuple(_people_row(entry, where) for entry in _list(entries, where))
        for number, row in enumerate(_list(document.get("model", []), f"{name}: model"), start=1):
            identity = _table(row, f"{name}: model {number}").get("id")
            if not isinstance(identity, str) or not identity:
                raise CatalogueError(f"{name}: model {number}: id is missing")
            rows[identity] = {**rows.get(identity, {}), **row}
    return Catalogue(
        tuple(
            _model(_Row(row, f"model {identity}"), people)
            for identity, row in rows.items()
            if _Row(row, f"model {identity}").flag("enabled", default=True)
        )
    )


class _Row:
    """One table of the file, read key by key with errors that say where."""

    def __init__(self, values: Any, where: str) -> None:
        self._values = _table(values, where)
        self.where = where

    def refuse_others(self, known: Iterable[str]) -> None:
        _only(self._values, set(known), self.where)

    def raw(self, key: str) -> Any:
        if key not in self._values:
            raise CatalogueError(f"{self.where}: {key} is missing")
        return self._values[key]

    def has(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str) -> str:
        value = self.raw(key)
        if not isinstance(value, str) or not value.strip():
            raise CatalogueError(f"{self.where}: {key} must be a text")
        return value

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        if default is not None and key not in self._values:
            return default
        value = self.raw(key)
        if not isinstance(value, bool):
            raise CatalogueError(f"{self.where}: {key} must be true or false")
        return value

    def number(self, key: str, *, least: int = 0) -> int:
        return _number(self.raw(key), f"{self.where}: {key}", least=least)

    def optional_number(self, key: str, *, least: int = 0) -> int | None:
        return self.number(key, least=least) if self.has(key) else None

    def numbers(self, key: str) -> tuple[int, ...]:
        where = f"{self.where}: {key}"
        return tuple(_number(value, where, least=1) for value in _list(self.raw(key), where))

    def value(self, key: str, kind: type[_Value]) -> _Value:
        return _value(self.raw(key), kind, f"{self.where}: {key}")

    def values(self, key: str, kind: type[_Value]) -> tuple[_Value, ...]:
        where = f"{self.where}: {key}"
        return tuple(_value(value, kind, where) for value in _list(self.raw(key), where))


_MODEL_KEYS = frozenset(Model.__dataclass_fields__) | {"enabled"}


def _model(row: _Row, people: Mapping[str, tuple[PeopleRow, ...]]) -> Model:
    row.refuse_others(_MODEL_KEYS)
    table = row.text("people")
    if table not in people:
        raise CatalogueError(f"{row.where}: people names no table: {table}")
    retires = row.raw("retires") if row.has("retires") else None
    if retires is not None and type(retires) is not date:
        raise CatalogueError(f"{row.where}: retires must be a date")
    model = Model(
        id=row.text("id"),
        route=row.value("route", Route),
        family=row.text("family"),
        name=row.text("name"),
        modes=frozenset(row.values("modes", Mode)),
        aspect_ratios=row.values("aspect_ratios", AspectRatio),
        resolutions=row.values("resolutions", Resolution),
        lengths=row.numbers("lengths"),
        default_seconds=row.number("default_seconds", least=1),
        max_videos=row.number("max_videos", least=1),
        max_references=row.number("max_references"),
        max_prompt_tokens=row.number("max_prompt_tokens", least=1),
        seed=row.flag("seed"),
        negative_prompt=row.flag("negative_prompt"),
        audio=row.flag("audio"),
        prices=_prices(row),
        people=people[table],
        conditions=_conditions(row),
        extension=_extension(row),
        keep_seconds=row.optional_number("keep_seconds", least=1),
        retires=retires,
        sources=_sources(row),
    )
    _check(model, row.where)
    return model


def _check(model: Model, where: str) -> None:
    """Refuse a row whose parts contradict each other: no request could then be sure to fit."""
    problem = None
    if not model.modes:
        problem = "modes is empty"
    elif not model.aspect_ratios:
        problem = "aspect_ratios is empty"
    elif model.default_seconds not in model.lengths:
        problem = "default_seconds is not one of lengths"
    elif (Mode.EXTENSION in model.modes) != (model.extension is not None):
        problem = 'the mode "extension" and the table extension need each other'
    elif (Mode.REFERENCES in model.modes) != (model.max_references > 0):
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


def _prices(row: _Row) -> Mapping[Resolution, Micros]:
    where = f"{row.where}: prices"
    prices: dict[Resolution, Micros] = {}
    for key, value in _table(row.raw("prices"), where).items():
        try:
            price = Decimal(value) if isinstance(value, str) else None
        except InvalidOperation:
            price = None
        if price is None or not price.is_finite() or price < 0:
            raise CatalogueError(f'{where}.{key} must be dollars a second, as text: "0.40"')
        prices[_value(key, Resolution, where)] = micros(price)
    return prices


def _conditions(row: _Row) -> tuple[Condition, ...]:
    if not row.has("conditions"):
        return ()
    found = []
    for number, entry in enumerate(_list(row.raw("conditions"), f"{row.where}: conditions"), 1):
        condition = _Row(entry, f"{row.where}: condition {number}")
        condition.refuse_others(Condition.__dataclass_fields__)
        when = condition.text("when")
        kind: type[Mode] | type[Resolution] = Mode if when in set(Mode) else Resolution
        found.append(
            Condition(
                when=condition.value("when", kind),
                seconds=condition.optional_number("seconds", least=1),
                aspect_ratio=(
                    condition.value("aspect_ratio", AspectRatio)
                    if condition.has("aspect_ratio")
                    else None
                ),
                resolution=(
                    condition.value("resolution", Resolution)
                    if condition.has("resolution")
                    else None
                ),
            )
        )
    return tuple(found)


def _extension(row: _Row) -> Extension | None:
    if not row.has("extension"):
        return None
    table = _Row(row.raw("extension"), f"{row.where}: extension")
    table.refuse_others(Extension.__dataclass_fields__)
    return Extension(
        added_seconds=table.number("added_seconds", least=1),
        sent_seconds=table.number("sent_seconds", least=1),
        resolution=table.value("resolution", Resolution),
        max_input_seconds=table.number("max_input_seconds", least=1),
        max_result_seconds=table.number("max_result_seconds", least=1),
        max_hops=table.optional_number("max_hops", least=1),
        refused_sources=(
            frozenset(table.values("refused_sources", Mode))
            if table.has("refused_sources")
            else frozenset()
        ),
    )


def _sources(row: _Row) -> Mapping[str, str]:
    if not row.has("sources"):
        return {}
    table = _Row(row.raw("sources"), f"{row.where}: sources")
    return {key: table.text(key) for key in _table(row.raw("sources"), table.where)}


def _people_row(entry: Any, where: str) -> PeopleRow:
    row = _Row(entry, where)
    row.refuse_others({"regions", *Mode})
    return PeopleRow(
        regions=frozenset(row.values("regions", Region)),
        values={mode: row.values(mode, PersonGeneration) for mode in Mode if row.has(mode)},
    )


def _only(values: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise CatalogueError(f"{where}: unknown key {', '.join(unknown)}")


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CatalogueError(f"{where} must be a table")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise CatalogueError(f"{where} must be a list")
    return value


def _number(value: Any, where: str, *, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise CatalogueError(f"{where} must be a whole number of at least {least}")
    return value


def _value(value: Any, kind: type[_Value], where: str) -> _Value:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(kind)
        raise CatalogueError(f"{where}: {value!r} is none of {known}") from error

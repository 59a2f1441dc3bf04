"""Reads a catalog of models, and names the row and the key of anything that is wrong with it.

An operator writes this file by hand, and a misread price costs money: types are strict, unknown
keys are refused, and no required key has a default.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib import resources
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from bot.domain.billing.money import Micros, to_micros
from bot.domain.jobs.request import (
    MODEL_MODES,
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    PersonGeneration,
    Resolution,
)
from bot.domain.models.spec import (
    EditRules,
    ExtensionRules,
    ModelCatalog,
    ModelCondition,
    ModelSpec,
    PeopleRow,
    TokenPrices,
)

_OWN_FILE_NAME: Final = "models.toml"


class CatalogError(ValueError):
    """A catalog that cannot be used; the message names file, row and key in one line."""


def load_catalog(extra_text: str | None = None, *, extra_name: str = "MODELS_FILE") -> ModelCatalog:
    """Return the built-in catalog, changed and extended by the TOML of ``extra_text``.

    Errors call that text ``extra_name``. Raises `CatalogError`.
    """
    own_text = resources.files(__package__).joinpath(_OWN_FILE_NAME).read_text("utf-8")
    texts = [(_OWN_FILE_NAME, own_text)]
    if extra_text is not None:
        texts.append((extra_name, extra_text))
    return parse_catalog(texts)


def parse_catalog(texts: Iterable[tuple[str, str]]) -> ModelCatalog:
    """Return the catalog of ``texts`` (name, TOML); later ones win. Raises `CatalogError`."""
    people: dict[str, tuple[PeopleRow, ...]] = {}
    rows: dict[str, dict[str, Any]] = {}
    for name, text in texts:
        try:
            document = _validate_table(_CatalogFile, tomllib.loads(text), name)
        except tomllib.TOMLDecodeError as error:
            raise CatalogError(f"{name}: {error}") from error
        for table, entries in document.people.items():
            people[table] = tuple(entry.to_people_row() for entry in entries)
        for number, row in enumerate(document.model, start=1):
            identity = _validate_table(_RowIdentity, row, f"{name}: model {number}").id
            rows[identity] = {**rows.get(identity, {}), **row, "id": identity}
    return ModelCatalog(
        tuple(
            _build_model(row, people, where=f"model {identity}")
            for identity, row in rows.items()
            if row.get("enabled") is not False
        )
    )


def _build_model(
    row: dict[str, Any], people: dict[str, tuple[PeopleRow, ...]], *, where: str
) -> ModelSpec:
    values = dict(_validate_table(_ModelRow, row, where))
    if values["people"] not in people:
        raise CatalogError(f"{where}: people: there is no table [[people.{values['people']}]]")
    del values["enabled"]
    values["token_prices"] = _build_token_prices(values["token_prices"])
    return ModelSpec(**values | {"people": people[values["people"]]})


def _build_token_prices(table: "_TokenPriceTable | None") -> TokenPrices | None:
    return None if table is None else TokenPrices(table.input, table.text, table.video)


_Count = Annotated[int, Field(ge=1)]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _parse_price(value: object) -> Micros:
    try:
        price = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        price = None
    if price is None or not price.is_finite() or price < 0:
        raise PydanticCustomError("price", 'must be dollars, as text: "0.40"')
    return to_micros(price)


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


_Price = Annotated[Micros, BeforeValidator(_parse_price)]


class _TokenPriceTable(_Table):
    """`TokenPrices` as they are written in TOML: dollars per million tokens."""

    input: _Price
    text: _Price
    video: _Price


_PersonValues = tuple[PersonGeneration, ...]


class _PeopleTable(_Table):
    """A `PeopleRow` as it is written in TOML: ``regions``, and a key for each mode."""

    regions: frozenset[OperatorRegion]
    text: _PersonValues | None = None
    image: _PersonValues | None = None
    frames: _PersonValues | None = None
    references: _PersonValues | None = None
    extension: _PersonValues | None = None
    edit: _PersonValues | None = None

    def to_people_row(self) -> PeopleRow:
        values = {mode: getattr(self, mode) for mode in MODEL_MODES}
        return PeopleRow(
            self.regions, {mode: people for mode, people in values.items() if people is not None}
        )


class _CatalogFile(_Table):
    people: dict[str, list[_PeopleTable]] = {}
    model: list[dict[str, Any]] = []


_ID_PREFIX: Final = re.compile(r"(?:publishers/[^/]+/)?models/")


def _parse_model_id(value: object) -> object:
    """Return the id as Google's addresses end: its own lists show it with what stands before it."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    prefix = _ID_PREFIX.match(text)
    identity = text if prefix is None else text[prefix.end() :]
    if "/" in identity or " " in identity:
        raise PydanticCustomError("model_id", "must be a model's id such as veo-3.1-generate-001")
    return identity


_ModelId = Annotated[_Text, BeforeValidator(_parse_model_id)]


class _RowIdentity(_Table):
    model_config = ConfigDict(extra="ignore")

    id: _ModelId


class _ModelRow(_Table):
    """A `ModelSpec` as it is written in TOML. Its dataclasses are held to this strictness too."""

    id: _Text
    enabled: bool = True
    route: GoogleRoute
    family: _Text
    name: _Text
    modes: Annotated[frozenset[GenerationMode], Field(min_length=1)]
    aspect_ratios: Annotated[tuple[AspectRatio, ...], Field(min_length=1)]
    resolutions: tuple[Resolution, ...]
    lengths: tuple[_Count, ...]
    default_seconds: _Count
    max_videos: _Count
    max_references: Annotated[int, Field(ge=0)]
    max_prompt_tokens: _Count
    seed: bool
    negative_prompt: bool
    audio: bool
    prices: dict[Resolution, _Price]
    people: _Text
    conditions: tuple[ModelCondition, ...] = ()
    extension: ExtensionRules | None = None
    edit: EditRules | None = None
    request_price: _Price = Micros(0)
    token_prices: _TokenPriceTable | None = None
    google_name: _ModelId | None = None
    keep_seconds: _Count | None = None
    keep_interaction_seconds: _Count | None = None
    retires: date | None = None
    replaced_by: _ModelId | None = None
    sources: dict[str, _Text] = {}

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        """Refuse a row that contradicts itself: no request could be sure to match it."""
        for problem in self._find_contradictions():
            raise PydanticCustomError("consistency", "{problem}", {"problem": problem})
        return self

    def _find_contradictions(self) -> Iterator[str]:
        if self.extension is not None:
            yield from self._find_extension_contradictions(self.extension)
        if self.edit is not None:
            if self.edit.max_input_seconds < 1:
                yield "edit.max_input_seconds must be at least 1"
            if self.edit.max_references < 0:
                yield "edit.max_references must be at least 0"
        if self.default_seconds not in self.lengths:
            yield "default_seconds is not one of lengths"
        if not self.modes <= frozenset(MODEL_MODES):
            yield 'no model has the mode "continuation"'
        if (GenerationMode.EXTENSION in self.modes) != (self.extension is not None):
            yield 'set the mode "extension" and the table extension, or neither'
        if (GenerationMode.EDIT in self.modes) != (self.edit is not None):
            yield 'set the mode "edit" and the table edit, or neither'
        if (GenerationMode.REFERENCES in self.modes) != (self.max_references > 0):
            yield 'set the mode "references" and max_references, or neither'
        if missing := set(self.resolutions or (Resolution.P720,)) - set(self.prices):
            yield f"prices has no {', '.join(sorted(missing))}"
        for condition in self.conditions:
            when = condition.when
            if isinstance(when, GenerationMode) and when.has_source:
                yield f"a condition on {when} has no effect: use the table {when}"
            if condition.max_seconds is not None and condition.max_seconds < min(self.lengths):
                yield f"the condition on {when} leaves no length"
            if condition.seconds not in (None, *self.lengths):
                yield f"the condition on {when}: seconds is not one of lengths"
            if condition.aspect_ratio not in (None, *self.aspect_ratios):
                yield f"the condition on {when}: aspect_ratio is not one of aspect_ratios"
            if condition.resolution not in (None, *self.resolutions):
                yield f"the condition on {when}: resolution is not one of resolutions"

    def _find_extension_contradictions(self, rules: ExtensionRules) -> Iterator[str]:
        for field in fields(rules):
            value = getattr(rules, field.name)
            if isinstance(value, int) and value < 1:
                yield f"extension.{field.name} must be at least 1"
        if any(seconds < 1 for seconds in rules.added_lengths):
            yield "extension.added_lengths must be at least 1"
        if rules.added_seconds not in rules.offered_lengths:
            yield "extension.added_seconds is not one of added_lengths"
        if rules.resolution is not None and rules.resolutions:
            yield "set extension.resolution or extension.resolutions, not both"
        if missing := set(rules.offered_resolutions) - set(self.resolutions):
            yield f"resolutions has no {', '.join(sorted(missing))}, which extension offers"
        if rules.max_result_seconds <= min(rules.offered_lengths):
            yield "extension.max_result_seconds leaves no room for an extension"


_TableType = TypeVar("_TableType", bound=_Table)


def _validate_table(table: type[_TableType], values: dict[str, Any], where: str) -> _TableType:
    """Return ``values`` as a ``table``, or raise `CatalogError` for the first key at fault.

    Read as JSON: only there does pydantic's strict mode take the text of an enum for the enum.
    """
    try:
        return table.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        raise CatalogError(f"{where}: {_format_first_error(errors)}") from error


_UNKNOWN_KEY: Final = ("extra_forbidden", "unexpected_keyword_argument")


def _format_first_error(errors: Sequence[ErrorDetails]) -> str:
    # an unknown key first: a key that is missing may just be misspelled
    first = min(errors, key=lambda error: error["type"] not in _UNKNOWN_KEY)
    path = _format_path(first)
    if first["type"] in _UNKNOWN_KEY:
        return f"unknown key {path}"
    if first["type"] == "missing":
        return f"{path} is missing"
    if first["type"] in ("too_short", "string_too_short"):
        return f"{path} must not be empty"
    messages = (error["msg"] for error in errors if _format_path(error) == path)  # of a union
    return f"{path} {' or '.join(messages)}".replace("Input ", "").strip()


def _format_path(error: ErrorDetails) -> str:
    """Return the keys that lead to the value; the rows of a list are counted from 1."""
    parts = (str(part + 1) if isinstance(part, int) else part for part in error["loc"])
    return ".".join(part for part in parts if "[" not in part)  # without a union's type names

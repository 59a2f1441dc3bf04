"""Reads modals, and builds their submissions from a person's answers.

A modal has up to five parts: labels with one input each, plain text, or the older action rows with
a text input.

Rules: https://docs.discord.com/developers/components/reference#label
"""

from collections.abc import Mapping
from typing import Any

from sandbox.discord.components import SELECT_KINDS, walk_components
from sandbox.discord.components import ComponentKind as K
from sandbox.discord.entities import Attachment, Json
from sandbox.discord.errors import ActionRefused
from sandbox.discord.form_fields import FormFields
from sandbox.discord.interactive_components import (
    InteractiveComponentReader,
    read_options,
    read_value_bounds,
)

_LABEL_CHILDREN = (
    K.TEXT_INPUT,
    *SELECT_KINDS,
    K.FILE_UPLOAD,
    K.RADIO_GROUP,
    K.CHECKBOX_GROUP,
    K.CHECKBOX,
)
_MAX_TEXT_LENGTH = 4000


def read_modal(fields: FormFields) -> Json:
    """Return a modal's data; errors are added to the fields."""
    inputs = InteractiveComponentReader()
    parts: list[Json] = []
    for item in fields.objects("components", low=1, high=5, required=True):
        kind = item.one_of("type", [K.ACTION_ROW, K.TEXT_DISPLAY, K.LABEL], required=True)
        if kind is None:
            continue
        part: Json = {"type": int(kind), "id": inputs.read_id(item)}
        if kind == K.LABEL:
            part |= _read_label(item, inputs)
        elif kind == K.TEXT_DISPLAY:
            part["content"] = item.text("content", low=1, high=_MAX_TEXT_LENGTH, required=True)
        else:
            part["components"] = [
                _read_input(child, inputs, (K.TEXT_INPUT,), labelled=True)
                for child in item.objects("components", low=1, high=1, required=True)
            ]
        parts.append(part)
    inputs.assign_ids(parts, walk_components)
    return {
        "custom_id": fields.text("custom_id", low=1, high=100, required=True) or "",
        "title": fields.text("title", low=1, high=45, required=True) or "",
        "components": parts,
    }


def _read_label(fields: FormFields, inputs: InteractiveComponentReader) -> Json:
    body: Json = {"label": fields.text("label", low=1, high=45, required=True) or ""}
    if (description := fields.text("description", low=1, high=100)) is not None:
        body["description"] = description
    component = fields.child_object("component", required=True)
    if component is not None:
        body["component"] = _read_input(component, inputs, _LABEL_CHILDREN, labelled=False)
    return body


def _read_input(
    fields: FormFields, inputs: InteractiveComponentReader, kinds: tuple[K, ...], *, labelled: bool
) -> Json:
    kind = fields.one_of("type", [int(k) for k in kinds], required=True)
    if kind is None:
        return {}
    body: Json = {"type": kind, "id": inputs.read_id(fields)}
    required = fields.boolean("required", default=True)
    if kind == K.TEXT_INPUT:
        return body | _read_text_input(fields, inputs, labelled=labelled) | {"required": required}
    if kind in SELECT_KINDS:
        body |= inputs.read_select(fields)
        if body.pop("disabled"):
            fields.add_error(
                "disabled",
                "COMPONENT_DISABLED_IN_MODAL",
                "Selects in modals cannot be disabled",
            )
        _refuse_required_without_minimum(
            fields, required=required, minimum=fields.raw_value("min_values")
        )
        return body | {"required": required}
    body["custom_id"] = inputs.read_custom_id(fields)
    if kind == K.CHECKBOX:
        return body | {"default": fields.boolean("default")}
    body["required"] = required
    if kind == K.RADIO_GROUP:
        return body | {"options": read_options(fields, low=2, high=10)}
    minimum, maximum = read_value_bounds(fields, 10, default_low=1 if required else 0)
    _refuse_required_without_minimum(
        fields, required=required, minimum=fields.raw_value("min_values")
    )
    body |= {"min_values": minimum, "max_values": maximum}
    if kind == K.CHECKBOX_GROUP:
        options = read_options(fields, low=1, high=10)
        body["options"] = options
        if fields.raw_value("max_values") is None:
            body["max_values"] = max(1, len(options))
    return body


def _refuse_required_without_minimum(
    fields: FormFields, *, required: bool, minimum: object
) -> None:
    if minimum == 0 and required:
        fields.add_error(
            "required",
            "COMPONENT_REQUIRED_WITH_MIN_VALUES_ZERO",
            "required must be false when min_values is 0",
        )


def _read_text_input(
    fields: FormFields, inputs: InteractiveComponentReader, *, labelled: bool
) -> Json:
    body: Json = {
        "custom_id": inputs.read_custom_id(fields),
        "style": fields.one_of("style", [1, 2], required=True),
    }
    if labelled:
        body["label"] = fields.text("label", low=1, high=45, required=True)
    elif fields.raw_value("label"):
        fields.add_error(
            "label",
            "TEXT_INPUT_COMPONENT_LABEL_NOT_ALLOWED",
            "A text input inside a label cannot have a label of its own",
        )
    minimum = fields.integer("min_length", low=0, high=_MAX_TEXT_LENGTH)
    maximum = fields.integer("max_length", low=1, high=_MAX_TEXT_LENGTH)
    if minimum is not None and maximum is not None and minimum > maximum:
        fields.add_error("min_length", "NUMBER_TYPE_MAX", "min_length must not exceed max_length.")
    value = fields.text("value", high=maximum or _MAX_TEXT_LENGTH)
    placeholder = fields.text("placeholder", high=100)
    optional = (
        ("min_length", minimum),
        ("max_length", maximum),
        ("value", value),
        ("placeholder", placeholder),
    )
    return body | {name: item for name, item in optional if item is not None}


def modal_inputs(modal: Json) -> list[Json]:
    """Return the inputs of a modal, in order."""
    return [c for c in walk_components(modal["components"]) if "custom_id" in c]


def build_submission(
    modal: Json,
    answers: Mapping[str, Any],
    files: Mapping[str, list[Attachment]],
) -> list[Json]:
    """Return the ``components`` of a modal submission. Raises ActionRefused for invalid answers.

    ``answers`` and ``files`` (for file uploads) are by custom id; unanswered inputs keep their
    preset value.
    """
    known = {component["custom_id"] for component in modal_inputs(modal)}
    for custom_id in answers:
        if custom_id not in known:
            raise ActionRefused(f"the modal has no field {custom_id!r}; it has {sorted(known)}")
    parts: list[Json] = []
    for part in modal["components"]:
        answered: Json = {"type": part["type"], "id": part["id"]}
        if part["type"] == K.LABEL:
            answered["component"] = _build_answer(part["component"], answers, files)
        elif part["type"] == K.ACTION_ROW:
            answered["components"] = [_build_answer(c, answers, files) for c in part["components"]]
        parts.append(answered)
    return parts


def _build_answer(
    component: Json, answers: Mapping[str, Any], files: Mapping[str, list[Attachment]]
) -> Json:
    custom_id, kind = component["custom_id"], component["type"]
    answer: Json = {"type": kind, "id": component["id"], "custom_id": custom_id}
    value = answers.get(custom_id)
    if kind == K.TEXT_INPUT:
        return answer | {"value": _build_text_answer(component, value)}
    if kind == K.CHECKBOX:
        if value is not None and not isinstance(value, bool):
            raise ActionRefused(f"{custom_id}: a checkbox is either true or false")
        return answer | {"value": component["default"] if value is None else value}
    if kind == K.FILE_UPLOAD:
        values = [str(attachment.id) for attachment in files.get(custom_id, [])]
        _require_count(component, values)
        return answer | {"values": values}
    if value is None:
        values = [o["value"] for o in component.get("options", []) if o.get("default")]
        values += [d["id"] for d in component.get("default_values", [])]
    else:
        values = [str(v) for v in (value if isinstance(value, list) else [value])]
    require_offered(component, values)
    if kind == K.RADIO_GROUP:
        if component["required"] and not values:
            raise ActionRefused(f"{custom_id}: an answer is required")
        if len(values) > 1:
            raise ActionRefused(f"{custom_id}: only one of these can be chosen")
        return answer | {"value": values[0] if values else None}
    _require_count(component, values)
    return answer | {"values": values}


def _build_text_answer(component: Json, value: object) -> str:
    custom_id = component["custom_id"]
    text = component.get("value", "") if value is None else value
    if not isinstance(text, str):
        raise ActionRefused(f"{custom_id}: a text input takes text")
    if not text:
        if component["required"]:
            raise ActionRefused(f"{custom_id}: this field is required")
        return ""
    minimum, maximum = component.get("min_length", 0), component.get("max_length", _MAX_TEXT_LENGTH)
    if not minimum <= len(text) <= maximum:
        raise ActionRefused(f"{custom_id}: {len(text)} characters; must be {minimum} to {maximum}")
    return text


def require_offered(component: Json, values: list[str]) -> None:
    """Raise ActionRefused for repeated values, and for those that a component does not offer."""
    if len(set(values)) != len(values):
        raise ActionRefused(f"{component['custom_id']}: the same value twice")
    if "options" not in component:
        return
    offered = [option["value"] for option in component["options"]]
    for value in values:
        if value not in offered:
            raise ActionRefused(
                f"{component['custom_id']}: {value!r} is not offered; there are {offered}"
            )


def _require_count(component: Json, values: list[str]) -> None:
    if not values and not component["required"]:
        return
    minimum = max(component["min_values"], 1 if component["required"] else 0)
    if not minimum <= len(values) <= component["max_values"]:
        raise ActionRefused(
            f"{component['custom_id']}: {len(values)} chosen; "
            f"must be {minimum} to {component['max_values']}"
        )

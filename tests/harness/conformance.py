"""Validates the traffic of a test against Discord's OpenAPI document.

The document is not part of this repository. If it is found (``DISCORD_OPENAPI`` or
``shared/reference/discord-openapi.json`` beside the checkout), every request of the bot and every
answer of the sandbox is validated, else the report says "not checked" and tests warn.

The document says that a snowflake is a string; Discord and discord.py accept numbers too, so that
type is relaxed.
"""

import functools
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

PREFIX = "/api/v10"
_DOCUMENT = "urn:discord"
_BESIDE_CHECKOUT = Path(__file__).parents[3] / "shared" / "reference" / "discord-openapi.json"
_JSON_TYPES = ("application/json", "multipart/form-data")


@dataclass(slots=True)
class ConformanceReport:
    """What was found; ``unlisted`` are routes that Discord's document does not have."""

    checked: int = 0
    problems: list[str] = field(default_factory=list)
    unlisted: set[str] = field(default_factory=set)
    not_checked: str | None = None

    def __str__(self) -> str:
        if self.not_checked:
            return f"not checked: {self.not_checked}"
        lines = [f"{self.checked} bodies checked, {len(self.problems)} wrong", *self.problems]
        return "\n".join(lines)


def find_document() -> Path | None:
    """Return the path of Discord's OpenAPI document, if there is one."""
    configured = os.environ.get("DISCORD_OPENAPI")
    path = Path(configured) if configured else _BESIDE_CHECKOUT
    return path if path.is_file() else None


def check_requests(
    entries: Iterable[dict[str, Any]], document: Path | None = None
) -> ConformanceReport:
    """Validate entries of ``GET /control/requests?bodies=1``.

    Requests that were refused with 400 may be wrong, but their answers are checked. Answers of 5xx
    have no schema.
    """
    path = document or find_document()
    if path is None:
        return ConformanceReport(
            not_checked="Discord's OpenAPI document is not here (DISCORD_OPENAPI)"
        )
    description = _load_document(path)
    report = ConformanceReport()
    for entry in entries:
        if entry["server"] == "discord" and entry["path"].startswith(PREFIX + "/"):
            description.check_request(entry, report)
    return report


@functools.cache
def _load_document(path: Path) -> "_OpenApiDocument":
    return _OpenApiDocument(json.loads(path.read_bytes()))


class _OpenApiDocument:
    """The document with compiled path templates and a cached validator for each schema.

    ``jsonschema`` words what is wrong, but takes as long for a clip's messages as the bot does for
    the clip. So it only sees what the compiled validators of ``jsonschema-rs`` have refused.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        document["components"]["schemas"]["SnowflakeType"]["type"] = ["string", "integer"]
        self._document = document
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_DOCUMENT, resource)
        self._fast_registry = jsonschema_rs.Registry(
            [(_DOCUMENT, document)], draft=jsonschema_rs.Draft202012
        )
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}
        # A literal path wins over a template: "{" sorts after every letter and "@".
        self._paths: list[tuple[re.Pattern[str], str]] = [
            (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))), template)
            for template in sorted(document["paths"])
        ]

    def check_request(self, entry: dict[str, Any], report: ConformanceReport) -> None:
        """Validate one entry's request and response into ``report``."""
        path = entry["path"].removeprefix(PREFIX).partition("?")[0]
        method, status = entry["method"].lower(), entry["status"]
        template = self._find_template(path, method)
        if template is None:
            report.unlisted.add(f"{entry['method']} {path}")
            return
        where = f"#{entry['n']} {entry['method']} {template}"
        pointer = ("paths", template, method)
        if entry["json"] is not None and status != 400:
            body = self._find_request_schema(pointer, entry.get("request_type", ""))
            if body is None:
                report.problems.append(f"{where}: a body, but Discord takes none")
            else:
                self._validate_body(body, entry["json"], f"{where} request", report)
        if entry.get("response") is not None and status is not None and status < 500:
            answer = self._find_response_schema(pointer, status)
            if answer is None:
                report.problems.append(f"{where}: Discord does not answer {status} with a body")
            else:
                self._validate_body(answer, entry["response"], f"{where} {status} response", report)

    def _find_template(self, path: str, method: str) -> str | None:
        for pattern, template in self._paths:
            if pattern.fullmatch(path) and method in self._document["paths"][template]:
                return template
        return None

    def _find_request_schema(self, operation: tuple[str, ...], content_type: str) -> str | None:
        content = self._find_node(operation).get("requestBody", {}).get("content", {})
        # For multipart the log holds the payload_json, which has the JSON body's schema.
        for name in ("application/json", content_type, *_JSON_TYPES):
            if name in content:
                return _format_pointer(*operation, "requestBody", "content", name, "schema")
        return None

    def _find_response_schema(self, operation: tuple[str, ...], status: int) -> str | None:
        responses = self._find_node(operation)["responses"]
        for key in (str(status), f"{status // 100}XX"):
            if key in responses:
                steps: tuple[str, ...] = (*operation, "responses", key)
                if "$ref" in responses[key]:
                    steps = tuple(responses[key]["$ref"].removeprefix("#/").split("/"))
                if "application/json" not in self._find_node(steps).get("content", {}):
                    return None
                return _format_pointer(*steps, "content", "application/json", "schema")
        return None

    def _find_node(self, steps: tuple[str, ...]) -> dict[str, Any]:
        node = self._document
        for step in steps:
            node = node[step]
        return node

    def _validate_body(
        self, pointer: str, body: Any, where: str, report: ConformanceReport
    ) -> None:
        schema = {"$ref": f"{_DOCUMENT}#{quote(pointer)}"}
        validator = self._validators.get(pointer)
        if validator is None:
            validator = jsonschema_rs.Draft202012Validator(schema, registry=self._fast_registry)
            self._validators[pointer] = validator
        report.checked += 1
        if validator.is_valid(body):
            return
        error = best_match(Draft202012Validator(schema, registry=self._registry).iter_errors(body))
        spot = "/".join(map(str, error.absolute_path)) or "the body"
        report.problems.append(f"{where}: {spot}: {error.message[:300]}")


def _format_pointer(*steps: str) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)

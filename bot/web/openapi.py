"""The OpenAPI description of the JSON API; the fuzzing test holds the API against it."""

from typing import Any, Final

from bot.domain.jobs.request import AspectRatio, Mode, Resolution
from bot.domain.showcase.gallery import Length, Order
from bot.web.query import LONGEST_CURSOR, LONGEST_TEXT, MOST, PAGE_SIZE

Json = dict[str, Any]

PREFIX: Final = "/api/v1"


def description(server: str) -> Json:
    """Return the document for the site at ``server``."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clapper gallery",
            "version": "1",
            "description": "What communities chose to show of the clips they made with Clapper."
            " Read only; no key is needed. Too many requests are answered with 429.",
        },
        "servers": [{"url": server}],
        "paths": {
            f"{PREFIX}/clips": {"get": _clips()},
            f"{PREFIX}/clips/{{clip}}": {
                "get": _one("clip", "One clip", {"$ref": "#/components/schemas/Clip"})
            },
            f"{PREFIX}/clips/{{clip}}/chain": {
                "get": _one("chain", "A clip's chain, from its first clip on", _listed("Clip"))
            },
            f"{PREFIX}/servers": {
                "get": _operation(
                    "servers", "The servers that show something", _named("servers", "Server")
                )
            },
            f"{PREFIX}/models": {
                "get": _operation("models", "The models that were used", _named("models", "Model"))
            },
        },
        "components": {
            "schemas": {
                "Clip": _clip(),
                "Server": _object({"id": {"type": "string"}, "name": {"type": "string"}}),
                "Model": _object({"id": {"type": "string"}, "name": {"type": "string"}}),
                "Problem": {
                    "type": "object",
                    "required": ["type", "status", "title"],
                    "properties": {
                        "type": {"type": "string"},
                        "status": {"type": "integer"},
                        "title": {"type": "string"},
                        "parameter": {"type": "string"},
                    },
                    "additionalProperties": False,
                },
            }
        },
    }


def _clips() -> Json:
    found = _object(
        {"clips": _array("Clip"), "next_cursor": {"type": ["string", "null"]}},
    )
    operation = _operation("clips", "Search, filter and page", found, refusals=(400,))
    operation["parameters"] = [
        _query("server", "Only this server's", {"type": "string", "pattern": "^[0-9]{1,18}$"}),
        _query("model", "Only this model's, by id", {"type": "string", "maxLength": 120}),
        _query(
            "length",
            "short: what one request makes; long: chains",
            {"type": "string", "enum": list(Length)},
        ),
        _query(
            "q",
            "Words that all occur in the prompt, whatever their case",
            {"type": "string", "maxLength": LONGEST_TEXT},
        ),
        _query("order", "Newest or most liked first", {"type": "string", "enum": list(Order)}),
        _query(
            "cursor",
            "`next_cursor` of the page before",
            {"type": "string", "maxLength": LONGEST_CURSOR},
        ),
        _query(
            "limit",
            "Entries a page",
            {"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE_SIZE},
        ),
    ]
    return operation


def _one(name: str, summary: str, schema: Json) -> Json:
    operation = _operation(name, summary, schema, refusals=(404,))
    operation["parameters"] = [
        {
            "name": "clip",
            "in": "path",
            "required": True,
            "description": "A clip's number",
            "schema": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
        }
    ]
    return operation


def _operation(name: str, summary: str, schema: Json, refusals: tuple[int, ...] = ()) -> Json:
    refusal = {
        "description": "Refused",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {
                "description": summary,
                "content": {"application/json": {"schema": schema}},
            },
            **{str(status): refusal for status in (*refusals, 429)},
        },
    }


def _query(name: str, what: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": what, "schema": schema}


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _array(of: str) -> Json:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{of}"}}


def _listed(of: str) -> Json:
    return _object({"clips": _array(of)})


def _named(name: str, of: str) -> Json:
    return _object({name: _array(of)})


def _clip() -> Json:
    url = {"type": "string", "format": "uri"}
    count = {"type": "integer", "minimum": 0}
    return _object(
        {
            "id": {"type": "integer", "minimum": 1},
            "url": url,
            "video_url": url,
            "poster_url": url,
            "preview_url": url,
            "prompt": {"type": ["string", "null"], "description": "null: hidden by its maker"},
            "maker": {"type": "string"},
            "server": {"$ref": "#/components/schemas/Server"},
            "model": {"$ref": "#/components/schemas/Model"},
            "mode": {"type": "string", "enum": list(Mode)},
            "aspect_ratio": {"type": "string", "enum": list(AspectRatio)},
            "resolution": {"enum": [*Resolution, None]},
            "width": count,
            "height": count,
            "seconds": count,
            "bytes": count,
            "extensions": count,
            "parent_id": {"type": ["integer", "null"]},
            "votes": count,
            "showcased_at": {"type": "string", "format": "date-time"},
        }
    )

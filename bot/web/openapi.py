"""The OpenAPI description of the JSON API; the fuzzing test holds the API against it."""

from typing import Any, Final

from bot.domain.jobs.request import AspectRatio, GenerationMode, Resolution
from bot.domain.showcase.gallery import ClipLength, GalleryOrder
from bot.web.query import MAX_CURSOR_LENGTH, MAX_PAGE_SIZE, MAX_TEXT_LENGTH, PAGE_SIZE

Json = dict[str, Any]

API_PREFIX: Final = "/api/v1"


def build_openapi_document(server: str) -> Json:
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
            f"{API_PREFIX}/clips": {"get": _describe_clips_operation()},
            f"{API_PREFIX}/clips/{{clip}}": {
                "get": _describe_clip_operation(
                    "clip", "One clip", {"$ref": "#/components/schemas/Clip"}
                )
            },
            f"{API_PREFIX}/clips/{{clip}}/chain": {
                "get": _describe_clip_operation(
                    "chain",
                    "A clip's chain, from its first clip on",
                    _build_clip_list_schema("Clip"),
                )
            },
            f"{API_PREFIX}/servers": {
                "get": _describe_operation(
                    "servers",
                    "The servers that show something",
                    _build_named_list_schema("servers", "Server"),
                )
            },
            f"{API_PREFIX}/models": {
                "get": _describe_operation(
                    "models",
                    "The models that were used",
                    _build_named_list_schema("models", "Model"),
                )
            },
        },
        "components": {
            "schemas": {
                "Clip": _build_clip_schema(),
                "Server": _build_object_schema(
                    {"id": {"type": "string"}, "name": {"type": "string"}}
                ),
                "Model": _build_object_schema(
                    {"id": {"type": "string"}, "name": {"type": "string"}}
                ),
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


def _describe_clips_operation() -> Json:
    found = _build_object_schema(
        {"clips": _build_array_schema("Clip"), "next_cursor": {"type": ["string", "null"]}},
    )
    operation = _describe_operation("clips", "Search, filter and page", found, refusals=(400,))
    operation["parameters"] = [
        _describe_query_parameter(
            "server", "Only this server's", {"type": "string", "pattern": "^[0-9]{1,18}$"}
        ),
        _describe_query_parameter(
            "model", "Only this model's, by id", {"type": "string", "maxLength": 120}
        ),
        _describe_query_parameter(
            "length",
            "short: what one request makes; long: chains",
            {"type": "string", "enum": list(ClipLength)},
        ),
        _describe_query_parameter(
            "q",
            "Words that all occur in the prompt, whatever their case",
            {"type": "string", "maxLength": MAX_TEXT_LENGTH},
        ),
        _describe_query_parameter(
            "order", "Newest or most liked first", {"type": "string", "enum": list(GalleryOrder)}
        ),
        _describe_query_parameter(
            "cursor",
            "`next_cursor` of the page before",
            {"type": "string", "maxLength": MAX_CURSOR_LENGTH},
        ),
        _describe_query_parameter(
            "limit",
            "Entries a page",
            {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
        ),
    ]
    return operation


def _describe_clip_operation(name: str, summary: str, schema: Json) -> Json:
    operation = _describe_operation(name, summary, schema, refusals=(404,))
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


def _describe_operation(
    name: str, summary: str, schema: Json, refusals: tuple[int, ...] = ()
) -> Json:
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


def _describe_query_parameter(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _build_object_schema(properties: Json) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _build_array_schema(schema_name: str) -> Json:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema_name}"}}


def _build_clip_list_schema(schema_name: str) -> Json:
    return _build_object_schema({"clips": _build_array_schema(schema_name)})


def _build_named_list_schema(name: str, schema_name: str) -> Json:
    return _build_object_schema({name: _build_array_schema(schema_name)})


def _build_clip_schema() -> Json:
    url = {"type": "string", "format": "uri"}
    count = {"type": "integer", "minimum": 0}
    return _build_object_schema(
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
            "mode": {"type": "string", "enum": list(GenerationMode)},
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

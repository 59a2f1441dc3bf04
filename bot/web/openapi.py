"""The OpenAPI description of the JSON API; a fuzzing test checks the API against it."""

from typing import Any, Final

from bot.domain.jobs.request import AspectRatio, GenerationMode, Resolution
from bot.domain.showcase.gallery import ClipLength, GalleryOrder
from bot.web.query import MAX_CURSOR_LENGTH, MAX_PAGE_SIZE, MAX_TEXT_LENGTH, PAGE_SIZE

Json = dict[str, Any]

API_PREFIX: Final = "/api/v1"


_QUERY_PARAMETERS: Final[dict[str, tuple[str, Json]]] = {
    "server": ("Only this server's", {"type": "string", "pattern": "^[0-9]{1,18}$"}),
    "model": ("Only this model's, by id", {"type": "string", "maxLength": 120}),
    "length": (
        "short: made by one request; long: chains",
        {"type": "string", "enum": list(ClipLength)},
    ),
    "q": (
        "Words that must all occur in the prompt, in any case",
        {"type": "string", "maxLength": MAX_TEXT_LENGTH},
    ),
    "order": ("Newest or most liked first", {"type": "string", "enum": list(GalleryOrder)}),
    "cursor": (
        "`next_cursor` of the previous page",
        {"type": "string", "maxLength": MAX_CURSOR_LENGTH},
    ),
    "limit": (
        "Entries per page",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
    ),
}


def build_openapi_document(server: str) -> Json:
    """Return the document for the site at ``server``."""
    named: Json = {"id": {"type": "string"}, "name": {"type": "string"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clapper gallery",
            "version": "1",
            "description": "Clips that communities made with Clapper and chose to show."
            " Read only; no key is needed. Too many requests get 429.",
        },
        "servers": [{"url": server}],
        "paths": {
            f"{API_PREFIX}/clips": {"get": _describe_clips_operation()},
            f"{API_PREFIX}/clips/{{clip}}": {
                "get": _describe_clip_operation("clip", "One clip", _build_reference("Clip"))
            },
            f"{API_PREFIX}/clips/{{clip}}/chain": {
                "get": _describe_clip_operation(
                    "chain", "A clip's chain, from its first clip on", _build_list("clips", "Clip")
                )
            },
            f"{API_PREFIX}/servers": {
                "get": _describe_operation(
                    "servers",
                    "The servers with clips in the gallery",
                    _build_list("servers", "Server"),
                )
            },
            f"{API_PREFIX}/models": {
                "get": _describe_operation(
                    "models", "The models that were used", _build_list("models", "Model")
                )
            },
        },
        "components": {
            "schemas": {
                "Clip": _build_clip_schema(),
                "Server": _build_object_schema(named),
                "Model": _build_object_schema(named),
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
    page = _build_object_schema(
        {"clips": _build_array_schema("Clip"), "next_cursor": {"type": ["string", "null"]}},
    )
    operation = _describe_operation("clips", "Search, filter and page", page, refusals=(400,))
    operation["parameters"] = [
        {"name": name, "in": "query", "description": description, "schema": schema}
        for name, (description, schema) in _QUERY_PARAMETERS.items()
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
        "content": {"application/problem+json": {"schema": _build_reference("Problem")}},
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


def _build_object_schema(properties: Json) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _build_reference(schema_name: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema_name}"}


def _build_array_schema(schema_name: str) -> Json:
    return {"type": "array", "items": _build_reference(schema_name)}


def _build_list(name: str, schema_name: str) -> Json:
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
            "server": _build_reference("Server"),
            "model": _build_reference("Model"),
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

"""What Google's text models accept, and how an answer looks: ``models/M:generateContent``.

Source: https://ai.google.dev/api/generate-content. Tools, caching, speech and images as output are
left out, because a request with them is refused as one with unknown names is.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final

from sandbox.google.errors import InvalidArgument
from sandbox.google.payload_fields import PayloadFields
from sandbox.google.text_settings import TextSettings

TEXT_MODELS: Final = {
    "gemini-2.5-flash": "Gemini 2.5 Flash",
    "gemini-3.5-flash-lite": "Gemini 3.5 Flash-Lite",
}
MAX_OUTPUT_TOKENS: Final = 65_536
_TOKENS_PER_PICTURE: Final = {
    "MEDIA_RESOLUTION_LOW": 280,
    "MEDIA_RESOLUTION_MEDIUM": 560,
    "MEDIA_RESOLUTION_HIGH": 1120,
}
_CHARACTERS_PER_TOKEN: Final = 4
_BODY_FIELDS: Final = frozenset(
    {"contents", "systemInstruction", "safetySettings", "generationConfig", "model"}
)
_CONFIG_FIELDS: Final = frozenset(
    {
        "temperature",
        "topP",
        "topK",
        "candidateCount",
        "maxOutputTokens",
        "stopSequences",
        "seed",
        "responseMimeType",
        "responseSchema",
        "mediaResolution",
        "thinkingConfig",
    }
)
_SCHEMA_FIELDS: Final = frozenset(
    {
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "items",
        "properties",
        "required",
        "propertyOrdering",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "anyOf",
    }
)
_SCHEMA_TYPES: Final = frozenset(
    {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
)
_CATEGORIES: Final = frozenset(
    f"HARM_CATEGORY_{name}"
    for name in (
        "HARASSMENT",
        "HATE_SPEECH",
        "SEXUALLY_EXPLICIT",
        "DANGEROUS_CONTENT",
        "CIVIC_INTEGRITY",
    )
)
_THRESHOLDS: Final = frozenset(
    {"OFF", "BLOCK_NONE", "BLOCK_ONLY_HIGH", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_LOW_AND_ABOVE"}
)
_IMAGE_TYPES: Final = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"}
)
_MIME_TYPES: Final = frozenset({"text/plain", "application/json", "text/x.enum"})


@dataclass(frozen=True, slots=True)
class TextRequest:
    """A request that Google accepts."""

    text: str
    """All that the user's turns say."""
    instruction: str
    pictures: int
    schema: dict[str, Any] | None
    max_output_tokens: int
    prompt_tokens: int


def read_text_request(value: dict[str, Any], *, needs_roles: bool) -> TextRequest:
    """Read a body. Raises InvalidArgument. Vertex AI needs a role in each turn."""
    body = PayloadFields(value, "", _BODY_FIELDS)
    config = body.child("generationConfig", _CONFIG_FIELDS, optional=True)
    texts: list[str] = []
    pictures = 0
    turns = body.items("contents")
    if not turns:
        raise InvalidArgument("* GenerateContentRequest.contents: contents is not specified\n")
    for number, turn in enumerate(turns):
        content = PayloadFields(turn, f"contents[{number}]", frozenset({"role", "parts"}))
        role = content.text("role")
        if role not in ("user", "model") and (role is not None or needs_roles):
            raise InvalidArgument("Please use a valid role: user, model.")
        turn_texts, turn_pictures = _read_parts(content)
        texts += turn_texts
        pictures += turn_pictures
    instruction = ""
    if "systemInstruction" in body:
        system = body.child("systemInstruction", frozenset({"role", "parts"}))
        instruction_texts, instruction_pictures = _read_parts(system)
        if instruction_pictures:
            raise InvalidArgument("System instruction can only contain text.")
        instruction = "\n".join(instruction_texts)
    _check_safety(body)
    schema = _read_config(config)
    resolution = config.text("mediaResolution") or "MEDIA_RESOLUTION_HIGH"
    text = "\n".join(texts)
    characters = len(text) + len(instruction) + len(json.dumps(schema or {}))
    tokens = -(-characters // _CHARACTERS_PER_TOKEN) + pictures * _TOKENS_PER_PICTURE[resolution]
    most = config.integer("maxOutputTokens") or MAX_OUTPUT_TOKENS
    return TextRequest(text, instruction, pictures, schema, most, tokens)


def _read_parts(content: PayloadFields) -> tuple[list[str], int]:
    texts: list[str] = []
    pictures = 0
    parts = content.items("parts")
    if not parts:
        raise InvalidArgument(
            f"* GenerateContentRequest.{content.path}.parts: contents.parts must not be empty.\n"
        )
    for number, value in enumerate(parts):
        path = f"{content.path}.parts[{number}]"
        part = PayloadFields(value, path, frozenset({"text", "inlineData"}))
        if ("text" in part) is ("inlineData" in part):
            raise InvalidArgument(f"* {path}.data: required oneof field 'data' must have one field")
        if "text" in part:
            texts.append(part.text("text") or "")
            continue
        blob = part.child("inlineData", frozenset({"mimeType", "data"}))
        if blob.text("mimeType") not in _IMAGE_TYPES:
            raise InvalidArgument(f"Unsupported MIME type: {blob.text('mimeType')}")
        try:
            data = base64.b64decode(blob.text("data") or "", validate=True)
        except binascii.Error as error:
            raise InvalidArgument(
                f"Invalid value at '{path}.inline_data.data' (TYPE_BYTES), Base64 decoding failed"
            ) from error
        if not data:
            raise InvalidArgument("Unable to process input image. Please retry or report.")
        pictures += 1
    return texts, pictures


def _check_safety(body: PayloadFields) -> None:
    seen: set[str] = set()
    for number, value in enumerate(body.items("safetySettings")):
        path = f"safety_settings[{number}]"
        setting = PayloadFields(value, path, frozenset({"category", "threshold"}))
        category, threshold = setting.text("category"), setting.text("threshold")
        for name, text, known in (
            ("category", category, _CATEGORIES),
            ("threshold", threshold, _THRESHOLDS),
        ):
            if text not in known:
                raise InvalidArgument(f"Invalid value at '{path}.{name}' (TYPE_ENUM), \"{text}\"")
        if category in seen:
            raise InvalidArgument(f"Safety settings must have one {category} at most.")
        seen.add(str(category))


def _read_config(config: PayloadFields) -> dict[str, Any] | None:
    """Check the configuration and return its schema, if any."""
    mime_type = config.text("responseMimeType") or "text/plain"
    if mime_type not in _MIME_TYPES:
        allowed = ", ".join(sorted(_MIME_TYPES))
        raise InvalidArgument(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are "
            f"{allowed}.\n"
        )
    most = config.integer("maxOutputTokens")
    if most is not None and not 1 <= most <= MAX_OUTPUT_TOKENS:
        raise InvalidArgument(
            f"Unable to submit request because it has a maxOutputTokens value of {most} but the "
            f"supported range is from 1 (inclusive) to {MAX_OUTPUT_TOKENS + 1} (exclusive)."
        )
    resolution = config.text("mediaResolution")
    if resolution is not None and resolution not in _TOKENS_PER_PICTURE:
        raise InvalidArgument(
            f"Invalid value at 'generation_config.media_resolution' (TYPE_ENUM), \"{resolution}\""
        )
    if "responseSchema" not in config:
        return None
    if mime_type == "text/plain":
        raise InvalidArgument(
            "* GenerateContentRequest.generation_config.response_schema: only allowed with a "
            "response_mime_type of application/json or text/x.enum.\n"
        )
    schema = config.value("responseSchema")
    _check_schema(schema, "generation_config.response_schema")
    return schema if isinstance(schema, dict) else None


def _check_schema(value: object, path: str) -> None:
    schema = PayloadFields(value, path, _SCHEMA_FIELDS)
    kind = str(schema.text("type") or "").upper()
    if kind not in _SCHEMA_TYPES:
        raise InvalidArgument(f"* GenerateContentRequest.{path}.type: must be specified\n")
    if schema.items("enum") and kind != "STRING":
        raise InvalidArgument(f"* GenerateContentRequest.{path}.enum: only allowed for STRING type")
    if kind == "ARRAY":
        _check_schema(schema.value("items") or {}, f"{path}.items")
    if kind != "OBJECT":
        return
    properties = schema.value("properties")
    if not isinstance(properties, dict) or not properties:
        raise InvalidArgument(
            f"* GenerateContentRequest.{path}.properties: should be non-empty for OBJECT type\n"
        )
    for name, item in properties.items():
        _check_schema(item, f"{path}.properties[{name}]")
    for listed in ("required", "propertyOrdering"):
        for name in schema.items(listed):
            if name not in properties:
                raise InvalidArgument(
                    f"* GenerateContentRequest.{path}.{listed}: property {name} is not defined\n"
                )


def build_answer(
    request: TextRequest, settings: TextSettings, model: str, response_id: str
) -> dict[str, Any]:
    """Return the answer to a request, as the settings want it."""
    planned = settings.answer_for(request.text)
    answer: dict[str, Any] = {"modelVersion": model, "responseId": response_id}
    usage: dict[str, Any] = {
        "promptTokenCount": request.prompt_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": request.prompt_tokens}],
        "totalTokenCount": request.prompt_tokens,
    }
    if planned.block_reason:
        answer["promptFeedback"] = {"blockReason": planned.block_reason}
    else:
        text = planned.text if planned.text is not None else _fill_schema(request.schema)
        tokens = -(-len(text) // _CHARACTERS_PER_TOKEN)
        finish = planned.finish_reason
        if tokens + settings.thought_tokens > request.max_output_tokens:
            left = max(0, request.max_output_tokens - settings.thought_tokens)
            text, finish = text[: left * _CHARACTERS_PER_TOKEN], "MAX_TOKENS"
            tokens = left
        candidate: dict[str, Any] = {"finishReason": finish, "index": 0}
        if finish in ("STOP", "MAX_TOKENS"):
            parts = [{"text": text}] if text else []
            candidate["content"] = {"role": "model", **({"parts": parts} if parts else {})}
            usage["candidatesTokenCount"] = tokens
        if settings.thought_tokens:
            usage["thoughtsTokenCount"] = settings.thought_tokens
        answer["candidates"] = [candidate]
        usage["totalTokenCount"] = (
            request.prompt_tokens + usage.get("candidatesTokenCount", 0) + settings.thought_tokens
        )
    if settings.reports_usage:
        answer["usageMetadata"] = usage
    return answer


def _fill_schema(schema: dict[str, Any] | None) -> str:
    """Return the first answer that fits a schema."""
    return "A text." if schema is None else json.dumps(_fill(schema))


def _fill(schema: dict[str, Any]) -> object:
    match str(schema["type"]).upper():
        case "OBJECT":
            return {name: _fill(item) for name, item in schema["properties"].items()}
        case "ARRAY":
            return [_fill(schema["items"])]
        case "STRING":
            return schema["enum"][0] if schema.get("enum") else "text"
        case "BOOLEAN":
            return False
        case "NULL":
            return None
    return 0

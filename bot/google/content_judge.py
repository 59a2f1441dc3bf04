"""Asks a text model of Gemini to rate a wish for a video, or its frames, on either route.

A check costs money and starts nothing, so it is sent once and not repeated. What Google answers
with an error is not billed (https://ai.google.dev/gemini-api/docs/billing). Without an answer, that
is unknown.
"""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from bot.domain.errors import AccessRefused, AnswerNotFromGoogle, CheckFailed, VideoError
from bot.domain.moderation.content_check import (
    ANSWER_SCHEMA,
    MAX_OUTPUT_TOKENS,
    AnswerOffSchema,
    CheckedContent,
    ContentVerdict,
    TokenUsage,
)
from bot.google import gemini
from bot.google.connection import GoogleConnection
from bot.google.credentials import TokenSource
from bot.google.json_stream import FileContent, JsonBody
from bot.google.omni.vertex import VERTEX_OMNI_URL
from bot.google.operations import as_list, as_mapping
from bot.google.vertex import API_VERSION as VERTEX_API_VERSION
from bot.transfer.response_body import read_limited_body

ANSWER_LIMIT_S: Final = 20.0
_MAX_ANSWER_BYTES: Final = 256 * 1024
_METHOD: Final = "generateContent"
_LOCATION: Final = "global"
"""The only location that has all text models."""
_BLOCK_REASONS: Final = frozenset(
    {"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "IMAGE_SAFETY", "JAILBREAK"}
)
"""Why Google's own filter lets a model read or answer nothing. Other reasons say nothing about the
content."""
_LASTING_STATUSES: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.PAYMENT_REQUIRED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
)
_INVALID_KEY: Final = "API_KEY_INVALID"
_CATEGORIES: Final = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")


class GeminiContentJudge:
    """Implements `bot.domain.moderation.content_check.ContentJudge`. Must be closed."""

    def __init__(
        self,
        model: str,
        connection: GoogleConnection,
        *,
        model_path: str,
        ask_path: str,
        credentials: TokenSource | None = None,
    ) -> None:
        """``ask_path`` is that of the model where it is asked, ``model_path`` where it is listed.

        ``credentials`` are told whether Google accepts their token.
        """
        self.model = model
        self._connection = connection
        self._model_path = model_path
        self._ask_path = ask_path
        self._credentials = credentials

    async def judge(
        self, content: CheckedContent, pictures: Sequence[Path | bytes]
    ) -> tuple[ContentVerdict, TokenUsage | None]:
        document = build_document(content, pictures)
        status, raw = await self._ask(document)
        if status == HTTPStatus.UNAUTHORIZED and self._renew_token():
            status, raw = await self._ask(document)
        if status != HTTPStatus.OK:
            raise _read_refusal(status, raw)
        if self._credentials is not None:
            self._credentials.confirm_token()
        return read_answer(raw)

    async def check_model(self) -> None:
        """Ask whether the model exists and can be asked. Raises `VideoError`."""
        answer = await self._connection.request_json(
            "GET", self._model_path, label=f"model {self.model}"
        )
        methods = as_mapping(answer).get("supportedGenerationMethods")
        if isinstance(methods, list) and _METHOD not in methods:
            raise AnswerNotFromGoogle(f"model {self.model} cannot be asked: it has no {_METHOD}")

    async def close(self) -> None:
        await self._connection.close()

    def _renew_token(self) -> bool:
        return self._credentials is not None and self._credentials.invalidate_token()

    async def _ask(self, document: Mapping[str, Any]) -> tuple[int, bytes]:
        connection, is_sent = self._connection, False
        url = connection.build_url(f"{self._ask_path}:{_METHOD}")
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                body = await JsonBody.from_document(document)
                headers = {
                    **await connection.get_authorization_headers(url),
                    "Content-Type": "application/json",
                    "Content-Length": str(body.length),
                }
                is_sent = True
                async with connection.session.post(
                    url, data=aiter(body), headers=headers, allow_redirects=False
                ) as response:
                    raw = await read_limited_body(response, max_bytes=_MAX_ANSWER_BYTES)
                    return response.status, raw
        except aiohttp.ClientConnectorError as error:
            raise CheckFailed(type(error).__name__, may_be_billed=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CheckFailed(type(error).__name__, may_be_billed=is_sent) from error
        except AccessRefused as error:  # no token
            raise CheckFailed(str(error), may_be_billed=False, refusal="no token") from error
        except VideoError as error:
            raise CheckFailed(str(error), may_be_billed=False) from error


def build_key_judge(model: str, *, api_key: str, base_url: str | None = None) -> GeminiContentJudge:
    """Build the judge that uses an API key."""
    header = {"x-goog-api-key": api_key.strip()}

    async def authorize() -> Mapping[str, str]:
        return header

    connection = GoogleConnection(base_url or gemini.GEMINI_API_URL, authorize)
    path = f"{gemini.API_VERSION}/models/{quote(model, safe='')}"
    return GeminiContentJudge(model, connection, model_path=path, ask_path=path)


def build_vertex_judge(
    model: str,
    *,
    project: str,
    credentials: TokenSource,
    base_url: str | None = None,
) -> GeminiContentJudge:
    """Build the judge that uses a Google Cloud project."""
    connection = GoogleConnection(
        base_url or VERTEX_OMNI_URL, credentials.get_authorization_headers
    )
    path = f"publishers/google/models/{quote(model, safe='')}"
    return GeminiContentJudge(
        model,
        connection,
        model_path=f"{VERTEX_API_VERSION}/{path}",
        ask_path=f"{VERTEX_API_VERSION}/projects/{project}/locations/{_LOCATION}/{path}",
        credentials=credentials,
    )


def build_document(content: CheckedContent, pictures: Sequence[Path | bytes]) -> dict[str, Any]:
    """Return the request: the instruction apart from what is rated."""
    parts: list[dict[str, Any]] = [{"text": content.format_question()}]
    parts += [
        {"inlineData": {"mimeType": mime_type, "data": _encode_picture(picture)}}
        for mime_type, picture in zip(content.picture_types, pictures, strict=True)
    ]
    return {
        "systemInstruction": {"parts": [{"text": content.instruction}]},
        "contents": [{"role": "user", "parts": parts}],
        # The operator's rules decide, not Google's defaults.
        "safetySettings": [
            {"category": f"HARM_CATEGORY_{name}", "threshold": "BLOCK_NONE"} for name in _CATEGORIES
        ],
        "generationConfig": {
            "maxOutputTokens": MAX_OUTPUT_TOKENS,
            "mediaResolution": "MEDIA_RESOLUTION_MEDIUM",
            "responseMimeType": "application/json",
            "responseSchema": ANSWER_SCHEMA,
        },
    }


def _encode_picture(picture: Path | bytes) -> FileContent | str:
    if isinstance(picture, bytes):  # a small frame
        return base64.b64encode(picture).decode()
    return FileContent(picture)


def read_answer(raw: bytes) -> tuple[ContentVerdict, TokenUsage | None]:
    """Return the verdict in Google's answer, and what is billed. Raises `CheckFailed`."""
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise CheckFailed("an answer without JSON", may_be_billed=True) from error
    answer = as_mapping(answer)
    usage = _read_usage(as_mapping(answer.get("usageMetadata")))
    if (reason := as_mapping(answer.get("promptFeedback")).get("blockReason")) is not None:
        if _is_block(reason):
            return ContentVerdict(None), usage
        raise CheckFailed("blocked for a reason of no kind", may_be_billed=True, usage=usage)
    candidates = as_list(answer.get("candidates"))
    candidate = as_mapping(candidates[0]) if candidates else {}
    finish = candidate.get("finishReason")
    if _is_block(finish):
        return ContentVerdict(None), usage
    if finish != "STOP":
        is_cut = finish == "MAX_TOKENS"
        message = "an answer that is cut off" if is_cut else "no finished answer"
        raise CheckFailed(message, may_be_billed=True, usage=usage)
    parts = map(as_mapping, as_list(as_mapping(candidate.get("content")).get("parts")))
    texts = [part.get("text") for part in parts if part.get("thought") is not True]
    try:
        return ContentVerdict.parse("".join(text for text in texts if isinstance(text, str))), usage
    except AnswerOffSchema as error:
        raise CheckFailed(str(error), may_be_billed=True, usage=usage) from error


def _is_block(reason: object) -> bool:
    return isinstance(reason, str) and reason in _BLOCK_REASONS


def _read_usage(metadata: Mapping[str, Any]) -> TokenUsage | None:
    """Return the tokens that Google counted; `None` if it named none, which is not zero."""
    counts = {
        name: metadata.get(name, 0)
        for name in (
            "promptTokenCount",
            "toolUsePromptTokenCount",
            "candidatesTokenCount",
            "thoughtsTokenCount",
        )
    }
    if not all(type(count) is int and count >= 0 for count in counts.values()):
        return None
    if not counts["promptTokenCount"]:
        return None
    return TokenUsage(
        counts["promptTokenCount"] + counts["toolUsePromptTokenCount"],
        counts["candidatesTokenCount"] + counts["thoughtsTokenCount"],
    )


def _read_refusal(status: int, raw: bytes) -> CheckFailed:
    """Return the error for an answer that is no success.

    A gateway's 5xx does not say whether Google answered. Google may quote the request in its
    sentence, so only the codes are logged.
    """
    try:
        error = as_mapping(as_mapping(json.loads(raw)).get("error"))
    except (ValueError, RecursionError):
        error = {}
    name = error.get("status")
    is_from_google = isinstance(name, str) and name.replace("_", "").isalpha()
    is_refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    words = f"answered {status} {name}" if is_from_google else f"answered {status}"
    return CheckFailed(
        words,
        may_be_billed=not (is_from_google or is_refused),
        refusal=_find_refusal(status, error),
    )


def _find_refusal(status: int, error: Mapping[str, Any]) -> str | None:
    """Return Google's code if it refuses the model or the account, whatever is asked.

    An invalid key is a bad request to the Gemini API, like a picture that it cannot read.
    """
    name = error.get("status")
    if not isinstance(name, str):
        return None
    reasons = [as_mapping(detail).get("reason") for detail in as_list(error.get("details"))]
    is_bad_key = _INVALID_KEY in reasons
    return f"{status} {name}" if status in _LASTING_STATUSES or is_bad_key else None

"""``generateContent`` on both services: what is refused, and what the answer says."""

import base64
import json
from typing import Any

import pytest

from sandbox.google.service import PROJECT
from tests.sandbox.google.conftest import Server

MODEL = "gemini-3.5-flash-lite"
BY_KEY = f"/google/v1beta/models/{MODEL}:generateContent"
SCHEMA = {
    "type": "OBJECT",
    "properties": {"mood": {"type": "STRING", "enum": ["calm", "wild"]}},
    "required": ["mood"],
}


def build_body(**config: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "a red fox"}]}]}
    return asked | ({"generationConfig": config} if config else {})


async def ask(server: Server, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return await server.call("POST", BY_KEY, status, json=body, headers=server.key)


async def test_the_answer_fits_the_schema_and_counts_tokens(server: Server) -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"x").decode()}}
    body = build_body(responseMimeType="application/json", responseSchema=SCHEMA)
    plain = await ask(server, body)
    body["contents"][0]["parts"].append(picture)
    answer = await ask(server, body)
    [candidate] = answer["candidates"]
    assert candidate["finishReason"] == "STOP"
    assert json.loads(candidate["content"]["parts"][0]["text"]) == {"mood": "calm"}
    usage = answer["usageMetadata"]
    assert usage["promptTokenCount"] == plain["usageMetadata"]["promptTokenCount"] + 1120
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]
    assert [each["model"] for each in (await server.seen())["texts"]] == [MODEL, MODEL]


async def test_answers_are_what_was_set(server: Server) -> None:
    rules = [
        {"prompt": "fox", "text": "no fox", "finish_reason": "SAFETY"},
        {"prompt": "x", "block_reason": "OTHER"},
    ]
    await server.control(text={"answer_for": rules, "reports_usage": False})
    answer = await ask(server, build_body())
    assert answer["candidates"] == [{"finishReason": "SAFETY", "index": 0}]
    assert "usageMetadata" not in answer
    await server.control(text={"answer_for": rules[1:], "thought_tokens": 30})
    assert (await ask(server, build_body()))["promptFeedback"] == {"blockReason": "OTHER"}
    await server.control(text={"answer_for": []})
    cut = await ask(server, build_body(maxOutputTokens=30))
    assert cut["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert "parts" not in cut["candidates"][0]["content"]
    for wrong in ({"unknown": 1}, {"answer": {"text": 7}}, {"seconds": -1}):
        await server.call("PUT", "/control/google", 400, json={"text": wrong})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"contents": []},
        {"contents": [{"role": "user"}]},
        {"contents": [{"role": "system", "parts": [{"text": "a"}]}]},
        {"contents": [{"parts": [{"text": "a", "inlineData": {}}]}]},
        {"contents": [{"parts": [{"inlineData": {"mimeType": "video/x", "data": "eA=="}}]}]},
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}]},
        build_body() | {"other": 1},
        build_body() | {"safetySettings": [{"category": "HATE", "threshold": "BLOCK_NONE"}]},
        build_body(maxOutputTokens="100"),
        build_body(maxOutputTokens=0),
        build_body(responseMimeType="application/yaml"),
        build_body(responseSchema=SCHEMA),
        build_body(responseMimeType="application/json", responseSchema={"type": "OBJECT"}),
        build_body(
            responseMimeType="application/json", responseSchema=SCHEMA | {"required": ["other"]}
        ),
        build_body(mediaResolution="HIGH"),
    ],
)
async def test_what_google_refuses_is_refused(server: Server, body: dict[str, Any]) -> None:
    answer = await ask(server, body, 400)
    assert answer["error"]["status"] == "INVALID_ARGUMENT"
    assert (await server.seen())["texts"] == []


async def test_access_models_and_quotas_are_those_of_each_service(server: Server) -> None:
    on_vertex = (
        f"/vertex/v1beta1/projects/{PROJECT}/locations/global/publishers/google/models/"
        f"{MODEL}:generateContent"
    )
    await server.call("POST", BY_KEY, 403, json=build_body())
    await server.call("POST", on_vertex, 401, json=build_body())
    token = server.google.tokens.issue_token(server.clock.now())
    bearer = {"Authorization": f"Bearer {token}"}
    await server.call("POST", on_vertex, json=build_body(), headers=bearer)
    without_role = {"contents": [{"parts": [{"text": "a"}]}]}
    await server.call("POST", on_vertex, 400, json=without_role, headers=bearer)
    await server.call("POST", BY_KEY, json=without_role, headers=server.key)
    listed = await server.call("GET", f"/google/v1beta/models/{MODEL}", headers=server.key)
    assert "generateContent" in listed["supportedGenerationMethods"]
    await server.control(quota={MODEL: {"per_minute": 1}})
    for path, headers in ((BY_KEY, server.key), (on_vertex, bearer)):
        refused = await server.call("POST", path, 429, json=build_body(), headers=headers)
        assert refused["error"]["status"] == "RESOURCE_EXHAUSTED"
    await server.control(retired_models=[MODEL])
    for path, headers in ((BY_KEY, server.key), (on_vertex, bearer)):
        await server.call("POST", path, 404, json=build_body(), headers=headers)

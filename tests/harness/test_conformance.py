"""The conformance check finds invalid bodies, and says when it cannot check."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness import conformance

SNOWFLAKE = {"type": "string", "pattern": "^[0-9]+$"}
DOCUMENT = {
    "openapi": "3.1.0",
    "components": {
        "schemas": {
            "SnowflakeType": SNOWFLAKE,
            "Error": {"type": "object", "required": ["code", "message"]},
            "Message": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"$ref": "#/components/schemas/SnowflakeType"}},
            },
            "Draft": {
                "type": "object",
                "properties": {"content": {"type": "string", "maxLength": 5}},
            },
        },
        "responses": {
            "ClientError": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
            }
        },
    },
    "paths": {
        "/channels/{channel_id}/messages": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Draft"}},
                        "multipart/form-data": {"schema": {"$ref": "#/components/schemas/Draft"}},
                    }
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Message"}}
                        }
                    },
                    "4XX": {"$ref": "#/components/responses/ClientError"},
                },
            }
        },
        "/users/@me": {"get": {"responses": {"204": {}}}},
        "/users/{user_id}": {"get": {"responses": {"200": {}}}},
    },
}


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


def entry(**change: Any) -> dict[str, Any]:
    values = {
        "n": 1,
        "server": "discord",
        "method": "POST",
        "path": "/api/v10/channels/7/messages?wait=1",
        "json": {"content": "hi"},
        "status": 200,
        "request_type": "application/json",
        "response": {"id": "1"},
    }
    return values | change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"response": {"id": 1}}, None),
        ({"request_type": "multipart/form-data"}, None),
        ({"json": {"content": "too long"}}, "request: content: 'too long' is too long"),
        (
            {"json": {"content": "too long"}, "request_type": "multipart/form-data"},
            "request: content: 'too long' is too long",
        ),
        ({"response": {}}, "200 response: the body: 'id' is a required property"),
        ({"response": {"id": "x"}}, "200 response: id: 'x' does not match"),
        ({"status": 400, "json": {"content": 5}, "response": {"code": 1, "message": ""}}, None),
        (
            {"status": 403, "json": {"content": 5}, "response": {"code": 1, "message": ""}},
            "request: content: 5 is not of type 'string'",
        ),
        ({"status": 400, "response": {"code": 1}}, "'message' is a required property"),
        ({"status": 502, "response": "bad gateway"}, None),
        ({"status": 302, "response": {}}, "does not answer 302 with a body"),
        ({"status": None, "response": None}, None),
        (
            {"method": "GET", "path": "/api/v10/users/@me", "status": 204, "response": None},
            "Discord takes none",
        ),
    ],
)
def test_bodies_are_validated(document: Path, change: dict[str, Any], problem: str | None) -> None:
    report = conformance.check_requests([entry(**change)], document)
    assert not report.unlisted
    if problem is None:
        assert report.problems == []
    else:
        (message,) = report.problems
        assert problem in message


def test_other_traffic_is_not_checked(document: Path) -> None:
    others = [entry(server="google"), entry(path="/attachments/1/2/a.mp4")]
    assert conformance.check_requests(others, document).checked == 0


def test_unlisted_routes_are_named(document: Path) -> None:
    report = conformance.check_requests([entry(path="/api/v10/moon")], document)
    assert report.unlisted == {"POST /moon"}


def test_missing_document_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DISCORD_OPENAPI", str(tmp_path / "absent.json"))
    report = conformance.check_requests([entry(response={})])
    assert report.not_checked
    assert str(report).startswith("not checked: ")

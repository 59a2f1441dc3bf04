"""Our webhook at the sandbox's Google, and the labels of an interaction."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.domain.errors import AccessRefused, AnswerNotFromGoogle, GoogleUnavailable, RemoteNotFound
from bot.domain.jobs.webhook import WEBHOOK_EVENT_TYPES, SubmitLabels, hash_request
from bot.google.omni.requests import build_labels, read_labels
from bot.google.omni.webhooks import GeminiWebhooks
from tests.unit.video.conftest import CATALOG, Stage

URL = "https://clips.example/webhooks/gemini"
PATH = "/webhooks"


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[GeminiWebhooks]:
    environment = stage.google.environment()
    webhooks = GeminiWebhooks(
        api_key=environment["GEMINI_API_KEY"],
        base_url=environment["GEMINI_API_URL"],
        data_dir=stage.data_dir,
        catalog=CATALOG,
        clock=stage.clock,
    )
    yield webhooks
    await webhooks.close()


async def test_a_webhook_is_created_listed_and_deleted(api: GeminiWebhooks) -> None:
    assert await api.list_webhooks() == []
    created = await api.create_webhook(URL)
    assert created.secret.startswith("whsec_")
    assert created.secret not in repr(created)
    [listed] = await api.list_webhooks()
    assert (listed.id, listed.url, listed.is_enabled) == (created.id, URL, True)
    assert listed.event_types == frozenset(WEBHOOK_EVENT_TYPES)
    await api.delete_webhook(created.id)
    await api.delete_webhook(created.id)
    assert await api.list_webhooks() == []


async def test_all_pages_are_listed(api: GeminiWebhooks) -> None:
    for number in range(51):
        await api.create_webhook(f"{URL}/{number}")
    assert len(await api.list_webhooks()) == 51


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 503, "body": {"error": {"code": "service_unavailable"}}}, GoogleUnavailable),
        ({"status": 403, "body": {"error": {"code": "permission_denied"}}}, AccessRefused),
        ({"status": 200, "body": {"webhooks": "none"}}, AnswerNotFromGoogle),
        ({"status": 200, "body": {"webhooks": [{"uri": URL}]}}, AnswerNotFromGoogle),
        ({"status": 200, "body": ["x"]}, AnswerNotFromGoogle),
        ({"drop": "before"}, GoogleUnavailable),
    ],
)
async def test_errors_are_told_apart(
    stage: Stage, api: GeminiWebhooks, fault: dict[str, Any], error: type[Exception]
) -> None:
    stage.add_fault(path=PATH, times=None, **fault)
    with pytest.raises(error):
        await api.list_webhooks()
    with pytest.raises(error):
        await api.create_webhook(URL)


async def test_labels_of_an_unknown_interaction(api: GeminiWebhooks) -> None:
    with pytest.raises(RemoteNotFound):
        await api.read_labels("v1_unknown")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (build_labels(7, "interaction:1"), SubmitLabels(7, hash_request("interaction:1"), True)),
        ({"job": "7"}, None),
        ({"job": "seven", "request": "x"}, None),
        ({"job": "9" * 30, "request": "x"}, None),
        ({"job": 7, "request": "x"}, None),
        ("job", None),
        (None, None),
    ],
)
def test_only_our_labels_are_read(labels: Any, expected: SubmitLabels | None) -> None:
    assert read_labels({"labels": labels, "status": "completed"}) == expected

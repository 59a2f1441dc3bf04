"""The JSON API matches its own description, checked with schemathesis."""

import asyncio
import json
import urllib.request
from typing import Any

import aiohttp
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bot.web.openapi import build_openapi_document
from tests.web.conftest import Gallery

EXAMPLES = 60
DESCRIBED = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def test_malformed_calls_do_not_break_the_api(gallery: Gallery) -> None:
    """Random and malformed calls give no 5xx, and every answer matches the description."""
    schema = schemathesis.openapi.from_dict(build_openapi_document(gallery.url))
    schema.config.update(base_url=gallery.url)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) == len(build_openapi_document("")["paths"])
    tried = [_attack(operation, gallery.url) for operation in operations]
    assert sum(tried) > EXAMPLES


def _attack(operation: Any, url: str) -> int:
    tried = 0

    @given(data=st.data())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def attack(data: st.DataObject) -> None:
        nonlocal tried
        mode = data.draw(st.sampled_from(list(GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        response = case.call(base_url=url)
        tried += 1
        assert response.status_code < 500
        if mode is GenerationMode.POSITIVE:  # what the description allows is answered as it says
            case.validate_response(response, checks=DESCRIBED)

    attack()
    return tried


def test_the_description_is_served(gallery: Gallery) -> None:
    with urllib.request.urlopen(f"{gallery.url}/api/openapi.json") as answer:
        assert json.load(answer) == json.loads(json.dumps(build_openapi_document(gallery.url)))


async def test_a_clip_and_its_chain(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/clips/3") as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        clip = await answer.json()
    assert (clip["extensions"], clip["parent_id"], clip["votes"]) == (2, 2, 97)
    assert clip["model"]["name"] == "Veo 3.1"
    async with http.get("/api/v1/clips/3/chain") as answer:
        assert [clip["id"] for clip in (await answer.json())["clips"]] == [1, 2, 3]
    async with http.get("/api/v1/clips/7") as answer:
        assert (await answer.json())["prompt"] is None
    async with http.get("/api/v1/clips/12") as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"


async def test_servers_and_models_are_listed(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/servers") as answer:
        assert [server["name"] for server in (await answer.json())["servers"]] == [
            "Atelier Nachtlicht",
            "Harbour Film Club",
        ]
    async with http.get("/api/v1/models") as answer:
        assert len((await answer.json())["models"]) == 2


async def test_concurrent_requests_are_served(http: aiohttp.ClientSession) -> None:
    async def look(number: int) -> int:
        async with http.get("/api/v1/clips", params={"q": "lantern", "limit": "5"}) as answer:
            return answer.status

    assert set(await asyncio.gather(*(look(n) for n in range(40)))) == {200}

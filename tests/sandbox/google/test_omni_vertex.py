"""Omni on Vertex AI takes tokens only, reads media from buckets, and continues no interaction."""

import asyncio
from typing import Any

import google.auth
import pytest
import pytest_asyncio
from google import genai
from google.auth.transport.requests import Request
from google.genai import types

from sandbox.google.service import PROJECT
from tests.harness.waiting import eventually
from tests.sandbox.google.conftest import Server, picture
from tests.sandbox.google.omni_requests import OLDER, OMNI, body, image, text

INTERACTIONS = f"/vertex/v1beta1/projects/{PROJECT}/locations/global/interactions"
BUCKET = "gs://clips/jobs/17/"


class Vertex:
    """A client with a token."""

    def __init__(self, server: Server, token: str) -> None:
        self.server = server
        self.bearer = {"Authorization": f"Bearer {token}"}

    async def create(self, value: dict[str, Any], status: int = 200) -> dict[str, Any]:
        return await self.server.call("POST", INTERACTIONS, status, json=value, headers=self.bearer)

    async def read(self, interaction_id: str, status: int = 200) -> dict[str, Any]:
        path = f"{INTERACTIONS}/{interaction_id}"
        return await self.server.call("GET", path, status, headers=self.bearer)

    async def make(self, value: dict[str, Any]) -> dict[str, Any]:
        interaction_id = (await self.create(value))["id"]
        self.server.clock.advance(10)

        async def ended() -> dict[str, Any] | None:
            answer = await self.read(interaction_id)
            return answer if answer["status"] != "in_progress" else None

        answer: dict[str, Any] | None = await eventually(ended, timeout=60)
        assert answer is not None
        return answer

    async def insert(self, name: str, data: bytes, mime_type: str) -> dict[str, Any]:
        return await self.server.call(
            "POST",
            "/gcs/upload/storage/v1/b/clips/o",
            params={"uploadType": "media", "name": name},
            headers={**self.bearer, "Content-Type": mime_type},
            data=data,
        )


@pytest_asyncio.fixture
async def vertex(server: Server, monkeypatch: pytest.MonkeyPatch) -> Vertex:
    for name, value in server.google.vertex_environment().items():
        monkeypatch.setenv(name, value)

    def grant() -> str:
        credentials, _ = google.auth.default(
            scopes=["https://www.googleapis.com/auth/cloud-platform"]
        )
        credentials.refresh(Request())  # type: ignore[no-untyped-call]
        return str(credentials.token)

    return Vertex(server, await asyncio.to_thread(grant))


def to_bucket(content: Any = "a ball", **more: Any) -> dict[str, Any]:
    return body(content, form={"gcs_uri": BUCKET} | more.pop("form", {}), **more)


async def test_a_clip_lands_in_the_bucket(vertex: Vertex) -> None:
    answer = await vertex.make(to_bucket(labels={"job": "17"}))
    video = answer["steps"][-1]["content"][0]
    assert video["uri"].startswith(BUCKET)
    objects = "/gcs/storage/v1/b/clips/o"
    listed = await vertex.server.call("GET", f"{objects}?prefix=jobs/17/", headers=vertex.bearer)
    [item] = listed["items"]
    assert f"gs://clips/{item['name']}" == video["uri"]
    [submit] = (await vertex.server.seen())["submits"]
    assert (submit["route"], submit["video"]) == ("vertex-omni", video["uri"])
    where = f"{objects}/{item['name'].replace('/', '%2F')}"
    async with vertex.server.http.delete(
        f"{vertex.server.base}{where}", headers=vertex.bearer
    ) as deleted:
        assert deleted.status == 204
    await vertex.server.call("GET", where, 404, headers=vertex.bearer)


async def test_media_come_from_the_bucket_only(vertex: Vertex) -> None:
    await vertex.insert("in/frame.png", picture(), "image/png")
    frame = {"type": "image", "mime_type": "image/png", "uri": "gs://clips/in/frame.png"}
    words = text("<FIRST_FRAME> it rolls")
    made = await vertex.make(to_bucket([frame, words], task="image_to_video"))
    source = {
        "type": "video",
        "mime_type": "video/mp4",
        "uri": made["steps"][-1]["content"][0]["uri"],
    }
    words = text("<VIDEO_0>@Video1 make it night")
    edited = await vertex.make(to_bucket([source, words], task="edit", form={"duration": None}))
    assert edited["status"] == "completed"
    refused = await vertex.create(to_bucket([image(), words], task="image_to_video"), 400)
    assert "gs://" in refused["error"]["message"]
    missing = frame | {"uri": "gs://clips/in/other.png"}
    await vertex.create(to_bucket([missing, words], task="reference_to_video"), 404)


async def test_what_only_api_keys_can_do(vertex: Vertex) -> None:
    made = await vertex.make(to_bucket())
    chained = to_bucket("redder", previous_interaction_id=made["id"], form={"duration": None})
    assert "previous_interaction_id" in (await vertex.create(chained, 400))["error"]["message"]
    refused = await vertex.create(body(), 400)
    assert "gcs_uri" in refused["error"]["message"]
    path = f"/google/v1/interactions/{made['id']}"
    await vertex.server.call("GET", path, 400, headers=vertex.server.key)


async def test_who_may_ask_and_where(vertex: Vertex) -> None:
    server = vertex.server
    refused = await server.call("POST", INTERACTIONS, 401, json=to_bucket(), headers=server.key)
    assert "API keys are not supported by this API" in refused["error"]["message"]
    await server.call("POST", INTERACTIONS, 401, json=to_bucket())
    elsewhere = INTERACTIONS.replace("/global/", "/us-central1/")
    await server.call("POST", elsewhere, 404, json=to_bucket(), headers=vertex.bearer)
    another = INTERACTIONS.replace(PROJECT, "another")
    await server.call("POST", another, 403, json=to_bucket(), headers=vertex.bearer)
    await vertex.create(to_bucket(model="gemini-omni-1.1-flash-preview"))


async def test_a_large_inline_video_is_left_out(vertex: Vertex) -> None:
    inline = body(form={"delivery": None})
    assert (await vertex.make(inline))["steps"][-1]["type"] == "model_output"
    await vertex.server.control(omni={"max_inline_bytes": 1000})
    answer = await vertex.make(inline)
    assert answer["status"] == "completed"
    assert [step["type"] for step in answer["steps"]] == ["thought"]
    assert (await vertex.server.seen())["billed_usd"] > 0


async def test_extending_in_4k_fails_after_five_minutes(vertex: Vertex) -> None:
    made = await vertex.make(to_bucket(model=OLDER))
    source = {
        "type": "video",
        "mime_type": "video/mp4",
        "uri": made["steps"][-1]["content"][0]["uri"],
    }
    words = text("<PREVIOUS_VIDEO>@Video1 on")
    created = await vertex.create(
        to_bucket([source, words], model=OLDER, task="extend", form={"resolution": "4k"})
    )
    vertex.server.clock.advance(299)
    assert (await vertex.read(created["id"]))["status"] == "in_progress"
    vertex.server.clock.advance(2)
    failed = await vertex.read(created["id"])
    assert (failed["status"], failed["errors"][0]["code"]) == ("failed", "api_error")


async def test_googles_own_client(vertex: Vertex) -> None:
    server = vertex.server

    def go_through() -> list[Any]:
        # The async client fetches its token on the event loop, which serves the token here.
        options = types.HttpOptions(base_url=server.google.vertex_environment()["VERTEX_API_URL"])
        client = genai.Client(
            vertexai=True, project=PROJECT, location="global", http_options=options
        )
        interactions: Any = client.interactions
        try:
            created = interactions.create(
                model=OMNI,
                background=True,
                input="a ball",
                response_format=to_bucket()["response_format"],
            )
            interactions.cancel(id=created.id)
            server.clock.advance(2)
            ended = interactions.get(id=created.id)
            return [created.status, ended.status, interactions.delete(id=created.id)]
        finally:
            client.close()

    assert await asyncio.to_thread(go_through) == ["in_progress", "cancelled", None]

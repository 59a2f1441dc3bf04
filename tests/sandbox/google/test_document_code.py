"""The code of Veo's documentation, as google-genai 2.34.0 sends it.

That version cannot be installed here, because ours refuses Veo with an API key. The requests were
recorded from the documentation's own code; they are sent again, and answers are read as it does.
"""

import base64
from typing import Any

import pytest

from tests.harness.waiting import eventually
from tests.sandbox.google.conftest import VEO, Server, picture

IMAGE = {"bytesBase64Encoded": base64.b64encode(picture()).decode(), "mimeType": "image/png"}
RECORDED = [
    pytest.param(
        {
            "instances": [{"prompt": "A cinematic shot of a majestic lion in the savannah."}],
            "parameters": {"negativePrompt": "cartoon, drawing, low quality"},
        },
        id="negative prompt",
    ),
    pytest.param({"instances": [{"prompt": "A lion."}]}, id="no parameters"),
    pytest.param(
        {
            "instances": [{"prompt": "it", "image": IMAGE, "lastFrame": IMAGE}],
            "parameters": {
                "aspectRatio": "9:16",
                "personGeneration": "allow_adult",
                "durationSeconds": 8,
            },
        },
        id="two frames",
    ),
    pytest.param(
        {
            "instances": [
                {
                    "prompt": "they meet",
                    "referenceImages": [{"image": IMAGE, "referenceType": "asset"}],
                }
            ],
            "parameters": {"durationSeconds": 8, "resolution": "720p"},
        },
        id="references",
    ),
]


class DocumentClient:
    """Sends requests and reads answers as ``genai.Client()`` 2.34.0 does."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.headers = {
            **server.key,
            "content-type": "application/json",
            "user-agent": "google-genai-sdk/2.34.0 gl-python/3.11.7",
            "x-goog-api-client": "google-genai-sdk/2.34.0+nonsource gl-python/3.11.7",
        }

    async def generate(self, body: dict[str, Any]) -> str:
        """``models.generate_videos``: the operation's name."""
        path = f"/google/v1beta/models/{VEO}:predictLongRunning"
        answer = await self.server.call("POST", path, json=body, headers=self.headers)
        return str(answer["name"])

    async def wait(self, name: str) -> str:
        """The loop over ``operations.get``: the address of the video."""
        self.server.clock.advance(10)

        async def get() -> dict[str, Any] | None:
            path = f"/google/v1beta/{name}"
            operation = await self.server.call("GET", path, headers=self.headers)
            return operation if operation.get("done") else None

        operation: dict[str, Any] | None = await eventually(get, timeout=60)
        assert operation is not None
        [sample] = operation["response"]["generateVideoResponse"]["generatedSamples"]
        return str(sample["video"]["uri"])

    async def download(self, uri: str) -> bytes:
        """``files.download``: the id is cut out of the address, and redirects are followed."""
        file_id = uri.split("files/")[1].partition(":")[0]
        url = f"{self.server.base}/google/v1beta/files/{file_id}:download?alt=media"
        async with self.server.http.get(url, headers=self.headers) as response:
            assert response.status == 200
            return await response.read()


@pytest.mark.parametrize("body", RECORDED)
async def test_a_clip_is_made_polled_and_downloaded(server: Server, body: dict[str, Any]) -> None:
    client = DocumentClient(server)
    uri = await client.wait(await client.generate(body))
    assert (await client.download(uri))[4:8] == b"ftyp"


async def test_a_clip_is_extended_by_its_address(server: Server) -> None:
    client = DocumentClient(server)
    uri = await client.wait(await client.generate({"instances": [{"prompt": "A butterfly."}]}))
    server.clock.advance(2)
    extension = {
        "instances": [{"prompt": "Track the butterfly into the garden", "video": {"uri": uri}}],
        "parameters": {"sampleCount": 1, "resolution": "720p"},
    }
    longer = await client.wait(await client.generate(extension))
    assert (await client.download(longer))[4:8] == b"ftyp"
    assert [submit["mode"] for submit in (await server.seen())["submits"]] == ["text", "extension"]


async def test_at_google_today_veo_is_gone(server: Server) -> None:
    await server.control(veo="gone")
    client = DocumentClient(server)
    path = f"/google/v1beta/models/{VEO}"
    for method, url in (("POST", f"{path}:predictLongRunning"), ("GET", path)):
        answer = await server.call(method, url, 404, json={}, headers=client.headers)
        assert f"models/{VEO} is no longer available" in answer["error"]["message"]
    refusal = (await server.seen())["refusals"][0]
    assert (refusal["model"], refusal["status"]) == (VEO, 404)
    await server.call("DELETE", "/control/google")
    assert await client.generate({"instances": [{"prompt": "A lion."}]})

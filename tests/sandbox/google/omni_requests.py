"""Builds requests to the Interactions API for the Omni tests."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.harness.waiting import eventually
from tests.sandbox.google.conftest import Server, picture

OMNI = "gemini-omni-1.2-flash"
OLDER = "gemini-omni-1.1-flash"
EXTEND = "Extend this video: it goes on"


def image(data: bytes | None = None, mime_type: str = "image/png") -> dict[str, Any]:
    encoded = base64.b64encode(data or picture()).decode()
    return {"type": "image", "mime_type": mime_type, "data": encoded}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def body(
    content: Any = "a ball", *, model: str = OMNI, task: str | None = None, **more: Any
) -> dict[str, Any]:
    """A request; ``form`` overrides what the video is to be."""
    form: dict[str, Any] = {"type": "video", "duration": "3s", "resolution": "360p"}
    form |= {"delivery": "uri"} | more.pop("form", {})
    form = {name: value for name, value in form.items() if value is not None}
    values: dict[str, Any] = {
        "model": model,
        "background": True,
        "input": content,
        "response_format": [form],
    }
    if task is not None:
        values["generation_config"] = {"video_config": {"task": task}}
    return values | more


def edit(previous_id: str, words: str = "make it night", **more: Any) -> dict[str, Any]:
    """An edit of an earlier interaction's video."""
    return body(words, previous_interaction_id=previous_id, form={"duration": None}, **more)


async def create(server: Server, value: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return await server.call(
        "POST", "/google/v1/interactions", status, json=value, headers=server.key
    )


async def read(server: Server, interaction_id: str, status: int = 200) -> dict[str, Any]:
    path = f"/google/v1/interactions/{interaction_id}?stream=false"
    return await server.call("GET", path, status, headers=server.key)


async def finish(server: Server, interaction_id: str) -> dict[str, Any]:
    server.clock.advance(10)

    async def ended() -> dict[str, Any] | None:
        answer = await read(server, interaction_id)
        return answer if answer.get("status") != "in_progress" else None

    answer: dict[str, Any] | None = await eventually(ended, timeout=60, what=interaction_id)
    assert answer is not None
    return answer


async def make(server: Server, value: dict[str, Any]) -> dict[str, Any]:
    return await finish(server, (await create(server, value))["id"])


async def fetch(server: Server, answer: dict[str, Any], path: Path) -> Path:
    """Download the video of an answer once its file is processed."""
    server.clock.advance(2)
    uri = answer["steps"][-1]["content"][0]["uri"]
    async with server.http.get(uri, headers=server.key) as response:
        assert response.status == 200
        await asyncio.to_thread(path.write_bytes, await response.read())
    return path


async def upload(server: Server, data: bytes, mime_type: str = "video/mp4") -> dict[str, Any]:
    """Upload a file as google-genai does and return its description."""
    start = {
        **server.key,
        "X-Goog-Upload-Protocol": "resumable",
        "X-Goog-Upload-Command": "start",
        "X-Goog-Upload-Header-Content-Type": mime_type,
    }
    async with server.http.post(f"{server.base}/google/upload/v1/files", headers=start) as answer:
        url = answer.headers["x-goog-upload-url"]
    finalize = {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"}
    async with server.http.post(url, headers=finalize, data=data) as answer:
        file: dict[str, Any] = (await answer.json())["file"]
        return file


def frames_of(path: Path) -> list[np.ndarray[Any, Any]]:
    """The brightness of each frame."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]

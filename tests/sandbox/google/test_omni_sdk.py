"""The unmodified google-genai client against the Interactions API and the files API."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google import genai
from google.genai import _interactions_errors as interaction_errors
from google.genai import types

from tests.harness.waiting import eventually
from tests.sandbox.google.conftest import Server, picture
from tests.sandbox.google.omni_requests import EXTEND, OLDER, OMNI, frames_of

pytestmark = pytest.mark.filterwarnings(
    # Raised by google-genai itself when it first makes its aiohttp session.
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)
FORM = {"type": "video", "duration": "3s", "resolution": "360p", "delivery": "uri"}


class OfficialClient:
    """The client, with its interactions typed loosely."""

    def __init__(self, server: Server, version: str | None) -> None:
        options = types.HttpOptions(
            base_url=f"{server.base}/google",
            api_version=version,
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        self.server = server
        self.genai = genai.Client(api_key=server.google.api_key, http_options=options)
        self.interactions: Any = self.genai.aio.interactions

    async def create(self, **values: Any) -> Any:
        settings = {"model": OMNI, "background": True, "response_format": FORM}
        return await self.interactions.create(**settings | values)

    async def finish(self, interaction_id: str) -> Any:
        self.server.clock.advance(10)

        async def ended() -> Any:
            answer = await self.interactions.get(id=interaction_id)
            return answer if answer.status != "in_progress" else None

        return await eventually(ended, timeout=60)

    async def save(self, interaction: Any, path: Path) -> Path:
        """Download the video by its file's name, once it is processed."""
        name = "files/" + interaction.output_video.uri.rpartition("/")[2].partition(":")[0]
        assert (await self.genai.aio.files.get(name=name)).state is types.FileState.PROCESSING
        self.server.clock.advance(60)
        assert (await self.genai.aio.files.get(name=name)).state is types.FileState.ACTIVE
        data = await self.genai.aio.files.download(file=name)
        assert data is not None
        await asyncio.to_thread(path.write_bytes, data)
        return path


@pytest_asyncio.fixture(params=[None, "v1beta"])
async def client(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[OfficialClient]:
    made = OfficialClient(server, request.param)
    yield made
    await made.genai.aio.aclose()


async def test_made_edited_and_extended(client: OfficialClient, tmp_path: Path) -> None:
    await client.server.control(processing_s=60)
    started = await client.create(model=OLDER, input="a ball", labels={"job": "7"})
    assert (started.status, started.labels) == ("in_progress", {"job": "7"})
    assert started.id.startswith("v1_")
    first = await client.finish(started.id)
    assert first.status == "completed"
    assert first.usage.output_tokens_by_modality[0].modality == "video"
    before = frames_of(await client.save(first, tmp_path / "first.mp4"))
    form = {"type": "video", "resolution": "360p", "delivery": "uri"}
    edited = await client.finish(
        (
            await client.create(
                model=OLDER,
                input="make it night",
                previous_interaction_id=first.id,
                response_format=form,
            )
        ).id
    )
    assert edited.previous_interaction_id == first.id
    after = frames_of(await client.save(edited, tmp_path / "edited.mp4"))
    assert len(after) == len(before)
    assert after[30].mean() < before[30].mean() * 0.8
    longer = await client.finish(
        (
            await client.create(
                model=OLDER,
                input=EXTEND,
                previous_interaction_id=edited.id,
                response_format=[form | {"duration": "4s"}],
            )
        ).id
    )
    whole = frames_of(await client.save(longer, tmp_path / "longer.mp4"))
    assert len(whole) == (3 + 4) * 24


async def test_uploads_are_used_and_deleted(client: OfficialClient, tmp_path: Path) -> None:
    path = tmp_path / "frame.png"
    await asyncio.to_thread(path.write_bytes, picture())
    file = await client.genai.aio.files.upload(file=path)
    assert (file.name, file.state) != (None, types.FileState.ACTIVE)
    client.server.clock.advance(2)
    content = [
        {"type": "image", "mime_type": "image/png", "uri": file.uri},
        {"type": "text", "text": "<FIRST_FRAME> it rolls"},
    ]
    started = await client.create(
        input=content, generation_config={"video_config": {"task": "image_to_video"}}
    )
    assert (await client.finish(started.id)).output_video.uri
    assert file.name is not None
    await client.genai.aio.files.delete(name=file.name)
    with pytest.raises(genai.errors.ClientError) as caught:
        await client.genai.aio.files.get(name=file.name)
    assert caught.value.code == 403


async def test_cancelled_and_deleted(client: OfficialClient) -> None:
    started = await client.create(input="a ball")
    await client.interactions.cancel(id=started.id)
    client.server.clock.advance(2)
    ended = await client.interactions.get(id=started.id)
    assert (ended.status, ended.usage) == ("cancelled", None)
    assert await client.interactions.delete(id=started.id) is None
    with pytest.raises(interaction_errors.NotFoundError):
        await client.interactions.get(id=started.id)
    with pytest.raises(interaction_errors.BadRequestError, match="Invalid interaction name"):
        await client.interactions.get(id="v1_never")


async def test_an_inline_answer_can_be_streamed(client: OfficialClient) -> None:
    form = {"type": "video", "duration": "3s", "resolution": "360p"}
    started = await client.create(input="a ball", response_format=form)
    ended = await client.finish(started.id)
    assert ended.output_video.uri is None
    streamed = client.interactions.with_streaming_response.get(id=started.id)
    async with streamed as response:
        text = b"".join([chunk async for chunk in response.iter_bytes()])
    assert ended.output_video.data.encode() in text


async def test_an_error_in_an_answer_of_200_is_not_raised(client: OfficialClient) -> None:
    await client.server.control(outcome="filtered", omni={"block": "error_body"})
    started = await client.create(input="a ball")
    ended = await client.finish(started.id)
    assert (ended.status, ended.id) == (None, "")
    assert ended.model_extra["error"]["code"] == "content_blocked"


async def test_the_models_are_listed_though_only_interactions_work(client: OfficialClient) -> None:
    model = await client.genai.aio.models.get(model=OMNI)
    assert model.supported_actions == ["generateContent", "countTokens"]
    await client.server.control(veo="gone")
    names = [model.name async for model in await client.genai.aio.models.list()]
    assert f"models/{OMNI}" in names
    assert not [name for name in names if name and "veo" in name]

"""Videos inside JSON are decoded exactly, wherever the text is split or escaped."""

import base64
import itertools
import json
import random
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.google.inline_video import (
    OMNI_DATA_KEY,
    VERTEX_VIDEO_KEY,
    InlineAnswerMalformed,
    InlineVideoReader,
)


async def split_chunks(data: bytes, *cuts: int) -> AsyncIterator[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        yield data[start:end]


def build_answer(*videos: bytes, **more: Any) -> dict[str, Any]:
    videos_json = [
        {VERTEX_VIDEO_KEY: base64.b64encode(video).decode(), "mimeType": "video/mp4"}
        for video in videos
    ]
    return {"name": "o", "done": True, "response": {"videos": videos_json, **more}}


def create_reader(folder: Path) -> InlineVideoReader:
    return InlineVideoReader(lambda number: folder / f"{number}.mp4")


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    videos=st.lists(st.binary(max_size=400), max_size=3),
    cuts=st.lists(st.integers(0, 5000), max_size=12),
    escape=st.sampled_from(["", "slashes", "unicode"]),
    reason=st.text(max_size=40),
)
async def test_stream_parses_at_any_chunking(
    tmp_path: Path, videos: list[bytes], cuts: list[int], escape: str, reason: str
) -> None:
    answer = build_answer(*videos, raiMediaFilteredReasons=[reason])
    text = json.dumps(answer)
    if escape:
        for video in answer["response"]["videos"]:
            plain = video[VERTEX_VIDEO_KEY]
            escaped = plain.replace("/", "\\/")
            if escape == "unicode":
                escaped = plain.replace("=", "\\u003d").replace("+", "\\u002B")
            text = text.replace(json.dumps(plain), f'"{escaped}"')
    reader = create_reader(tmp_path)
    decoded = await reader.read(split_chunks(text.encode(), *cuts))
    assert [path.read_bytes() for path in reader.files] == videos
    answer["response"]["videos"] = [
        {VERTEX_VIDEO_KEY: str(tmp_path / f"{number}.mp4"), "mimeType": "video/mp4"}
        for number in range(len(videos))
    ]
    assert decoded == answer


async def test_answer_without_videos(tmp_path: Path) -> None:
    assert await create_reader(tmp_path).read(split_chunks(b'{"name": "o"}', 3)) == {"name": "o"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"<html>",
        b'{"bytesBase64Encoded": "AAAA',
        b'{"bytesBase64Encoded": "A*A="}',
        b'{"bytesBase64Encoded": "AAAAA"}',
        b'{"bytesBase64Encoded": "AAAA"',
    ],
)
async def test_malformed_answers_are_rejected(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(InlineAnswerMalformed):
        await create_reader(tmp_path).read(split_chunks(text, 10, 25))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


async def test_oversized_answer_is_rejected(tmp_path: Path) -> None:
    async def stream_endlessly() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100_000

    with pytest.raises(InlineAnswerMalformed, match="too long"):
        await create_reader(tmp_path).read(stream_endlessly())


@pytest.mark.parametrize("key", [VERTEX_VIDEO_KEY, OMNI_DATA_KEY])
async def test_memory_stays_flat(tmp_path: Path, key: str) -> None:
    """Thirty megabytes are decoded within twelve."""
    block = random.Random(1).randbytes(300_000)

    async def stream_answer() -> AsyncIterator[bytes]:
        yield f'{{"done": true, "response": {{"videos": [{{"{key}": "'.encode()
        for _ in range(100):
            yield base64.b64encode(block)
        yield b'"}]}}'

    tracemalloc.start()
    try:
        reader = InlineVideoReader(lambda number: tmp_path / f"{number}.mp4", [key])
        await reader.read(stream_answer())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reader.files[0].stat().st_size == 30_000_000
    assert peak < 12_000_000


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 3000), max_size=9),
    words=st.text(max_size=30),
)
async def test_every_kind_of_content_is_read_and_words_are_left_alone(
    tmp_path: Path, contents: list[bytes], cuts: list[int], words: str
) -> None:
    """A prompt may quote the JSON of an answer; some writers use the base64 of addresses."""
    quoted = f'"data": "AAAA" {words}'
    answer = {
        "status": "data",
        "steps": [
            {"data": base64.urlsafe_b64encode(content).decode(), "text": quoted}
            for content in contents
        ],
    }
    reader = InlineVideoReader(lambda number: tmp_path / f"{number}.bin", [OMNI_DATA_KEY])
    decoded = await reader.read(split_chunks(json.dumps(answer).encode(), *cuts))
    assert [path.read_bytes() for path in reader.files] == contents
    assert decoded["status"] == "data"
    assert [step["text"] for step in decoded["steps"]] == [quoted] * len(contents)

"""Downloads are complete or fail, resume where they broke off, and use little memory."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleUnavailable,
    RemoteNotFound,
    VideoError,
    VideoNotFetchable,
)
from bot.domain.ports import RemoteVideo
from bot.google.connection import GoogleConnection
from bot.google.download import download_file
from tests.harness.waiting import eventually
from tests.unit.video.conftest import Stage

DATA = bytes(number * 7 % 251 for number in range(1_500_000))
DATA_SHA256 = hashlib.sha256(DATA).hexdigest()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def authorize() -> Mapping[str, str]:
    return {"x-goog-api-key": "key"}


class RecordedSleeps:
    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@asynccontextmanager
async def serve(handler: Handler) -> AsyncIterator[tuple[URL, list[web.Request]]]:
    requests: list[web.Request] = []

    async def record_request(request: web.Request) -> web.StreamResponse:
        requests.append(request)
        return await handler(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", record_request)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield URL(f"http://127.0.0.1:{runner.addresses[0][1]}"), requests
    finally:
        await runner.cleanup()


async def fetch(base: URL, destination: Path, sleeps: RecordedSleeps | None = None) -> str:
    connection = GoogleConnection(str(base), authorize)
    try:
        return await download_file(
            connection, base / "clip", destination, sleep=sleeps or RecordedSleeps()
        )
    finally:
        await connection.close()


def cut_off(
    after: int, *, ranges: bool = True, etag: str | None = '"one"', times: int = 1
) -> Handler:
    """Close the connection after ``after`` bytes, the first ``times`` times."""
    left = times

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal left
        start, status = 0, 200
        headers = {"ETag": etag} if etag else {}
        requested = request.headers.get("Range")
        if requested and ranges and request.headers.get("If-Range", etag) == etag:
            start, status = int(requested.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(DATA) - start
        await response.prepare(request)
        if left:
            left -= 1
            await response.write(DATA[start : start + after])
            assert request.transport is not None
            request.transport.close()  # after what was written has left
            return response
        await response.write(DATA[start:])
        return response

    return handler


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("etag", ['"one"', None, 'W/"weak"'])
async def test_download_resumes_after_break(tmp_path: Path, ranges: bool, etag: str | None) -> None:
    destination, sleeps = tmp_path / "new" / "clip.mp4", RecordedSleeps()
    async with serve(cut_off(400_000, ranges=ranges, etag=etag, times=2)) as (base, requests):
        assert await fetch(base, destination, sleeps) == DATA_SHA256
    assert destination.read_bytes() == DATA
    assert [path.name for path in destination.parent.iterdir()] == ["clip.mp4"]
    assert len(requests) == 3
    assert len(sleeps.taken) == 2
    # How much arrives before the break varies; the next request follows from it.
    ranged = [request.headers for request in requests if "Range" in request.headers]
    expected = etag if etag == '"one"' else None
    assert all(headers.get("If-Range") == expected for headers in ranged)


async def test_received_bytes_are_not_requested_again(tmp_path: Path) -> None:
    destination, received_bytes = tmp_path / "clip.mp4", 1_200_000

    async def handler(request: web.Request) -> web.StreamResponse:
        if requested := request.headers.get("Range"):
            start = int(requested.removeprefix("bytes=").rstrip("-"))
            content_range = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
            return web.Response(
                status=206, body=DATA[start:], headers={"Content-Range": content_range}
            )
        response = web.StreamResponse()
        response.content_length = len(DATA)
        await response.prepare(request)
        await response.write(DATA[:received_bytes])
        await eventually(lambda: any(part.stat().st_size for part in tmp_path.glob(".*.part")))
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serve(handler) as (base, requests):
        await fetch(base, destination)
    assert destination.read_bytes() == DATA
    assert len(requests) == 2
    assert int(requests[1].headers["Range"][6:-1]) > 1_000_000


async def test_download_gives_up_and_leaves_nothing(tmp_path: Path) -> None:
    async with serve(cut_off(1000, times=99)) as (base, requests):
        with pytest.raises(GoogleUnavailable, match="broke 4 times"):
            await fetch(base, tmp_path / "clip.mp4")
    assert len(requests) == 4
    assert list(tmp_path.iterdir()) == []


async def test_unrequested_range_is_rejected(tmp_path: Path) -> None:
    first = cut_off(400_000)

    async def handler(request: web.Request) -> web.StreamResponse:
        if "Range" in request.headers:
            headers = {"Content-Range": f"bytes 5-{len(DATA) - 1}/{len(DATA)}"}
            return web.Response(status=206, body=DATA[5:], headers=headers)
        return await first(request)

    async with serve(handler) as (base, requests):
        await fetch(base, tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() == DATA
    assert len(requests) == 3


async def test_the_whole_file_as_a_part_is_taken(tmp_path: Path) -> None:
    """Some servers answer 206 though no range was asked for. [google-K20, google-D15]"""

    async def handler(_: web.Request) -> web.Response:
        headers = {"Content-Range": f"bytes 0-{len(DATA) - 1}/{len(DATA)}"}
        return web.Response(status=206, body=DATA, headers=headers)

    async with serve(handler) as (base, requests):
        assert await fetch(base, tmp_path / "clip.mp4") == DATA_SHA256
    assert (tmp_path / "clip.mp4").read_bytes() == DATA
    assert len(requests) == 1


@pytest.mark.parametrize("content_range", ["bytes 0-9/1500000", "bytes 0-9/*", "chunks 0-9/10", ""])
async def test_a_part_that_is_not_the_whole_is_not_taken(
    tmp_path: Path, content_range: str
) -> None:
    """[google-K20]"""

    async def handler(_: web.Request) -> web.Response:
        headers = {"Content-Range": content_range} if content_range else {}
        return web.Response(status=206, body=DATA[:10], headers=headers)

    async with serve(handler) as (base, _):
        with pytest.raises(GoogleUnavailable):
            await fetch(base, tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            (
                403,
                '{"error":{"code":403,"message":"You do not have permission to access the File '
                'x1 or it may not exist.","status":"PERMISSION_DENIED"}}',
            ),
            RemoteNotFound,
        ),
        (
            (404, '{"error":{"code":404,"message":"Not found.","status":"NOT_FOUND"}}'),
            RemoteNotFound,
        ),
        ((404, '{"error":{"code":404,"message":"Not found."}}'), AnswerNotFromGoogle),
        ((404, "<html><title>404 Not Found</title></html>"), AnswerNotFromGoogle),
        ((410, ""), AnswerNotFromGoogle),
        ((200, "<html><title>Sign in</title></html>"), AnswerNotFromGoogle),
        ((401, ""), AccessRefused),
        (
            (403, '{"error":{"code":403,"message":"Denied.","status":"PERMISSION_DENIED"}}'),
            AccessRefused,
        ),
        ((403, "<Error>expired</Error>"), GoogleUnavailable),
        ((416, ""), GoogleUnavailable),
        ((429, ""), GoogleUnavailable),
        ((500, ""), GoogleUnavailable),
        ((503, ""), GoogleUnavailable),
        ((200, ""), GoogleUnavailable),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_download_refusals_are_classified(
    tmp_path: Path, answer: tuple[int, str], error: type[VideoError]
) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=answer[0], text=answer[1])

    async with serve(handler) as (base, requests):
        with pytest.raises(error):
            await fetch(base, tmp_path / "clip.mp4")
    assert len(requests) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("location", ["", "ftp://127.0.0.1/clip", "file:///etc/passwd", "clip"])
async def test_unsafe_redirects_are_refused(tmp_path: Path, location: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location} if location else {})

    async with serve(handler) as (base, requests):
        with pytest.raises(GoogleUnavailable, match="redirected"):
            await fetch(base, tmp_path / "clip.mp4")
    assert len(requests) == (6 if location == "clip" else 1)


async def test_key_is_not_sent_to_redirect_target(tmp_path: Path) -> None:
    async def other(request: web.Request) -> web.StreamResponse:
        return web.Response(body=DATA)

    async with serve(other) as (elsewhere, there):

        async def handler(request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": str(elsewhere / "signed")})

        async with serve(handler) as (base, here):
            await fetch(base, tmp_path / "clip.mp4")
    assert here[0].headers["x-goog-api-key"] == "key"
    assert "x-goog-api-key" not in there[0].headers


async def test_memory_stays_flat(tmp_path: Path) -> None:
    """Forty megabytes through at most a few."""
    size, chunk = 40_000_000, b"\0" * 500_000

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = size
        await response.prepare(request)
        for _ in range(size // len(chunk)):
            await response.write(chunk)
        return response

    async with serve(handler) as (base, _):
        tracemalloc.start()
        try:
            assert await fetch(base, tmp_path / "clip.mp4")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 12_000_000


async def test_a_cancelled_download_leaves_nothing(tmp_path: Path) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(DATA)
        begun.set()
        await over.wait()
        return response

    async with serve(handler) as (base, _):
        task = asyncio.create_task(fetch(base, tmp_path / "clip.mp4"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        over.set()
    assert list(tmp_path.iterdir()) == []


# --- through the sandbox's Google ---------------------------------------------------------------


async def test_download_from_google_resumes_after_break(stage: Stage) -> None:
    stage.add_fault(path="/google-files/", drop="middle", times=2)
    path = stage.data_dir / "clip.mp4"
    await stage.make_clip(stage.create_gemini(), stage.build_plan(), path)
    clip = stage.google.operations.operations[-1].products[0].clip
    assert hashlib.sha256(path.read_bytes()).hexdigest() == clip.sha256
    assert [headers["Range"][:6] for _, _, headers in stage.requests if "Range" in headers]
    # Each attempt asks the API again, which returns a new address.
    assert stage.count_requests(":download") == 3


async def test_download_waits_for_processing(stage: Stage) -> None:
    """[google-D23]"""
    stage.configure(processing_s=30)
    await stage.make_clip(stage.create_gemini(), stage.build_plan(), stage.data_dir / "clip.mp4")
    assert sum(stage.clock.slept) >= 20


async def test_failed_file_is_not_requested_again(stage: Stage) -> None:
    """[google-D23]"""
    gemini = stage.create_gemini()
    finished = await stage.finish_operation(
        gemini, await gemini.submit(stage.build_plan(), job_id=1)
    )
    video = finished.videos[0]  # type: ignore[union-attr]
    name = str(video.uri).rpartition("/files/")[2].partition(":")[0]
    file = stage.google.files.get_file(name)
    assert file is not None
    file.failed = True
    with pytest.raises(VideoNotFetchable, match="could not process"):
        await gemini.download_video(video, stage.data_dir / "clip.mp4")
    assert stage.count_requests(":download") == 0


async def test_expired_file_is_not_found(stage: Stage) -> None:
    gemini = stage.create_gemini()
    finished = await stage.finish_operation(
        gemini, await gemini.submit(stage.build_plan(), job_id=1)
    )
    stage.clock.clock.advance(3 * 86_400)
    with pytest.raises(RemoteNotFound):
        await gemini.download_video(finished.videos[0], stage.data_dir / "clip.mp4")  # type: ignore[union-attr]


async def test_file_is_downloaded_through_gateway(
    stage: Stage,
) -> None:
    gemini = stage.create_gemini()
    finished = await stage.finish_operation(
        gemini, await gemini.submit(stage.build_plan(), job_id=1)
    )
    uri = finished.videos[0].uri  # type: ignore[union-attr]
    elsewhere = RemoteVideo(
        uri=str(uri).replace(f"{stage.base}/google", "https://generativelanguage.googleapis.com")
    )
    await gemini.download_video(elsewhere, stage.data_dir / "clip.mp4")
    assert (stage.data_dir / "clip.mp4").stat().st_size > 1000


async def test_an_inline_clip_is_moved_once(stage: Stage) -> None:
    vertex = stage.create_vertex()
    plan = stage.build_plan(model="veo-3.1-generate-001")
    path = stage.data_dir / "clips" / "clip.mp4"
    finished = await stage.make_clip(vertex, plan, path)
    inline = finished.videos[0].inline_path
    assert inline is not None
    assert inline.parent == stage.data_dir / "incoming"
    assert not inline.exists()
    # The file may turn out to be unplayable: taking it a second time asks Google again.
    clip = stage.google.operations.operations[-1].products[0].clip
    path.unlink()
    await vertex.download_video(finished.videos[0], path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == clip.sha256
    with pytest.raises(RemoteNotFound):
        await stage.create_vertex().download_video(finished.videos[0], path)


async def test_video_without_uri_is_not_fetchable(stage: Stage) -> None:
    for adapter in (stage.create_gemini(), stage.create_vertex()):
        with pytest.raises(VideoNotFetchable):
            await adapter.download_video(RemoteVideo(uri=None), stage.data_dir / "clip.mp4")
    with pytest.raises(VideoNotFetchable):
        await stage.create_vertex().download_video(
            RemoteVideo(uri="https://x"), stage.data_dir / "clip.mp4"
        )

"""Attachments come from Discord's hosts only, are limited in size, and are stored in time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.discord.attachments import DiscordAttachments
from bot.domain.errors import DiscordUnavailable, ImageRefused
from bot.domain.jobs.pictures import MAX_FILE_BYTES, MAX_PIXELS
from bot.domain.jobs.request import AspectRatio, InputImage, VideoRequest
from bot.media.image_worker import loading
from bot.media.images import ProcessImageDecoder
from bot.media.joining import ProcessVideoJoiner
from bot.media.local_store import LocalMediaStore
from bot.services.clips.input_images import AttachedImage, InputImages
from tests.unit.images.samples import encoded


@pytest.mark.parametrize(
    ("url", "api_url", "taken"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1&is=2&hm=3", None, True),
        ("https://media.discordapp.net/attachments/1/2/a.png", None, True),
        ("https://CDN.discordapp.com/a.png", None, True),
        ("http://cdn.discordapp.com/a.png", None, False),
        ("https://cdn.discordapp.com:8443/a.png", None, False),
        ("https://cdn.discordapp.com.evil.test/a.png", None, False),
        ("https://cdn.discordapp.com.evil/a.png", None, False),
        ("https://evil-cdn.discordapp.com/a.png", None, False),
        ("https://evil.test/cdn.discordapp.com/a.png", None, False),
        ("https://evil.test#@cdn.discordapp.com/a.png", None, False),
        ("https://cdn.discordapp.com:x@evil.test/a.png", None, False),
        ("https://cdn.discordapp.com:80/a.png", None, False),
        ("https://cdn.discordapp.com:443/a.png", None, True),
        ("https://127.0.0.1/a.png", None, False),
        ("https://cdn.discordapp.com@evil.test/a.png", None, False),
        ("https://user:pass@cdn.discordapp.com/a.png", None, False),
        ("https://discord.com/api/a.png", None, False),
        ("http://169.254.169.254/latest/meta-data", None, False),
        ("http://localhost/a.png", None, False),
        ("file:///etc/passwd", None, False),
        ("//cdn.discordapp.com/a.png", None, False),
        ("not a url", None, False),
        ("", None, False),
        ("http://127.0.0.1:8000/attachments/a.png", "http://127.0.0.1:8000/api/v10", True),
        ("http://127.0.0.1:8001/attachments/a.png", "http://127.0.0.1:8000/api/v10", False),
        ("https://127.0.0.1:8000/attachments/a.png", "http://127.0.0.1:8000/api/v10", False),
    ],
)
def test_attachments_come_from_discords_hosts_only(
    url: str, api_url: str | None, taken: bool
) -> None:
    assert DiscordAttachments(api_url=api_url).is_discord_url(url) is taken


@asynccontextmanager
async def served(answer: Callable[[], web.StreamResponse]) -> AsyncIterator[tuple[str, list[str]]]:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.path)
        return answer()

    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


@asynccontextmanager
async def inputs(base: str, data_dir: Path) -> AsyncIterator[InputImages]:
    attachments = DiscordAttachments(api_url=base)
    try:
        yield InputImages(
            attachments=attachments,
            image_decoder=ProcessImageDecoder(),
            media_store=LocalMediaStore(data_dir),
            video_joiner=ProcessVideoJoiner(),
        )
    finally:
        await attachments.close()


def left(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "inputs").glob("*"))


async def test_an_attachment_becomes_an_image_of_ours(tmp_path: Path) -> None:
    async with (
        served(lambda: web.Response(body=encoded("WEBP"))) as (base, _),
        inputs(base, tmp_path) as ours,
    ):
        image = await ours.import_image(
            f"{base}/attachments/1/2/holiday.webp?ex=1", size_bytes=1000
        )
    assert image.path == f"inputs/{image.sha256}.jpg"
    assert left(tmp_path) == [f"{image.sha256}.jpg"]
    assert (tmp_path / image.path).is_file()


async def test_foreign_hosts_are_not_contacted(tmp_path: Path) -> None:
    async with (
        served(lambda: web.Response(body=encoded("PNG"))) as (base, seen),
        inputs("http://127.0.0.1:9/api", tmp_path) as ours,
    ):
        with pytest.raises(ImageRefused, match="image_not_from_discord"):
            await ours.import_image(f"{base}/a.png")
    assert seen == []


def _redirect() -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (lambda: web.Response(status=404), ImageRefused, "image_gone"),
        (lambda: web.Response(status=403), ImageRefused, "image_gone"),
        (_redirect, ImageRefused, "image_gone"),
        (lambda: web.Response(status=503), DiscordUnavailable, "503"),
        (lambda: web.Response(status=429), DiscordUnavailable, "429"),
        (lambda: web.Response(body=b"text"), ImageRefused, "image"),
    ],
)
async def test_download_errors_are_reported(
    tmp_path: Path, answer: Callable[[], web.StreamResponse], error: type[Exception], says: str
) -> None:
    async with served(answer) as (base, _), inputs(base, tmp_path) as ours:
        with pytest.raises(error, match=says):
            await ours.import_image(f"{base}/a.png")
    assert left(tmp_path) == []


async def test_a_redirect_to_elsewhere_is_not_followed(tmp_path: Path) -> None:
    async with served(lambda: web.Response(body=encoded("PNG"))) as (elsewhere, seen):

        def away() -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"{elsewhere}/b.png"})

        async with served(away) as (base, _), inputs(base, tmp_path) as ours:
            with pytest.raises(ImageRefused, match="image_gone"):
                await ours.import_image(f"{base}/a.png")
    assert seen == []


async def test_unavailable_discord_is_reported(tmp_path: Path, unused_tcp_port: int) -> None:
    base = f"http://127.0.0.1:{unused_tcp_port}"
    async with inputs(base, tmp_path) as ours:
        with pytest.raises(DiscordUnavailable):
            await ours.import_image(f"{base}/a.png")


async def test_a_file_that_is_too_large_is_not_fetched(tmp_path: Path) -> None:
    async with (
        served(lambda: web.Response(body=b"")) as (base, seen),
        inputs(base, tmp_path) as ours,
    ):
        with pytest.raises(ImageRefused) as refused:
            await ours.import_image(f"{base}/a.png", size_bytes=MAX_FILE_BYTES + 1)
    assert refused.value.reason == "image_file_too_large"
    assert seen == []


@pytest.mark.parametrize("told", [True, False])
async def test_a_file_that_turns_out_too_large_is_cut_off(tmp_path: Path, told: bool) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if told:
            response.content_length = 10**9
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 100_000)
        except (ConnectionError, asyncio.CancelledError):
            return response

    app = web.Application()
    app.router.add_get("/a.png", endless)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    attachments = DiscordAttachments(api_url=base)
    with pytest.raises(ImageRefused, match="image_file_too_large"):
        await attachments.download_attachment(
            f"{base}/a.png", tmp_path / "raw", max_bytes=1_000_000
        )
    await attachments.close()
    await runner.cleanup()
    assert list(tmp_path.iterdir()) == []


def test_what_is_ruled_out_beforehand_is_what_the_decoder_rules_out() -> None:
    assert max(loading.MAX_PIXELS.values()) == MAX_PIXELS


@pytest.mark.parametrize(
    ("known", "ratio"),
    [
        ({}, AspectRatio.LANDSCAPE),
        ({"width": 720, "height": 1280}, AspectRatio.PORTRAIT),
        ({"width": 1280, "height": 720}, AspectRatio.LANDSCAPE),
    ],
)
def test_an_attachment_has_the_shape_that_discord_describes(
    known: dict[str, Any], ratio: AspectRatio
) -> None:
    image = AttachedImage(url="https://cdn.discordapp.com/a", **known)
    image.require_usable()
    assert image.aspect_ratio is ratio


async def test_only_attachments_are_imported(tmp_path: Path) -> None:
    kept = InputImage("inputs/a.png", "image/png", 16, 9, "0" * 64)
    async with (
        served(lambda: web.Response(body=encoded("PNG"))) as (base, seen),
        inputs(base, tmp_path) as ours,
    ):
        attached = AttachedImage(url=f"{base}/attachments/b.png")
        request = VideoRequest("x", image=kept, references=(kept, attached))
        imported = await ours.import_attached(request)
    assert imported.image is kept
    assert imported.references[0] is kept
    assert (tmp_path / imported.references[1].path).is_file()
    assert AttachedImage.list_in(request) == [attached]
    assert AttachedImage.list_in(imported) == []
    assert seen == ["/attachments/b.png"]

"""A bot whose clips are in a bucket of S3."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.omni import NEWEST
from tests.e2e.stage import (
    QUICK_GOOGLE,
    SHORT_CLIP,
    BotStage,
    clips_of,
    run_operator_program,
    run_stage,
    video_of,
)
from tests.e2e.test_modes import instance_of
from tests.e2e.test_oversize import SIZE, find_newest_clip, link_of
from tests.harness.object_store import S3Server
from tests.harness.process import find_free_port, run_to_end
from tests.harness.texts import quote_text
from tests.web.conftest import Serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

IN_PARTS: Final = 12_000_000
"""Bytes of a clip that is uploaded in parts and posted as it is."""


LINK_KEY: Final = "the-same-key-on-each-machine"


@dataclass
class BucketStage:
    """A bot and the S3 server with its clips."""

    s3: S3Server
    stage: BotStage

    async def list_files(self, folder: str = "clips") -> list[str]:
        prefix = f"bot/{folder}/"
        keys = await self.s3.list_keys()
        return [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]

    async def read_posted(self, message: dict[str, Any]) -> bytes:
        video = video_of(message)
        assert video is not None
        return await self.stage.control.download(video["url"])

    async def read_readiness(self) -> tuple[int, bool, float]:
        """Return the status of `/readyz`, what it says about the bucket, and the metric."""
        async with aiohttp.ClientSession(self.stage.bot.environment["PUBLIC_URL"]) as session:
            async with session.get("/readyz") as answer:
                status, checks = answer.status, (await answer.json())["checks"]
            async with session.get("/metrics") as answer:
                families = list(text_string_to_metric_families(await answer.text()))
        [figure] = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == "clapper_bucket_up"
        ]
        return status, checks["bucket"], figure

    def list_scratch_files(self) -> list[Path]:
        folder = Path(self.stage.bot.environment["DATA_DIR"]) / "scratch"
        return [path for path in folder.rglob("*.mp4*") if path.is_file()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bucket(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BucketStage]:
    directory = tmp_path_factory.mktemp("bucket")
    s3, port = S3Server("clips-of-e2e", port=find_free_port()), find_free_port()
    settings = s3.settings | {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": str(port),
        "MEDIA_REDIRECTS": "true",
        "LINK_KEYS": LINK_KEY,
    }
    async with (
        s3.run(directory / "s3.log"),
        run_stage(directory, settings=settings) as stage,
    ):
        await stage.control.scale_ratelimits(None)
        yield BucketStage(s3, stage)


async def test_killed_in_mid_upload_delivers_once(bucket: BucketStage) -> None:
    s3, stage = bucket.s3, bucket.stage
    room = await stage.open_channel()
    await stage.control.google(**QUICK_GOOGLE | {"min_bytes": IN_PARTS})
    held = s3.hold(r"^PUT .*partNumber=2")
    await stage.request_clip(room)
    await held.wait_reached()
    assert await bucket.list_files() == [], "an object exists only when it is complete"
    assert len(await s3.list_unfinished()) == 1
    assert len(bucket.list_scratch_files()) == 1
    await stage.bot.kill_and_wait()
    s3.release()
    await stage.bot.start()
    message = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == 1
    [name] = await bucket.list_files()
    stored = await s3.read_object(f"bot/clips/{name}")
    assert len(stored) >= IN_PARTS
    assert stored == await bucket.read_posted(message)
    assert bucket.list_scratch_files() == []
    assert len(await stage.list_submits()) == 1


async def test_killed_after_the_upload_downloads_nothing_again(bucket: BucketStage) -> None:
    s3, stage = bucket.s3, bucket.stage
    room = await stage.open_channel()
    before = await bucket.list_files()
    await stage.control.google(**QUICK_GOOGLE)
    held = s3.hold(r"^HEAD .*/clips/.*mp4")  # after the upload
    await stage.request_clip(room)
    await held.wait_reached()
    assert len(await bucket.list_files()) == len(before) + 1
    await stage.bot.kill_and_wait()
    s3.release()
    uploads = [line for line in s3.requests if line.startswith("PUT")]
    await stage.bot.start()
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    later = [line for line in s3.requests if line.startswith("PUT") and "/clips/" in line]
    assert later == [line for line in uploads if "/clips/" in line]


async def test_a_stop_does_not_wait_for_a_bucket_that_does_not_answer(
    bucket: BucketStage,
) -> None:
    s3, stage = bucket.s3, bucket.stage
    room = await stage.open_channel()
    await stage.control.google(**QUICK_GOOGLE)
    held = s3.hold(r"^PUT .*/clips/")
    await stage.request_clip(room)
    await held.wait_reached()
    assert await stage.bot.terminate(timeout=10) == 0
    s3.release()
    await stage.bot.start()
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert bucket.list_scratch_files() == []


def count_checks(s3: S3Server) -> int:
    """Return how often the bot has looked whether the bucket answers."""
    return sum(line.startswith("GET") and "checks" in line for line in s3.requests)


async def test_an_outage_only_delays_a_clip(bucket: BucketStage) -> None:
    s3, stage = bucket.s3, bucket.stage
    room = await stage.open_channel()
    await stage.control.google(**QUICK_GOOGLE)

    async def has_failed() -> bool:
        return "download.failed" in stage.bot.read_log()

    async def is_missed() -> bool:
        return await bucket.read_readiness() == (503, False, 0)

    async def is_back() -> bool:
        return await bucket.read_readiness() == (200, True, 1)

    await stage.wait_until(is_back, "the bucket at /readyz")
    s3.refused_with = 400
    try:
        await stage.request_clip(room)
        await stage.wait_until(has_failed, "a failed upload")
        await stage.wait_until(is_missed, "the missing bucket at /readyz")
    finally:
        s3.refused_with = None
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    await stage.wait_until(is_back, "the bucket being back at /readyz")
    assert count_checks(s3) > 0

    async def are_probes_answered_without_it() -> bool:
        """Between two of the bot's own checks, which a busy machine may have in any round."""
        before = count_checks(s3)
        for _ in range(5):
            assert await is_back()
        return count_checks(s3) == before

    await stage.wait_until(are_probes_answered_without_it, "probes that do not ask the bucket")


async def test_a_picture_is_sent_and_shown_from_the_bucket(
    bucket: BucketStage, tmp_path: Path
) -> None:
    stage, photo = bucket.stage, tmp_path / "photo.png"
    Image.new("RGB", (1280, 720), (120, 160, 200)).save(photo)
    room = await stage.open_channel()
    await stage.control.google(**QUICK_GOOGLE)
    await stage.control.command(
        stage.people["Ada"],
        room,
        "video animate",
        {"prompt": "it turns", "resolution": "720p", **SHORT_CLIP},
        attachments={"image": photo},
    )
    message = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert instance_of((await stage.list_submits())[-1])["image"]["mimeType"] == "image/png"
    [name] = await bucket.list_files("inputs")
    stored = await bucket.s3.read_object(f"bot/inputs/{name}")
    assert hashlib.sha256(stored).hexdigest() == name.removesuffix(".png")
    pressed = await stage.press_button(message, quote_text("button.details"))
    state = await stage.control.wait_interaction(
        pressed, lambda state: any(each.get("files") for each in state["messages"])
    )
    [file] = [file for each in state["messages"] for file in each.get("files") or []]
    assert file["filename"] == "first-frame.png"
    assert bucket.list_scratch_files() == []


async def download_elsewhere(bucket: BucketStage, link: str, data_dir: Path) -> bytes:
    """Download a clip from a web server that shares no folder with the bot."""
    bot, port = bucket.stage.bot.environment, str(find_free_port())
    serving = Serving(
        data_dir,
        **bucket.s3.settings,
        DATABASE_URL=f"sqlite+aiosqlite:///{bot['DATA_DIR']}/clapper.db",
        PUBLIC_URL=bot["PUBLIC_URL"],
        LINK_KEYS=LINK_KEY,
        WEB_PORT=port,
    )
    try:
        await serving.start()
        address = link.replace(bot["PUBLIC_URL"], f"http://127.0.0.1:{port}")
        checks = {"database": True, "bucket": True, "bucket_watch": True}
        async with (
            aiohttp.ClientSession() as session,
            session.get(address, allow_redirects=False) as answer,
        ):
            assert answer.status == 200, "the bucket's address begins with http://"
            content = await answer.read()
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/readyz") as answer,
        ):
            assert (await answer.json())["checks"] == checks
        assert await serving.terminate() == 0
    finally:
        await serving.close()
    assert not (data_dir / "clips").exists()
    return content


async def test_a_large_clip_has_a_link_into_the_bucket(bucket: BucketStage, tmp_path: Path) -> None:
    s3, stage = bucket.s3, bucket.stage
    room = await stage.open_channel()
    await stage.control.google(**QUICK_GOOGLE | {"min_bytes": SIZE})
    await stage.request_clip(room, "a large heron", **NEWEST)
    message = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    link = link_of(message)
    async with aiohttp.ClientSession() as session:
        async with session.get(link, allow_redirects=False) as answer:
            assert answer.status == 302
            address = answer.headers["Location"]
            assert address.startswith(s3.url)
            assert "X-Amz-Expires=300" in address
            assert answer.headers["Cache-Control"] == "no-store"
        async with session.get(address) as answer:
            original = await answer.read()
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert answer.content_type == "video/mp4"
        async with session.head(link, allow_redirects=False) as answer:
            assert (answer.status, answer.content_length) == (200, len(original))
        assert len(original) >= SIZE
        digest = hashlib.sha256(original).hexdigest()
        names = await bucket.list_files()
        assert digest in [
            hashlib.sha256(await s3.read_object(f"bot/clips/{name}")).hexdigest() for name in names
        ]
        assert await download_elsewhere(bucket, link, tmp_path) == original
        number = await find_newest_clip(stage)
        await stage.delete_clip(message)
        assert len(await bucket.list_files()) < len(names) - 1, "derived files are deleted, too"
        async with session.get(address) as answer:
            assert answer.status == 404
        async with session.get(link, allow_redirects=False) as answer:
            assert answer.status == 404
    refused = await stage.control.command(stage.people["Ada"], room, "video get", {"clip": number})
    await stage.wait_for_answer(refused, quote_text("not_found.clip"))
    assert bucket.list_scratch_files() == []


async def test_the_doctor_checks_the_bucket(bucket: BucketStage) -> None:
    output = await run_operator_program(bucket.stage, "bot", "doctor", "--json")
    checks = {check["check"]: check for check in json.loads(output)["checks"]}
    assert checks["bucket"]["ok"]
    assert await bucket.list_files("checks") == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"MEDIA_URL": "s3://no-such-bucket"}, "there is no such bucket"),
        ({"MEDIA_URL": "s3:/bucket"}, "MEDIA_URL is malformed"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY must both be set"),
    ],
)
async def test_a_bot_that_cannot_use_its_bucket_says_so_and_ends(
    bucket: BucketStage, tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    environment = bucket.stage.bot.environment | changes
    environment |= {"DATA_DIR": str(tmp_path / "data"), "LOG_FORMAT": "console"}
    status, output = await run_to_end("bot", "run", folder=tmp_path, environment=environment)
    assert status == 2, output
    [line] = [line for line in output.splitlines() if "MEDIA_URL" in line or "AWS_" in line]
    assert reason in line
    assert "Traceback" not in output

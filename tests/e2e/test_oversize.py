"""Clips too large for Discord are re-encoded, and a signed link serves the original."""

import hashlib
import re
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from bot.media.probe import PyAvMediaProbe
from tests.e2e.omni import NEWEST
from tests.e2e.stage import BotStage, buttons_of, clips_of, text_of, video_of
from tests.harness.control import Control
from tests.harness.process import find_free_port
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]

MIB: Final = 2**20
SIZE: Final = 24_000_000
SMALL: Final = 4_000_000
LINK: Final = re.compile(r"\((http://127\.0\.0\.1:\d+/download/[^)]+)\)")


PORT: Final = find_free_port()
BOT_SETTINGS: Final = {"PUBLIC_URL": f"http://127.0.0.1:{PORT}", "WEB_PORT": str(PORT)}


async def make_large_clip(stage: BotStage, room: str, prompt: str = "a large heron") -> Json:
    await stage.control.google(seconds=0.2, min_bytes=SIZE, look="plain")
    await stage.request_clip(room, prompt)
    clip = await stage.wait_for_clip(room, timeout=180)
    await stage.wait_until_idle(room)
    return clip


async def download_video(control: Control, message: Json, path: Path) -> Path:
    """Download the video of a message to ``path``."""
    video = video_of(message)
    assert video is not None
    path.write_bytes(await control.download(video["url"]))
    return path


def link_of(message: Json) -> str:
    match = LINK.search(text_of(message))
    assert match is not None, text_of(message)
    return match[1]


async def fetch_link(link: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    async with aiohttp.ClientSession() as session, session.get(link, headers=headers) as answer:
        return answer.status, await answer.read(), dict(answer.headers)


def data_dir_of(stage: BotStage) -> Path:
    return Path(stage.bot.environment["DATA_DIR"])


def hash_originals(stage: BotStage) -> dict[str, Path]:
    """Return the kept originals by hash."""
    paths = (
        path
        for path in data_dir_of(stage).glob("clips/*/*")
        if re.fullmatch(r"\d+-\d+\.mp4", path.name)
    )
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}


def number_in(message: Json) -> str:
    return buttons_of(message)[quote_text("button.details")].split(":")[-1]


async def test_large_clip_is_reencoded_and_linked(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel()
    message = await make_large_clip(stage, room)
    facts = await PyAvMediaProbe().read_facts(
        await download_video(stage.control, message, tmp_path / "film.mp4")
    )
    assert facts.size <= 20 * MIB
    assert abs(facts.seconds - 4.0) < 0.1
    assert facts.has_audio
    assert (facts.width, facts.height) == (1280, 720)
    assert quote_text("card.fitted", side=720) in text_of(message)

    status, original, headers = await fetch_link(link_of(message))
    assert status == 200
    assert len(original) >= SIZE
    assert headers["Content-Disposition"].startswith("attachment")
    original_path = hash_originals(stage)[hashlib.sha256(original).hexdigest()]
    assert original_path.stat().st_size == len(original)
    status, part, _ = await fetch_link(link_of(message), Range="bytes=1000-1999")
    assert (status, part) == (206, original[1000:2000])

    wrong = link_of(message).replace("/download/", "/download/x")
    assert (await fetch_link(wrong))[0] == 404
    await check_repost_elsewhere(stage, message, original)
    await check_deletion(stage, room, message, original_path)


async def check_repost_elsewhere(stage: BotStage, message: Json, original: bytes) -> None:
    """In a boosted server `/video get` posts the original itself."""
    ada = stage.people["Ada"]
    boosted = await stage.control.add_guild(
        "Boosted", owner="Ada", boost_tier=3, channels=["clips"]
    )
    elsewhere = boosted["channels"][0]["id"]
    repost = await stage.control.command(
        ada, elsewhere, "video get", {"clip": await find_newest_clip(stage)}
    )
    await stage.wait_for_answer(repost, quote_text("get.done"))
    other = await stage.wait_for_clip(elsewhere)
    video = video_of(other)
    assert video is not None
    assert await stage.control.download(video["url"]) == original
    assert quote_text("card.fitted") not in text_of(other)
    assert quote_text("card.too_large") not in text_of(other)


async def find_newest_clip(stage: BotStage) -> str:
    """Return the number of Ada's newest clip."""
    room = await stage.open_channel()
    interaction = await stage.control.command(stage.people["Ada"], room, "video history")
    history = await stage.wait_for_answer(interaction, "#")
    return history.split("[#")[1].split("]")[0]


async def check_deletion(stage: BotStage, room: str, message: Json, original_path: Path) -> None:
    """Delete removes message, files, record and link."""
    number = await find_newest_clip(stage)
    assert original_path.parent.joinpath(original_path.name).exists()
    refused = await stage.press_button(message, quote_text("button.delete"), user="Cem")
    await stage.wait_for_answer(refused, quote_text("not_allowed.delete"))
    await stage.delete_clip(message)
    assert clips_of(await stage.control.messages(room)) == []
    assert list(original_path.parent.glob(f"{original_path.stem}.*")) == []
    assert (await fetch_link(link_of(message)))[0] == 404
    repost = await stage.control.command(stage.people["Ada"], room, "video get", {"clip": number})
    await stage.wait_for_answer(repost, quote_text("not_found.clip"))


async def test_status_413_leads_to_smaller_encode(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google(min_bytes=SMALL, look="plain"):
        await stage.request_clip(room, "a heron", **NEWEST)
        await stage.wait_for_message(room, quote_text("stage.polling"))
        await stage.refuse_files(room, 1)
    message = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    path = await download_video(stage.control, message, tmp_path / "film.mp4")
    facts = await PyAvMediaProbe().read_facts(path)
    assert abs(facts.seconds - 3.0) < 0.1
    assert facts.has_audio
    _, original, _ = await fetch_link(link_of(message))
    assert facts.size < len(original) / 2
    assert len(clips_of(await stage.control.messages(room))) == 1


@pytest.mark.parametrize(("times", "files"), [(2, 2), (3, 0)])
async def test_repeated_413s_lead_to_link(stage: BotStage, times: int, files: int) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google(min_bytes=SMALL, look="plain"):
        await stage.request_clip(room, f"a heron {times}", **NEWEST)
        await stage.wait_for_message(room, quote_text("stage.polling"))
        await stage.refuse_files(room, times)
    message = await stage.wait_for_message(room, quote_text("card.original_link"))
    await stage.wait_until_idle(room)
    assert quote_text("card.too_large") in text_of(message)
    assert len(message["files"]) == files
    status, original, _ = await fetch_link(link_of(message))
    assert status == 200
    assert hashlib.sha256(original).hexdigest() in hash_originals(stage)
    if files:
        video = video_of(message)
        assert video is not None
        assert "preview" in video["url"]
        assert all(file["size"] < 4 * MIB for file in message["files"])
    assert {
        quote_text("button.redo"),
        quote_text("button.details"),
        quote_text("button.delete"),
    } <= buttons_of(message).keys()


async def test_corrupted_original_is_downloaded_again(stage: BotStage) -> None:
    room, elsewhere = await stage.open_channel(), await stage.open_channel()
    await stage.control.google(look="plain")
    before = hash_originals(stage).keys()
    message = await stage.make_clip(room, "a spoilt heron")
    video = video_of(message)
    assert video is not None
    original = await stage.control.download(video["url"])
    digest = hashlib.sha256(original).hexdigest()
    assert digest not in before
    original_path = hash_originals(stage)[digest]
    with original_path.open("r+b") as file:
        file.truncate(1000)
    number = await find_newest_clip(stage)
    ada = stage.people["Ada"]
    await stage.wait_for_answer(
        await stage.control.command(ada, elsewhere, "video get", {"clip": number}),
        quote_text("get.done"),
    )
    repost = video_of(await stage.wait_for_clip(elsewhere))
    assert repost is not None
    assert await stage.control.download(repost["url"]) == original
    assert hashlib.sha256(original_path.read_bytes()).hexdigest() == digest

    original_path.unlink()
    await stage.control.advance(3 * 86400)  # Google keeps it for two days
    refused = await stage.control.command(ada, elsewhere, "video get", {"clip": number})
    await stage.wait_for_answer(refused, quote_text("not_found.clip_file"))

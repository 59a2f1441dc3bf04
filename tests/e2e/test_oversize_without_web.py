"""Without a web server, a clip too large for Discord is posted as the best re-encode that fits."""

from pathlib import Path
from typing import Any, Final

import pytest

from bot.media.probe import PyAvMediaProbe
from tests.e2e.omni import NEWEST
from tests.e2e.stage import SHORT_CLIP, BotStage, clips_of, text_of, video_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB: Final = 2**20


async def download_video(stage: BotStage, room: str, path: Path) -> Path:
    message = await stage.wait_for_clip(room, timeout=180)
    await stage.wait_until_idle(room)
    video = video_of(message)
    assert video is not None
    path.write_bytes(await stage.control.download(video["url"]))
    return path


async def request_generating_clip(stage: BotStage, room: str, prompt: str, **options: Any) -> None:
    await stage.request_clip(room, prompt, **options)
    await stage.wait_for_message(room, quote_text("stage.polling"))


@pytest.mark.parametrize(
    ("refused", "size", "clip"), [(0, 22 * MIB, SHORT_CLIP), (2, 4_000_000, NEWEST)]
)
async def test_best_fitting_reencode_is_posted(
    stage: BotStage, tmp_path: Path, refused: int, size: int, clip: dict[str, Any]
) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google(min_bytes=size, look="plain"):
        await request_generating_clip(stage, room, f"a heron {refused}", **clip)
        if refused:
            await stage.refuse_files(room, refused)
    facts = await PyAvMediaProbe().read_facts(
        await download_video(stage, room, tmp_path / "film.mp4")
    )
    assert facts.size < (20 * MIB if refused == 0 else size / 2)
    assert abs(facts.seconds - clip["duration"]) < 0.1
    assert facts.has_audio
    [message] = clips_of(await stage.control.messages(room))
    assert quote_text("card.original_kept") in text_of(message)
    assert quote_text("card.original_link") not in text_of(message)


async def test_crash_while_reencoding_posts_once(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google(min_bytes=24_000_000, look="plain"):
        await request_generating_clip(stage, room, "a heron in a crash")

    async def is_encoding() -> bool:
        return bool(list_workers(stage))

    await stage.wait_until(is_encoding, "a worker process")
    await stage.bot.kill_and_wait()

    async def has_ended() -> bool:
        return not list_workers(stage)

    await stage.wait_until(has_ended, "the worker ending with the bot")
    assert clips_of(await stage.control.messages(room)) == []
    await stage.bot.start()
    facts = await PyAvMediaProbe().read_facts(
        await download_video(stage, room, tmp_path / "film.mp4")
    )
    assert abs(facts.seconds - 4.0) < 0.1
    assert len(clips_of(await stage.control.messages(room))) == 1
    assert (
        sum(submit["prompt"] == "a heron in a crash" for submit in await stage.list_submits()) == 1
    )


def list_workers(stage: BotStage) -> list[str]:
    """Return the command lines of the bot's encoders."""
    command_lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "transcode_worker" in line and stage.bot.environment["DATA_DIR"] in line:
            command_lines.append(line)
    return command_lines

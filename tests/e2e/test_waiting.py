"""A status shows what its channel has seen while Google works, and how long it takes."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.stage import SHORT_CLIP, BotStage, Json, clip_number_of, picture_of, text_of
from tests.e2e.test_replies import write_image
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_wait_shows_the_clip_that_goes_on_and_no_private_picture(
    stage: BotStage, tmp_path: Path
) -> None:
    room, other_room = await stage.open_channel(), await stage.open_channel()
    clip = await stage.make_clip(room)
    photo = write_image(tmp_path / "photo.png", "red")
    async with stage.control.hold_google():
        # an image that is given with a command is seen by nobody else
        await stage.control.command(
            stage.people["Ada"],
            other_room,
            "video animate",
            {"prompt": "it turns", "resolution": "720p", **SHORT_CLIP},
            attachments={"image": photo},
        )
        private = await stage.wait_for_message(other_room, quote_text("stage.polling"))
        extension = {"clip": clip_number_of(clip), "prompt": "it jumps"}
        await stage.control.command(stage.people["Ada"], room, "video extend", extension)
        status = await stage.control.wait_message(
            room, lambda message: message["id"] != clip["id"] and picture_of(message)
        )
        assert quote_text("stage.polling") in text_of(status)
        assert quote_text("status.limit") in text_of(status)
        picture = picture_of(status)
        assert picture is not None
        with Image.open(io.BytesIO(await stage.control.download(picture["url"]))) as image:
            assert image.format == "WEBP"
            assert max(image.size) == 640
        path = rf"/messages/{status['id']}$"
        edits = [each["json"] for each in await stage.control.requests(method="PATCH", path=path)]
        # how many there are depends on how long it takes: a late job says so in one more
        shown = [json.dumps(edit["components"]) for edit in edits]
        assert len(shown) == len(set(shown)), "each edit shows something new"
        assert len([edit for edit in edits if edit.get("attachments")]) == 1, "one upload"
        [unchanged] = await stage.control.messages(other_room)
        assert (unchanged["id"], picture_of(unchanged)) == (private["id"], None)
    for place, count in ((room, 2), (other_room, 1)):
        await stage.wait_for_clip(place, count)
        await stage.wait_until_idle(place)

        async def has_only_clips(place: str = place, count: int = count) -> bool:
            return len(await stage.control.messages(place)) == count

        await stage.wait_until(has_only_clips, "the statuses being gone")


async def test_a_status_that_ends_without_a_clip_loses_its_picture(stage: BotStage) -> None:
    """`/video notify` lets the status itself say how the job ended."""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    cem = stage.people["Cem"]
    chosen = await stage.control.command(cem, room, "video notify", {"how": "quiet"})
    await stage.wait_for_answer(chosen)

    def shows_picture(message: Json) -> bool:
        return message["id"] != clip["id"] and picture_of(message) is not None

    async with stage.control.hold_google(outcome="filtered"):
        extension = {"clip": clip_number_of(clip), "prompt": "it jumps"}
        await stage.control.command(cem, room, "video extend", extension)
        status = await stage.control.wait_message(room, shows_picture)
    await stage.wait_for_message(room, quote_text("outcome.blocked_audio"))
    [_, ended] = await stage.control.messages(room)
    assert ended["id"] == status["id"]
    assert picture_of(ended) is None
    assert not ended["attachments"]

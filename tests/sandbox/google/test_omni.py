"""Omni on the Interactions API: its rules, and each unusual answer it can be told to give."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.sandbox.google.conftest import Server, picture
from tests.sandbox.google.omni_requests import (
    EXTEND,
    OLDER,
    OMNI,
    body,
    create,
    edit,
    fetch,
    finish,
    frames_of,
    image,
    make,
    read,
    text,
    upload,
)


async def test_a_clip_is_made_announced_and_billed(server: Server, tmp_path: Path) -> None:
    answer = await make(server, body(form={"aspect_ratio": "9:16"}, labels={"job": "7"}))
    assert answer["status"] == "completed"
    assert answer["labels"] == {"job": "7"}
    assert answer["usage"]["total_output_tokens"] == 3 * 1931
    frames = frames_of(await fetch(server, answer, tmp_path / "clip.mp4"))
    assert (len(frames), frames[0].shape) == (72, (640, 360))
    [submit] = (await server.seen())["submits"]
    assert (submit["route"], submit["task"]) == ("omni", "text_to_video")
    assert (submit["seconds"], submit["resolution"]) == (3, "360p")
    usage = answer["usage"]
    price = usage["total_input_tokens"] * 1.5e-6 + usage["total_thought_tokens"] * 9e-6
    assert 0 < price < 0.02
    assert submit["billed_usd"] == pytest.approx(3 * 1931 * 12e-6 + price)


async def test_a_running_one_says_so_and_a_file_is_processed_first(server: Server) -> None:
    await server.control(processing_s=60)
    created = await create(server, body())
    assert (created["status"], created["object"]) == ("in_progress", "interaction")
    assert "usage" not in await read(server, created["id"])
    uri = (await finish(server, created["id"]))["steps"][-1]["content"][0]["uri"]
    file_path = uri.removeprefix(server.base).split(":download")[0]
    assert (await server.call("GET", file_path, headers=server.key))["state"] == "PROCESSING"
    server.clock.advance(60)
    assert (await server.call("GET", file_path, headers=server.key))["state"] == "ACTIVE"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(body(form={"duration": 8}), "duration", id="a number"),
        pytest.param(body(form={"duration": "2s"}), "less than the minimum", id="too short"),
        pytest.param(body(form={"duration": "16s"}), "exceeds the maximum", id="too long"),
        pytest.param(
            body(form={"duration": "11s"}, model=OLDER), "maximum allowed 10s", id="too long for it"
        ),
        pytest.param(body(form={"aspect_ratio": "1:1"}), "aspect_ratio", id="square"),
        pytest.param(body(form={"resolution": "480p"}), "resolution", id="resolution"),
        pytest.param(body(form={"seed": 3}), "Unknown parameter", id="a name it has not"),
        pytest.param(body(task="upscale"), "upscale", id="a task it has not"),
        pytest.param(body([text("x"), image()], task="text_to_video"), "no images", id="image"),
        pytest.param(body("x", task="image_to_video"), "needs an image", id="no image"),
        pytest.param(
            body([image(), text("<LAST_FRAME> it ends")], task="image_to_video"),
            "FIRST_FRAME",
            id="only a last frame",
        ),
        pytest.param(
            body([*[image()] * 7, text("they meet")], task="reference_to_video"),
            "At most 6",
            id="seven references",
        ),
        pytest.param(
            body(
                [image(), image(), text("<FIRST_FRAME> to <LAST_FRAME>")], form={"duration": "11s"}
            ),
            "maximum allowed 10s",
            id="two frames too long",
        ),
        pytest.param(body(system_instruction="be kind"), "not supported", id="instruction"),
        pytest.param(body(generation_config={"temperature": 1}), "not supported", id="temperature"),
        pytest.param(body(negative_prompt="rain"), "Unknown parameter", id="negative prompt"),
        pytest.param(body(labels={"Job": "7"}), "lowercase", id="labels"),
        pytest.param(body(store=False), "store", id="not stored"),
        pytest.param(body([{"type": "audio", "data": ""}]), "audio", id="audio"),
        pytest.param(body([image(b"no picture"), text("x")]), "input image", id="no picture"),
        pytest.param(
            body("x", task="edit", form={"duration": None}),
            "exactly one video",
            id="edit of nothing",
        ),
    ],
)
async def test_what_google_refuses_is_refused(
    server: Server, value: dict[str, Any], words: str
) -> None:
    answer = await create(server, value, 400)
    assert words in answer["error"]["message"]
    assert (await server.seen())["accepted"] == 0


async def test_models_that_are_not_there(server: Server) -> None:
    shut_down = await create(server, body(model="gemini-omni-flash-preview"), 404)
    assert "no longer available" in shut_down["error"]["message"]
    assert (
        "not found" in (await create(server, body(model="gemini-omni-9"), 404))["error"]["message"]
    )
    await server.control(retired_models=[OMNI])
    await create(server, body(), 404)
    listed = await server.call("GET", "/google/v1/models", headers=server.key)
    names = {model["name"]: model for model in listed["models"]}
    assert f"models/{OMNI}" not in names
    assert "generateContent" in names[f"models/{OLDER}"]["supportedGenerationMethods"]


async def test_a_field_of_veos_is_ignored_and_ten_seconds_are_billed(server: Server) -> None:
    config = {"video_config": {"task": "text_to_video", "duration_seconds": 4}}
    value = body(form={"duration": None}, generation_config=config)
    answer = await make(server, value)
    assert answer["usage"]["total_output_tokens"] == 10 * 1931


async def test_only_a_tag_makes_a_picture_the_first_frame(server: Server, tmp_path: Path) -> None:
    white = picture(hue=0)
    tagged = await make(
        server, body([image(white), text("<FIRST_FRAME> it rolls")], task="image_to_video")
    )
    untagged = await make(server, body([image(white), text("it rolls")], task="image_to_video"))
    shown = [
        frames_of(await fetch(server, answer, tmp_path / f"{index}.mp4"))[0]
        for index, answer in enumerate((tagged, untagged))
    ]
    with av.open(str(await _write(tmp_path / "picture.png", white))) as container:
        wanted = next(container.decode(video=0)).to_ndarray(format="gray")
    differences = [np.abs(frame.astype(int) - wanted).mean() for frame in shown]
    assert differences[0] < 6 < differences[1]


async def _write(path: Path, data: bytes) -> Path:
    await asyncio.to_thread(path.write_bytes, data)
    return path


async def test_an_edit_keeps_the_motion_and_an_extension_returns_the_whole(
    server: Server, tmp_path: Path
) -> None:
    first = await make(server, body("a ball", model=OLDER))
    before = frames_of(await fetch(server, first, tmp_path / "first.mp4"))
    edited = await make(server, edit(first["id"], model=OLDER))
    after = frames_of(await fetch(server, edited, tmp_path / "edited.mp4"))
    assert len(after) == len(before)
    assert after[30].mean() < before[30].mean() * 0.8
    for old, new in zip(before, after, strict=True):  # bright stays bright, wherever it moves to
        assert new[old > 128].mean() > new[old <= 128].mean()
    extended = await make(
        server,
        body(EXTEND, model=OLDER, previous_interaction_id=first["id"], form={"duration": "4s"}),
    )
    whole = frames_of(await fetch(server, extended, tmp_path / "extended.mp4"))
    assert len(whole) == (3 + 4) * 24
    assert np.abs(whole[40].astype(int) - before[40]).mean() < 4
    assert extended["usage"]["total_output_tokens"] == 4 * 1931
    tasks = [submit["task"] for submit in (await server.seen())["submits"]]
    assert tasks == ["text_to_video", "edit", "extend"]


@pytest.mark.parametrize("name", ["duration", "aspect_ratio"])
async def test_an_edit_takes_no_length_and_no_shape(server: Server, name: str) -> None:
    made = await make(server, body())
    form = {"duration": None, name: {"duration": "3s", "aspect_ratio": "16:9"}[name]}
    refused = await create(
        server, body("make it red", previous_interaction_id=made["id"], form=form), 400
    )
    assert name in refused["error"]["message"]


async def test_what_cannot_be_continued(server: Server) -> None:
    running = await create(server, body(model=OLDER))
    redder = edit(running["id"], "redder", model=OLDER)
    assert "in progress" in (await create(server, redder, 400))["error"]["message"]
    await finish(server, running["id"])
    extension = body(EXTEND, previous_interaction_id=running["id"])
    assert "extension" in (await create(server, extension, 400))["error"]["message"]
    await server.call("DELETE", f"/google/v1/interactions/{running['id']}", headers=server.key)
    await create(server, redder, 404)
    await read(server, running["id"], 404)


async def test_an_interaction_is_kept_for_weeks_and_longer_than_its_file(server: Server) -> None:
    made = await make(server, body())
    server.clock.advance(3 * 86_400)
    uri = made["steps"][-1]["content"][0]["uri"]
    async with server.http.get(uri, headers=server.key) as response:
        assert response.status == 403
    await create(server, edit(made["id"]))
    server.clock.advance(53 * 86_400)
    await create(server, edit(made["id"]), 404)


async def test_uploaded_videos(server: Server, tmp_path: Path) -> None:
    made = await make(server, body())
    data = (await fetch(server, made, tmp_path / "clip.mp4")).read_bytes()
    file = await upload(server, data)
    content = [
        {"type": "video", "mime_type": "video/mp4", "uri": file["uri"]},
        text("<VIDEO_0>@Video1 make it night"),
    ]
    of_upload = body(content, task="edit", form={"duration": None})
    assert "ACTIVE" in (await create(server, of_upload, 400))["error"]["message"]
    server.clock.advance(2)
    assert (await make(server, of_upload))["status"] == "completed"
    inline = {"type": "video", "mime_type": "video/mp4", "data": base64.b64encode(data).decode()}
    again = body([inline, text("make it night")], task="edit", form={"duration": None})
    await server.control(region="eu")
    refused = await make(server, again)
    assert refused["status"] == "completed"
    assert [part["type"] for part in refused["steps"][-1]["content"]] == ["text"]
    assert "usage" not in refused
    assert (await make(server, edit(made["id"])))["steps"][-1]["content"][0]["type"] == "video"


@pytest.mark.parametrize("block", ["poll", "sentence", "failed", "error_body", "no_video"])
async def test_the_forms_of_a_block(server: Server, block: str) -> None:
    await server.control(outcome="filtered", omni={"block": block})
    created = await create(server, body())
    server.clock.advance(10)
    answer = await read(server, created["id"], 400 if block in ("poll", "sentence") else 200)
    match block:
        case "poll":
            assert answer["error"]["code"] == "invalid_request"
        case "sentence":
            assert answer["error"]["code"] == answer["error"]["message"]
        case "failed":
            assert answer["status"] == "failed"
            assert answer["errors"][0]["code"] == "content_blocked"
        case "error_body":
            assert list(answer) == ["error"]
        case _:
            assert answer["status"] == "completed"
            assert answer["steps"][-1]["content"][0]["type"] == "text"
    assert (await server.seen())["billed_usd"] == 0


async def test_a_block_at_once_and_a_failure(server: Server) -> None:
    await server.control(outcome="filtered", omni={"block": "submit"})
    assert "blocked" in (await create(server, body(), 400))["error"]["message"]
    await server.control(outcome="failed")
    answer = await make(server, body())
    assert (answer["status"], answer["errors"][0]["code"]) == ("failed", "api_error")


@pytest.mark.parametrize("form", ["submit", "first_poll"])
async def test_over_quota_is_said_at_once_or_by_the_first_poll(server: Server, form: str) -> None:
    await server.control(quota={OMNI: {"per_minute": 1}}, omni={"over_quota": form, "retry_s": 7})
    await create(server, body())
    second = await create(server, body(), 429 if form == "submit" else 200)
    if form == "first_poll":
        second = await read(server, second["id"], 429)
        assert "Please retry in 7s" in second["error"]["message"]
    assert second["error"]["code"] == "too_many_requests"
    server.clock.advance(61)
    await create(server, body())


async def test_cancelling(server: Server) -> None:
    created = await create(server, body())
    path = f"/google/v1/interactions/{created['id']}/cancel"
    assert (await server.call("POST", path, headers=server.key))["status"] == "in_progress"
    server.clock.advance(1.5)
    answer = await read(server, created["id"])
    assert answer["status"] == "cancelled"
    assert "usage" not in answer
    refused = await server.call("POST", path, 400, headers=server.key)
    assert refused["error"]["code"] == "failed_precondition"


async def test_a_video_comes_inline_when_not_asked_otherwise_and_even_then(server: Server) -> None:
    asked = await make(server, body(form={"delivery": None}))
    await server.control(omni={"inline": True})
    unasked = await make(server, body())
    for answer in (asked, unasked):
        video = answer["steps"][-1]["content"][0]
        assert base64.b64decode(video["data"])[4:8] == b"ftyp"


async def test_without_background_the_connection_is_held(server: Server) -> None:
    await server.control(seconds=0)
    answer = await create(server, body(background=False))
    assert answer["status"] == "completed"


@pytest.mark.parametrize("name", ["v1_never", "x", "v1_a%2Fb"])
async def test_ids_that_are_not_there(server: Server, name: str) -> None:
    answer = await read(server, name, 400)
    assert answer["error"]["message"] == "Invalid interaction name."


async def test_the_key_is_asked_for(server: Server) -> None:
    answer = await server.call("POST", "/google/v1/interactions", 403, json=body())
    assert answer["error"]["status"] == "PERMISSION_DENIED"


async def test_odd_settings_are_refused(server: Server) -> None:
    for odd in ({"block": "loudly"}, {"inline": 1}, {"cancel_s": -1}, {"colour": "red"}):
        await server.call("PUT", "/control/google", 400, json={"omni": odd})


async def test_a_running_one_can_be_ended_by_the_control_api(server: Server) -> None:
    await server.control(outcome="never")
    created = await create(server, body())
    path = f"/control/google/operations/{created['id']}"
    await server.call("POST", path, json={"outcome": "failed", "ready": True})
    assert (await read(server, created["id"]))["status"] == "failed"


async def test_veo_does_not_extend_what_omni_made(server: Server) -> None:
    made = await make(server, body(form={"resolution": "720p"}))
    server.clock.advance(2)
    uri = made["steps"][-1]["content"][0]["uri"]
    answer = await server.submit({"prompt": "on", "video": {"uri": uri}}, status=400)
    assert "generated by VEO" in answer["error"]["message"]

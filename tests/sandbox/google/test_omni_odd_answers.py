"""Settings change Omni's answers: refusals, quotas, account errors and bills."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.sandbox.google.conftest import Server, picture
from tests.sandbox.google.omni_requests import (
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


async def billed(server: Server) -> float:
    return float((await server.seen())["billed_usd"])


async def test_a_block_reported_by_the_submit(server: Server) -> None:
    await server.control(outcome="filtered", omni={"block": "submit_sentence"})
    error = (await create(server, body(), 400))["error"]
    assert error["code"] == error["message"]
    await server.control(omni={"block": "submit_body"})
    assert list(await create(server, body())) == ["error"]
    await server.control(omni={"block": "failed", "block_code": "prohibited_content"})
    assert (await make(server, body()))["errors"][0]["code"] == "prohibited_content"
    assert await billed(server) == 0


@pytest.mark.parametrize("form", ["first_poll", "first_poll_failed", "first_poll_body"])
async def test_an_id_over_quota_has_made_nothing(server: Server, form: str) -> None:
    await server.control(quota={OMNI: {"per_minute": 1}}, omni={"over_quota": form})
    await make(server, body())
    before = await billed(server)
    second = await create(server, body())
    assert second["status"] == "in_progress"
    answer = await read(server, second["id"], 429 if form == "first_poll" else 200)
    error = answer["errors"][0] if form == "first_poll_failed" else answer["error"]
    assert error["code"] == "too_many_requests"
    assert "Please retry in 50s" in error["message"]
    server.clock.advance(60)
    assert await billed(server) == before
    assert (await server.seen())["submits"][-1]["over_quota"] is True


async def test_a_quota_of_the_day_ends_at_midnight_pacific_time(server: Server) -> None:
    await server.control(quota={OMNI: {"per_day": 1}})
    await create(server, body())
    error = (await create(server, body(), 429))["error"]
    assert error["code"] == "quota_exceeded"
    # the clock is at 14:13 UTC, and midnight there is 8:00 UTC
    server.clock.advance(17.5 * 3600)
    await create(server, body(), 429)
    server.clock.advance(1800)
    await create(server, body())


async def test_where_the_delay_is_named(server: Server) -> None:
    await server.control(quota={OMNI: {"per_minute": 0}})
    for hint, is_in_header in (("message", False), ("header", True), ("none", False)):
        await server.control(omni={"retry_hint": hint, "retry_s": 23})
        path = f"{server.base}/google/v1/interactions"
        async with server.http.post(path, json=body(), headers=server.key) as response:
            assert response.status == 429
            assert (response.headers.get("Retry-After") == "23") is is_in_header
            message = (await response.json())["error"]["message"]
            assert ("Please retry in 23s" in message) is (hint == "message")


async def test_errors_in_the_front_ends_form(server: Server) -> None:
    limits = {"retry_hint": "header", "retry_s": 23}
    await server.control(quota={OMNI: {"per_minute": 0}}, omni=limits | {"error_form": "rpc"})
    error = (await create(server, body(), 429))["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["details"][0]["retryDelay"] == "23s"
    await server.control(omni={"error_form": "array"})
    answer: Any = await create(server, body(), 429)
    assert answer[0]["error"]["status"] == "RESOURCE_EXHAUSTED"
    await server.control(omni={"error_form": "event"})
    path = f"{server.base}/google/v1/interactions"
    async with server.http.post(path, json=body(), headers=server.key) as response:
        event, data = (await response.text()).strip().split("\n")
        assert (response.status, event) == (429, "event: error")
    assert json.loads(data.removeprefix("data: "))["error"]["code"] == "too_many_requests"
    assert (await server.seen())["rate_limited"] == 3


@pytest.mark.parametrize(
    ("account", "status", "code", "may_read"),
    [
        ("payment_required", 402, "payment_required", True),
        ("billing_off", 400, "failed_precondition", True),
        ("blocked", 403, "permission_denied", False),
    ],
)
async def test_a_project_in_trouble(
    server: Server, account: str, status: int, code: str, may_read: bool
) -> None:
    made = await make(server, body())
    await server.control(omni={"account": account})
    assert (await create(server, body(), status))["error"]["code"] == code
    await read(server, made["id"], 200 if may_read else status)
    assert (await server.seen())["refusals"][-1]["status"] == status
    models = 200 if may_read else status
    await server.call("GET", "/google/v1beta/models", models, headers=server.key)


async def test_without_billing_an_interaction_is_kept_for_a_day(server: Server) -> None:
    await server.control(omni={"lifetime_s": 86_400})
    made = await make(server, body())
    server.clock.advance(86_400)
    await read(server, made["id"], 404)
    await create(server, edit(made["id"]), 404)


async def test_polls_of_a_running_one_can_be_wrongly_refused(server: Server) -> None:
    await server.control(omni={"invalid_polls": 2, "queued_s": 2})
    created = await create(server, body())
    assert created["status"] == "queued"
    for _ in range(2):
        error = (await read(server, created["id"], 400))["error"]
        assert error["code"] == "invalid_request"
    server.clock.advance(2)
    assert (await read(server, created["id"]))["status"] == "in_progress"


@pytest.mark.parametrize("status", ["incomplete", "budget_exceeded", "requires_action", "idle"])
async def test_it_can_end_in_other_ways(server: Server, status: str) -> None:
    await server.control(outcome="failed", omni={"failed_status": status})
    answer = await make(server, body())
    assert answer["status"] == status
    assert "steps" not in answer


async def test_a_cancelled_run_may_report_its_cost(server: Server) -> None:
    async def cancel(**settings: Any) -> dict[str, Any]:
        await server.control(omni=settings)
        created = await create(server, body())
        path = f"/google/v1/interactions/{created['id']}/cancel"
        await server.call("POST", path, headers=server.key)
        server.clock.advance(2)
        return await read(server, created["id"])

    zero = await cancel(reports_zero=True)
    assert zero["usage"]["total_output_tokens"] == 0
    assert await billed(server) == 0
    told = await cancel(bills_cancelled=True)
    assert told["usage"]["total_output_tokens"] == 3 * 1931
    price = await billed(server)
    assert price > 0
    assert "usage" not in await cancel(reports_usage=False)
    assert await billed(server) == pytest.approx(2 * price)


async def test_a_run_goes_on_after_its_deletion_and_is_billed(server: Server) -> None:
    created = await create(server, body())
    await server.call("DELETE", f"/google/v1/interactions/{created['id']}", headers=server.key)
    await read(server, created["id"], 404)
    server.clock.advance(10)
    await server.google.omni.store.interactions[0].rendering  # type: ignore[misc]
    [submit] = (await server.seen())["submits"]
    assert submit["deleted"] is True
    assert submit["billed_usd"] > 0


async def test_usage_tells_kinds_of_tokens(server: Server) -> None:
    made = await make(server, body([image(), text("<FIRST_FRAME> it rolls")]))
    assert [item["modality"] for item in made["usage"]["input_tokens_by_modality"]] == [
        "text",
        "image",
    ]
    edited = await make(server, edit(made["id"]))
    kinds = {item["modality"] for item in edited["usage"]["input_tokens_by_modality"]}
    assert kinds == {"text", "video"}
    assert edited["usage"]["total_thought_tokens"] > 0


async def test_the_input_comes_along_when_asked_for(server: Server) -> None:
    created = await create(server, body("a ball"))
    path = f"/google/v1/interactions/{created['id']}?include_input=true"
    answer = await server.call("GET", path, headers=server.key)
    assert answer["steps"][0] == {"type": "user_input", "content": [text("a ball")]}


async def test_what_is_not_stored_cannot_be_read_or_gone_on_from(server: Server) -> None:
    await server.control(seconds=0)
    made = await create(server, body(background=False, store=False))
    assert made["status"] == "completed"
    await read(server, made["id"], 404)
    await create(server, edit(made["id"]), 404)
    refused = await create(server, edit(made["id"], background=False, store=False), 400)
    assert "previous_interaction_id" in refused["error"]["message"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("<FIRST_FRAME> a ball", "an image that is not there", id="frame"),
        pytest.param([image(), text("<IMAGE_REF_1> a ball")], "not there", id="reference"),
        pytest.param([image(), text("<IMAGE_REF_0>@Image2 a ball")], "not there", id="numbered"),
        pytest.param(
            [image(), text("<FIRST_FRAME> <IMAGE_REF_0> a ball")], "not there", id="used twice"
        ),
        pytest.param([image(), text("<VIDEO_REF_0> a ball")], "a video", id="video"),
    ],
)
async def test_a_tag_without_its_picture(server: Server, content: Any, words: str) -> None:
    assert words in (await create(server, body(content), 400))["error"]["message"]


@pytest.mark.parametrize(
    ("labels", "status"),
    [
        ({"job": ""}, 200),
        ({"größe": "7-a_b"}, 200),
        ({"7job": "7"}, 400),
        ({"job": "Seven"}, 400),
        ({"job": "7" * 64}, 400),
        ({"job": 7}, 400),
        ({f"job{number}": "" for number in range(65)}, 400),
    ],
)
async def test_labels(server: Server, labels: dict[str, Any], status: int) -> None:
    await create(server, body(labels=labels), status)


async def test_a_picture_from_a_phone(server: Server) -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture())).save(buffer, "HEIF")
    content = [image(buffer.getvalue(), "image/heic"), text("<FIRST_FRAME> it rolls")]
    assert (await make(server, body(content)))["status"] == "completed"


def bright_cards(path: Path) -> int:
    """How many of the twelve places for references in an upright 360p clip are bright."""
    frame = frames_of(path)[30]
    side, margin = 72, 10
    places = [(row, column) for row in range(3) for column in range(4)]
    corners = [
        frame[margin + row * (side + margin) :, margin + column * (side + margin) :]
        for row, column in places
    ]
    return sum(bool(corner[8 : side - 8, 8 : side - 8].mean() > 200) for corner in corners)


async def test_every_reference_is_drawn(server: Server, tmp_path: Path) -> None:
    white = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(white, "PNG")
    for count, model in ((6, OMNI), (12, OLDER)):
        content = [*[image(white.getvalue())] * count, text("they meet")]
        made = await make(server, body(content, model=model, form={"aspect_ratio": "9:16"}))
        assert bright_cards(await fetch(server, made, tmp_path / f"{count}.mp4")) == count
    plain = await make(server, body(form={"aspect_ratio": "9:16"}))
    with_references = {
        "input": [image(white.getvalue()), text("[# References <IMAGE_REF_0>@Image1]")]
    }
    edited = await make(server, edit(plain["id"]) | with_references)
    assert bright_cards(await fetch(server, edited, tmp_path / "edited.mp4")) == 1


async def test_short_videos_can_be_references(server: Server, tmp_path: Path) -> None:
    made = await make(server, body())
    data = (await fetch(server, made, tmp_path / "clip.mp4")).read_bytes()
    encoded = base64.b64encode(data).decode()
    video = {"type": "video", "mime_type": "video/mp4", "data": encoded}
    content = [video, text("<VIDEO_REF_0> in the rain")]
    assert (await make(server, body(content)))["status"] == "completed"
    refused = await create(server, body([*[video] * 4, text("<VIDEO_REF_0> in the rain")]), 400)
    assert "At most 3" in refused["error"]["message"]
    longer = await make(server, body(form={"duration": "4s"}))
    data = (await fetch(server, longer, tmp_path / "longer.mp4")).read_bytes()
    video = video | {"data": base64.b64encode(data).decode()}
    refused = await create(server, body([video, text("<VIDEO_REF_0> in the rain")]), 400)
    assert "longer than 3s" in refused["error"]["message"]


async def test_a_video_is_not_given_out_before_it_is_processed(server: Server) -> None:
    await server.control(processing_s=60)
    created = await create(server, body())
    uri = (await finish(server, created["id"]))["steps"][-1]["content"][0]["uri"]
    path = uri.removeprefix(server.base)
    error = (await server.call("GET", path, 400, headers=server.key))["error"]
    assert error["status"] == "FAILED_PRECONDITION"
    server.clock.advance(60)
    async with server.http.get(uri, headers=server.key) as response:
        assert response.status == 200


async def test_an_upload_can_be_deleted(server: Server) -> None:
    file = await upload(server, picture(), "image/png")
    path = f"/google/v1beta/{file['name']}"
    await server.call("DELETE", path, headers=server.key)
    await server.call("GET", path, 403, headers=server.key)


async def test_an_edit_without_a_time_of_day_is_visible_too(server: Server, tmp_path: Path) -> None:
    made = await make(server, body())
    before = await fetch(server, made, tmp_path / "before.mp4")
    edited = await make(server, edit(made["id"], "take out the car"))
    after = await fetch(server, edited, tmp_path / "after.mp4")
    first, second = colours_of(before), colours_of(after)
    assert np.abs(first.astype(int) - second).mean() > 5


def colours_of(path: Path) -> np.ndarray[Any, Any]:
    import av

    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")

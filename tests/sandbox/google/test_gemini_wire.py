"""The Gemini API over HTTP, with aiohttp and, where possible, google-genai."""

import base64
import hashlib
import io
import json
from typing import Any

import aiohttp
import pytest
from google import genai
from google.genai import types

from tests.harness.waiting import eventually
from tests.sandbox.google.conftest import VEO, Server, picture

pytestmark = pytest.mark.filterwarnings(
    # Raised by google-genai itself when it first makes its aiohttp session.
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)

SUBMIT = f"/google/v1beta/models/{VEO}:predictLongRunning"
BODY: dict[str, Any] = {"instances": [{"prompt": "a ball"}]}


def sdk(server: Server) -> genai.Client:
    options = types.HttpOptions(base_url=f"{server.base}/google", api_version="v1beta")
    return genai.Client(api_key=server.google.api_key, http_options=options)


async def test_an_operation_takes_its_time_and_then_has_a_clip(server: Server) -> None:
    name = (await server.submit({"prompt": "a ball"}))["name"]
    assert name.startswith(f"models/{VEO}/operations/")
    assert await server.poll(name) == {"name": name}
    server.clock.advance(2.9)
    assert await server.poll(name) == {"name": name}
    answer = await server.done(name)
    assert answer["response"]["@type"].endswith("PredictLongRunningResponse")
    samples = answer["response"]["generateVideoResponse"]["generatedSamples"]
    assert [set(sample) for sample in samples] == [{"video"}]
    uri = samples[0]["video"]["uri"]
    assert uri.startswith(f"{server.base}/google/v1beta/files/")
    assert uri.endswith(":download?alt=media")


async def test_it_is_not_done_before_it_is_rendered(server: Server) -> None:
    name = (await server.submit({"prompt": "something not kept"}))["name"]
    server.clock.advance(100)
    assert await server.poll(name) == {"name": name}
    assert (await server.done(name))["done"] is True
    shown = (await server.seen())["submits"][0]
    assert shown["finished_at"] == pytest.approx(server.clock.now(), abs=11)


async def test_a_download_is_redirected(server: Server) -> None:
    uri = await server.made()
    async with server.http.get(uri, headers=server.key, allow_redirects=False) as answer:
        assert answer.status == 302
        target = answer.headers["Location"]
    assert target.startswith("http://localhost:")
    async with server.http.get(target) as answer:
        data = await answer.read()
        assert answer.headers["Content-Type"] == "video/mp4"
        assert answer.content_length == len(data) > 10_000
        assert data[4:8] == b"ftyp"
    async with server.http.get(target, headers={"Range": "bytes=100-199"}) as answer:
        assert answer.status == 206
        assert await answer.read() == data[100:200]
        assert answer.headers["Content-Range"] == f"bytes 100-199/{len(data)}"
    seen = await server.seen()
    assert (seen["downloads"], seen["contents"], seen["key_leaks"]) == (1, 2, 0)
    assert seen["submits"][0]["sha256"] == [hashlib.sha256(data).hexdigest()]


async def test_the_target_of_the_redirect_needs_its_ticket(server: Server) -> None:
    uri = await server.made()
    file = uri.rpartition("/")[2].partition(":")[0]
    await server.call("GET", f"/google-files/guess/{file}", 403)


async def test_a_key_sent_to_the_other_host_is_a_leak(server: Server) -> None:
    uri = await server.made()
    async with server.http.get(uri, headers=server.key, allow_redirects=False) as answer:
        target = answer.headers["Location"]
    async with server.http.get(target, headers=server.key) as answer:
        assert answer.status == 200
    async with server.http.get(f"{target}?key=x") as answer:
        assert answer.status == 200
    assert (await server.seen())["key_leaks"] == 2


async def test_google_genai_polls_and_downloads(server: Server) -> None:
    name = (await server.submit({"prompt": "a ball"}))["name"]
    client = sdk(server)
    try:
        operation = types.GenerateVideosOperation.model_validate({"name": name})
        pending = await client.aio.operations.get(operation)
        assert pending.done is None
        server.clock.advance(3)

        async def finished() -> types.GenerateVideosOperation | None:
            found = await client.aio.operations.get(operation)
            return found if found.done else None

        done = await eventually(finished, timeout=60)
        assert done is not None
        assert done.response is not None
        assert done.response.generated_videos is not None
        video = done.response.generated_videos[0].video
        assert video is not None
        assert video.uri is not None
        file_id = video.uri.rpartition("/")[2].partition(":")[0]
        file = await client.aio.files.get(name=f"files/{file_id}")
        assert file.state is types.FileState.PROCESSING
        assert file.source is types.FileSource.GENERATED
        server.clock.advance(1)
        file = await client.aio.files.get(name=f"files/{file_id}")
        assert file.state is types.FileState.ACTIVE
        assert file.download_uri == video.uri
        data = await client.aio.files.download(file=f"files/{file_id}")
        assert data is not None
        assert len(data) == file.size_bytes
        # It follows the redirect with the key, which the bot must not do.
        assert (await server.seen())["key_leaks"] == 1
    finally:
        await client.aio.aclose()


async def test_google_genai_sees_the_models(server: Server) -> None:
    await server.control(retired_models=["veo-2.0-generate-001"])
    client = sdk(server)
    try:
        names = [
            model.name async for model in await client.aio.models.list(config={"page_size": 2})
        ]
        assert f"models/{VEO}" in names
        assert "models/veo-2.0-generate-001" not in names
        model = await client.aio.models.get(model=VEO)
        assert (model.name, model.version, model.display_name) == (
            f"models/{VEO}",
            "3.1",
            "Veo 3.1",
        )
        assert model.supported_actions == ["predictLongRunning"]
        with pytest.raises(genai.errors.ClientError, match="no longer available") as caught:
            await client.aio.models.get(model="veo-2.0-generate-001")
        assert caught.value.code == 404
    finally:
        await client.aio.aclose()


async def test_retired_and_unknown_models(server: Server) -> None:
    await server.control(retired_models=[VEO])
    refused = await server.submit({"prompt": "a"}, status=404)
    assert refused["error"]["status"] == "NOT_FOUND"
    assert "is no longer available" in refused["error"]["message"]
    unknown = await server.submit({"prompt": "a"}, model="veo-9", status=404)
    assert "is not found for API version v1beta" in unknown["error"]["message"]
    assert [item["status"] for item in (await server.seen())["refusals"]] == [404, 404]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", SUBMIT),
        ("GET", f"/google/v1beta/models/{VEO}/operations/x"),
        ("GET", "/google/v1beta/models"),
        ("GET", f"/google/v1beta/models/{VEO}"),
        ("GET", "/google/v1beta/files/x"),
        ("GET", "/google/v1beta/files/x:download?alt=media"),
    ],
)
async def test_every_call_needs_the_key(server: Server, method: str, path: str) -> None:
    missing = await server.call(method, path, 403, json=BODY)
    assert missing["error"]["status"] == "PERMISSION_DENIED"
    wrong = await server.call(method, path, 400, json=BODY, headers={"x-goog-api-key": "x"})
    assert wrong["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    assert (await server.seen())["unauthorised"] == 2


async def test_the_key_may_be_in_the_query(server: Server) -> None:
    await server.call("POST", f"{SUBMIT}?key={server.google.api_key}", json=BODY)


async def test_a_refused_request_starts_nothing(server: Server) -> None:
    refused = await server.submit({"prompt": "a"}, status=400, durationSeconds="8")
    assert refused["error"] == {
        "code": 400,
        "message": "The value type for durationSeconds needs to be a number.",
        "status": "INVALID_ARGUMENT",
    }
    broken = await server.call("POST", SUBMIT, 400, data=b"{", headers=server.key)
    assert "Invalid JSON payload received" in broken["error"]["message"]
    seen = await server.seen()
    assert (seen["accepted"], seen["refused"], seen["submits"]) == (0, 2, [])


async def test_a_large_image_is_accepted(server: Server) -> None:
    data = picture() + bytes(15_000_000)
    image = {"bytesBase64Encoded": base64.b64encode(data).decode(), "mimeType": "image/png"}
    await server.control(outcome="filtered")
    body = json.dumps({"instances": [{"prompt": "a", "image": image}]}).encode()
    await server.call("POST", SUBMIT, data=io.BytesIO(body), headers=server.key)
    shown = (await server.seen())["submits"][0]
    text = shown["json"]["instances"][0]["image"]["bytesBase64Encoded"]
    assert text == f"<{len(image['bytesBase64Encoded'])} characters of base64>"


@pytest.mark.parametrize("where", ["generateVideoResponse", "response"])
async def test_filtered(server: Server, where: str) -> None:
    await server.control(outcome="filtered", filtered_on=where)
    name = (await server.submit({"prompt": "a ball"}))["name"]
    answer = await server.done(name)
    response = answer["response"]
    place = response if where == "response" else response["generateVideoResponse"]
    assert place["raiMediaFilteredCount"] == 1
    assert "You have not been charged" in place["raiMediaFilteredReasons"][0]
    assert "generatedSamples" not in response["generateVideoResponse"]
    seen = await server.seen()
    assert (seen["filtered"], seen["billed_seconds"], seen["finished_clips"]) == (1, 0, 0)


async def test_failed_and_never(server: Server) -> None:
    await server.control(
        outcome_for=[
            {"prompt": "^break", "outcome": "failed", "reason": "Out of luck."},
            {"prompt": "^hang", "outcome": "never"},
        ]
    )
    failed = (await server.submit({"prompt": "break it"}))["name"]
    never = (await server.submit({"prompt": "hang on"}))["name"]
    fine = (await server.submit({"prompt": "a ball"}))["name"]
    assert (await server.done(fine))["response"]
    assert (await server.poll(failed))["error"] == {"code": 13, "message": "Out of luck."}
    server.clock.advance(86_400)
    assert await server.poll(never) == {"name": never}
    late = never.rpartition("/")[2]
    await server.call("POST", f"/control/google/operations/{late}", json={"outcome": "done"})
    assert (await server.done(never))["response"]
    seen = await server.seen()
    assert (seen["done"], seen["failed"], seen["pending"]) == (2, 1, 0)
    assert seen["billed_seconds"] == 16


async def test_veo_2_with_one_of_two_samples_filtered(server: Server) -> None:
    model = "veo-2.0-generate-001"
    name = (await server.submit({"prompt": "a ball"}, model, sampleCount=2, durationSeconds=5))[
        "name"
    ]
    both = (await server.done(name))["response"]["generateVideoResponse"]["generatedSamples"]
    assert len({sample["video"]["uri"] for sample in both}) == 2
    await server.control(partial_filter=1)
    name = (await server.submit({"prompt": "a ball"}, model, sampleCount=2, durationSeconds=5))[
        "name"
    ]
    part = (await server.done(name))["response"]["generateVideoResponse"]
    assert (len(part["generatedSamples"]), part["raiMediaFilteredCount"]) == (1, 1)
    submits = (await server.seen())["submits"]
    assert len(set(submits[0]["sha256"])) == 2
    assert [item["billed_seconds"] for item in submits] == [10, 5]


async def test_extension_of_what_may_be_extended(server: Server) -> None:
    uri = await server.made("a ball", durationSeconds=4)
    for hop in (1, 2):
        name = (await server.submit({"prompt": "it rolls", "video": {"uri": uri}}))["name"]
        answer = await server.done(name)
        server.clock.advance(2)
        uri = answer["response"]["generateVideoResponse"]["generatedSamples"][0]["video"]["uri"]
        file = await server.call(
            "GET", uri.removeprefix(server.base).partition(":download")[0], headers=server.key
        )
        assert file["videoMetadata"]["videoDuration"] == f"{4 + 7 * hop}s"
    assert [item["billed_seconds"] for item in (await server.seen())["submits"]] == [4, 7, 7]


async def test_extension_of_what_may_not(server: Server) -> None:
    name = (await server.submit({"prompt": "a ball"}, durationSeconds=4))["name"]
    answer = await server.done(name)
    uri = answer["response"]["generateVideoResponse"]["generatedSamples"][0]["video"]["uri"]
    instance = {"prompt": "on", "video": {"uri": uri}}

    async def refused(status: int, instance: dict[str, Any] = instance, **more: Any) -> str:
        answer = await server.submit(instance, status=status, **more)
        message: str = answer["error"]["message"]
        return message

    assert "generated by VEO that has been processed" in await refused(400)
    server.clock.advance(1)
    assert "Aspect ratio of the input video must be 9:16" in await refused(400, aspectRatio="9:16")
    foreign = {"prompt": "on", "video": {"uri": "https://example.com/v1beta/files/abc"}}
    assert "generated by VEO" in await refused(400, foreign)
    gone = {"prompt": "on", "video": {"uri": uri.replace("files/", "files/x")}}
    assert "You do not have permission to access the File" in await refused(403, gone)
    await server.submit(instance)
    server.clock.advance(48 * 3600)
    assert "You do not have permission to access the File" in await refused(403)


async def test_files_expire(server: Server) -> None:
    uri = await server.made()
    file = uri.rpartition("/")[2].partition(":")[0]
    path = f"/google/v1beta/files/{file}"
    made = (await server.seen())["submits"][0]["finished_at"]
    server.clock.advance(made + 48 * 3600 - 1 - server.clock.now())
    await server.call("GET", path, headers=server.key)
    server.clock.advance(1)
    for where in (path, f"{path}:download?alt=media"):
        gone = await server.call("GET", where, 403, headers=server.key)
        assert gone["error"]["message"] == (
            f"You do not have permission to access the File {file} or it may not exist."
        )
    await server.control(file_lifetime_s=72 * 3600)
    await server.call("GET", path, headers=server.key)
    for action in ("expire", "revoke"):
        await server.call("POST", f"/control/google/files/{file}", json={action: True})
        await server.call("GET", path, 403, headers=server.key)
        await server.call("POST", f"/control/google/files/{file}", json={action: False})


async def test_a_file_that_cannot_be_processed(server: Server) -> None:
    uri = await server.made()
    file = uri.rpartition("/")[2].partition(":")[0]
    order = await server.call("POST", f"/control/google/files/{file}", json={"fail": True})
    assert order == {"expired": False, "revoked": False, "failed": True}
    path = f"/google/v1beta/files/{file}"
    assert (await server.call("GET", path, headers=server.key))["state"] == "FAILED"
    refused = await server.call("GET", f"{path}:download?alt=media", 400, headers=server.key)
    assert refused["error"]["status"] == "FAILED_PRECONDITION"
    extension = await server.submit({"prompt": "b", "video": {"uri": uri}}, status=400)
    assert "has been processed" in extension["error"]["message"]


async def test_quotas(server: Server) -> None:
    await server.control(quota={VEO: {"per_minute": 2, "per_day": 3}}, outcome="filtered")
    await server.submit({"prompt": "a"})
    server.clock.advance(25.6)
    await server.submit({"prompt": "a"})
    error = (await server.submit({"prompt": "a"}, status=429))["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    failure, links, retry = error["details"]
    assert links["@type"].endswith("Help")
    assert failure["violations"][0]["quotaValue"] == "2"
    assert "PerMinute" in failure["violations"][0]["quotaId"]
    assert retry == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.400s"}
    await server.submit({"prompt": "a"}, model="veo-3.1-fast-generate-preview")
    server.clock.advance(34.5)
    await server.submit({"prompt": "a"})
    error = (await server.submit({"prompt": "a"}, status=429))["error"]
    assert "PerMinute" in error["details"][0]["violations"][0]["quotaId"]
    server.clock.advance(3600)
    error = (await server.submit({"prompt": "a"}, status=429))["error"]
    assert "PerDay" in error["details"][0]["violations"][0]["quotaId"]
    assert error["details"][2]["retryDelay"] == "36.000s"
    await server.control(day_quota_delay_s=None)
    error = (await server.submit({"prompt": "a"}, status=429))["error"]
    assert len(error["details"]) == 2
    seen = await server.seen()
    assert (seen["accepted"], seen["rate_limited"]) == (4, 4)


async def test_a_region_changes_what_people_may_be_shown(server: Server) -> None:
    await server.control(region="eu", outcome="filtered")
    await server.submit({"prompt": "a"}, status=400, personGeneration="allow_all")
    await server.submit({"prompt": "a"}, personGeneration="allow_adult")


async def test_an_unknown_operation(server: Server) -> None:
    path = f"/google/v1beta/models/{VEO}/operations/none"
    await server.call("GET", path, 404, headers=server.key)


async def test_polls_before_done(server: Server) -> None:
    await server.control(polls_before_done=3, outcome="failed")
    name = (await server.submit({"prompt": "a"}))["name"]
    server.clock.advance(10)
    done = [bool((await server.poll(name)).get("done")) for _ in range(3)]
    assert done == [False, False, True]


async def test_unseeded_clips_can_be_made_to_vary(server: Server) -> None:
    await server.made("a ball", durationSeconds=4)
    await server.made("a ball", durationSeconds=4)
    await server.control(vary_unseeded=True)
    await server.made("a ball", durationSeconds=4)
    one, other, varied = [item["sha256"] for item in (await server.seen())["submits"]]
    assert one == other != varied


async def test_a_dropped_client_does_not_stop_the_rendering(server: Server) -> None:
    with pytest.raises(TimeoutError):
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1e-6)) as http:
            await http.post(f"{server.base}{SUBMIT}", json=BODY, headers=server.key)
    assert await server.made()


async def test_a_whole_request_has_a_limit(server: Server) -> None:
    """[images-F2]"""
    image = {"bytesBase64Encoded": "A" * 20 * 1024 * 1024, "mimeType": "image/png"}
    body = json.dumps({"instances": [{"prompt": "a", "image": image}]}).encode()
    refused = await server.call("POST", SUBMIT, 400, data=io.BytesIO(body), headers=server.key)
    assert "payload size exceeds the limit: 20971520 bytes" in refused["error"]["message"]

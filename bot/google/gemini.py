"""Veo on the Gemini Developer API: an API key, and files that Google keeps for two days.

The submit is a request of our own, since google-genai 3 refuses it on this route; polling and the
state of files go through the SDK. The uri of a file is worth nothing without the key and is never
shown to anybody.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
from google import genai
from google.genai import errors, types
from yarl import URL

from bot.domain.errors import (
    AccessRefused,
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
    VideoError,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import GoogleRoute, VideoPlan
from bot.domain.models import ModelCatalogue
from bot.domain.ports import (
    Clock,
    ModelReachability,
    OperationFailed,
    OperationFinished,
    OperationPending,
    PollResult,
    RemoteVideo,
)
from bot.google.api_errors import (
    SOURCE_UNPROCESSED_PATTERN,
    build_filtered_failure,
    classify_call_error,
    clean_message,
    read_answer,
    read_operation_failure,
)
from bot.google.connection import CALL_S, GoogleConnection
from bot.google.download import download_file
from bot.google.payload import build_instance, build_parameters, read_filtered_media
from bot.google.probing import check_each_model

GEMINI_API_URL: Final = "https://generativelanguage.googleapis.com"
API_VERSION: Final = "v1beta"
"""Where the operations and files of Veo live; google-genai 3 asks elsewhere unless told."""

_FILE_NAME_PATTERN: Final = re.compile(r"/(files/[A-Za-z0-9_-]+)(?=[:/?]|$)")
_OPERATION_MODEL_PATTERN: Final = re.compile(r"models/([^/]+)/operations/")
_PROCESSING_WAIT_S: Final = 60.0
_PROCESSING_POLL_INTERVAL_S: Final = 2.0
_UNPROCESSED_RETRY_S: Final = 10.0
_SDK_PARSING_ERRORS: Final = (ValueError, TypeError, AttributeError, LookupError)
"""What the SDK raises over an answer that it did not expect, a gateway's page for example."""


class _RawOperation(types.Operation):
    """What the SDK hands back for a poll: the answer itself.

    The SDK's own class drops the filter's fields where they stand on ``response``.
    """

    def __init__(self, name: str, answer: Any = None) -> None:
        self.name = name
        self.raw_answer = answer

    @classmethod
    def from_api_response(cls, api_response: Any, is_vertex_ai: bool = False) -> Self:
        """Keep the answer as it came."""
        return cls("", api_response)


class GeminiModels:
    """Implements `bot.domain.ports.VideoModels` for the Gemini route.

    ``base_url`` is the API's or a gateway's; ``data_dir`` is what the images' paths are relative
    to. With ``paid_calls`` false only servers on this machine get a submit.
    """

    route: Final = GoogleRoute.GEMINI

    def __init__(
        self,
        *,
        api_key: str,
        data_dir: Path,
        catalogue: ModelCatalogue,
        clock: Clock,
        base_url: str = GEMINI_API_URL,
        paid_calls: bool = True,
    ) -> None:
        self._api_key = api_key.strip()
        self._data_dir = data_dir
        self._catalogue = catalogue
        self._clock = clock
        self._connection = GoogleConnection(
            base_url, self._build_authorization_headers, allow_paid_calls=paid_calls
        )
        self._opened_sdk_client: genai.Client | None = None
        self._unprocessed_since: dict[int, float] = {}

    async def _build_authorization_headers(self) -> Mapping[str, str]:
        return {"x-goog-api-key": self._api_key}

    @property
    def _sdk_client(self) -> genai.Client:
        if self._opened_sdk_client is None:
            self._opened_sdk_client = genai.Client(
                vertexai=False,
                api_key=self._api_key,
                http_options=types.HttpOptions(
                    base_url=str(self._connection.base_url),
                    api_version=API_VERSION,
                    timeout=int(CALL_S * 1000),
                    # The caller decides when to ask again; and the key follows no redirect.
                    retry_options=types.HttpRetryOptions(attempts=1),
                    aiohttp_client=self._connection.session,
                    async_client_args={"allow_redirects": False},
                ),
            )
        return self._opened_sdk_client

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Start the operation and return its name; see the port."""
        made = build_instance(plan, self._data_dir)
        if plan.source is not None:
            if plan.source.remote_uri is None:
                raise VideoRefused("the source has no uri", outcome=Outcome.SOURCE_EXPIRED)
            try:
                await self._wait_until_processed(plan.source.remote_uri)
            except RemoteNotFound as error:
                raise VideoRefused(str(error), outcome=Outcome.SOURCE_EXPIRED) from error
            # The uri alone: with a MIME type beside it Google refuses the request.
            made["video"] = {"uri": plan.source.remote_uri}
        document = {"instances": [made], "parameters": build_parameters(plan, self._catalogue)}
        try:
            answer = await self._connection.submit(
                f"{API_VERSION}/models/{plan.model}:predictLongRunning",
                document,
                about_to_send=about_to_send,
            )
        except VideoRefused as refusal:
            raise self._convert_unprocessed_refusal(refusal, job_id) from refusal
        self._unprocessed_since.pop(job_id, None)
        name = answer.get("name") if isinstance(answer, dict) else None
        if not isinstance(name, str) or not name:
            raise SubmitUncertain("submit answered 200 without the operation's name")
        return name

    def _convert_unprocessed_refusal(self, refusal: VideoRefused, job_id: int) -> VideoError:
        """Give a source that Google has not finished filing a minute, counted from the first no.

        Google answered and started nothing, so the job may go back to the queue.
        """
        if not SOURCE_UNPROCESSED_PATTERN.search(str(refusal)):
            return refusal
        now = self._clock.monotonic()
        if now - self._unprocessed_since.setdefault(job_id, now) < _PROCESSING_WAIT_S:
            return GoogleUnavailable(
                str(refusal), retry_after_s=_UNPROCESSED_RETRY_S, detail=refusal.detail
            )
        del self._unprocessed_since[job_id]
        return VideoRefused(str(refusal), outcome=Outcome.SOURCE_EXPIRED, detail=refusal.detail)

    async def poll(self, operation: str) -> PollResult:
        """Ask for the operation once; see the port."""
        async with _translate_sdk_errors("poll"):
            found = await self._sdk_client.aio.operations.get(_RawOperation(operation))
        made = _OPERATION_MODEL_PATTERN.search(operation)
        model = self._catalogue.get(made[1]) if made else None
        poll = read_operation(found.raw_answer)
        if not isinstance(poll, OperationFinished) or model is None or model.keep_seconds is None:
            return poll
        keep = timedelta(seconds=model.keep_seconds)
        return OperationFinished(
            videos=tuple(
                [
                    RemoteVideo(uri=video.uri, expires_at=await self._find_expiry(video.uri, keep))
                    for video in poll.videos
                ]
            ),
            filtered_reasons=poll.filtered_reasons,
        )

    async def _find_expiry(self, uri: str | None, keep: timedelta) -> datetime:
        """Return until when Google keeps a file: as it says itself, else counted from now.

        After a restart the operation may have ended long before it is asked about.
        """
        latest = self._clock.now() + keep
        try:
            file = await self._get_file(uri)
        except VideoError:
            return latest
        if file is not None and file.expiration_time is not None:
            return min(latest, file.expiration_time)
        if file is not None and file.create_time is not None:
            return min(latest, file.create_time + keep)
        return latest

    async def _get_file(self, uri: str | None) -> types.File | None:
        name = _FILE_NAME_PATTERN.search(uri or "")
        if name is None:
            return None
        async with _translate_sdk_errors("file"):
            return await self._sdk_client.aio.files.get(name=name[1])

    async def _wait_until_processed(self, uri: str) -> None:
        """Wait while Google still processes the file, for at most a minute.

        Raises `GoogleBusy` when it takes longer, `RemoteGone` when Google has given the file up.
        One that Google will not talk about is left to the request proper, whose answer says more.
        """
        deadline = self._clock.monotonic() + _PROCESSING_WAIT_S
        while True:
            try:
                file = await self._get_file(uri)
            except (RemoteNotFound, AccessRefused):
                return
            if file is not None and file.state is types.FileState.FAILED:
                raise RemoteNotFound("Google could not process the file")
            if file is None or file.state is not types.FileState.PROCESSING:
                return
            if self._clock.monotonic() >= deadline:
                raise GoogleUnavailable(
                    "the file is still processing", retry_after_s=_UNPROCESSED_RETRY_S
                )
            await self._clock.sleep(_PROCESSING_POLL_INTERVAL_S)

    async def download_video(self, video: RemoteVideo, destination: Path) -> None:
        """Stream the video to ``destination``; see the port."""
        if video.uri is None:
            raise RemoteNotFound("the video has no uri")
        await self._wait_until_processed(video.uri)
        await download_file(
            self._connection,
            self._build_download_url(video.uri),
            destination,
            sleep=self._clock.sleep,
        )

    def _build_download_url(self, uri: str) -> URL:
        """Return where to fetch a file: at the API that we speak with, whatever host the uri names.

        A gateway may hand on Google's own uri, which would not take the gateway's key.
        """
        name = _FILE_NAME_PATTERN.search(uri)
        if name is None:
            return URL(uri, encoded=True)
        return self._connection.build_url(f"{API_VERSION}/{name[1]}:download?alt=media")

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Return `None`: this route cannot list operations."""
        return None

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        """Tell which of ``models`` the key can use.

        Raises `AccessRefused` or `GoogleBusy` when Google says nothing of any.
        """
        return await check_each_model(models, self._check_model)

    async def _check_model(self, model: str) -> ModelReachability:
        try:
            async with _translate_sdk_errors(f"model {model}"):
                await self._sdk_client.aio.models.get(model=model)
        except RemoteNotFound as error:
            if error.detail is None:
                # Not Google's own words: a gateway that passes requests on but lists no models.
                return ModelReachability(model, is_reachable=True)
            return ModelReachability(model, is_reachable=False, reason=error.detail)
        return ModelReachability(model, is_reachable=True)

    async def close(self) -> None:
        """Close connections."""
        if self._opened_sdk_client is not None:
            await self._opened_sdk_client.aio.aclose()
            self._opened_sdk_client.close()
        await self._connection.close()


@asynccontextmanager
async def _translate_sdk_errors(label: str) -> AsyncIterator[None]:
    """Turn what the SDK raises into the program's errors; ``what`` names the call."""
    try:
        yield
    except errors.APIError as error:
        headers = getattr(error.response, "headers", None) or {}
        answer = read_answer(error.code or 0, error.details, headers.get("Retry-After"))
        raise classify_call_error(answer, label) from error
    except (aiohttp.ClientError, TimeoutError, OSError, *_SDK_PARSING_ERRORS) as error:
        raise GoogleUnavailable(f"{label}: {type(error).__name__}") from error


def read_operation(answer: Any) -> PollResult:
    """Return what the answer to a poll says. Raises `GoogleBusy` when it says nothing."""
    if not isinstance(answer, dict):
        raise GoogleUnavailable("poll answered without an operation")
    if not answer.get("done"):
        return OperationPending()
    if isinstance(error := answer.get("error"), dict):
        return read_operation_failure(error)
    response = answer.get("response")
    inner = response.get("generateVideoResponse") if isinstance(response, dict) else None
    place = inner if isinstance(inner, dict) else response
    samples = place.get("generatedSamples") if isinstance(place, dict) else None
    uris = [uri for sample in samples or [] if (uri := _read_uri(sample))]
    count, reasons = read_filtered_media(inner, response)
    if uris:
        kept = tuple(reason for each in reasons if (reason := clean_message(each)))
        return OperationFinished(tuple(RemoteVideo(uri=uri) for uri in uris), filtered_reasons=kept)
    if count:
        return build_filtered_failure(reasons)
    return OperationFailed(Outcome.OPERATION_FAILED, None)


def _read_uri(sample: Any) -> str | None:
    video = sample.get("video") if isinstance(sample, dict) else None
    uri = video.get("uri") if isinstance(video, dict) else None
    return uri if isinstance(uri, str) and uri else None

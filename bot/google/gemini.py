"""Veo on the Gemini Developer API: an API key, and files that Google keeps for two days.

The submit bypasses the SDK, because google-genai 3 refuses it on this route; polling and the state
of files go through the SDK. A file's uri needs the key, so it is never shown.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
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
    VideoError,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import GoogleRoute, VideoPlan
from bot.domain.models import ModelCatalogue
from bot.domain.ports import Clock, ModelReachability, OperationFinished, PollResult, RemoteVideo
from bot.google.api_errors import SOURCE_UNPROCESSED_PATTERN, classify_call_error, read_answer
from bot.google.connection import CALL_S, GoogleConnection
from bot.google.download import download_file
from bot.google.operations import as_list, as_mapping, read_operation
from bot.google.payload import build_instance, build_parameters
from bot.google.reachability import check_each_model

GEMINI_API_URL: Final = "https://generativelanguage.googleapis.com"
API_VERSION: Final = "v1beta"
"""Where Veo's operations and files are; not google-genai 3's default."""

_FILE_NAME_PATTERN: Final = re.compile(r"/(files/[A-Za-z0-9_-]+)(?=[:/?]|$)")
_OPERATION_MODEL_PATTERN: Final = re.compile(r"models/([^/]+)/operations/")
_PROCESSING_WAIT_S: Final = 60.0
_PROCESSING_POLL_INTERVAL_S: Final = 2.0
_UNPROCESSED_RETRY_S: Final = 10.0
_SDK_PARSING_ERRORS: Final = (ValueError, TypeError, AttributeError, LookupError)
"""What the SDK raises for an unexpected answer, such as a gateway's page."""


class _RawOperation(types.Operation):
    """Makes the SDK return a poll's raw answer; its own class drops some of the filter's fields."""

    def __init__(self, name: str, answer: Any = None) -> None:
        self.name = name
        self.raw_answer = answer

    @classmethod
    def from_api_response(cls, api_response: Any, is_vertex_ai: bool = False) -> Self:
        return cls("", api_response)


class GeminiModels:
    """Implements `bot.domain.ports.VideoModels` for the Gemini route.

    ``base_url`` is the API's or a gateway's; image paths are relative to ``data_dir``. With
    ``paid_calls`` false, submits go to servers on this machine only.
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
                    # The caller retries, and the key must not follow redirects.
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
        instance = build_instance(plan, self._data_dir)
        if plan.source is not None:
            if plan.source.remote_uri is None:
                raise VideoRefused("the source has no uri", outcome=Outcome.SOURCE_EXPIRED)
            try:
                await self._wait_until_processed(plan.source.remote_uri)
            except RemoteNotFound as error:
                raise VideoRefused(str(error), outcome=Outcome.SOURCE_EXPIRED) from error
            # Google refuses a MIME type beside the uri.
            instance["video"] = {"uri": plan.source.remote_uri}
        document = {"instances": [instance], "parameters": build_parameters(plan, self._catalogue)}
        try:
            operation = await self._connection.submit(
                f"{API_VERSION}/models/{plan.model}:predictLongRunning",
                document,
                about_to_send=about_to_send,
            )
        except VideoRefused as refusal:
            raise self._convert_unprocessed_refusal(refusal, job_id) from refusal
        self._unprocessed_since.pop(job_id, None)
        return operation

    def _convert_unprocessed_refusal(self, refusal: VideoRefused, job_id: int) -> VideoError:
        """Requeue a job whose source Google still processes, for a minute after the first refusal.

        That is safe: Google answered and started nothing.
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
        async with _translate_sdk_errors("poll"):
            raw_operation = await self._sdk_client.aio.operations.get(_RawOperation(operation))
        match = _OPERATION_MODEL_PATTERN.search(operation)
        model = self._catalogue.get(match[1]) if match else None
        result = read_operation(raw_operation.raw_answer, _read_videos)
        if not isinstance(result, OperationFinished) or model is None or model.keep_seconds is None:
            return result
        keep = timedelta(seconds=model.keep_seconds)
        videos = [
            replace(video, expires_at=await self._find_expiry(video.uri, keep))
            for video in result.videos
        ]
        return replace(result, videos=tuple(videos))

    async def _find_expiry(self, uri: str | None, keep: timedelta) -> datetime:
        """Return when Google deletes a file: by its own account, else counted from now.

        After a restart the operation may have finished long ago.
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
        match = _FILE_NAME_PATTERN.search(uri or "")
        if match is None:
            return None
        async with _translate_sdk_errors("file"):
            return await self._sdk_client.aio.files.get(name=match[1])

    async def _wait_until_processed(self, uri: str) -> None:
        """Wait at most a minute while Google processes the file.

        Raises `GoogleUnavailable` when it takes longer, `RemoteNotFound` when processing failed. If
        Google denies access to the file, the request that needs it will get the better answer.
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
        if video.uri is None:
            raise RemoteNotFound("the video has no uri")
        await self._wait_until_processed(video.uri)
        url = self._build_download_url(video.uri)
        await download_file(self._connection, url, destination, sleep=self._clock.sleep)

    def _build_download_url(self, uri: str) -> URL:
        """Return the file's url at the configured API, whatever host the uri names.

        A gateway may pass on Google's own uri, which does not accept the gateway's key.
        """
        match = _FILE_NAME_PATTERN.search(uri)
        if match is None:
            return URL(uri, encoded=True)
        return self._connection.build_url(f"{API_VERSION}/{match[1]}:download?alt=media")

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Return `None`: this route cannot list operations."""
        return None

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        return await check_each_model(models, self._request_model)

    async def _request_model(self, model: str) -> None:
        async with _translate_sdk_errors(f"model {model}"):
            await self._sdk_client.aio.models.get(model=model)

    async def close(self) -> None:
        if self._opened_sdk_client is not None:
            await self._opened_sdk_client.aio.aclose()
            self._opened_sdk_client.close()
        await self._connection.close()


@asynccontextmanager
async def _translate_sdk_errors(label: str) -> AsyncIterator[None]:
    """Translate the SDK's exceptions into the program's; ``label`` names the call."""
    try:
        yield
    except errors.APIError as error:
        headers = getattr(error.response, "headers", None) or {}
        answer = read_answer(error.code or 0, error.details, headers.get("Retry-After"))
        raise classify_call_error(answer, label) from error
    except (aiohttp.ClientError, TimeoutError, OSError, *_SDK_PARSING_ERRORS) as error:
        raise GoogleUnavailable(f"{label}: {type(error).__name__}") from error


def _read_videos(response: Mapping[str, Any]) -> Iterator[RemoteVideo]:
    section = as_mapping(response.get("generateVideoResponse")) or response
    for sample in as_list(section.get("generatedSamples")):
        uri = as_mapping(as_mapping(sample).get("video")).get("uri")
        if isinstance(uri, str) and uri:
            yield RemoteVideo(uri=uri)

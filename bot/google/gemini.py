"""Veo on the Gemini Developer API, with an API key and files that Google keeps for two days.

Submits bypass the SDK, because google-genai 3 refuses them on this route. Polls bypass it because
their answers may contain a whole clip (docs/decisions/0002). Whether a model exists is asked
without it, because each start asks that and the SDK takes 17 MiB (docs/decisions/0028). The state
of files is requested through the SDK. A file's uri only works with the key, so it is never shown.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import aiohttp

from bot.domain.errors import (
    AnswerNotFromGoogle,
    GoogleUnavailable,
    VideoError,
    VideoNotFetchable,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import GoogleRoute, VideoPlan
from bot.domain.models import ModelCatalog
from bot.domain.ports import (
    Clock,
    DownloadedVideo,
    ModelReachability,
    OperationFinished,
    PollResult,
    RemoteVideo,
)
from bot.google.connection import GoogleConnection
from bot.google.download import download_file
from bot.google.gemini_files import RemoteFile, build_download_url, find_file_name
from bot.google.inline_video import GEMINI_VIDEO_KEY, VERTEX_VIDEO_KEY
from bot.google.operation_requests import OperationRequests
from bot.google.operations import as_list, as_mapping, read_operation
from bot.google.payload import build_instance, build_parameters
from bot.google.reachability import check_each_model
from bot.google.wording import SOURCE_UNPROCESSED_PATTERN

if TYPE_CHECKING:
    from bot.google.gemini_sdk import GeminiSdk

GEMINI_API_URL: Final = "https://generativelanguage.googleapis.com"
API_VERSION: Final = "v1beta"
"""The version with Veo's operations and files. It is not the default of google-genai 3."""

_OPERATION_MODEL_PATTERN: Final = re.compile(r"models/([^/]+)/operations/")
_PROCESSING_WAIT_S: Final = 60.0
_PROCESSING_POLL_INTERVAL_S: Final = 2.0
_UNPROCESSED_RETRY_S: Final = 10.0


class GeminiModels:
    """Implements `bot.domain.ports.VideoModels` for the Gemini route.

    ``base_url`` is the url of the API or a gateway. Image paths are relative to ``data_dir``. If
    ``paid_calls`` is false, submits only go to servers on this machine.
    """

    route: Final = GoogleRoute.GEMINI

    def __init__(
        self,
        *,
        api_key: str,
        data_dir: Path,
        catalog: ModelCatalog,
        clock: Clock,
        base_url: str = GEMINI_API_URL,
        paid_calls: bool = True,
    ) -> None:
        self._api_key = api_key.strip()
        self._data_dir = data_dir
        self._catalog = catalog
        self._clock = clock
        self._connection = GoogleConnection(
            base_url, self._build_authorization_headers, allow_paid_calls=paid_calls
        )
        self._operations = OperationRequests(self._connection, data_dir)
        self._sdk: GeminiSdk | None = None
        self._sdk_lock = asyncio.Lock()
        self._unprocessed_since: dict[int, float] = {}

    async def _build_authorization_headers(self) -> Mapping[str, str]:
        return {"x-goog-api-key": self._api_key}

    async def _open_sdk(self) -> "GeminiSdk":
        async with self._sdk_lock:
            if self._sdk is None:
                session = self._connection.session
                self._sdk = await asyncio.to_thread(self._create_sdk, session)
        return self._sdk

    def _create_sdk(self, session: aiohttp.ClientSession) -> "GeminiSdk":
        from bot.google.gemini_sdk import GeminiSdk  # slow: see there

        return GeminiSdk(
            api_key=self._api_key,
            api_version=API_VERSION,
            base_url=self._connection.base_url,
            session=session,
        )

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
            except VideoNotFetchable as error:
                raise VideoRefused(str(error), outcome=Outcome.SOURCE_EXPIRED) from error
            # Google refuses a MIME type next to the uri.
            instance["video"] = {"uri": plan.source.remote_uri}
        document = {"instances": [instance], "parameters": build_parameters(plan, self._catalog)}
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
        """Return the error for a refused submit; a retry if Google still processes the source.

        Retries end a minute after the first refusal. They are safe, because Google refused the
        request and started nothing.
        """
        if not SOURCE_UNPROCESSED_PATTERN.search(refusal.detail or ""):
            return refusal
        now = self._clock.monotonic()
        if now - self._unprocessed_since.setdefault(job_id, now) < _PROCESSING_WAIT_S:
            return GoogleUnavailable(
                str(refusal), retry_after_s=_UNPROCESSED_RETRY_S, detail=refusal.detail
            )
        del self._unprocessed_since[job_id]
        return VideoRefused(str(refusal), outcome=Outcome.SOURCE_EXPIRED, detail=refusal.detail)

    async def poll(self, operation: str) -> PollResult:
        path = f"{API_VERSION}/{quote(operation, safe='/:')}"
        answer = await self._operations.request_operation("GET", path, operation=operation)
        match = _OPERATION_MODEL_PATTERN.search(operation)
        model = self._catalog.get(match[1]) if match else None
        result = read_operation(answer, _read_videos)
        if not isinstance(result, OperationFinished) or model is None or model.keep_seconds is None:
            return result
        keep = timedelta(seconds=model.keep_seconds)
        videos = [
            replace(video, expires_at=await self._find_expiry(video.uri, keep))
            if video.inline_path is None
            else video
            for video in result.videos
        ]
        return replace(result, videos=tuple(videos))

    async def _find_expiry(self, uri: str | None, keep: timedelta) -> datetime:
        """Return when Google deletes a file, or else ``keep`` from now.

        Counting from now may be too late, because after a restart the operation may have finished
        long ago. So Google's own times go first.
        """
        latest = self._clock.now() + keep
        try:
            file = await self._get_file(uri)
        except VideoError:
            return latest
        if file is not None and file.expires_at is not None:
            return min(latest, file.expires_at)
        if file is not None and file.created_at is not None:
            return min(latest, file.created_at + keep)
        return latest

    async def _get_file(self, uri: str | None) -> RemoteFile | None:
        name = find_file_name(uri or "")
        if name is None:
            return None
        return await (await self._open_sdk()).get_file(name)

    async def _wait_until_processed(self, uri: str) -> RemoteFile | None:
        """Wait up to a minute while Google processes the file, and return its record.

        Returns `None` if the record cannot be read. The request that needs the file will then get a
        better answer. Raises `GoogleUnavailable` after a minute, and `VideoNotFetchable` if the
        processing failed.
        """
        deadline = self._clock.monotonic() + _PROCESSING_WAIT_S
        while True:
            try:
                file = await self._get_file(uri)
            except VideoError:
                return None
            if file is not None and file.state == "FAILED":
                raise VideoNotFetchable("Google could not process the file")
            if file is None or file.state != "PROCESSING":
                return file
            if self._clock.monotonic() >= deadline:
                raise GoogleUnavailable(
                    "the file is still processing", retry_after_s=_UNPROCESSED_RETRY_S
                )
            await self._clock.sleep(_PROCESSING_POLL_INTERVAL_S)

    async def download_video(self, video: RemoteVideo, destination: Path) -> DownloadedVideo:
        if video.inline_path is not None:
            await self._operations.move_inline_video(video.inline_path, destination, self.poll)
            return DownloadedVideo()
        url = build_download_url(self._connection, video.uri)
        file = await self._wait_until_processed(video.uri or "")
        expected = None if file is None else file.content
        sha256 = await download_file(
            self._connection, url, destination, sleep=self._clock.sleep, expected=expected
        )
        return DownloadedVideo(is_verified=expected is not None, sha256=sha256)

    async def cancel_operation(self, operation: str) -> bool:
        """Return `False`: Veo's operations cannot be stopped."""
        return False

    async def delete_operation(self, operation: str) -> None:
        """Do nothing: Veo's operations cannot be deleted and expire on their own."""

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Return `None`: this route cannot list operations."""
        return None

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        return await check_each_model(models, self._request_model)

    async def _request_model(self, model: str) -> None:
        """Raise `VideoError` unless this account can use the model."""
        path = f"{API_VERSION}/models/{quote(model, safe='')}"
        answer = await self._connection.request_json("GET", path, label=f"model {model}")
        if not isinstance(answer, dict) or "error" in answer:
            raise AnswerNotFromGoogle(f"model {model}: unexpected answer")

    async def close(self) -> None:
        if self._sdk is not None:
            await self._sdk.close()
        await self._connection.close()


def _read_videos(response: Mapping[str, Any]) -> Iterator[RemoteVideo]:
    section = as_mapping(response.get("generateVideoResponse")) or response
    for sample in as_list(section.get("generatedSamples")):
        video = as_mapping(as_mapping(sample).get("video"))
        uri = video.get("uri")
        inline = video.get(GEMINI_VIDEO_KEY) or video.get(VERTEX_VIDEO_KEY)
        if isinstance(uri, str) and uri:
            yield RemoteVideo(uri=uri)
        elif isinstance(inline, str) and inline:
            yield RemoteVideo(uri=None, inline_path=Path(inline))

"""Veo on Agent Platform (Vertex AI), in a Google Cloud project.

Google keeps no files here. A clip comes inside the answer or goes to the operator's bucket, below
the job's own prefix, so that it can be found even if its submit was never answered. The SDK is not
used: it keeps several copies of an inline clip in memory, and after a failed submit it cannot tell
whether the request was sent (docs/decisions/0002).
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from bot.domain.errors import (
    AnswerNotFromGoogle,
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
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
from bot.google import storage
from bot.google.api_errors import CredentialsRejected
from bot.google.connection import GoogleConnection
from bot.google.credentials import TokenSource
from bot.google.download import download_file
from bot.google.inline_video import VERTEX_VIDEO_KEY
from bot.google.json_stream import FileContent
from bot.google.operation_requests import OperationRequests
from bot.google.operations import as_list, as_mapping, read_operation
from bot.google.payload import build_instance, build_parameters
from bot.google.reachability import check_each_model

API_VERSION: Final = "v1beta1"
_LATE_VIDEO_WINDOW_S: Final = 60.0
"""How long after an operation's first video the others may appear in the bucket."""


def build_api_url(location: str) -> str:
    """Return Google's url for ``location``. "global" has no prefix."""
    return f"https://{'' if location == 'global' else location + '-'}aiplatform.googleapis.com"


class VertexModels:
    """Implements `bot.domain.ports.VideoModels` for the Vertex route.

    ``base_url`` is a gateway's url; the default is Google's. ``output_uri`` is the operator's gs://
    prefix for clips, if any. ``storage_url`` is the url of Cloud Storage; the default is Google's,
    or ``/gcs`` at the origin of ``base_url`` if that is set.
    """

    route: Final = GoogleRoute.VERTEX

    def __init__(
        self,
        *,
        project: str,
        location: str,
        credentials: TokenSource,
        data_dir: Path,
        catalog: ModelCatalog,
        clock: Clock,
        base_url: str | None = None,
        output_uri: str | None = None,
        storage_url: str | None = None,
        paid_calls: bool = True,
    ) -> None:
        self._first_seen_at: dict[int, float] = {}
        self._parent = f"projects/{project}/locations/{location}"
        self._credentials = credentials
        self._data_dir = data_dir
        self._catalog = catalog
        self._clock = clock
        self._output_uri = output_uri.rstrip("/") if output_uri else None
        self._api = GoogleConnection(
            base_url or build_api_url(location),
            credentials.get_authorization_headers,
            allow_paid_calls=paid_calls,
        )
        if not storage_url:
            storage_url = f"{self._api.base_url.origin()}/gcs" if base_url else storage.STORAGE_URL
        self._operations = OperationRequests(self._api, data_dir)
        self._storage = GoogleConnection(storage_url, credentials.get_authorization_headers)

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
            instance["video"] = self._build_source(plan)
        parameters = build_parameters(plan, self._catalog)
        model = self._catalog.get(plan.model)
        if model is not None and model.audio:
            parameters["generateAudio"] = True
        if self._output_uri is not None:
            parameters["storageUri"] = self._build_output_prefix(plan, job_id, dedupe_key)
        model_path = f"{self._parent}/publishers/google/models/{quote(plan.model, safe='')}"
        try:
            operation = await self._api.submit(
                f"{API_VERSION}/{model_path}:predictLongRunning",
                {"instances": [instance], "parameters": parameters},
                source=self._find_kept_source(plan),
                about_to_send=about_to_send,
            )
        except CredentialsRejected as error:
            if self._credentials.invalidate_token():
                # Google refused the request, so nothing was started, and a new token may help.
                raise GoogleUnavailable(str(error), retry_after_s=1.0) from error
            raise
        if "/operations/" not in operation:
            raise SubmitUncertain("submit answered 200 without the operation's name")
        self._credentials.confirm_token()
        return operation

    def _build_source(self, plan: VideoPlan) -> dict[str, Any]:
        """Return the clip to extend: the object in the bucket, or else our original's content."""
        source = plan.source
        if source is not None and (source.remote_uri or "").startswith("gs://"):
            return {"gcsUri": source.remote_uri, "mimeType": "video/mp4"}
        if (original := self._find_kept_source(plan)) is not None:
            return {VERTEX_VIDEO_KEY: FileContent(original), "mimeType": "video/mp4"}
        raise VideoRefused("the source was not kept", outcome=Outcome.SOURCE_EXPIRED)

    def _find_kept_source(self, plan: VideoPlan) -> Path | None:
        source = plan.source
        return None if source is None or source.path is None else self._data_dir / source.path

    def _build_output_prefix(self, plan: VideoPlan, job_id: int, dedupe_key: str) -> str:
        """Return the job's own prefix in the bucket.

        Every database starts its job numbers at 1. The ``dedupe_key`` distinguishes clips of
        different databases in the same bucket.
        """
        identity = f"{plan.model}\n{plan.prompt}\n{dedupe_key}".encode()
        return f"{self._output_uri}/job-{job_id}-{hashlib.sha256(identity).hexdigest()[:16]}/"

    async def poll(self, operation: str) -> PollResult:
        """Poll once, and again with a new token if Google refuses this one."""
        try:
            return await self._poll_once(operation)
        except CredentialsRejected:
            if not self._credentials.invalidate_token():
                raise
        return await self._poll_once(operation)

    async def _poll_once(self, operation: str) -> PollResult:
        resource = operation.rpartition("/operations/")[0]
        answer = await self._operations.request_operation(
            "POST",
            f"{API_VERSION}/{resource}:fetchPredictOperation",
            operation=operation,
            document={"operationName": operation},
        )
        self._credentials.confirm_token()
        return read_operation(answer, _read_videos)

    async def download_video(self, video: RemoteVideo, destination: Path) -> DownloadedVideo:
        if video.inline_path is not None:
            await self._operations.move_inline_video(video.inline_path, destination, self.poll)
            return DownloadedVideo()
        if video.uri is None:
            raise VideoNotFetchable("the video has no uri")
        try:
            url = storage.build_media_url(self._storage, video.uri)
        except ValueError as error:
            raise VideoNotFetchable("the video is not in a bucket") from error
        sha256 = await download_file(self._storage, url, destination, sleep=self._clock.sleep)
        return DownloadedVideo(sha256=sha256)

    async def cancel_operation(self, operation: str) -> bool:
        """Return `False`: Veo's operations cannot be stopped."""
        return False

    async def delete_operation(self, operation: str) -> None:
        """Do nothing: Veo's operations cannot be deleted and expire on their own."""

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Return the videos below the job's prefix; `None` without a bucket or if some are missing.

        Google may have filtered some, so the others are returned a minute after the first was seen.
        Raises `GoogleUnavailable` or `AccessRefused` if the bucket cannot be read.
        """
        if self._output_uri is None:
            return None
        try:
            prefix = self._build_output_prefix(plan, job_id, dedupe_key)
            uris = await storage.list_objects(self._storage, prefix)
        except RemoteNotFound:
            return None
        videos = tuple(RemoteVideo(uri=uri) for uri in uris if uri.endswith(".mp4"))
        if not videos:
            return None
        now = self._clock.monotonic()
        seen_at = self._first_seen_at.setdefault(job_id, now)
        if len(videos) < plan.videos and now - seen_at < _LATE_VIDEO_WINDOW_S:
            return None
        del self._first_seen_at[job_id]
        return OperationFinished(videos)

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        return await check_each_model(models, self._request_model)

    async def _request_model(self, model: str) -> None:
        path = f"{API_VERSION}/publishers/google/models/{quote(model, safe='')}"
        answer = await self._api.request_json("GET", path, label=f"model {model}")
        if not isinstance(answer, dict):
            raise AnswerNotFromGoogle(f"model {model}: unexpected answer")
        self._credentials.confirm_token()

    async def close(self) -> None:
        await self._api.close()
        await self._storage.close()


def _read_videos(response: Mapping[str, Any]) -> Iterator[RemoteVideo]:
    for video in map(as_mapping, as_list(response.get("videos"))):
        if isinstance(uri := video.get("gcsUri"), str) and uri:
            yield RemoteVideo(uri=uri)
        elif isinstance(path := video.get(VERTEX_VIDEO_KEY), str) and path:
            yield RemoteVideo(uri=None, inline_path=Path(path))

"""Veo on Agent Platform (Vertex AI): a Google Cloud project with Application Default Credentials.

Here Google keeps nothing: a clip comes back inside the answer, or goes to the operator's bucket.
The bucket's prefix carries the job's number, so that a clip whose submit was never answered can
still be found. Everything is requested by ourselves: the SDK would hold an inline clip in memory
several times, and its submit does not tell a request that was not sent from one whose answer was
lost (docs/decisions/0002).
"""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from bot.domain.errors import (
    AccessRefused,
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
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
from bot.google import storage
from bot.google.api_errors import (
    CredentialsRejected,
    build_filtered_failure,
    classify_call_error,
    clean_message,
    read_answer,
    read_operation_failure,
)
from bot.google.connection import CONNECT_S, GoogleConnection
from bot.google.credentials import TokenSource
from bot.google.download import download_file
from bot.google.inline_video import INLINE_VIDEO_KEY, InlineAnswerMalformed, InlineVideoReader
from bot.google.json_stream import FileContent
from bot.google.payload import build_instance, build_parameters, read_filtered_media
from bot.google.probing import check_each_model

API_VERSION: Final = "v1beta1"
INCOMING_FOLDER: Final = "incoming"
"""The folder of clips that came inline, below the data directory, until they are fetched."""

_LATE_VIDEO_WINDOW_S: Final = 60.0
"""Google writes the videos of one operation together: how long the last may lag behind."""
_MAX_ERROR_BYTES: Final = 64 * 1024
_MAX_REMEMBERED_FILES: Final = 1000
_POLL_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=60)


def build_api_url(location: str) -> str:
    """Return where Google serves ``location``; "global" has no prefix."""
    return f"https://{'' if location == 'global' else location + '-'}aiplatform.googleapis.com"


class VertexModels:
    """Implements `bot.domain.ports.VideoModels` for the Vertex route.

    ``base_url`` is the API's or a gateway's. ``output_uri`` is the operator's gs:// prefix for
    clips, if any; ``storage_url`` is where Cloud Storage is, by default Google's, or ``/gcs`` at
    the origin of a ``base_url`` that is not Google's.
    """

    route: Final = GoogleRoute.VERTEX

    def __init__(
        self,
        *,
        project: str,
        location: str,
        credentials: TokenSource,
        data_dir: Path,
        catalogue: ModelCatalogue,
        clock: Clock,
        base_url: str | None = None,
        output_uri: str | None = None,
        storage_url: str | None = None,
        paid_calls: bool = True,
    ) -> None:
        self._operations_by_file: dict[Path, str] = {}
        self._first_seen_at: dict[int, float] = {}
        self._parent = f"projects/{project}/locations/{location}"
        self._credentials = credentials
        self._data_dir = data_dir
        self._catalogue = catalogue
        self._clock = clock
        self._output_uri = output_uri.rstrip("/") if output_uri else None
        self._api = GoogleConnection(
            base_url or build_api_url(location),
            credentials.get_authorization_headers,
            allow_paid_calls=paid_calls,
        )
        elsewhere = f"{self._api.base_url.origin()}/gcs" if base_url else storage.STORAGE_URL
        self._storage = GoogleConnection(
            storage_url or elsewhere, credentials.get_authorization_headers
        )

    def _build_model_path(self, model: str) -> str:
        return f"{self._parent}/publishers/google/models/{quote(model, safe='')}"

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
            made["video"] = self._build_source(plan)
        asked = build_parameters(plan, self._catalogue)
        model = self._catalogue.get(plan.model)
        if model is not None and model.audio:
            asked["generateAudio"] = True
        if self._output_uri is not None:
            asked["storageUri"] = self._build_output_prefix(plan, job_id, dedupe_key)
        path = f"{API_VERSION}/{self._build_model_path(plan.model)}:predictLongRunning"
        try:
            answer = await self._api.submit(
                path,
                {"instances": [made], "parameters": asked},
                source=self._find_kept_source(plan),
                about_to_send=about_to_send,
            )
        except CredentialsRejected as error:
            if self._credentials.invalidate_token():
                # Google answered and started nothing; the token had merely grown old.
                raise GoogleUnavailable("the token was refused", retry_after_s=1.0) from error
            raise
        name = answer.get("name") if isinstance(answer, dict) else None
        if not isinstance(name, str) or "/operations/" not in name:
            raise SubmitUncertain("submit answered 200 without the operation's name")
        return name

    def _build_source(self, plan: VideoPlan) -> dict[str, Any]:
        """Return the clip to extend: the object in the bucket, else the bytes that were kept."""
        source = plan.source
        if source is not None and (source.remote_uri or "").startswith("gs://"):
            return {"gcsUri": source.remote_uri, "mimeType": "video/mp4"}
        if (kept := self._find_kept_source(plan)) is not None:
            return {INLINE_VIDEO_KEY: FileContent(kept), "mimeType": "video/mp4"}
        raise VideoRefused("the source is not kept", outcome=Outcome.SOURCE_EXPIRED)

    def _find_kept_source(self, plan: VideoPlan) -> Path | None:
        """Return the file of the clip to extend, if the bot keeps one."""
        source = plan.source
        return None if source is None or source.path is None else self._data_dir / source.path

    def _build_output_prefix(self, plan: VideoPlan, job_id: int, mark: str) -> str:
        """Return the job's own prefix.

        Numbers begin again with every database, so it is the ``mark`` that keeps an older bot's
        clip in the same bucket from being taken for this one.
        """
        made = f"{plan.model}\n{plan.prompt}\n{mark}".encode()
        return f"{self._output_uri}/job-{job_id}-{hashlib.sha256(made).hexdigest()[:16]}/"

    async def poll(self, operation: str) -> PollResult:
        """Ask for the operation once; see the port."""
        resource = operation.rpartition("/operations/")[0]
        url = self._api.build_url(f"{API_VERSION}/{resource}:fetchPredictOperation")
        for attempt in (1, 2):
            headers = await self._api.get_authorization_headers(url)
            try:
                async with self._api.session.post(
                    url,
                    json={"operationName": operation},
                    headers=headers,
                    allow_redirects=False,
                    timeout=_POLL_TIMEOUT,
                ) as response:
                    if (
                        response.status == 401
                        and attempt == 1
                        and self._credentials.invalidate_token()
                    ):
                        continue
                    if response.status != 200:
                        raw = await response.content.read(_MAX_ERROR_BYTES)
                        retry_after = response.headers.get("Retry-After")
                        raise classify_call_error(
                            read_answer(response.status, raw, retry_after), "poll"
                        )
                    reader = InlineVideoReader(lambda n: self._assign_incoming_path(operation, n))
                    answer = await reader.read(_iterate_chunks(response))
            except (
                aiohttp.ClientError,
                TimeoutError,
                ConnectionError,
                InlineAnswerMalformed,
            ) as error:
                raise GoogleUnavailable(f"poll: {type(error).__name__}") from error
            return read_operation(answer)
        raise AccessRefused("the token is refused")

    def _assign_incoming_path(self, operation: str, number: int) -> Path:
        """Return the file of an inline clip: the same for every poll of the same operation."""
        mark = hashlib.sha256(operation.encode()).hexdigest()[:32]
        path = self._data_dir / INCOMING_FOLDER / f"{mark}-{number}.mp4"
        self._operations_by_file[path] = operation
        if len(self._operations_by_file) > _MAX_REMEMBERED_FILES:
            del self._operations_by_file[next(iter(self._operations_by_file))]
        return path

    async def _move_inline_video(self, inline: Path, destination: Path) -> None:
        """Give an inline clip its place; one that was taken before is asked for again.

        Raises `RemoteGone` when nobody knows whose it was.
        """
        try:
            await asyncio.to_thread(_move_file, inline, destination)
        except FileNotFoundError as error:
            operation = self._operations_by_file.get(inline)
            if operation is None:
                raise RemoteNotFound("the inline clip is gone") from error
            await self.poll(operation)
            await asyncio.to_thread(_move_file, inline, destination)

    async def download_video(self, video: RemoteVideo, destination: Path) -> None:
        """Stream or move the video to ``destination``; see the port."""
        if video.inline_path is not None:
            await self._move_inline_video(video.inline_path, destination)
            return
        if video.uri is None:
            raise RemoteNotFound("the video has no uri")
        try:
            url = storage.build_media_url(self._storage, video.uri)
        except ValueError as error:
            raise RemoteNotFound("the video is not in a bucket") from error
        await download_file(self._storage, url, destination, sleep=self._clock.sleep)

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Look below the job's own prefix; `None` without a bucket, or while something is missing.

        Some of the videos may never come, when a filter holds them back: a minute after the first
        was seen, what is there is all there is.

        Raises `GoogleBusy` or `AccessRefused` when the bucket could not be read.
        """
        if self._output_uri is None:
            return None
        try:
            uris = await storage.list_objects(
                self._storage, self._build_output_prefix(plan, job_id, dedupe_key)
            )
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
        """Tell which of ``models`` the project can use.

        Raises `AccessRefused` or `GoogleBusy` when Google says nothing of any.
        """
        return await check_each_model(models, self._check_model)

    async def _check_model(self, model: str) -> ModelReachability:
        path = f"{API_VERSION}/publishers/google/models/{quote(model, safe='')}"
        try:
            answer = await self._api.request_json("GET", path, label=f"model {model}")
        except RemoteNotFound as error:
            if error.detail is None:
                # Not Google's own words: a gateway that passes requests on but lists no models.
                return ModelReachability(model, is_reachable=True)
            return ModelReachability(model, is_reachable=False, reason=error.detail)
        if not isinstance(answer, dict):
            raise GoogleUnavailable(f"model {model} answered something else")
        return ModelReachability(model, is_reachable=True)

    async def close(self) -> None:
        """Close connections."""
        await self._api.close()
        await self._storage.close()


async def _iterate_chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for chunk in response.content.iter_chunked(256 * 1024):
        yield chunk


def _move_file(inline: Path, destination: Path) -> None:
    """Move a file, also to another file system. Raises `FileNotFoundError`."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        inline.replace(destination)
    except FileNotFoundError:
        raise
    except OSError:
        # Another file system: copy beside the destination, so that its name appears at once.
        beside = destination.with_name(f".{destination.name}.part")
        shutil.copyfile(inline, beside)
        beside.replace(destination)
        inline.unlink()


def read_operation(answer: Any) -> PollResult:
    """Return what the answer to a poll says. Raises `GoogleBusy` when it says nothing."""
    if not isinstance(answer, dict):
        raise GoogleUnavailable("poll answered without an operation")
    if not answer.get("done"):
        return OperationPending()
    if isinstance(error := answer.get("error"), dict):
        return read_operation_failure(error)
    response: Mapping[str, Any] = found if isinstance(found := answer.get("response"), dict) else {}
    listed = response.get("videos")
    videos = tuple(
        video
        for each in (listed if isinstance(listed, list) else [])
        if (video := _read_video(each))
    )
    count, reasons = read_filtered_media(response)
    if videos:
        kept = tuple(reason for each in reasons if (reason := clean_message(each)))
        return OperationFinished(videos, filtered_reasons=kept)
    if count:
        return build_filtered_failure(reasons)
    return OperationFailed(Outcome.OPERATION_FAILED, None)


def _read_video(entry: Any) -> RemoteVideo | None:
    if not isinstance(entry, dict):
        return None
    if isinstance(uri := entry.get("gcsUri"), str) and uri:
        return RemoteVideo(uri=uri)
    if isinstance(path := entry.get(INLINE_VIDEO_KEY), str) and path:
        return RemoteVideo(uri=None, inline_path=Path(path))
    return None

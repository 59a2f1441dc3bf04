"""Veo on Agent Platform (Vertex AI): a Google Cloud project with Application Default Credentials.

Google keeps nothing here: a clip comes inside the answer or goes to the operator's bucket, below a
prefix with the job's number, so that a clip whose submit was never answered can be found. The SDK
is not used: it holds an inline clip in memory several times, and its submit does not tell a request
that was not sent from one whose answer was lost (docs/decisions/0002).
"""

import asyncio
import errno
import hashlib
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from bot.domain.errors import GoogleUnavailable, RemoteNotFound, SubmitUncertain, VideoRefused
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import GoogleRoute, VideoPlan
from bot.domain.models import ModelCatalogue
from bot.domain.ports import Clock, ModelReachability, OperationFinished, PollResult, RemoteVideo
from bot.google import storage
from bot.google.api_errors import CredentialsRejected, classify_call_error
from bot.google.connection import STREAM_TIMEOUT, GoogleConnection, read_error_answer
from bot.google.credentials import TokenSource
from bot.google.download import download_file
from bot.google.inline_video import INLINE_VIDEO_KEY, InlineAnswerMalformed, InlineVideoReader
from bot.google.json_stream import FileContent
from bot.google.operations import as_list, as_mapping, read_operation
from bot.google.payload import build_instance, build_parameters
from bot.google.reachability import check_each_model

API_VERSION: Final = "v1beta1"
INCOMING_FOLDER: Final = "incoming"
"""The folder for inline clips, below the data directory, until they are downloaded."""

_LATE_VIDEO_WINDOW_S: Final = 60.0
"""Google writes an operation's videos together; how much later the last may come."""
_CHUNK_BYTES: Final = 256 * 1024
_MAX_REMEMBERED_FILES: Final = 1000


def build_api_url(location: str) -> str:
    """Return Google's url for ``location``; "global" has no prefix."""
    return f"https://{'' if location == 'global' else location + '-'}aiplatform.googleapis.com"


class VertexModels:
    """Implements `bot.domain.ports.VideoModels` for the Vertex route.

    ``base_url`` is a gateway's, if not Google's. ``output_uri`` is the operator's gs:// prefix for
    clips, if any. ``storage_url`` is Cloud Storage's; the default is Google's, or ``/gcs`` at the
    origin of ``base_url``.
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
        if not storage_url:
            storage_url = f"{self._api.base_url.origin()}/gcs" if base_url else storage.STORAGE_URL
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
        parameters = build_parameters(plan, self._catalogue)
        model = self._catalogue.get(plan.model)
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
                # Google answered and started nothing: the token had merely expired.
                raise GoogleUnavailable("the token was refused", retry_after_s=1.0) from error
            raise
        if "/operations/" not in operation:
            raise SubmitUncertain("submit answered 200 without the operation's name")
        return operation

    def _build_source(self, plan: VideoPlan) -> dict[str, Any]:
        """Return the clip to extend: the object in the bucket, else the kept original's bytes."""
        source = plan.source
        if source is not None and (source.remote_uri or "").startswith("gs://"):
            return {"gcsUri": source.remote_uri, "mimeType": "video/mp4"}
        if (original := self._find_kept_source(plan)) is not None:
            return {INLINE_VIDEO_KEY: FileContent(original), "mimeType": "video/mp4"}
        raise VideoRefused("the source is not kept", outcome=Outcome.SOURCE_EXPIRED)

    def _find_kept_source(self, plan: VideoPlan) -> Path | None:
        source = plan.source
        return None if source is None or source.path is None else self._data_dir / source.path

    def _build_output_prefix(self, plan: VideoPlan, job_id: int, dedupe_key: str) -> str:
        """Return the job's own prefix.

        Job numbers restart with every database; the ``dedupe_key`` keeps another database's clip
        in the same bucket from being taken for this one.
        """
        identity = f"{plan.model}\n{plan.prompt}\n{dedupe_key}".encode()
        return f"{self._output_uri}/job-{job_id}-{hashlib.sha256(identity).hexdigest()[:16]}/"

    async def poll(self, operation: str) -> PollResult:
        """Ask for the operation once, or again with a new token."""
        try:
            return await self._poll_once(operation)
        except CredentialsRejected:
            if not self._credentials.invalidate_token():
                raise
        return await self._poll_once(operation)

    async def _poll_once(self, operation: str) -> PollResult:
        resource = operation.rpartition("/operations/")[0]
        url = self._api.build_url(f"{API_VERSION}/{resource}:fetchPredictOperation")
        headers = await self._api.get_authorization_headers(url)
        reader = InlineVideoReader(lambda number: self._assign_incoming_path(operation, number))
        try:
            async with self._api.session.post(
                url,
                json={"operationName": operation},
                headers=headers,
                allow_redirects=False,
                timeout=STREAM_TIMEOUT,
            ) as response:
                if response.status != 200:
                    raise classify_call_error(await read_error_answer(response), "poll")
                answer = await reader.read(response.content.iter_chunked(_CHUNK_BYTES))
        except (aiohttp.ClientError, TimeoutError, ConnectionError, InlineAnswerMalformed) as error:
            raise GoogleUnavailable(f"poll: {type(error).__name__}") from error
        return read_operation(answer, _read_videos)

    def _assign_incoming_path(self, operation: str, number: int) -> Path:
        """Return the file of an inline clip, the same for every poll of an operation."""
        digest = hashlib.sha256(operation.encode()).hexdigest()[:32]
        path = self._data_dir / INCOMING_FOLDER / f"{digest}-{number}.mp4"
        self._operations_by_file[path] = operation
        if len(self._operations_by_file) > _MAX_REMEMBERED_FILES:
            del self._operations_by_file[next(iter(self._operations_by_file))]
        return path

    async def _move_inline_video(self, inline: Path, destination: Path) -> None:
        """Move an inline clip to ``destination``; one that was moved before is polled for again.

        Raises `RemoteNotFound` when its operation is unknown.
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
        """Look below the job's own prefix; `None` without a bucket, or while videos are missing.

        The filters may hold some back, so a minute after the first was seen the rest is given up.
        Raises `GoogleUnavailable` or `AccessRefused` when the bucket could not be read.
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
            raise GoogleUnavailable(f"model {model} answered something else")

    async def close(self) -> None:
        await self._api.close()
        await self._storage.close()


def _move_file(inline: Path, destination: Path) -> None:
    """Move a file, also to another file system. Raises `FileNotFoundError`."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        inline.replace(destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Another file system: copy, then rename, so that the file appears whole.
        temporary = destination.with_name(f".{destination.name}.part")
        shutil.copyfile(inline, temporary)
        temporary.replace(destination)
        inline.unlink()


def _read_videos(response: Mapping[str, Any]) -> Iterator[RemoteVideo]:
    for video in map(as_mapping, as_list(response.get("videos"))):
        if isinstance(uri := video.get("gcsUri"), str) and uri:
            yield RemoteVideo(uri=uri)
        elif isinstance(path := video.get(INLINE_VIDEO_KEY), str) and path:
            yield RemoteVideo(uri=None, inline_path=Path(path))

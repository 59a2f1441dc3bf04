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
    GoogleBusy,
    RemoteGone,
    SubmitUncertain,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import Route, VideoPlan
from bot.domain.models import Catalogue
from bot.domain.ports import (
    Clock,
    Failed,
    Finished,
    Pending,
    Poll,
    Reachability,
    RemoteVideo,
)
from bot.google import storage
from bot.google.api_errors import (
    TokenRefused,
    call_error,
    clean,
    filtered,
    operation_failure,
    read_answer,
)
from bot.google.connection import CONNECT_S, Connection
from bot.google.credentials import TokenSource
from bot.google.download import download
from bot.google.inline_video import KEY, InlineError, InlineReader
from bot.google.json_stream import FileContent
from bot.google.payload import held_back, instance, parameters
from bot.google.probing import each_asked

API_VERSION: Final = "v1beta1"
INCOMING: Final = "incoming"
"""The folder of clips that came inline, below the data directory, until they are fetched."""

_MORE_WITHIN_S: Final = 60.0
"""Google writes the videos of one operation together: how long the last may lag behind."""
_MOST_ERROR: Final = 64 * 1024
_REMEMBERED: Final = 1000
_POLL_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=60)


def api_url(location: str) -> str:
    """Return where Google serves ``location``; "global" has no prefix."""
    return f"https://{'' if location == 'global' else location + '-'}aiplatform.googleapis.com"


class VertexModels:
    """Implements `bot.domain.ports.VideoModels` for the Vertex route.

    ``base_url`` is the API's or a gateway's. ``output_uri`` is the operator's gs:// prefix for
    clips, if any; ``storage_url`` is where Cloud Storage is, by default Google's, or ``/gcs`` at
    the origin of a ``base_url`` that is not Google's.
    """

    route: Final = Route.VERTEX

    def __init__(
        self,
        *,
        project: str,
        location: str,
        credentials: TokenSource,
        data_dir: Path,
        catalogue: Catalogue,
        clock: Clock,
        base_url: str | None = None,
        output_uri: str | None = None,
        storage_url: str | None = None,
        paid_calls: bool = True,
    ) -> None:
        self._came_from: dict[Path, str] = {}
        self._seen_at: dict[int, float] = {}
        self._parent = f"projects/{project}/locations/{location}"
        self._credentials = credentials
        self._data_dir = data_dir
        self._catalogue = catalogue
        self._clock = clock
        self._output = output_uri.rstrip("/") if output_uri else None
        self._api = Connection(base_url or api_url(location), credentials.headers, paid=paid_calls)
        elsewhere = f"{self._api.base.origin()}/gcs" if base_url else storage.STORAGE_URL
        self._storage = Connection(storage_url or elsewhere, credentials.headers)

    def _model_path(self, model: str) -> str:
        return f"{self._parent}/publishers/google/models/{quote(model, safe='')}"

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        mark: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Start the operation and return its name; see the port."""
        made = instance(plan, self._data_dir)
        if plan.source is not None:
            made["video"] = self._source(plan)
        asked = parameters(plan, self._catalogue)
        model = self._catalogue.get(plan.model)
        if model is not None and model.audio:
            asked["generateAudio"] = True
        if self._output is not None:
            asked["storageUri"] = self._folder(plan, job_id, mark)
        path = f"{API_VERSION}/{self._model_path(plan.model)}:predictLongRunning"
        try:
            answer = await self._api.submit(
                path,
                {"instances": [made], "parameters": asked},
                source=self._kept(plan),
                about_to_send=about_to_send,
            )
        except TokenRefused as error:
            if self._credentials.doubt():
                # Google answered and started nothing; the token had merely grown old.
                raise GoogleBusy("the token was refused", retry_after_s=1.0) from error
            raise
        name = answer.get("name") if isinstance(answer, dict) else None
        if not isinstance(name, str) or "/operations/" not in name:
            raise SubmitUncertain("submit answered 200 without the operation's name")
        return name

    def _source(self, plan: VideoPlan) -> dict[str, Any]:
        """Return the clip to extend: the object in the bucket, else the bytes that were kept."""
        source = plan.source
        if source is not None and (source.remote_uri or "").startswith("gs://"):
            return {"gcsUri": source.remote_uri, "mimeType": "video/mp4"}
        if (kept := self._kept(plan)) is not None:
            return {KEY: FileContent(kept), "mimeType": "video/mp4"}
        raise VideoRefused("the source is not kept", outcome=Outcome.SOURCE_EXPIRED)

    def _kept(self, plan: VideoPlan) -> Path | None:
        """Return the file of the clip to extend, if the bot keeps one."""
        source = plan.source
        return None if source is None or source.path is None else self._data_dir / source.path

    def _folder(self, plan: VideoPlan, job_id: int, mark: str) -> str:
        """Return the job's own prefix.

        Numbers begin again with every database, so it is the ``mark`` that keeps an older bot's
        clip in the same bucket from being taken for this one.
        """
        made = f"{plan.model}\n{plan.prompt}\n{mark}".encode()
        return f"{self._output}/job-{job_id}-{hashlib.sha256(made).hexdigest()[:16]}/"

    async def poll(self, operation: str) -> Poll:
        """Ask for the operation once; see the port."""
        resource = operation.rpartition("/operations/")[0]
        url = self._api.url(f"{API_VERSION}/{resource}:fetchPredictOperation")
        for attempt in (1, 2):
            headers = await self._api.headers_for(url)
            try:
                async with self._api.session.post(
                    url,
                    json={"operationName": operation},
                    headers=headers,
                    allow_redirects=False,
                    timeout=_POLL_TIMEOUT,
                ) as response:
                    if response.status == 401 and attempt == 1 and self._credentials.doubt():
                        continue
                    if response.status != 200:
                        raw = await response.content.read(_MOST_ERROR)
                        retry_after = response.headers.get("Retry-After")
                        raise call_error(read_answer(response.status, raw, retry_after), "poll")
                    reader = InlineReader(lambda n: self._incoming(operation, n))
                    answer = await reader.read(_chunks(response))
            except (aiohttp.ClientError, TimeoutError, ConnectionError, InlineError) as error:
                raise GoogleBusy(f"poll: {type(error).__name__}") from error
            return read_operation(answer)
        raise AccessRefused("the token is refused")

    def _incoming(self, operation: str, number: int) -> Path:
        """Return the file of an inline clip: the same for every poll of the same operation."""
        mark = hashlib.sha256(operation.encode()).hexdigest()[:32]
        path = self._data_dir / INCOMING / f"{mark}-{number}.mp4"
        self._came_from[path] = operation
        if len(self._came_from) > _REMEMBERED:
            del self._came_from[next(iter(self._came_from))]
        return path

    async def _take(self, inline: Path, destination: Path) -> None:
        """Give an inline clip its place; one that was taken before is asked for again.

        Raises `RemoteGone` when nobody knows whose it was.
        """
        try:
            await asyncio.to_thread(_move, inline, destination)
        except FileNotFoundError as error:
            operation = self._came_from.get(inline)
            if operation is None:
                raise RemoteGone("the inline clip is gone") from error
            await self.poll(operation)
            await asyncio.to_thread(_move, inline, destination)

    async def fetch(self, video: RemoteVideo, destination: Path) -> None:
        """Stream or move the video to ``destination``; see the port."""
        if video.inline is not None:
            await self._take(video.inline, destination)
            return
        if video.uri is None:
            raise RemoteGone("the video has no uri")
        try:
            url = storage.media_url(self._storage, video.uri)
        except ValueError as error:
            raise RemoteGone("the video is not in a bucket") from error
        await download(self._storage, url, destination, sleep=self._clock.sleep)

    async def find(self, plan: VideoPlan, *, job_id: int, mark: str = "") -> Finished | None:
        """Look below the job's own prefix; `None` without a bucket, or while something is missing.

        Some of the videos may never come, when a filter holds them back: a minute after the first
        was seen, what is there is all there is.

        Raises `GoogleBusy` or `AccessRefused` when the bucket could not be read.
        """
        if self._output is None:
            return None
        try:
            uris = await storage.listed(self._storage, self._folder(plan, job_id, mark))
        except RemoteGone:
            return None
        videos = tuple(RemoteVideo(uri=uri) for uri in uris if uri.endswith(".mp4"))
        if not videos:
            return None
        now = self._clock.monotonic()
        seen_at = self._seen_at.setdefault(job_id, now)
        if len(videos) < plan.videos and now - seen_at < _MORE_WITHIN_S:
            return None
        del self._seen_at[job_id]
        return Finished(videos)

    async def reachability(self, models: Sequence[str]) -> list[Reachability]:
        """Tell which of ``models`` the project can use.

        Raises `AccessRefused` or `GoogleBusy` when Google says nothing of any.
        """
        return await each_asked(models, self._reach)

    async def _reach(self, model: str) -> Reachability:
        path = f"{API_VERSION}/publishers/google/models/{quote(model, safe='')}"
        try:
            answer = await self._api.call("GET", path, what=f"model {model}")
        except RemoteGone as error:
            if error.detail is None:
                # Not Google's own words: a gateway that passes requests on but lists no models.
                return Reachability(model, reachable=True)
            return Reachability(model, reachable=False, reason=error.detail)
        if not isinstance(answer, dict):
            raise GoogleBusy(f"model {model} answered something else")
        return Reachability(model, reachable=True)

    async def close(self) -> None:
        """Close connections."""
        await self._api.close()
        await self._storage.close()


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for chunk in response.content.iter_chunked(256 * 1024):
        yield chunk


def _move(inline: Path, destination: Path) -> None:
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


def read_operation(answer: Any) -> Poll:
    """Return what the answer to a poll says. Raises `GoogleBusy` when it says nothing."""
    if not isinstance(answer, dict):
        raise GoogleBusy("poll answered without an operation")
    if not answer.get("done"):
        return Pending()
    if isinstance(error := answer.get("error"), dict):
        return operation_failure(error)
    response: Mapping[str, Any] = found if isinstance(found := answer.get("response"), dict) else {}
    listed = response.get("videos")
    videos = tuple(
        video for each in (listed if isinstance(listed, list) else []) if (video := _video(each))
    )
    count, reasons = held_back(response)
    if videos:
        kept = tuple(reason for each in reasons if (reason := clean(each)))
        return Finished(videos, filtered=kept)
    if count:
        return filtered(reasons)
    return Failed(Outcome.OPERATION_FAILED, None)


def _video(entry: Any) -> RemoteVideo | None:
    if not isinstance(entry, dict):
        return None
    if isinstance(uri := entry.get("gcsUri"), str) and uri:
        return RemoteVideo(uri=uri)
    if isinstance(path := entry.get(KEY), str) and path:
        return RemoteVideo(uri=None, inline=Path(path))
    return None

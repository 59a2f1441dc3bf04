"""Gemini Omni on Agent Platform (Vertex AI), at the location "global".

Google accepts images and clips only from a bucket. So they are copied to the operator's bucket, and
deleted there when the interaction has ended. Google refuses to continue interactions by id here, so
extensions and edits always use our copy.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import structlog

from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
    VideoError,
    VideoNotFetchable,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import GoogleRoute, OperatorRegion, VideoPlan
from bot.domain.jobs.source_access import may_send_copy
from bot.domain.models import ModelCatalog
from bot.domain.ports import (
    Clock,
    DownloadedVideo,
    ModelReachability,
    OperationFinished,
    OperationPending,
    PollResult,
    RemoteVideo,
)
from bot.google import storage
from bot.google.api_errors import CredentialsRejected
from bot.google.connection import GoogleConnection
from bot.google.credentials import TokenSource
from bot.google.download import download_file
from bot.google.omni.interactions import Interactions
from bot.google.omni.models import list_images
from bot.google.omni.requests import build_request
from bot.google.reachability import check_each_model

T = TypeVar("T")

VERTEX_OMNI_URL: Final = "https://aiplatform.googleapis.com"
API_VERSION: Final = "v1beta1"
_LOCATION: Final = "global"
_COPY_TYPE: Final = "video/mp4"
_MAX_REMEMBERED_INPUTS: Final = 1000

_log: Final = structlog.get_logger(__name__)


class VertexOmniModels:
    """Implements `bot.domain.ports.VideoModels` for Gemini Omni in a Google Cloud project.

    ``base_url`` is a gateway's url; the default is Google's. ``output_uri`` is the operator's gs://
    prefix for clips and inputs. ``storage_url`` is the url of Cloud Storage; the default is
    Google's, or ``/gcs`` at the origin of ``base_url`` if that is set.
    """

    route: Final = GoogleRoute.VERTEX_OMNI

    def __init__(
        self,
        *,
        project: str,
        credentials: TokenSource,
        data_dir: Path,
        catalog: ModelCatalog,
        clock: Clock,
        region: OperatorRegion = OperatorRegion.ELSEWHERE,
        base_url: str | None = None,
        output_uri: str | None = None,
        storage_url: str | None = None,
        paid_calls: bool = True,
    ) -> None:
        self._credentials = credentials
        self._data_dir = data_dir
        self._catalog = catalog
        self._clock = clock
        self._region = region
        self._output_uri = output_uri.rstrip("/") if output_uri else None
        self._connection = GoogleConnection(
            base_url or VERTEX_OMNI_URL,
            credentials.get_authorization_headers,
            allow_paid_calls=paid_calls,
            is_omni=True,
        )
        if not storage_url:
            origin = self._connection.base_url.origin()
            storage_url = f"{origin}/gcs" if base_url else storage.STORAGE_URL
        self._storage = GoogleConnection(storage_url, credentials.get_authorization_headers)
        self._inputs: dict[str, list[str]] = {}
        """By interaction: the uris of the inputs that this process copied to the bucket."""
        self._interactions = Interactions(
            self._connection,
            path=f"{API_VERSION}/projects/{project}/locations/{_LOCATION}/interactions",
            data_dir=data_dir,
            models=catalog.restrict_to(self.route),
            clock=clock,
            keeps_interactions=False,
        )

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        prefix, inputs = self._build_prefix(job_id, dedupe_key), list[str]()
        try:
            document = build_request(
                plan,
                self._get_name(plan.model),
                media=await self._upload_media(plan, prefix, inputs),
                job_id=job_id,
                dedupe_key=dedupe_key,
                # Without a bucket, the clip comes inside the answer.
                output={} if prefix is None else {"delivery": "uri", "gcs_uri": prefix},
            )
            operation = await self._interactions.create(document, about_to_send=about_to_send)
        except SubmitUncertain:
            raise  # Google may be reading the inputs
        except CredentialsRejected as error:
            await self._delete_inputs(inputs)
            if self._credentials.invalidate_token():
                # Google refused the request, so nothing was started, and a new token may help.
                raise GoogleUnavailable(str(error), retry_after_s=1.0) from error
            raise
        except VideoError:
            await self._delete_inputs(inputs)
            raise
        if inputs:
            self._inputs[operation] = inputs
            if len(self._inputs) > _MAX_REMEMBERED_INPUTS:
                del self._inputs[next(iter(self._inputs))]
        self._credentials.confirm_token()
        return operation

    async def _delete_inputs(self, uris: Sequence[str]) -> None:
        """Delete inputs from the bucket. Failures are only logged."""
        for uri in uris:
            try:
                await storage.delete_object(self._storage, uri)
            except VideoError as error:
                _log.warning("bucket.delete_failed", error=str(error))

    def _build_prefix(self, job_id: int, dedupe_key: str) -> str | None:
        """Return the job's own prefix in the bucket; `None` without a bucket."""
        if self._output_uri is None:
            return None
        # Every database starts its job numbers at 1, so a number alone is not unique.
        mark = hashlib.sha256(f"{job_id}\n{dedupe_key}".encode()).hexdigest()[:16]
        return f"{self._output_uri}/omni-{job_id}-{mark}/"

    async def _upload_media(
        self, plan: VideoPlan, prefix: str | None, inputs: list[str]
    ) -> list[dict[str, Any]]:
        """Copy the clip and images of ``plan`` to the bucket, and return them as content.

        Each uri is added to ``inputs`` before the upload, so that it is deleted after a failure.
        """
        files: list[tuple[str, str, str]] = []
        if plan.source is not None:
            if plan.source.path is None or not may_send_copy(self.route, self._region):
                raise VideoRefused("the source cannot be sent", outcome=Outcome.SOURCE_EXPIRED)
            files.append(("video", _COPY_TYPE, plan.source.path))
        files += [("image", image.mime_type, image.path) for image in list_images(plan)]
        if files and prefix is None:
            raise AccessRefused(
                "GOOGLE_OUTPUT_URI is not set: on this route Google takes files from a bucket only",
                reason="OUTPUT_URI_MISSING",
            )
        content: list[dict[str, Any]] = []
        for number, (kind, mime_type, path) in enumerate(files):
            inputs.append(f"{prefix}{number}{Path(path).suffix}")
            content.append(await self._upload_file(kind, mime_type, path, inputs[-1]))
        return content

    async def _upload_file(self, kind: str, mime_type: str, path: str, uri: str) -> dict[str, Any]:
        try:
            await storage.upload_object(self._storage, uri, self._data_dir / path, mime_type)
        except RemoteNotFound as error:
            raise AccessRefused(str(error), reason="OUTPUT_BUCKET_NOT_FOUND") from error
        except OSError as error:
            outcome = Outcome.SOURCE_EXPIRED if kind == "video" else Outcome.INVALID
            raise VideoRefused(
                f"submit: {type(error).__name__} ({kind})", outcome=outcome
            ) from error
        return {"type": kind, "mime_type": mime_type, "uri": uri}

    async def poll(self, operation: str) -> PollResult:
        result = await self._retry_with_new_token(lambda: self._interactions.poll(operation))
        if not isinstance(result, OperationPending):
            await self._delete_inputs(self._inputs.pop(operation, ()))
        return result

    async def download_video(self, video: RemoteVideo, destination: Path) -> DownloadedVideo:
        if video.inline_path is not None:
            await self._interactions.move_inline_video(video.inline_path, destination)
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
        await self._retry_with_new_token(lambda: self._interactions.cancel(operation))
        return True

    async def delete_operation(self, operation: str) -> None:
        await self._retry_with_new_token(lambda: self._interactions.delete(operation))

    async def _retry_with_new_token(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that costs nothing, and repeat it with a new token if Google refuses this."""
        try:
            result = await call()
        except CredentialsRejected:
            if not self._credentials.invalidate_token():
                raise
            result = await call()
        self._credentials.confirm_token()
        return result

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Return `None`: Google has no list of interactions."""
        return None

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        return await check_each_model(models, self._request_model)

    async def _request_model(self, model: str) -> None:
        path = f"{API_VERSION}/publishers/google/models/{quote(self._get_name(model), safe='')}"
        answer = await self._connection.request_json("GET", path, label=f"model {model}")
        if not isinstance(answer, dict) or "error" in answer:
            raise AnswerNotFromGoogle(f"model {model}: unexpected answer")
        self._credentials.confirm_token()

    def _get_name(self, model: str) -> str:
        """Return a model's name at Google, or its id if it is no longer in the catalog."""
        spec = self._catalog.get(model)
        return model if spec is None else spec.name_at_google

    async def close(self) -> None:
        await self._connection.close()
        await self._storage.close()

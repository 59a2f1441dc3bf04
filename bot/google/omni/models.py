"""Gemini Omni with an API key. Google keeps clips for two days and interactions for weeks.

To extend or edit a clip, the bot sends the id of its interaction. After Google has deleted the
interaction, the bot uploads its copy, unless Google accepts no copies in the operator's region.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import structlog

from bot.domain.errors import (
    AnswerNotFromGoogle,
    GoogleUnavailable,
    RemoteNotFound,
    VideoRefused,
)
from bot.domain.jobs.job import GOOGLE_FILE_LIFETIME, Outcome
from bot.domain.jobs.request import GoogleRoute, InputImage, OperatorRegion, SourceClip, VideoPlan
from bot.domain.jobs.source_access import may_send_copy
from bot.domain.models import ModelCatalog
from bot.domain.ports import (
    Clock,
    DownloadedVideo,
    InteractionWatcher,
    ModelReachability,
    OperationFinished,
    PollResult,
    RemoteVideo,
)
from bot.google.download import download_file
from bot.google.gemini import GEMINI_API_URL
from bot.google.gemini_files import build_download_url, find_file_name
from bot.google.json_stream import FileContent
from bot.google.omni.files import FilesApi
from bot.google.omni.key_api import API_VERSION, build_connection, build_interactions
from bot.google.omni.requests import build_request
from bot.google.reachability import check_each_model

_MAX_INLINE_BYTES: Final = 90 * 1000 * 1000
"""For images as base64. Google accepts requests of less than 100 MB."""
_COPY_TYPE: Final = "video/mp4"
_COPY_RETRY_S: Final = 1.0
_MAX_REMEMBERED_SOURCES: Final = 1000

_log: Final = structlog.get_logger(__name__)


class OmniModels:
    """Implements `bot.domain.ports.VideoModels` for Gemini Omni with an API key.

    ``base_url`` is the url of the API or a gateway. Paths of files are relative to ``data_dir``.
    ``region`` decides whether Google accepts copies of clips. ``interaction_watcher`` is told which
    interactions Google still has. If ``paid_calls`` is false, submits only go to servers on this
    machine.
    """

    route: Final = GoogleRoute.OMNI

    def __init__(
        self,
        *,
        api_key: str,
        data_dir: Path,
        catalog: ModelCatalog,
        clock: Clock,
        region: OperatorRegion = OperatorRegion.ELSEWHERE,
        base_url: str = GEMINI_API_URL,
        paid_calls: bool = True,
        interaction_watcher: InteractionWatcher | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._catalog = catalog
        self._clock = clock
        self._region = region
        self._interaction_watcher = interaction_watcher
        self._unusable_ids: dict[str, None] = {}
        """Ids that Google refused as the start of another clip, the oldest first."""
        self._connection = build_connection(api_key, base_url=base_url, allow_paid_calls=paid_calls)
        self._files = FilesApi(self._connection, clock)
        self._interactions = build_interactions(
            self._connection, data_dir=data_dir, catalog=catalog, clock=clock
        )

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        try:
            document = await self._build_document(plan, job_id, dedupe_key)
        except RemoteNotFound as error:  # an upload that existed a moment ago
            raise GoogleUnavailable(str(error), detail=error.detail) from error
        try:
            return await self._interactions.create(document, about_to_send=about_to_send)
        except VideoRefused as refusal:
            is_continued = "previous_interaction_id" in document
            is_expired = refusal.outcome is Outcome.SOURCE_EXPIRED
            if is_continued and is_expired and self._switch_to_copy(plan.source):
                # Nothing was started, so the job is sent again with our copy.
                raise GoogleUnavailable(str(refusal), retry_after_s=_COPY_RETRY_S) from refusal
            raise

    def _switch_to_copy(self, source: SourceClip | None) -> bool:
        """Use our copy for ``source`` from now on, and return whether there is one to send.

        Google may still have the interaction's record but no longer its clip. How long it keeps
        the clip is not documented.
        """
        if source is None or source.interaction_id is None:
            return False
        if not self._has_copy(source):
            return False
        self._unusable_ids[source.interaction_id] = None
        if len(self._unusable_ids) > _MAX_REMEMBERED_SOURCES:
            del self._unusable_ids[next(iter(self._unusable_ids))]
        return True

    def _has_copy(self, source: SourceClip) -> bool:
        return source.path is not None and may_send_copy(self.route, self._region)

    async def _build_document(
        self, plan: VideoPlan, job_id: int, dedupe_key: str
    ) -> dict[str, Any]:
        """Check the source, upload files if needed, and return the request. This costs nothing."""
        previous_id, media = None, list[dict[str, Any]]()
        if plan.source is not None:
            previous_id = await self._find_previous(plan.source)
            if previous_id is None:
                media.append(await self._upload_copy(plan.source))
        media += await self._prepare_images(plan)
        return build_request(
            plan,
            self._get_name(plan.model),
            media=media,
            previous_interaction_id=previous_id,
            job_id=job_id,
            dedupe_key=dedupe_key,
            output={"delivery": "uri"},
        )

    async def _find_previous(self, source: SourceClip) -> str | None:
        """Return the id of the interaction that made ``source``, if Google still has it.

        It may be gone earlier than expected: Google keeps it for one day without billing, and the
        account's owner can choose a shorter time.
        """
        interaction_id = source.interaction_id
        if interaction_id is None or source.route is not self.route:
            return None
        if interaction_id in self._unusable_ids:
            return None
        watcher = self._interaction_watcher
        if await self._interactions.is_kept(interaction_id):
            if watcher is not None:
                await watcher.record_alive(self.route, interaction_id)
            return interaction_id
        _log.info("interaction.gone", interaction=interaction_id, clip_id=source.clip_id)
        if watcher is not None:
            await watcher.record_gone(self.route, interaction_id)
        return None

    async def _upload_copy(self, source: SourceClip) -> dict[str, Any]:
        """Upload our copy of a clip. Raises `VideoRefused` if there is none or it is refused."""
        if source.path is None or not self._has_copy(source):
            raise VideoRefused("the source cannot be sent", outcome=Outcome.SOURCE_EXPIRED)
        try:
            uri = await self._files.upload(self._data_dir / source.path, _COPY_TYPE)
        except OSError as error:
            raise VideoRefused(
                f"submit: {type(error).__name__} (source)", outcome=Outcome.SOURCE_EXPIRED
            ) from error
        return {"type": "video", "mime_type": _COPY_TYPE, "uri": uri}

    async def _prepare_images(self, plan: VideoPlan) -> list[dict[str, Any]]:
        """Return the images as content, uploaded only if the request would get too large."""
        images = list_images(plan)
        try:
            sizes = [
                (await asyncio.to_thread((self._data_dir / image.path).stat)).st_size
                for image in images
            ]
            is_inline = sum(sizes) * 4 / 3 <= _MAX_INLINE_BYTES
            return [await self._prepare_image(image, is_inline=is_inline) for image in images]
        except OSError as error:
            raise VideoRefused(
                f"submit: {type(error).__name__} (image)", outcome=Outcome.INVALID
            ) from error

    async def _prepare_image(self, image: InputImage, *, is_inline: bool) -> dict[str, Any]:
        path = self._data_dir / image.path
        content: dict[str, Any] = {"type": "image", "mime_type": image.mime_type}
        if is_inline:
            return {**content, "data": FileContent(path)}
        return {**content, "uri": await self._files.upload(path, image.mime_type)}

    async def poll(self, operation: str) -> PollResult:
        result = await self._interactions.poll(operation)
        if not isinstance(result, OperationFinished):
            return result
        videos = [await self._add_expiry(video) for video in result.videos]
        return replace(result, videos=tuple(videos))

    async def _add_expiry(self, video: RemoteVideo) -> RemoteVideo:
        if video.uri is None:
            return video
        latest = video.expires_at or self._clock.now() + GOOGLE_FILE_LIFETIME
        return replace(video, expires_at=await self._files.find_expiry(video.uri, latest))

    async def download_video(self, video: RemoteVideo, destination: Path) -> DownloadedVideo:
        if video.inline_path is not None:
            await self._interactions.move_inline_video(video.inline_path, destination)
            return DownloadedVideo()
        url = build_download_url(self._connection, video.uri)
        name = find_file_name(video.uri or "")
        expected = None
        if name is not None:
            expected = (await self._files.wait_until_active(name)).content
        sha256 = await download_file(
            self._connection, url, destination, sleep=self._clock.sleep, expected=expected
        )
        return DownloadedVideo(is_verified=expected is not None, sha256=sha256)

    async def cancel_operation(self, operation: str) -> bool:
        await self._interactions.cancel(operation)
        return True

    async def delete_operation(self, operation: str) -> None:
        await self._interactions.delete(operation)

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Return `None`: Google has no list of interactions."""
        return None

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        return await check_each_model(models, self._request_model)

    async def _request_model(self, model: str) -> None:
        """Raise `VideoError` unless the model exists."""
        # The methods in the answer are wrong for Omni, so only its existence counts.
        path = f"{API_VERSION}/models/{quote(self._get_name(model), safe='')}"
        answer = await self._connection.request_json("GET", path, label=f"model {model}")
        if not isinstance(answer, dict) or "error" in answer:
            raise AnswerNotFromGoogle(f"model {model}: unexpected answer")

    def _get_name(self, model: str) -> str:
        """Return a model's name at Google, or its id if it is no longer in the catalog."""
        spec = self._catalog.get(model)
        return model if spec is None else spec.name_at_google

    async def close(self) -> None:
        await self._connection.close()


def list_images(plan: VideoPlan) -> list[InputImage]:
    """Return the images of a plan, in the order in which the prompt numbers them."""
    images = [plan.image, plan.last_frame, *plan.references]
    return [image for image in images if image is not None]

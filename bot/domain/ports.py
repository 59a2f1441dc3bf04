"""Protocols for what the services need from the outside world, and the values they exchange.

A protocol is defined here only if it has two implementations (fakes count), or one in a higher
layer, which `bot.services` may not import.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip, VideoFacts
from bot.domain.clips.upload_options import TranscodeTarget
from bot.domain.errors import GoogleQuotaExceeded
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import GoogleRoute, VideoPlan
from bot.domain.jobs.webhook import CreatedWebhook, RegisteredWebhook, SubmitLabels
from bot.domain.showcase.post import ShowcasePost, Star, WeeklyDigest


class Clock(Protocol):
    """Time, injected so that tests can set it."""

    def now(self) -> datetime:
        """Return the current time, aware and in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        ...


class WorkerHandle(Protocol):
    """The worker of this process, as other services see it."""

    @property
    def worker_id(self) -> str:
        """The id under which it owns jobs and showcase posts."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether its lease is valid now."""
        ...

    def wake(self) -> None:
        """Make the worker look for queued jobs now."""
        ...

    def notify_job_changed(self, job_id: int) -> None:
        """Make the worker check a job now, because it was canceled or reopened."""
        ...

    def resume_jobs(self) -> None:
        """Make the worker look now for jobs that it was given."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteVideo:
    """One finished video at Google: a URI to download, or a file with its bytes.

    ``inline_path`` is a temporary file below the data directory (Vertex without a bucket), which
    the download moves. The URI is valid until ``expires_at``. With ``interaction_id`` the clip can
    be continued on Gemini Omni until ``interaction_expires_at``.
    """

    uri: str | None
    inline_path: Path | None = None
    expires_at: datetime | None = None
    interaction_id: str | None = None
    interaction_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DownloadedVideo:
    """What is known of a file that was downloaded.

    With ``is_verified`` it was compared with the size or hash that Google gives. ``sha256`` is that
    of the bytes received, in hexadecimal, `None` if it was not computed.
    """

    is_verified: bool = False
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class OperationPending:
    """The operation is still running."""


@dataclass(frozen=True, slots=True)
class OperationFinished:
    """The operation made videos; ``filtered_reasons`` say why Google withheld others.

    ``billed`` is Google's bill, `None` if it reports none.
    """

    videos: tuple[RemoteVideo, ...]
    filtered_reasons: tuple[str, ...] = ()
    billed: Micros | None = None


@dataclass(frozen=True, slots=True)
class OperationFailed:
    """The operation ended without a video, and the member pays nothing.

    ``detail`` is Google's reason, without URLs and keys. ``operator_message`` is for the log.
    ``reason`` is Google's code if the operator's account is the cause. ``billed`` is Google's bill,
    which is usually `None` for a failure.
    """

    outcome: Outcome
    detail: str | None
    operator_message: str | None = field(default=None, compare=False)
    reason: str | None = field(default=None, compare=False)
    billed: Micros | None = None


@dataclass(frozen=True, slots=True)
class OperationCancelled:
    """Google has stopped the operation; ``billed`` is its bill, `None` if it reports none."""

    billed: Micros | None = None


@dataclass(frozen=True, slots=True)
class OperationNotStarted:
    """Google accepted the request but its quota stopped it; the request may be sent again."""

    error: GoogleQuotaExceeded


PollResult = (
    OperationPending
    | OperationFinished
    | OperationFailed
    | OperationCancelled
    | OperationNotStarted
)


@dataclass(frozen=True, slots=True)
class ModelReachability:
    """Whether the account can use a model, and Google's reason if it gave one."""

    model: str
    is_reachable: bool
    reason: str | None = None


class VideoModels(Protocol):
    """Google's video models on one route."""

    @property
    def route(self) -> GoogleRoute:
        """The route that this adapter uses."""
        ...

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Start the operation with one request that is never repeated, and return its name.

        ``dedupe_key`` distinguishes the job from one with the same number in another database.
        ``about_to_send`` is awaited right before the first byte; if it raises, nothing is sent.
        Raises `VideoRefused`, `GoogleQuotaExceeded`, `GoogleUnavailable` or `AccessRefused` if
        nothing was started, and `SubmitUncertain` if something may have been.
        """
        ...

    async def poll(self, operation: str) -> PollResult:
        """Ask Google once. Raises `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound`."""
        ...

    async def download_video(self, video: RemoteVideo, destination: Path) -> DownloadedVideo:
        """Write the complete video to ``destination``, or nothing (temporary name, then rename).

        Waits while Google still processes the file. Raises `GoogleUnavailable`, `AccessRefused` or
        `RemoteNotFound` if a retry may succeed, and `VideoNotFetchable` if it cannot.
        """
        ...

    async def cancel_operation(self, operation: str) -> bool:
        """Ask Google to stop a running operation; return whether this route can do that.

        `poll` returns the result. Raises `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound`.
        """
        ...

    async def delete_operation(self, operation: str) -> None:
        """Delete what Google keeps of an ended operation, if the route can; raises as `poll`.

        Does nothing if it is gone already.
        """
        ...

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Look for the result of a submit whose answer was lost; `None` if that is impossible.

        ``dedupe_key`` is that of the submit. Raises `GoogleUnavailable` or `AccessRefused`.
        """
        ...

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        """Return which of ``models`` the account can use, without those that remain unknown.

        Raises `AccessRefused` or `GoogleUnavailable` if all remain unknown.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class InteractionWatcher(Protocol):
    """Learns from Google's answers how long it keeps interactions; never raises database errors."""

    async def record_gone(self, route: GoogleRoute, interaction_id: str) -> None:
        """Record that an interaction no longer exists at Google."""
        ...

    async def record_alive(self, route: GoogleRoute, interaction_id: str) -> None:
        """Record that an interaction still exists at Google."""
        ...


class WebhookApi(Protocol):
    """Google's webhooks. All raise `GoogleUnavailable` and `AccessRefused`; nothing is billed."""

    async def list_webhooks(self) -> list[RegisteredWebhook]:
        """Return all webhooks of Google's project, also those of other programs."""
        ...

    async def create_webhook(self, url: str) -> CreatedWebhook:
        """Register ``url`` for the events of `bot.domain.jobs.webhook`."""
        ...

    async def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook. It is no error if it is gone."""
        ...

    async def read_labels(self, interaction_id: str) -> SubmitLabels | None:
        """Return the labels of a submit, `None` if it is not ours; may raise `RemoteNotFound`."""
        ...


class MediaProbe(Protocol):
    """Reads video files, off the event loop."""

    async def read_facts(self, path: Path, *, sha256: str | None = None) -> VideoFacts:
        """Read the file, and compute its ``sha256`` unless it is known.

        Raises `ValueError` if it is not a playable video.
        """
        ...


class Transcoder(Protocol):
    """Makes smaller videos and thumbnails, each in a process that can be stopped.

    All methods write their ``destination`` completely or not at all (temporary name, then rename),
    end their process on cancellation, and raise `TranscodeFailed`.
    """

    async def reencode_video(self, source: Path, destination: Path, target: TranscodeTarget) -> int:
        """Re-encode ``source`` to at most ``target.max_bytes``; return the size in bytes."""
        ...

    async def extract_thumbnail(self, source: Path, destination: Path, *, at_s: float = 1.0) -> int:
        """Write the frame at ``at_s`` seconds (at most the last) as JPEG; return its bytes."""
        ...

    async def extract_frames(
        self, source: Path, *, at_s: Sequence[float], max_side: int
    ) -> Sequence[bytes]:
        """Return the frames at these seconds (at most the last) as JPEGs of ``max_side`` pixels."""
        ...

    async def shrink_picture(self, source: Path, destination: Path, *, max_side: int) -> int:
        """Write a picture with sides of at most ``max_side`` pixels as WebP; return its bytes."""
        ...

    async def blur_picture(self, source: Path, destination: Path) -> int:
        """Write a JPEG of the same size in which nothing can be recognized; return its bytes."""
        ...

    async def measure_colors(self, picture: Path) -> str:
        """Return the colors of a picture in nine fields, as in `Clip.poster_colors`."""
        ...


class DownloadLinks(Protocol):
    """Signs links to originals on the bot's own web server."""

    def create_link(self, clip: Clip) -> tuple[str, datetime]:
        """Return a link to the clip's original, and when it expires."""
        ...


class AttachmentDownloader(Protocol):
    """Downloads files that members attach."""

    async def download_attachment(self, url: str, destination: Path, *, max_bytes: int) -> None:
        """Write the attachment to ``destination``.

        Raises `ImageRefused` if it is not at Discord, over ``max_bytes``, or gone, and
        `DiscordUnavailable` if a retry may succeed.
        """
        ...


class ServerIconSource(Protocol):
    """The icons that servers have in Discord."""

    def find_icon_hash(self, guild_id: int) -> str | None:
        """Return Discord's hash of a server's icon, empty if it has none.

        `None` if this process is not connected to the server.
        """
        ...

    async def download_icon(self, guild_id: int, destination: Path, *, max_bytes: int) -> None:
        """Write the server's icon to ``destination``.

        Raises `ImageRefused` if it is over ``max_bytes`` or gone, and `DiscordUnavailable` if a
        retry may succeed.
        """
        ...


class EditResult(StrEnum):
    """The result of an edit; one that Discord will never accept counts as done."""

    DONE = "done"
    MESSAGE_GONE = "message_gone"
    CHANNEL_GONE = "channel_gone"


class ShowcaseChannel(Protocol):
    """The showcase channels in Discord.

    Every coroutine except `fetch_creator_name` may raise `DiscordUnavailable`.
    """

    def get_channels(self, guild_id: int) -> Mapping[int, bool] | None:
        """Return a server's known channels and threads, and whether each is age-restricted.

        `None` if the server is unknown.
        """
        ...

    async def publish(self, post: ShowcasePost) -> int:
        """Send the post and return the message's id; its nonce prevents a repeat.

        Raises `ChannelUnavailable`.
        """
        ...

    async def find_post(self, post: ShowcasePost) -> int | None:
        """Look for a message of this revision that was sent but not recorded."""
        ...

    async def refresh_post(self, post: ShowcasePost) -> EditResult:
        """Update the message."""
        ...

    async def fetch_creator_name(self, guild_id: int, user_id: int) -> str:
        """Return a member's display name in a server. Never raises Discord's errors."""
        ...

    async def unpublish(self, post: ShowcasePost, message_id: int) -> None:
        """Delete the post's message, if it exists."""
        ...

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete any message of the bot; do nothing if it is gone or cannot be reached."""
        ...

    async def fetch_stars(self, channel_id: int, message_id: int) -> frozenset[Star] | None:
        """Return the members' stars on a message; `None` if there is no such message.

        Raises `ChannelUnavailable` if its channel is gone.
        """
        ...

    async def offer_star(self, channel_id: int, message_id: int) -> None:
        """Add the bot's own star to a message, if it may. Never raises Discord's errors."""
        ...

    async def publish_digest(self, digest: WeeklyDigest, *, mentions_winner: bool) -> int:
        """Send a digest and return the message's id. Raises `ChannelUnavailable`."""
        ...

    async def refresh_digest(self, digest: WeeklyDigest, message_id: int) -> EditResult:
        """Update a digest after changes to its entries."""
        ...

    async def find_digest(self, digest: WeeklyDigest) -> int | None:
        """Look for a digest that was sent but not recorded."""
        ...

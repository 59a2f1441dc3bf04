"""What the use cases need from the outside, as protocols; adapters implement them.

`bot.google` implements `VideoModels`, `bot.discord.job_messages` implements `Delivery`, `bot.store` the stores
(whose protocols stand in `bot.domain.stores`); tests bring their own clocks.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.domain.clips.clip import Clip, VideoFacts
from bot.domain.clips.upload_options import PreparedUpload, TranscodeTarget
from bot.domain.jobs.job import Job, Origin, Outcome
from bot.domain.jobs.request import GoogleRoute, InputImage, VideoPlan


class Clock(Protocol):
    """Time, injected: tests turn it by hand."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteVideo:
    """One video as Google hands it out: a uri to fetch, or the bytes in a file of ours.

    ``inline`` is a temporary file below the data directory (Vertex without a bucket); the fetch
    moves it. ``expires_at`` is until when Google keeps the uri.
    """

    uri: str | None
    inline_path: Path | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OperationPending:
    """The operation is still running."""


@dataclass(frozen=True, slots=True)
class OperationFinished:
    """The operation made videos; ``filtered`` are Google's reasons for those it held back."""

    videos: tuple[RemoteVideo, ...]
    filtered_reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OperationFailed:
    """The operation ended without a video, and without a charge.

    ``detail`` is Google's own reason, free of urls and keys.
    """

    outcome: Outcome
    detail: str | None


PollResult = OperationPending | OperationFinished | OperationFailed


@dataclass(frozen=True, slots=True)
class ModelReachability:
    """Whether the account can use a model; ``reason`` is why not in Google's words, if any."""

    model: str
    is_reachable: bool
    reason: str | None = None


class VideoModels(Protocol):
    """Google's video models on one route."""

    @property
    def route(self) -> GoogleRoute:
        """The route that this adapter speaks."""
        ...

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Start the operation and return its name. Sends exactly one request, never two.

        ``mark`` tells the job from one of the same number in another database, for `find`.
        ``about_to_send`` is awaited right before the first byte: when it raises, nothing is sent.
        Raises `VideoRefused`, `GoogleQuota`, `GoogleBusy`, `AccessRefused` (nothing was started)
        or `SubmitUncertain` (it may have been).
        """
        ...

    async def poll(self, operation: str) -> PollResult:
        """Ask for the operation once. Raises `GoogleBusy`, `AccessRefused`, `RemoteGone`."""
        ...

    async def download_video(self, video: RemoteVideo, destination: Path) -> None:
        """Stream the video to ``destination``, whole or not at all (temporary name, then rename).

        Waits while Google still processes the file. Raises `GoogleBusy` when it should be tried
        again, `RemoteGone` when it never can.
        """
        ...

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Look for the result of a submit whose answer was lost; ``None`` where that can't be.

        ``mark`` is the one that was given to `submit`. Raises `GoogleBusy` or `AccessRefused`.
        """
        ...

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        """Tell which of ``models`` the account can use; those that Google was too busy for are
        left out.

        Raises `AccessRefused` or `GoogleBusy` when Google says nothing of any.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class MediaProbe(Protocol):
    """Looks into video files, off the event loop."""

    async def read_facts(self, path: Path) -> VideoFacts:
        """Read the file. Raises `ValueError` when it is not a playable video."""
        ...


class Transcoder(Protocol):
    """Makes smaller films and stills of a clip, each in a process that can be stopped.

    Every method writes ``destination`` whole or not at all (temporary name, then rename), ends its
    process when it is cancelled, and raises `FittingFailed`.
    """

    async def reencode_video(self, source: Path, destination: Path, target: TranscodeTarget) -> int:
        """Re-encode ``source`` so that it stays below ``fit.most`` bytes; return its bytes."""
        ...

    async def extract_thumbnail(self, source: Path, destination: Path, *, at_s: float = 1.0) -> int:
        """Write the frame at ``at_s`` seconds (the last, where it ends before) as a JPEG; return
        its bytes."""
        ...


class DownloadLinks(Protocol):
    """Signs addresses of originals on the bot's own web server."""

    def create_link(self, clip: Clip) -> tuple[str, datetime]:
        """Return an address of the clip's original, and until when it leads there."""
        ...


class AttachmentDownloader(Protocol):
    """Reads files that people have attached."""

    async def download_attachment(self, url: str, destination: Path, *, max_bytes: int) -> None:
        """Stream the attachment to ``destination``, at most ``most`` bytes of it.

        Raises `ImageRefused` when it lies elsewhere than at Discord, is too large, or is gone;
        `DeliveryBusy` when Discord has a passing fault.
        """
        ...


class ImageDecoder(Protocol):
    """Makes of a file of unknown content an image that Veo takes."""

    async def prepare_image(self, source: Path, directory: Path) -> InputImage:
        """Check, turn, strip, convert and shrink; store it in ``directory`` by its hash.

        The image's ``path`` is its name within ``directory``. Raises `ImageRefused`.
        """
        ...


@dataclass(frozen=True, slots=True)
class JobProgress:
    """What the status message says; each field is measured, or `None`: nothing is invented.

    ``place`` counts from 1 in the queue; ``eta`` is a range of times of day; ``paused`` is a queue
    that stands still because the server or the operator has switched it off.
    """

    job: Job
    queue_position: int | None = None
    eta: tuple[datetime, datetime] | None = None
    waiting_for: Outcome | None = None
    retry_at: datetime | None = None
    paused: bool = False


class JobMessages(Protocol):
    """Posts and edits messages for people."""

    async def show_status(self, progress: JobProgress) -> int | None:
        """Create or edit the job's status message and return its id.

        Several tasks may tell of one job: what was known of an earlier epoch than was shown is
        dropped. Best effort: returns ``None`` when it could not, and never raises for Discord's
        reasons.
        """
        ...

    def reported_limit(self, origin: Origin) -> int | None:
        """Return how many bytes a file may have there, as Discord or the server's boosts say."""
        ...

    async def post_clips(
        self, job: Job, uploads: Sequence[PreparedUpload], *, may_send: Callable[[], None]
    ) -> int:
        """Post the clips as one message and return its id; the job's nonce guards a repeat.

        ``may_send`` is called while the files are being sent, from any thread: when it raises, the
        message is left unfinished, and Discord makes nothing of it.
        Raises `FileTooLarge`, `ChannelClosed` or `DeliveryBusy`.
        """
        ...

    async def repost_clips(
        self, job: Job, uploads: Sequence[PreparedUpload], origin: Origin
    ) -> int:
        """Post finished clips once more, where ``origin`` asks for them; raises as `post`."""
        ...

    async def delete_clip_post(self, job: Job) -> None:
        """Delete the message of a job's clips, if it still stands. Best effort."""
        ...

    async def find_posted(self, job: Job) -> int | None:
        """Look in the channel for a post of this job that was made but not recorded.

        Raises `DeliveryBusy` when the channel could not be read: only an answer is an answer.
        """
        ...

    async def notify_requester(self, job: Job) -> None:
        """Tell the requester how the job ended (failed, cancelled, unknown).

        Raises `DeliveryBusy` when Discord could not be reached; a refusal is final and logged.
        """
        ...

    async def close_status(self, job: Job) -> None:
        """Retire the status message once the clip stands in the channel. Best effort."""
        ...

"""An in-memory Discord channel that honors nonces, keeps its history and fails by script."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count

from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import DiscordUnavailable
from bot.domain.jobs.job import Job, Origin, ReviewState
from bot.domain.jobs.job_messages import JobMessages
from bot.domain.jobs.progress import JobProgress
from bot.domain.moderation.review_messages import ReviewMessages


class FakeJobMessages(JobMessages):
    """What members see, and scripts for what fails.

    ``messages`` are the clips' posts as nonce, message id and clip ids; ``honors_nonce`` off
    stands for a post after Discord has forgotten the nonce. Posts with ``lost_answers`` are made
    and then fail, as when the connection breaks. ``send_gate`` holds a post before it is made, as
    a rate limit does, and ``answer_gate`` after it.
    """

    def __init__(self) -> None:
        self._ids = count(1000)
        self.messages: list[tuple[str, int, list[int]]] = []
        self.honors_nonce = True
        self.post_script: deque[Exception | None] = deque()
        self.find_script: deque[Exception | None] = deque()
        self.notify_script: deque[Exception | None] = deque()
        self.lost_answers: deque[Exception] = deque()
        self.answer_gate: asyncio.Event | None = None
        self.send_gate: asyncio.Event | None = None
        self.waiting_count = 0
        self.post_made = asyncio.Event()
        self.shown_progress: list[JobProgress] = []
        self._epochs: dict[int, int] = {}
        self.notified_jobs: list[Job] = []
        self.mentioned_jobs: list[int] = []
        self.direct_notices: list[int] = []
        self.accepts_direct_messages = True
        self.close_script: deque[Exception | None] = deque()
        self.closed_status_jobs: list[int] = []
        self.posted_uploads: list[list[PreparedUpload]] = []
        self.upload_limit: int | None = None
        self.withdrawn_jobs: list[int] = []

    @property
    def repeated_posts(self) -> int:
        """How many posts members see beyond the first of a job."""
        return len(self.messages) - len({nonce for nonce, *_ in self.messages})

    async def show_status(self, progress: JobProgress) -> int | None:
        """Show a status message, unless it tells of an earlier epoch than was shown."""
        job = progress.job
        if job.epoch >= self._epochs.get(job.id, 0):
            self._epochs[job.id] = job.epoch
            self.shown_progress.append(progress)
        return job.status_message_id or next(self._ids)

    def reported_limit(self, origin: Origin) -> int | None:
        """Return what Discord says of the limit."""
        return origin.upload_limit or self.upload_limit

    async def repost_clips(
        self, job: Job, uploads: Sequence[PreparedUpload], origin: Origin
    ) -> int:
        """Post the clips elsewhere."""
        return await self._record_post(f"again {origin.dedupe_key}", uploads)

    async def delete_job_messages(self, job: Job) -> None:
        """Delete a post."""
        self.withdrawn_jobs.append(job.id)

    async def post_clips(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        *,
        may_send: Callable[[], None],
        is_mentioned: bool = False,
        takes: Sequence[Job] = (),
    ) -> int:
        """Post the clips."""
        count = len(self.messages)
        try:
            return await self._record_post(job.post_nonce, uploads)
        finally:
            if is_mentioned and len(self.messages) > count:
                self.mentioned_jobs.append(job.id)

    async def _record_post(self, nonce: str, uploads: Sequence[PreparedUpload]) -> int:
        self.posted_uploads.append(list(uploads))
        step = self.post_script.popleft() if self.post_script else None
        if step is not None:
            raise step
        if self.send_gate is not None:
            self.waiting_count += 1
            await self.send_gate.wait()
        if self.honors_nonce:
            for known_nonce, message_id, _ in self.messages:
                if known_nonce == nonce:
                    return message_id
        message_id = next(self._ids)
        self.messages.append((nonce, message_id, [upload.clip.id for upload in uploads]))
        self.post_made.set()
        if self.answer_gate is not None:
            await self.answer_gate.wait()
        if self.lost_answers:
            raise self.lost_answers.popleft()
        return message_id

    async def find_posted(self, job: Job) -> int | None:
        """Look through the history."""
        step = self.find_script.popleft() if self.find_script else None
        if step is not None:
            raise step
        return next((mid for nonce, mid, _ in self.messages if nonce == job.post_nonce), None)

    async def announce_outcome(
        self,
        job: Job,
        clips: Sequence[Clip],
        *,
        is_mentioned: bool,
        search_first: bool,
        takes: Sequence[Job] = (),
    ) -> int | None:
        """Tell how a job ended, in the place of its status."""
        step = self.notify_script.popleft() if self.notify_script else None
        if step is not None:
            raise step
        self.notified_jobs.append(job)
        if is_mentioned:
            self.mentioned_jobs.append(job.id)
        return job.status_message_id or next(self._ids)

    async def send_direct_notice(
        self,
        job: Job,
        clips: Sequence[Clip],
        *,
        search_first: bool,
        takes: Sequence[Job] = (),
    ) -> bool:
        """Write to the requester."""
        if self.accepts_direct_messages:
            self.direct_notices.append(job.id)
        return self.accepts_direct_messages

    async def remove_status(self, job: Job, *, search_first: bool) -> None:
        """Delete a status message."""
        step = self.close_script.popleft() if self.close_script else None
        if step is not None:
            raise step
        self.closed_status_jobs.append(job.id)


class FakeReviewMessages(ReviewMessages):
    """What moderators see. ``posts`` are the job, channel and message id of each message.

    ``refusals`` are raised by the next posts, and ``parents`` are the channels of threads. So many
    changes of messages fail as ``edit_failures`` says.
    """

    def __init__(self) -> None:
        self.posts: list[tuple[int, int, int]] = []
        self.decided: list[tuple[int, ReviewState | None, int | None]] = []
        self.refusals: deque[Exception] = deque()
        self.parents: dict[int, int] = {}
        self.edit_failures = 0
        self.adult_channels: set[int] = set()
        self.age_failures = 0
        self.notices: list[tuple[int, int]] = []
        self.deleted: list[tuple[int, int]] = []

    async def find_parent(self, channel_id: int) -> int | None:
        """Return the channel of a thread."""
        return self.parents.get(channel_id)

    async def post_review(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        *,
        channel_id: int,
        may_send: Callable[[], None],
    ) -> int:
        """Post the clips for the moderators."""
        may_send()
        if self.refusals:
            raise self.refusals.popleft()
        message_id = 7000 + len(self.posts)
        self.posts.append((job.id, channel_id, message_id))
        return message_id

    async def is_age_restricted(self, channel_id: int) -> bool:
        """Return whether a channel is one of ``adult_channels``."""
        if self.age_failures:
            self.age_failures -= 1
            raise DiscordUnavailable("not now")
        return channel_id in self.adult_channels

    async def post_notice(self, job: Job, *, channel_id: int) -> int:
        """Post that a clip cannot be shown."""
        if self.refusals:
            raise self.refusals.popleft()
        self.notices.append((job.id, channel_id))
        return 7500 + len(self.notices)

    async def delete_message(self, job: Job, *, channel_id: int, message_id: int) -> None:
        """Delete a notice."""
        self.deleted.append((channel_id, message_id))

    async def find_review(self, job: Job, *, channel_id: int, since: datetime) -> int | None:
        """Look for the message of a job in a channel."""
        for job_id, in_channel, message_id in self.posts:
            if (job_id, in_channel) == (job.id, channel_id):
                return message_id
        return None

    async def show_decision(
        self, job: Job, *, channel_id: int, message_id: int, decided_by: int | None
    ) -> None:
        """Show what was decided."""
        if self.edit_failures:
            self.edit_failures -= 1
            raise DiscordUnavailable("not now")
        self.decided.append((message_id, job.review, decided_by))

"""What services need of the messages of jobs. `bot.discord.job_messages` implements it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.jobs.job import Job, Origin
from bot.domain.jobs.progress import JobProgress


class JobMessages(Protocol):
    """The messages of jobs in Discord."""

    async def show_status(self, progress: JobProgress) -> int | None:
        """Create or edit the job's status message and return its id.

        Progress of an earlier epoch than the one shown is dropped. On failure this returns `None`;
        it never raises Discord's errors.
        """
        ...

    def reported_limit(self, origin: Origin) -> int | None:
        """Return the upload limit in bytes per file, if Discord or the server's boosts say it."""
        ...

    async def post_clips(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        *,
        may_send: Callable[[], None],
        is_mentioned: bool = False,
        takes: Sequence[Job] = (),
    ) -> int:
        """Post the clips as one message and return its id; the job's nonce prevents a repeat.

        With ``is_mentioned`` the message notifies the requester, and nobody else. With ``takes``,
        which are all drafts, it lets them choose one (here and below). ``may_send`` is called while
        files are sent, from any thread. If it raises, the request stays incomplete and Discord
        posts nothing.

        Raises `FileTooLarge`, `ChannelUnavailable` (with the missing permissions) or
        `DiscordUnavailable`.
        """
        ...

    async def repost_clips(
        self, job: Job, uploads: Sequence[PreparedUpload], origin: Origin
    ) -> int:
        """Post finished clips again, where ``origin`` asks for them; raises as `post_clips`."""
        ...

    async def delete_job_messages(self, job: Job) -> None:
        """Delete all messages of a job in its channel; raises `DiscordUnavailable`.

        Messages that are gone, or that the bot can no longer reach, are no error.
        """
        ...

    async def find_posted(self, job: Job) -> int | None:
        """Look for a post of this job that was made but not recorded.

        Raises `DiscordUnavailable` if the channel cannot be read, because `None` means that there
        is no post.
        """
        ...

    async def announce_outcome(
        self,
        job: Job,
        clips: Sequence[Clip],
        *,
        is_mentioned: bool,
        search_first: bool,
        takes: Sequence[Job] = (),
    ) -> int | None:
        """Show in the channel how a job ended, and return the id of the message that shows it.

        A mention needs a new message, which replaces the status message. With ``search_first`` it
        may have been sent before. Returns `None` if the requester cannot be reached there. Raises
        `DiscordUnavailable` if Discord cannot be reached; a refusal is final and logged.
        """
        ...

    async def send_direct_notice(
        self,
        job: Job,
        clips: Sequence[Clip],
        *,
        search_first: bool,
        takes: Sequence[Job] = (),
    ) -> bool:
        """Send the requester a direct message about how the job ended.

        Returns ``False`` if they accept no messages from the bot. Raises `DiscordUnavailable`.
        """
        ...

    async def remove_status(self, job: Job, *, search_first: bool) -> None:
        """Delete the status message once the clip is posted; raises `DiscordUnavailable`.

        With ``search_first`` there may be a message whose id was not recorded.
        """
        ...
